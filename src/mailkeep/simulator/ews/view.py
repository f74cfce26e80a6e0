"""What one writing of an item knows: who asks, the item, the shape, and what is read at most once for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from mailkeep.simulator.ews import ids
from mailkeep.simulator.ews.envelope import Call
from mailkeep.simulator.ews.markup import element
from mailkeep.simulator.ews.messages import LAZY, body_properties
from mailkeep.simulator.exchange.errors import NotFound
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.rows import StoredItem
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence


@dataclass(frozen=True, slots=True)
class Shape:
    """`extended`: (key, type, the ExtendedFieldURI as it was asked for). `indexed`: (FieldURI, FieldIndex)."""

    base: str = "IdOnly"
    names: frozenset[str] = frozenset()
    extended: tuple[tuple[str, str, str], ...] = ()
    indexed: tuple[tuple[str, str], ...] = ()
    body_type: str = "Best"
    body_length_max: int | None = None
    listing: bool = False  # of FindItem or SyncFolderItems: no bodies
    mime: bool = False
    ways: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, hash=False, repr=False)

    def whole(self, name: str) -> bool:
        """Whether all of that property is asked for, not only some of its entries."""
        return name in self.names or self.base == "AllProperties"


class View:
    """An item on its way to a client. Attachments, occurrences and body are read when first needed."""

    def __init__(self, call: Call, item: Item, shape: Shape, held: tuple[Attachment, ...] | None = None) -> None:
        self.call = call
        self.item = item
        self.shape = shape
        self._held = held

    @cached_property
    def mailbox(self) -> Mailbox:
        """The mailbox the item is in: not always the caller's own."""
        own = self.call.mailbox
        found = own if own is not None and own.id == self.item.mailbox else None
        found = found or self.call.organisation.mailbox_by_id(self.item.mailbox)
        if found is None:
            raise NotFound(f"mailbox {self.item.mailbox}")
        return found

    @cached_property
    def attachments(self) -> list[Attachment]:
        if self._held is not None:
            return list(self._held)
        return self.mailbox.attachments(self.item) if self.item.id else []

    @cached_property
    def occurrences(self) -> tuple[list[Occurrence], list[datetime]]:
        """The changed occurrences, and the starts of the deleted ones."""
        return self.mailbox.occurrences(self.item) if self.item.id else ([], [])

    @cached_property
    def _read(self) -> dict[str, str]:
        return body_properties(self.item.mime)

    def property(self, name: str) -> str | None:
        """A stored property, or one that the message's MIME holds."""
        found = self.item.properties.get(name)
        if found is None and name.partition("@")[0] in LAZY and has_mime(self.item):
            return self._read.get(name)
        return found


def has_mime(item: Item) -> bool:
    """Whether the item keeps MIME of its own, without reading it."""
    return item.has_mime if isinstance(item, StoredItem) else bool(item.mime)


_ATTRIBUTES = {
    "Body": ("BodyType",),
    "StartTimeZone": ("Id", "Name"),
    "EndTimeZone": ("Id", "Name"),
    "MeetingTimeZone": ("TimeZoneName",),
}


def stored(properties: dict[str, str], name: str) -> str:
    """A stored property as its element, with the attributes that are kept beside it."""
    attributes = ""
    for key in _ATTRIBUTES.get(name, ()):
        if (value := properties.get(f"{name}@{key}")) is not None:
            attributes += f' {key}="{value}"'
    return element(name, properties[name], attributes)


def attribute_names(name: str) -> tuple[str, ...]:
    """The attributes of that property's element that are kept."""
    return _ATTRIBUTES.get(name, ())


def item_id_xml(item: Item, name: str = "ItemId") -> str:
    """`<t:ItemId Id="…" ChangeKey="…"/>`."""
    number, key = ids.item_id(item)
    return f'<t:{name} Id="{number}" ChangeKey="{key}"/>'


def folder_id_xml(view: View) -> str:
    """`<t:ParentFolderId>` of the view's item, "" for an item within an item."""
    folder = view.mailbox.folder(view.item.folder) if view.item.folder else None
    if folder is None:
        return ""
    number, key = ids.folder_id(folder)
    return f'<t:ParentFolderId Id="{number}" ChangeKey="{key}"/>'


def attachment_id_xml(item: Item, held: Attachment) -> str:
    """`<t:AttachmentId Id="…"/>`, "" for one that is not stored by itself."""
    return f'<t:AttachmentId Id="{ids.attachment_id(item, held)}"/>' if held.id else ""
