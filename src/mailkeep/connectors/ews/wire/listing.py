"""SIGNATURES; being built."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from mailkeep.connectors.base import Change
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.mail.items import ItemRef


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """A page of SyncFolderItems. `skipped`: changes of items nobody archives (rules, associated items) are in no page."""

    changes: tuple[Change, ...]
    state: str
    last: bool


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder as the server tells it (SyncFolderHierarchy, GetFolder, FindFolder, CreateFolder)."""

    id: str
    change_key: str
    parent: str  # FolderId, "" where not told
    name: str
    folder_class: str  # "IPF.Appointment", "" where not told
    element: str  # "Folder", "CalendarFolder", "SearchFolder" …
    distinguished: str  # "inbox", "" for the rest and where the server doesn't say
    total: int | None  # TotalCount
    children: int | None
    hidden: bool
    commit_time_max: str  # PidTagLocalCommitTimeMax, verbatim; "" where not told
    deleted_total: str  # PidTagDeletedCountTotal; "" where not told


@dataclass(frozen=True, slots=True)
class HierarchyPage:
    folders: tuple[FoundFolder, ...]  # created or changed
    gone: tuple[str, ...]  # folder ids
    state: str
    last: bool


@dataclass(frozen=True, slots=True)
class FoundItems:
    """A page of FindItem. `next_offset` None after the last."""

    refs: tuple[ItemRef, ...]
    next_offset: int | None
    total: int


def read_items_page(message: ResponseMessage, *, sent: bool = False) -> ItemsPage: ...  # type: ignore[empty-body]
def read_hierarchy_page(message: ResponseMessage) -> HierarchyPage: ...  # type: ignore[empty-body]
def read_folders(message: ResponseMessage) -> tuple[FoundFolder, ...]:
    """Of GetFolder (one), FindFolder (many), CreateFolder (one)."""
    ...  # type: ignore[empty-body]


def read_found_items(message: ResponseMessage, *, sent: bool = False) -> FoundItems: ...  # type: ignore[empty-body]
def item_ref(element: etree._Element, *, sent: bool = False) -> ItemRef:
    """What an item's element tells. `sent`: the folder is Sent Items, whose time is that of sending."""
    ...  # type: ignore[empty-body]


def new_ids(message: ResponseMessage) -> tuple[tuple[str, str], ...]:
    """(id, change key) of what CreateItem, MoveItem, UploadItems, CreateAttachment (root item's) made."""
    ...  # type: ignore[empty-body]


@dataclass(frozen=True, slots=True)
class FoundAttachment:
    """An attachment as an item's element lists it."""

    id: str
    name: str
    content_type: str
    content_id: str
    size: int
    inline: bool
    is_item: bool
    contact_photo: bool


def attachments_of(element: etree._Element) -> tuple[FoundAttachment, ...]: ...  # type: ignore[empty-body]


@dataclass(frozen=True, slots=True)
class FoundOccurrence:
    """A changed occurrence of a recurring master, from ModifiedOccurrences."""

    id: str
    original_start: datetime | None


def occurrences_of(element: etree._Element) -> tuple[FoundOccurrence, ...]: ...  # type: ignore[empty-body]
