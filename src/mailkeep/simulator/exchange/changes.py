"""What happened since a sync state: to a folder's items, to a mailbox's folders.

A round of a folder's items goes through three phases, each a page at a time; the state remembers where it stands:

    base ──────── what the client knew when the round began          top ──── what the round promises to cover
    1 creates     came after base, up to top                         by when they came (that never changes)
    2 updates     there at base, changed since                       by when they last changed (that only grows)
    3 deletes     there at base, went up to top                      by when they went

The next round's base is this one's top. So nothing is skipped, whatever happens between two pages; what changes during
a round may be told twice, as Exchange does. A page with room left goes on with a new round: the last page is up to
date. An item whose read state alone changed is a "read". States are text, sealed with the organisation's guid; they
outlive a restart, and are refused when foreign, damaged, of another folder or from before a reset.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass, replace
from hashlib import blake2b

from mailkeep.simulator.exchange import folders
from mailkeep.simulator.exchange.errors import InvalidSyncState
from mailkeep.simulator.exchange.store import Row, Store
from mailkeep.simulator.exchange.values import Folder

_FORMAT = 1
_FIELDS = struct.Struct(">BBqqqqBqq")
_SEAL_BYTES = 12
_ITEMS, _HIERARCHY = 0, 1


@dataclass(frozen=True, slots=True)
class State:
    scope: int  # _ITEMS or _HIERARCHY
    mailbox: int
    folder: int
    epoch: int  # a reset begins a new one
    base: int = 0
    phase: int = 0  # 0: between two rounds; 1 to 3: the phase to go on with
    cursor: int = 0
    top: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """`kind`: "create", "update", "read", "delete". `proof`: the first bytes of the item's search key."""

    kind: str
    item: int
    proof: bytes


@dataclass(frozen=True, slots=True)
class Page:
    changes: list[Change]
    state: str
    last: bool  # nothing more for now


@dataclass(frozen=True, slots=True)
class FolderChange:
    """`kind`: "create", "update", "delete"; of a deleted folder only the id still means something."""

    kind: str
    folder: Folder


@dataclass(frozen=True, slots=True)
class HierarchyPage:
    changes: list[FolderChange]
    state: str


def item_changes(store: Store, folder: Folder, text: str, limit: int) -> Page:
    """Up to `limit` changes since that state ("": since nothing). Raises InvalidSyncState."""
    with store.lock:
        epoch = store.scalar("SELECT epoch FROM folders WHERE id = ?", folder.id)
        state = _opened(store, text, State(_ITEMS, folder.mailbox, folder.id, epoch))
        found: dict[int, Change] = {}
        while state.phase or state.base < store.number:
            if state.phase == 0:
                state = replace(state, phase=1, cursor=0, top=store.number)
            room = limit - len(found)
            rows = _PHASES[state.phase - 1](store, state, room + 1)
            for kind, item, proof, _ in rows[:room]:
                _tell(found, Change(kind, item, proof))
            if len(rows) > room:
                cursor = rows[room - 1][3] if room else state.cursor
                return Page(list(found.values()), _sealed(store, replace(state, cursor=cursor)), False)
            state = _next_phase(state)
        return Page(list(found.values()), _sealed(store, state), True)


def _tell(found: dict[int, Change], change: Change) -> None:
    """Add it to a page. A page may hold the end of one round and the next: what it tells of an item already, stands."""
    before = found.get(change.item)
    if before is None or change.kind == "delete" or before.kind == "read":
        found[change.item] = change


def _next_phase(state: State) -> State:
    """After the last phase the round is over, and what it promised is known."""
    if state.phase < len(_PHASES):
        return replace(state, phase=state.phase + 1, cursor=0)
    return replace(state, phase=0, cursor=0, base=state.top, top=0)


def _creates(store: Store, state: State, limit: int) -> list[Row]:
    return store.all(
        "SELECT 'create', id, substr(search_key, 1, 4), entered FROM items"
        " WHERE folder = ? AND entered > ? AND entered <= ? ORDER BY entered LIMIT ?",
        state.folder, max(state.base, state.cursor), state.top, limit,
    )  # fmt: skip


def _updates(store: Store, state: State, limit: int) -> list[Row]:
    return store.all(
        "SELECT CASE WHEN change > ? THEN 'update' ELSE 'read' END, id, substr(search_key, 1, 4), position FROM items"
        " WHERE folder = ? AND entered <= ? AND position > ? ORDER BY position LIMIT ?",
        state.base, state.folder, state.base, max(state.base, state.cursor), limit,
    )  # fmt: skip


def _deletes(store: Store, state: State, limit: int) -> list[Row]:
    return store.all(
        "SELECT 'delete', item, proof, went FROM tombstones"
        " WHERE folder = ? AND entered <= ? AND went > ? AND went <= ? ORDER BY went LIMIT ?",
        state.folder, state.base, max(state.base, state.cursor), state.top, limit,
    )  # fmt: skip


_PHASES = (_creates, _updates, _deletes)


def hierarchy_changes(store: Store, root: Folder, text: str) -> HierarchyPage:
    """All changes to the folders below that one, parents first. Raises InvalidSyncState."""
    with store.lock:
        epoch = store.scalar("SELECT hierarchy_epoch FROM mailboxes WHERE id = ?", root.mailbox)
        state = _opened(store, text, State(_HIERARCHY, root.mailbox, root.id, epoch))
        entered: dict[int, int] = dict(store.all("SELECT id, entered FROM folders WHERE mailbox = ?", root.mailbox))
        found = [
            FolderChange("create" if entered[each.id] > state.base else "update", each)
            for each in folders.below(store, root.id)
            if each.change > state.base
        ]
        gone = store.all(
            "SELECT folder FROM folder_tombstones WHERE mailbox = ? AND root = ? AND entered <= ? AND went > ? ORDER BY went",
            root.mailbox, folders.root_of(store, root.id), state.base, state.base,
        )  # fmt: skip
        found += [FolderChange("delete", Folder(number, root.mailbox, None, "")) for (number,) in gone]
        return HierarchyPage(found, _sealed(store, replace(state, base=store.number)))


def reset(store: Store, mailbox: int, folder: int | None) -> None:
    """Refuse every state given so far: of that folder's items, or (None) of the mailbox's folders and all their items."""
    with store.writing():
        if folder is not None:
            store.run("UPDATE folders SET epoch = epoch + 1 WHERE id = ?", folder)
            return
        store.run("UPDATE folders SET epoch = epoch + 1 WHERE mailbox = ?", mailbox)
        store.run("UPDATE mailboxes SET hierarchy_epoch = hierarchy_epoch + 1 WHERE id = ?", mailbox)


def _sealed(store: Store, state: State) -> str:
    packed = _FIELDS.pack(
        _FORMAT, state.scope, state.mailbox, state.folder, state.epoch, state.base, state.phase, state.cursor, state.top
    )
    return base64.b64encode(packed + _seal(store, packed)).decode()


def _seal(store: Store, packed: bytes) -> bytes:
    return blake2b(packed, digest_size=_SEAL_BYTES, key=store.meta("guid", "").encode()).digest()


def _opened(store: Store, text: str, wanted: State) -> State:
    """What the text says, if it is ours and of the folder asked for; "" is the beginning."""
    if not text:
        return wanted
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSyncState("no base64") from error
    packed, seal = raw[: _FIELDS.size], raw[_FIELDS.size :]
    if len(packed) != _FIELDS.size or seal != _seal(store, packed):
        raise InvalidSyncState("not a state of this organisation")
    version, *fields = _FIELDS.unpack(packed)
    state = State(*fields)
    if version != _FORMAT or replace(state, base=0, phase=0, cursor=0, top=0) != wanted:
        raise InvalidSyncState("of another folder, or from before a reset")
    return state
