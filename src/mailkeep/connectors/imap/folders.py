"""The hierarchy of folders, and what the server says of each without opening it.

Only the mailbox's own folders count: those below another user's or a shared prefix (NAMESPACE) belong to somebody else's mailbox.
A folder's id is the server's (`MAILBOXID`, Dovecot's mailbox GUID) or made from its name; then a renamed folder is a new one
and its items are recognised by their identity.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailkeep.connectors.imap.command import string
from mailkeep.connectors.imap.opened import leave
from mailkeep.connectors.imap.session import Pending, Session
from mailkeep.connectors.imap.wire import Claim, Response, Value, WireError, number, text, words
from mailkeep.errors import GiveUp
from mailkeep.mail import folder_names as names
from mailkeep.mail.items import Folder, Kind, Role

_STATUS_ITEMS = b"UIDVALIDITY UIDNEXT MESSAGES"
_PIPELINED_MAX = 50
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}$")  # RFC 8474; anything else is a fault of the server's
_ROLES = {
    b"\\sent": Role.SENT,
    b"\\drafts": Role.DRAFTS,
    b"\\trash": Role.TRASH,
    b"\\junk": Role.JUNK,
    b"\\archive": Role.ARCHIVE,
    b"\\all": Role.ALL,
    b"\\flagged": Role.FLAGGED,
}
_USUAL_NAMES = {  # for servers without special-use at all
    "sent": Role.SENT,
    "sent items": Role.SENT,
    "sent messages": Role.SENT,
    "drafts": Role.DRAFTS,
    "trash": Role.TRASH,
    "deleted items": Role.TRASH,
    "junk": Role.JUNK,
    "spam": Role.JUNK,
    "archive": Role.ARCHIVE,
}


@dataclass(frozen=True, slots=True)
class Status:
    """What STATUS says of a folder; `mod_sequence` 0 where it says none, `id` "" likewise."""

    validity: int
    uid_next: int
    count: int
    mod_sequence: int
    id: str


@dataclass(frozen=True, slots=True)
class _Listed:
    raw: bytes
    flags: frozenset[bytes]
    delimiter: bytes


class Hierarchy:
    """One mailbox's folders. `id_item`: the STATUS item that gives a folder's lasting id, b"" where there is none."""

    def __init__(self, session: Session, id_item: bytes) -> None:
        self.delimiter = b"/"
        self.prefix = b""
        self._session = session
        self._id_item = id_item
        self._raw: dict[str, bytes] = {}
        self._foreign: tuple[bytes, ...] = ()  # prefixes of other users' and shared folders

    def folders(self) -> list[Folder]:
        """Every folder, parents before children; a parent that the server leaves out is put in, not selectable."""
        together = self._session.has("LIST-STATUS") and self._id_item == b"X-GUID"
        listed, statuses = self._list(self._id_item if together else b"")
        if self._id_item and not together:  # Cyrus 3.6 gives MAILBOXID in LIST-STATUS out of memory it has freed
            statuses = self._statuses([one.raw for one in listed if _selectable(one)], self._id_item)
        roles = _roles(listed)
        found: dict[tuple[str, ...], Folder] = {}
        self._raw = {}
        for one in listed:
            status = statuses.get(one.raw)
            identity = status.id if status and status.id not in self._raw else ""
            identity = identity or _id_from_name(one.raw)
            folder = Folder(identity, _path(one), Kind.MAIL, roles.get(one.raw), _selectable(one))
            found[folder.path] = folder
            self._raw[identity] = one.raw
        self._add_parents(found)
        return [found[path] for path in sorted(found)]

    def raw(self, folder: Folder) -> bytes:
        """The folder's name on the wire. GiveUp("folder_not_found")."""
        if folder.id not in self._raw:
            self.folders()
        raw = self._raw.get(folder.id)
        if raw is None:
            where = "/".join(folder.path)
            raise GiveUp("folder_not_found", f"the folder {where} is no longer there", "synchronise again")
        return raw

    def statuses(self, folder_ids: Iterable[str]) -> dict[str, Status]:
        """By folder id: one round trip where the server has LIST-STATUS, else one pipelined STATUS per folder."""
        if not self._raw:
            self.folders()
        wanted = {self._raw[identity]: identity for identity in folder_ids if identity in self._raw}
        items = _STATUS_ITEMS + b" HIGHESTMODSEQ"
        if self._session.has("LIST-STATUS"):
            _, found = self._list(items)
        else:
            found = self._statuses(list(wanted), items)
        return {wanted[raw]: status for raw, status in found.items() if raw in wanted}

    def count(self, folder: Folder) -> int:
        raw = self.raw(folder)
        leave(self._session)
        for response in self._session.run("count a folder", b"STATUS ", string(raw), b" (MESSAGES)"):
            status = _status(response)
            if status is not None:
                return status[1].count
        raise WireError("STATUS without an answer")

    # --- inside --------------------------------------------------------------------------------------------------------

    def _list(self, status_items: bytes) -> tuple[list[_Listed], dict[bytes, Status]]:
        session = self._session
        if status_items:
            leave(session)
        namespace = (
            session.send(b"NAMESPACE", claim=Claim(b"NAMESPACE"))
            if session.has("NAMESPACE") and not self._raw
            else None
        )
        pending = session.send(b'LIST "" "*"', self._returned(status_items))
        foreign = self._read_namespace(namespace) if namespace else self._foreign
        self._foreign = foreign  # asked for once
        listed: dict[bytes, _Listed] = {}
        statuses: dict[bytes, Status] = {}
        for response in session.responses(pending):
            one = _listed(response)
            if one is not None and not any(one.raw.startswith(prefix) for prefix in foreign):
                listed[one.raw] = one
                self.delimiter = one.delimiter or self.delimiter
            status = _status(response)
            if status is not None:
                statuses[status[0]] = status[1]
        session.accept(pending, "list the folders")
        return list(listed.values()), {raw: status for raw, status in statuses.items() if raw in listed}

    def _returned(self, status_items: bytes) -> bytes:
        session = self._session
        options = []
        if session.has("LIST-EXTENDED") and session.has("SPECIAL-USE"):
            options.append(b"SPECIAL-USE")
        if session.has("LIST-STATUS") and status_items:
            options.append(b"STATUS (" + status_items + b")")
        return b" RETURN (" + b" ".join(options) + b")" if options else b""

    def _read_namespace(self, pending: Pending) -> tuple[bytes, ...]:
        """Notes our own prefix; returns those of other users and of shared folders."""
        foreign: tuple[bytes, ...] = ()
        for response in self._session.responses(pending):
            if response.name == b"NAMESPACE":
                own, *others = [_prefixes(value) for value in response.values()[:3]]
                self.prefix = own[0] if own else b""
                foreign = tuple(prefix for prefixes in others for prefix in prefixes if prefix)
        self._session.accept(pending, "name its namespaces")
        return foreign

    def _statuses(self, raws: list[bytes], items: bytes) -> dict[bytes, Status]:
        found: dict[bytes, Status] = {}
        leave(self._session)
        for start in range(0, len(raws), _PIPELINED_MAX):
            batch = raws[start : start + _PIPELINED_MAX]
            for pending in [self._session.send(b"STATUS ", string(raw), b" (" + items + b")") for raw in batch]:
                for response in self._session.responses(pending):
                    status = _status(response)
                    if status is not None:
                        found[status[0]] = status[1]
        return found

    def _add_parents(self, found: dict[tuple[str, ...], Folder]) -> None:
        for path in list(found):
            for depth in range(1, len(path)):
                parent = path[:depth]
                if parent not in found:
                    identity = _id_from_name(self.delimiter.join(names.encode(name) for name in parent))
                    found[parent] = Folder(identity, parent, selectable=False)


def _listed(response: Response) -> _Listed | None:
    if response.name != b"LIST":
        return None
    found = response.values()
    if len(found) < 3:
        raise WireError("a LIST response without a name")
    raw = text(found[2])
    delimiter = b"" if found[1] is None else text(found[1])
    flags = frozenset(word.lower() for word in words(found[0]))
    return _Listed(b"INBOX" if raw.upper() == b"INBOX" else raw, flags, delimiter)


def _status(response: Response) -> tuple[bytes, Status] | None:
    if response.name != b"STATUS":
        return None
    found = response.values()
    if len(found) < 2 or not isinstance(found[1], list) or len(found[1]) % 2:
        raise WireError("a STATUS response without its list")
    raw = text(found[0])
    pairs = iter(found[1])
    told = {text(key).upper(): next(pairs) for key in pairs}
    status = Status(
        validity=_told(told, b"UIDVALIDITY"),
        uid_next=_told(told, b"UIDNEXT"),
        count=_told(told, b"MESSAGES"),
        mod_sequence=_told(told, b"HIGHESTMODSEQ"),
        id=_lasting_id(told),
    )
    return (b"INBOX" if raw.upper() == b"INBOX" else raw), status


def _told(told: dict[bytes, Value], key: bytes) -> int:
    value = told.get(key)
    return 0 if value is None else number(value)


def _lasting_id(told: dict[bytes, Value]) -> str:
    value = told.get(b"MAILBOXID") or told.get(b"X-GUID")
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or not _OBJECT_ID.match(text(value)):
        return ""
    return "id-" + text(value).decode("ascii")


def _prefixes(value: Value) -> list[bytes]:
    return [text(pair[0]) for pair in value or [] if isinstance(pair, list) and pair] if isinstance(value, list) else []


def _selectable(one: _Listed) -> bool:
    return not one.flags & {b"\\noselect", b"\\nonexistent"}


def _path(one: _Listed) -> tuple[str, ...]:
    parts = one.raw.split(one.delimiter) if one.delimiter else [one.raw]
    path = tuple(names.decode(part) for part in parts if part)
    return ("INBOX", *path[1:]) if path and path[0].upper() == "INBOX" else path or ("",)


def _roles(listed: list[_Listed]) -> dict[bytes, Role]:
    roles = {}
    for one in listed:
        role = next((_ROLES[flag] for flag in sorted(one.flags) if flag in _ROLES), None)
        if role is not None:
            roles[one.raw] = role
    if not roles:
        roles = _usual_roles(listed)
    roles[b"INBOX"] = Role.INBOX
    return roles


def _usual_roles(listed: list[_Listed]) -> dict[bytes, Role]:
    """By name, at the top or right below INBOX, each role once."""
    roles: dict[bytes, Role] = {}
    for one in listed:
        path = _path(one)
        role = _USUAL_NAMES.get(path[-1].casefold())
        if role and role not in roles.values() and (len(path) == 1 or path[:-1] == ("INBOX",)):
            roles[one.raw] = role
    return roles


def _id_from_name(raw: bytes) -> str:
    return "name-" + hashlib.sha256(raw).hexdigest()[:32]
