"""A mailbox's folders in the store: reading, adding, renaming, moving, removing, and what each tells of its items."""

# ruff: noqa: S608 - only names of columns and tables, all of our own, are put into statements

from __future__ import annotations

import json
from collections.abc import Iterable

from mailkeep.simulator.exchange.errors import Distinguished, FolderExists, InvalidMove, NotFound
from mailkeep.simulator.exchange.store import Row, Store, unstamp
from mailkeep.simulator.exchange.values import Folder, FolderState
from mailkeep.simulator.exchange.wellknown import WellKnown, name_in

_COLUMNS = "id, mailbox, parent, name, folder_class, distinguished, change, extended"

# Folders and all below one of them, each after its parent.
_BELOW = """
WITH RECURSIVE below (id, depth) AS (
    SELECT id, 0 FROM folders WHERE id = ?
    UNION ALL SELECT folders.id, depth + 1 FROM folders JOIN below ON folders.parent = below.id)
"""


def _folder(row: Row) -> Folder:
    extended = {key: (kind, value) for key, (kind, value) in json.loads(row[7]).items()}
    number, mailbox, parent, name, folder_class, distinguished_name, change, _ = row
    return Folder(number, mailbox, parent, name, folder_class, distinguished_name, change, extended)


def folder(store: Store, mailbox: int, number: int) -> Folder | None:
    row = store.one(f"SELECT {_COLUMNS} FROM folders WHERE id = ? AND mailbox = ?", number, mailbox)
    return None if row is None else _folder(row)


def distinguished(store: Store, mailbox: int, name: str) -> Folder | None:
    row = store.one(f"SELECT {_COLUMNS} FROM folders WHERE mailbox = ? AND distinguished = ?", mailbox, name)
    return None if row is None else _folder(row)


def children(store: Store, parent: int) -> list[Folder]:
    """In the order people see them."""
    rows = store.all(f"SELECT {_COLUMNS} FROM folders WHERE parent = ? ORDER BY name COLLATE NOCASE, id", parent)
    return [_folder(row) for row in rows]


def below(store: Store, root: int) -> list[Folder]:
    """All under that folder without itself, each after its parent."""
    columns = ", ".join(f"folders.{name}" for name in _COLUMNS.split(", "))
    sql = f"{_BELOW} SELECT {columns} FROM below JOIN folders USING (id) WHERE depth > 0 ORDER BY depth, name COLLATE NOCASE, id"
    return [_folder(row) for row in store.all(sql, root)]


def of_mailbox(store: Store, mailbox: int) -> list[Folder]:
    return [_folder(row) for row in store.all(f"SELECT {_COLUMNS} FROM folders WHERE mailbox = ? ORDER BY id", mailbox)]


def root_of(store: Store, number: int) -> int:
    """The folder without a parent above that one, or itself."""
    while (parent := store.scalar("SELECT parent FROM folders WHERE id = ?", number)) is not None:
        number = int(parent)
    return number


def insert(store: Store, new: Folder, now: int) -> Folder:
    """With number and change. `now`: see `store.stamp`. Raises FolderExists."""
    with store.writing():
        _refuse_twin(store, new.parent, new.name, 0)
        new.id = new.change = store.next_number()
        store.run(
            "INSERT INTO folders (id, mailbox, parent, name, folder_class, distinguished, extended, entered, change,"
            " committed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            new.id, new.mailbox, new.parent, new.name, new.folder_class, new.distinguished, json.dumps(new.extended),
            new.change, new.change, now,
        )  # fmt: skip
    return new


def plant(store: Store, mailbox: int, language: str, wanted: Iterable[WellKnown], now: int) -> None:
    """Give a mailbox its well-known folders, parents first."""
    numbers: dict[str, int] = {}
    for each in wanted:
        parent = numbers[each.parent] if each.parent else None
        made = Folder(0, mailbox, parent, name_in(language, each), each.folder_class, each.distinguished)
        numbers[each.distinguished] = insert(store, made, now).id


def update(store: Store, changed: Folder) -> Folder:
    """Name, class, extended properties and parent as given, with a new change. Raises FolderExists, Distinguished."""
    with store.writing():
        before = folder(store, changed.mailbox, changed.id)
        if before is None:
            raise NotFound(f"folder {changed.id}")
        if before.distinguished and (before.name, before.parent) != (changed.name, changed.parent):
            raise Distinguished(before.distinguished)
        _refuse_twin(store, changed.parent, changed.name, changed.id)
        changed.change = store.next_number()
        store.run(
            "UPDATE folders SET parent = ?, name = ?, folder_class = ?, extended = ?, change = ? WHERE id = ?",
            changed.parent, changed.name, changed.folder_class, json.dumps(changed.extended), changed.change, changed.id,
        )  # fmt: skip
    return changed


def move(store: Store, moved: Folder, parent: Folder, *, rename: bool = False) -> Folder:
    """Under another parent. `rename`: where a folder of that name is there, take another name (a deletion must not fail)."""
    if moved.distinguished:
        raise Distinguished(moved.distinguished)
    if moved.id == parent.id or any(each.id == parent.id for each in below(store, moved.id)):
        raise InvalidMove(f"folder {moved.id} into {parent.id}")
    taken = {each.name.casefold() for each in children(store, parent.id) if each.id != moved.id}
    if rename and moved.name.casefold() in taken:
        number = next(n for n in range(1, len(taken) + 2) if f"{moved.name}{n}".casefold() not in taken)
        moved.name = f"{moved.name}{number}"
    moved.parent = parent.id
    return update(store, moved)


def remove(store: Store, gone: Folder) -> None:
    """The folder itself; the caller has emptied it. Leaves a tombstone."""
    if gone.distinguished:
        raise Distinguished(gone.distinguished)
    with store.writing():
        entered = store.scalar("SELECT entered FROM folders WHERE id = ?", gone.id)
        root = root_of(store, gone.id)
        store.run(
            "INSERT INTO folder_tombstones VALUES (?, ?, ?, ?, ?)",
            gone.mailbox, store.next_number(), entered, gone.id, root,
        )  # fmt: skip
        store.run("DELETE FROM tombstones WHERE folder = ?", gone.id)
        store.run("DELETE FROM folders WHERE id = ?", gone.id)


def state(store: Store, number: int) -> FolderState:
    """Raises `LookupError` for a folder that is gone."""
    total = store.scalar("SELECT count(*) FROM items WHERE folder = ?", number)
    unread = store.scalar("SELECT count(*) FROM items WHERE folder = ? AND read = 0", number)
    below_it = store.scalar("SELECT count(*) FROM folders WHERE parent = ?", number)
    row = store.one("SELECT committed, deleted_total FROM folders WHERE id = ?", number)
    if row is None:
        raise LookupError(f"folder {number}")
    committed = unstamp(row[0])
    assert committed is not None
    return FolderState(total, unread, below_it, committed, row[1])


def touch(store: Store, number: int, now: int, *, gone: int = 0) -> None:
    """An item came, changed or (`gone`) went. The stamp always grows, even where the clock stands still."""
    store.run(
        "UPDATE folders SET committed = max(?, committed + 1), deleted_total = deleted_total + ? WHERE id = ?",
        now, gone, number,
    )  # fmt: skip


def _refuse_twin(store: Store, parent: int | None, name: str, itself: int) -> None:
    if parent is None:
        return
    if any(each.name.casefold() == name.casefold() and each.id != itself for each in children(store, parent)):
        raise FolderExists(name)
