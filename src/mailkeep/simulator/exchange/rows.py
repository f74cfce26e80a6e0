"""Items, attachments and changed occurrences as rows of the store, and back.

What comes back is whole, but its large bytes (`Item.mime`, `Attachment.content`) are read when first asked for: a listing
of twenty thousand items takes none of them into memory.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from mailkeep.simulator.exchange.store import Row, Store, stamp, unstamp
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence

COLUMNS = (
    "id, mailbox, folder, item_class, element, record, mime, received, created, modified, sent, read, draft, search_key,"
    " size, change, read_change"
)


class StoredItem(Item):
    """An item whose MIME stays in the store until it is asked for."""

    __slots__ = ("_blob", "_mime", "_store")

    _store: Store | None
    _blob: bytes | None

    @property
    def mime(self) -> bytes:
        return self._mime if self._store is None else self._store.blob(self._blob)

    @mime.setter
    def mime(self, content: bytes) -> None:
        self._mime = content
        self._store = self._blob = None

    @property
    def stored_mime(self) -> bytes | None:
        """The hash under which the store has it already, if that is where it is."""
        return self._blob

    @property
    def has_mime(self) -> bool:
        """Whether there is any, without reading it."""
        return bool(self._mime) or self._blob is not None

    def left_in(self, store: Store, blob: bytes | None) -> StoredItem:
        self._store, self._blob = store, blob
        return self


class StoredAttachment(Attachment):
    """An attachment whose content stays in the store until it is asked for."""

    __slots__ = ("_blob", "_content", "_store")

    _store: Store | None
    _blob: bytes | None

    @property
    def content(self) -> bytes:
        return self._content if self._store is None else self._store.blob(self._blob)

    @content.setter
    def content(self, content: bytes) -> None:
        self._content = content
        self._store = self._blob = None

    @property
    def stored_content(self) -> bytes | None:
        return self._blob

    def left_in(self, store: Store, blob: bytes | None) -> StoredAttachment:
        self._store, self._blob = store, blob
        return self


def record_of(item: Item | Occurrence) -> str:
    """Properties and extended properties as one text."""
    return json.dumps([item.properties, item.extended], ensure_ascii=False, separators=(",", ":"))


def read_record(record: str) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    properties, extended = json.loads(record)
    return properties, {key: (kind, value) for key, (kind, value) in extended.items()}


def item_of(store: Store, row: Row) -> Item:
    """From `COLUMNS`."""
    properties, extended = read_record(row[5])
    item = StoredItem(
        id=row[0], mailbox=row[1], folder=row[2], item_class=row[3], element=row[4], properties=properties,
        extended=extended, received=unstamp(row[7]), created=unstamp(row[8]), modified=unstamp(row[9]),
        sent=unstamp(row[10]), read=bool(row[11]), draft=bool(row[12]), search_key=bytes(row[13]), size=row[14],
        change=row[15], read_change=row[16],
    )  # fmt: skip
    return item.left_in(store, row[6])


def blob_of_mime(store: Store, item: Item) -> bytes | None:
    if isinstance(item, StoredItem) and item.stored_mime is not None:
        return item.stored_mime
    return store.put_blob(item.mime)


def blob_of_content(store: Store, attachment: Attachment) -> bytes | None:
    if isinstance(attachment, StoredAttachment) and attachment.stored_content is not None:
        return attachment.stored_content
    return store.put_blob(attachment.content)


def item_values(store: Store, item: Item) -> tuple[object, ...]:
    """In the order of `COLUMNS`. Keeps the MIME in the store."""
    return (
        item.id, item.mailbox, item.folder, item.item_class, item.element, record_of(item), blob_of_mime(store, item),
        stamp(item.received), stamp(item.created), stamp(item.modified), stamp(item.sent), item.read, item.draft,
        item.search_key, item.size, item.change, item.read_change,
    )  # fmt: skip


_DETAILS = ("content_type", "content_id", "inline", "contact_photo", "content_location", "part")


def details_of(attachment: Attachment) -> str:
    return json.dumps({name: getattr(attachment, name) for name in _DETAILS}, ensure_ascii=False)


def attachment_of(store: Store, row: Row, item: Item | None, attachments: tuple[Attachment, ...]) -> Attachment:
    """From (id, name, content, size, modified, details); `item` and its attachments for an item attachment."""
    details: dict[str, Any] = json.loads(row[5])
    attachment = StoredAttachment(
        name=row[1], size=row[3], modified=unstamp(row[4]), item=item, attachments=attachments, id=row[0], **details
    )
    return attachment.left_in(store, row[2])


def plain(item: Item) -> dict[str, Any]:
    """The item's fields but its MIME, to make another of."""
    return {each.name: getattr(item, each.name) for each in fields(Item) if each.name != "mime"}
