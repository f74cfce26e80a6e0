"""A mailbox's items in the store: adding, saving, moving, copying, deleting for good; their attachments and occurrences.

`entered` says since when an item is in its folder (an item that moves is a new one), `position` when anything of it last
changed. An item within an item is a row like any other, with `owner` (the attachment that holds it) in place of a folder.
"""

# ruff: noqa: S608 - only names of columns and tables, all of our own, are put into statements

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from mailkeep.simulator.exchange import folders
from mailkeep.simulator.exchange.errors import NotFound
from mailkeep.simulator.exchange.rows import (
    COLUMNS,
    StoredItem,
    attachment_of,
    blob_of_content,
    blob_of_mime,
    details_of,
    item_of,
    item_values,
    read_record,
    record_of,
)
from mailkeep.simulator.exchange.store import Store, stamp, unstamp
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence

_PAGE = 100  # items read at a time
_INSERT = f"INSERT INTO items ({COLUMNS}, owner, entered, position) VALUES ({', '.join('?' * 20)})"
# What attachments add to an item's size: those that are parts of its MIME are counted with it.
_HELD = (
    "SELECT coalesce(sum(size), 0) FROM attachments WHERE item = ? AND occurrence = 0"
    " AND coalesce(json_extract(details, '$.part'), 0) = 0"
)
_ORDERS = frozenset({"id", "received", "created", "modified", "sent", "size", "item_class", "entered", "position"})


def add(
    store: Store, item: Item, attachments: Sequence[Attachment], occurrences: Iterable[Occurrence],
    deleted: Iterable[datetime], now: datetime, owner: int = 0,
) -> Item:  # fmt: skip
    """Keep a new item in `item.folder` (or within the attachment `owner`), with what it still lacks."""
    with store.writing():
        item.id = item.change = item.read_change = store.next_number()
        item.search_key = item.search_key or search_key(store, item.id)
        item.created = item.created or now
        item.modified = item.modified or now
        _insert(
            store, item, owner, size_of(store, item) + sum(weight(store, each) for each in attachments if not each.part)
        )
        for attachment in attachments:
            add_attachment(store, item, attachment, now)
        for occurrence in occurrences:
            put_occurrence(store, item, occurrence, now)
        for start in deleted:
            drop_occurrence(store, item, start)
        if not owner:
            folders.touch(store, item.folder, stamp(now) or 0)
    return item


def _insert(store: Store, item: Item, owner: int, size: int) -> None:
    item.size = item.size or size
    store.run(_INSERT, *item_values(store, item), owner, item.change, item.change)


def save(store: Store, item: Item, now: datetime) -> Item:
    """An item that changed, but not its place. Raises NotFound."""
    with store.writing():
        item.change = store.next_number()
        item.modified = now
        held = store.scalar(_HELD, item.id)
        item.size = size_of(store, item) + held
        count = store.run(
            "UPDATE items SET item_class = ?, element = ?, record = ?, mime = ?, received = ?, created = ?, modified = ?,"
            " sent = ?, read = ?, draft = ?, size = ?, change = ?, position = ? WHERE id = ?",
            item.item_class, item.element, record_of(item), blob_of_mime(store, item), stamp(item.received),
            stamp(item.created), stamp(item.modified), stamp(item.sent), item.read, item.draft, item.size, item.change,
            item.change, item.id,
        )  # fmt: skip
        if not count:
            raise NotFound(f"item {item.id}")
        folders.touch(store, item.folder, stamp(now) or 0)
    return item


def mark_read(store: Store, item: Item, on: bool, now: datetime) -> Item:
    """The read state alone: neither content's change nor time of modification."""
    if item.read == on:
        return item
    with store.writing():
        item.read, item.read_change = on, store.next_number()
        store.run(
            "UPDATE items SET read = ?, read_change = ?, position = ? WHERE id = ?",
            on, item.read_change, item.read_change, item.id,
        )  # fmt: skip
        folders.touch(store, item.folder, stamp(now) or 0)
    return item


def move(store: Store, item: Item, mailbox: int, folder: int, now: datetime) -> Item:
    """To another folder: a new id, as Exchange's ids hold the folder; search key and time of modification stay."""
    with store.writing():
        leave(store, item, now)
        old, item.id = item.id, store.next_number()
        item.mailbox, item.folder = mailbox, folder
        item.change = item.read_change = item.id
        store.run(
            "UPDATE items SET id = ?, mailbox = ?, folder = ?, change = ?, read_change = ?, entered = ?, position = ?"
            " WHERE id = ?",
            item.id, mailbox, folder, item.id, item.id, item.id, item.id, old,
        )  # fmt: skip
        store.run("UPDATE attachments SET item = ? WHERE item = ?", item.id, old)
        store.run("UPDATE occurrences SET item = ? WHERE item = ?", item.id, old)
        folders.touch(store, folder, stamp(now) or 0)
    return item


def copy(store: Store, item: Item, mailbox: int, folder: int, now: datetime) -> Item:
    """A second item with the same search key and content."""
    modified, deleted = occurrences_of(store, item)
    twin = replace(item, id=0, mailbox=mailbox, folder=folder, occurrence=None)
    return add(store, twin, attachments_of(store, item), modified, deleted, now)


def leave(store: Store, item: Item, now: datetime) -> None:
    """The tombstone of an item that leaves its folder, by a move or for good. Raises NotFound."""
    row = store.one("SELECT folder, entered, substr(search_key, 1, 4) FROM items WHERE id = ? AND owner = 0", item.id)
    if row is None:
        raise NotFound(f"item {item.id}")
    store.run("INSERT INTO tombstones VALUES (?, ?, ?, ?, ?)", row[0], store.next_number(), row[1], item.id, row[2])
    folders.touch(store, row[0], stamp(now) or 0, gone=1)


def destroy(store: Store, item: Item, now: datetime) -> None:
    """Delete for good, with all it holds."""
    with store.writing():
        leave(store, item, now)
        _erase(store, item.id)


def _erase(store: Store, number: int) -> None:
    for (nested,) in store.all("SELECT nested FROM attachments WHERE item = ? AND nested IS NOT NULL", number):
        _erase(store, nested)
    store.run("DELETE FROM attachments WHERE item = ?", number)
    store.run("DELETE FROM occurrences WHERE item = ?", number)
    store.run("DELETE FROM items WHERE id = ?", number)


def item(store: Store, mailbox: int, number: int) -> Item | None:
    """Also an item within an item."""
    row = store.one(f"SELECT {COLUMNS} FROM items WHERE id = ? AND mailbox = ?", number, mailbox)
    return None if row is None else item_of(store, row)


def by_numbers(store: Store, numbers: Sequence[int]) -> Iterator[Item]:
    """In that order, a page at a time; those gone by then are left out."""
    for start in range(0, len(numbers), _PAGE):
        page = numbers[start : start + _PAGE]
        marks = ", ".join("?" * len(page))
        found = {row[0]: row for row in store.all(f"SELECT {COLUMNS} FROM items WHERE id IN ({marks})", *page)}
        yield from (item_of(store, found[number]) for number in page if number in found)


def numbers_in(
    store: Store, folder: int, order: str = "received", *, descending: bool = True, offset: int = 0, limit: int = -1
) -> list[int]:
    """The ids of a folder's items, by a column. Items without a value in it are the oldest, as in Exchange."""
    if order not in _ORDERS:
        raise ValueError(f"no order of items: {order}")
    way = "DESC" if descending else "ASC"
    sql = f"SELECT id FROM items WHERE folder = ? ORDER BY {order} {way}, id {way} LIMIT ? OFFSET ?"
    return [row[0] for row in store.all(sql, folder, limit, offset)]


def search_key(store: Store, number: int) -> bytes:
    """16 bytes that nothing else has (PidTagSearchKey), the same at every run of the same seed."""
    return blake2b(f"{store.meta('guid', '')}:{number}".encode(), digest_size=16).digest()


def size_of(store: Store, item: Item) -> int:
    """Bytes of an item without its attachments."""
    kept = sum(len(name) + len(value) for name, value in item.properties.items())
    kept += sum(len(key) + len(value) for key, (_, value) in item.extended.items())
    if isinstance(item, StoredItem) and item.stored_mime is not None:
        return kept + int(store.scalar("SELECT length(content) FROM blobs WHERE hash = ?", item.stored_mime))
    return kept + len(item.mime)


def weight(store: Store, attachment: Attachment) -> int:
    """Bytes of an attachment, with those of the item in it."""
    if attachment.item is None:
        return attachment.size or len(attachment.content)
    return size_of(store, attachment.item) + sum(weight(store, each) for each in attachment.attachments)


# Attachments


def add_attachment(store: Store, owner: Item, new: Attachment, now: datetime, occurrence: int = 0) -> Attachment:
    """To the item's end, or to the changed occurrence with that row number. The item's own change is the caller's."""
    with store.writing():
        new.id = store.next_number()
        new.modified = new.modified or now
        new.size = weight(store, new)
        nested = None
        if new.item is not None:
            within = replace(new.item, id=0, mailbox=owner.mailbox, folder=0)
            new.item = add(store, within, new.attachments, (), (), now, owner=new.id)
            nested = new.item.id
        store.run(
            "INSERT INTO attachments (id, item, occurrence, name, content, size, nested, modified, details)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            new.id, owner.id, occurrence, new.name, blob_of_content(store, new), new.size, nested, stamp(new.modified),
            details_of(new),
        )  # fmt: skip
    return new


def attachments_of(store: Store, owner: Item, occurrence: int = 0) -> list[Attachment]:
    """In the order they were added; contents are read when asked for."""
    rows = store.all(
        "SELECT id, name, content, size, modified, details, nested FROM attachments WHERE item = ? AND occurrence = ?"
        " ORDER BY id",
        owner.id, occurrence,
    )  # fmt: skip
    found = []
    for *row, nested in rows:
        within = None if nested is None else item(store, owner.mailbox, nested)
        its_own = () if within is None else tuple(attachments_of(store, within))
        found.append(attachment_of(store, tuple(row), within, its_own))
    return found


def owner_of(store: Store, mailbox: int, attachment: int) -> tuple[Item, int] | None:
    """The item that holds the attachment, and the row number of the occurrence it belongs to (0: the item itself)."""
    row = store.one("SELECT item, occurrence FROM attachments WHERE id = ?", attachment)
    held = None if row is None else item(store, mailbox, row[0])
    return None if row is None or held is None else (held, row[1])


def remove_attachment(store: Store, attachment: int) -> None:
    with store.writing():
        for (nested,) in store.all("SELECT nested FROM attachments WHERE id = ? AND nested IS NOT NULL", attachment):
            _erase(store, nested)
        store.run("DELETE FROM attachments WHERE id = ?", attachment)


# Occurrences


def put_occurrence(store: Store, master: Item, changed: Occurrence, now: datetime) -> None:
    """Keep a changed occurrence in the place of what was kept of it before."""
    with store.writing():
        _forget_occurrence(store, master, changed.original_start)
        number = store.next_number()
        own = changed.attachments is not None
        store.run(
            "INSERT INTO occurrences VALUES (?, ?, ?, 0, ?, ?)",
            number, master.id, stamp(changed.original_start), record_of(changed), own,
        )  # fmt: skip
        for attachment in changed.attachments or ():
            add_attachment(store, master, attachment, now, number)


def drop_occurrence(store: Store, master: Item, original_start: datetime) -> None:
    with store.writing():
        _forget_occurrence(store, master, original_start)
        sql = "INSERT INTO occurrences VALUES (?, ?, ?, 1, '[{},{}]', 0)"
        store.run(sql, store.next_number(), master.id, stamp(original_start))


def _forget_occurrence(store: Store, master: Item, original_start: datetime) -> None:
    number = occurrence_number(store, master, original_start)
    if number:
        for (attachment,) in store.all(
            "SELECT id FROM attachments WHERE item = ? AND occurrence = ?", master.id, number
        ):
            remove_attachment(store, attachment)
        store.run("DELETE FROM occurrences WHERE id = ?", number)


def occurrence_number(store: Store, master: Item, original_start: datetime) -> int:
    """The row of what is kept of that occurrence; 0: nothing, it is as the series says."""
    sql = "SELECT id FROM occurrences WHERE item = ? AND original_start = ?"
    row = store.one(sql, master.id, stamp(original_start))
    return 0 if row is None else int(row[0])


def occurrences_of(store: Store, master: Item) -> tuple[list[Occurrence], list[datetime]]:
    """The changed ones and the original starts of the deleted ones, each in the order of time."""
    rows = store.all(
        "SELECT id, original_start, deleted, record, own_attachments FROM occurrences WHERE item = ?"
        " ORDER BY original_start",
        master.id,
    )
    changed: list[Occurrence] = []
    gone: list[datetime] = []
    for number, original, deleted, record, own in rows:
        start = unstamp(original)
        assert start is not None
        if deleted:
            gone.append(start)
            continue
        attachments = tuple(attachments_of(store, master, number)) if own else None
        changed.append(Occurrence(start, *read_record(record), attachments))
    return changed, gone
