"""Pages of listings as our own values: what changed in a folder, which folders there are, what an item's element tells.

    SyncFolderItems ─▶ ItemsPage: Create → Listed, Update → Listed(changed), ReadFlagChange → Marked, Delete → Gone
    SyncFolderHierarchy ─▶ HierarchyPage;  GetFolder, FindFolder, CreateFolder ─▶ FoundFolder
    FindItem ─▶ FoundItems;  any item's element ─▶ ItemRef, attachments, changed occurrences

Everything but an id is optional: servers leave out what they don't know. An item or folder without an id is no use to
anyone and is left out.
"""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from mailkeep.connectors.base import Change, Gone, Listed, Marked
from mailkeep.connectors.ews.wire.names import M, T
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.connectors.ews.wire.shapes import (
    DELETED_COUNT_TOTAL,
    HIDDEN,
    LAST_VERB,
    LOCAL_COMMIT_TIME_MAX,
    SEARCH_KEY,
    property_key,
)
from mailkeep.mail.classes import kind_of
from mailkeep.mail.items import ItemRef, Kind, Sensitivity

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REPLIED, _REPLIED_TO_ALL, _FORWARDED = "102", "103", "104"  # PidTagLastVerbExecuted, [MS-OXOMSG] 2.2.1.40
_CLASSES = {
    "CalendarItem": "IPM.Appointment",
    "Contact": "IPM.Contact",
    "DistributionList": "IPM.DistList",
    "MeetingCancellation": "IPM.Schedule.Meeting.Canceled",
    "MeetingMessage": "IPM.Schedule.Meeting.Request",
    "MeetingRequest": "IPM.Schedule.Meeting.Request",
    "MeetingResponse": "IPM.Schedule.Meeting.Resp",
    "PostItem": "IPM.Post",
    "Task": "IPM.Task",
}
_RECEIVED = ("DateTimeReceived", "DateTimeCreated", "DateTimeSent", "LastModifiedTime")  # the first one told
_OWN_TIME = {
    Kind.MAIL: "DateTimeSent",  # of sent mail
    Kind.EVENT: "Start",
    Kind.CONTACT: "LastModifiedTime",
    Kind.TASK: "LastModifiedTime",
    Kind.NOTE: "LastModifiedTime",
}
TEXT_CHARACTERS_MAX = 1000  # of a subject or a list of people: a listing is no place for 20,000 recipients
_SENSITIVITIES = {
    "Personal": Sensitivity.PERSONAL,
    "Private": Sensitivity.PRIVATE,
    "Confidential": Sensitivity.CONFIDENTIAL,
}


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """A page of SyncFolderItems. `last`: nothing follows it for now."""

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


@dataclass(frozen=True, slots=True)
class FoundAttachment:
    """An attachment as an item's element lists it."""

    id: str
    name: str
    content_type: str
    content_id: str
    size: int  # bytes, as the server says; 0 where it does not
    inline: bool
    is_item: bool
    contact_photo: bool
    is_reference: bool = False  # a link to a file that lies elsewhere: it has no bytes here


@dataclass(frozen=True, slots=True)
class FoundOccurrence:
    """A changed occurrence of a recurring master, from ModifiedOccurrences."""

    id: str
    original_start: datetime | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """A hit of ResolveNames, or a member of a list."""

    name: str
    address: str
    mailbox_type: str  # "Mailbox", "PublicDL", "Contact" …


def read_items_page(message: ResponseMessage, *, sent: bool = False) -> ItemsPage:
    """Changes in the server's order."""
    changes = tuple(_changes(message.element.find(f"{M}Changes"), sent))
    return ItemsPage(changes, _text(message.element, f"{M}SyncState"), _is_last(message, "IncludesLastItemInRange"))


def _changes(held: etree._Element | None, sent: bool) -> Iterator[Change]:
    for change in () if held is None else held:
        if change.tag == f"{T}Create" or change.tag == f"{T}Update":
            for item in change:
                ref = item_ref(item, sent=sent)
                if ref.id:
                    yield Listed(ref, changed=change.tag == f"{T}Update")
        elif item_id := _id(change, "ItemId"):
            if change.tag == f"{T}Delete":
                yield Gone(item_id)
            elif change.tag == f"{T}ReadFlagChange":
                yield Marked(item_id, "seen", _text(change, f"{T}IsRead") == "true")


def read_hierarchy_page(message: ResponseMessage) -> HierarchyPage:
    folders: list[FoundFolder] = []
    gone: list[str] = []
    held = message.element.find(f"{M}Changes")
    for change in () if held is None else held:
        if change.tag == f"{T}Delete":
            gone.append(_id(change, "FolderId"))
        else:
            folders += (_folder(element) for element in change if _id(element, "FolderId"))
    state = _text(message.element, f"{M}SyncState")
    return HierarchyPage(tuple(folders), tuple(gone), state, _is_last(message, "IncludesLastFolderInRange"))


def read_folders(message: ResponseMessage) -> tuple[FoundFolder, ...]:
    """Of GetFolder (one), FindFolder (many), CreateFolder (one)."""
    return tuple(_folder(element) for element in message.items if _id(element, "FolderId"))


def read_found_items(message: ResponseMessage, *, sent: bool = False, offset: int = 0) -> FoundItems:
    refs = tuple(ref for ref in (item_ref(item, sent=sent) for item in message.items) if ref.id)
    root = message.element.find(f"{M}RootFolder")
    total = _number("" if root is None else root.get("TotalItemsInView", ""))
    return FoundItems(refs, next_offset(message, offset), total if total is not None else len(refs))


def next_offset(message: ResponseMessage, offset: int = 0) -> int | None:
    """Where FindItem or FindFolder, asked at `offset`, goes on; None after the last page.

    A server that says there is more, but not where (or at a place before this one): behind what it gave. `offset` again:
    it gave nothing.
    """
    root = message.element.find(f"{M}RootFolder")
    if root is None or root.get("IncludesLastItemInRange", "true") in ("true", "1"):
        return None
    told = _number(root.get("IndexedPagingOffset", ""))
    return told if told is not None and told > offset else offset + len(message.items)


def item_ref(element: etree._Element, *, sent: bool = False) -> ItemRef:
    """What an item's element tells. `sent`: the folder is Sent Items, whose time is that of sending."""
    held, mapi = _children(element)
    item_class, kind = _kind(_of(held, "ItemClass"), str(element.tag))
    received = next(filter(None, (moment(_of(held, name)) for name in _RECEIVED)), _EPOCH)
    own = received if kind is Kind.MAIL and not sent else moment(_of(held, _OWN_TIME[kind]))
    item = held.get(f"{T}ItemId")
    return ItemRef(
        id="" if item is None else item.get("Id", ""),
        kind=kind,
        message_class=item_class,
        size=_number(_of(held, "Size")) or 0,
        time=own or received,
        received=received,
        version=_of(held, "LastModifiedTime") or ("" if item is None else item.get("ChangeKey", "")),
        stable_id=_hex(mapi.get(_SEARCH_KEY, "")),
        sensitivity=_SENSITIVITIES.get(_of(held, "Sensitivity"), Sensitivity.NORMAL),
        flags=_flags(kind, held, mapi),
        subject=_of(held, "Subject")[:TEXT_CHARACTERS_MAX],
        sender=_sender(held)[:TEXT_CHARACTERS_MAX],
        recipients=_of(held, "DisplayTo")[:TEXT_CHARACTERS_MAX],
        message_id=(_of(held, "InternetMessageId") or _of(held, "UID"))[:TEXT_CHARACTERS_MAX],
    )


@functools.lru_cache(maxsize=256)
def _kind(item_class: str, tag: str) -> tuple[str, Kind]:
    """The class, and the kind it means; where either is not known, the element's."""
    usual = _CLASSES.get(tag.rpartition("}")[2], "IPM.Note")
    return item_class or usual, kind_of(item_class or usual) or kind_of(usual) or Kind.MAIL


def new_ids(message: ResponseMessage) -> tuple[tuple[str, str], ...]:
    """(id, change key) of what CreateItem, UpdateItem, MoveItem or UploadItems made."""
    found = message.element.iter(f"{T}ItemId", f"{M}ItemId")
    return tuple((element.get("Id", ""), element.get("ChangeKey", "")) for element in found if element.get("Id"))


def new_attachment(message: ResponseMessage) -> tuple[str, str]:
    """(attachment id, the item's new change key) of what CreateAttachment made; "" where it doesn't say."""
    for element in message.element.iter(f"{T}AttachmentId"):
        return element.get("Id", ""), element.get("RootItemChangeKey", "")
    return "", ""


def attachments_of(element: etree._Element) -> tuple[FoundAttachment, ...]:
    """Those that the server names by an id."""
    held = element.find(f"{T}Attachments")
    return tuple(_attachment(one) for one in (() if held is None else held) if _id(one, "AttachmentId"))


def occurrences_of(element: etree._Element) -> tuple[FoundOccurrence, ...]:
    held = element.find(f"{T}ModifiedOccurrences")
    return tuple(
        FoundOccurrence(_id(one, "ItemId"), moment(_text(one, f"{T}OriginalStart")))
        for one in (() if held is None else held)
        if _id(one, "ItemId")
    )


def read_resolutions(message: ResponseMessage) -> tuple[Resolution, ...]:
    """Of ResolveNames and ExpandDL."""
    return tuple(
        Resolution(_text(box, f"{T}Name"), _text(box, f"{T}EmailAddress"), _text(box, f"{T}MailboxType"))
        for box in message.element.iter(f"{T}Mailbox")
    )


def moment(told: str) -> datetime | None:
    """`2026-03-01T09:00:00Z` as UTC. Without an offset it is UTC, which every request of ours asks for."""
    try:
        value = datetime.fromisoformat(told.strip())
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_EXTENDED = f"{T}ExtendedProperty"
_SENDERS = (f"{T}From", f"{T}Sender", f"{T}Organizer")
_MAILBOX, _NAME, _ADDRESS = f"{T}Mailbox", f"{T}Name", f"{T}EmailAddress"
_SEARCH_KEY, _LAST_VERB = SEARCH_KEY.key, LAST_VERB.key


def _children(element: etree._Element) -> tuple[dict[str, etree._Element], dict[str, str]]:
    """The element's properties by tag, and its MAPI properties' values by `shapes.property_key`. The hottest loop there is."""
    held: dict[str, etree._Element] = {}
    mapi: dict[str, str] = {}
    for child in element:
        tag = child.tag
        if tag != _EXTENDED:
            held[tag] = child
        elif len(child) == 2:
            uri, value = child
            key = property_key(uri.get("PropertyTag", ""), "", uri.get("PropertyName", ""), None)
            mapi[key] = value.text or ""
    return held, mapi


def _flags(kind: Kind, held: dict[str, etree._Element], mapi: dict[str, str]) -> frozenset[str]:
    flags = set()
    if _of(held, "IsRead") == "true":
        flags.add("seen")
    if _of(held, "IsDraft") == "true" and kind is Kind.MAIL:  # Exchange calls every appointment and task a draft
        flags.add("draft")
    flag = held.get(f"{T}Flag")
    if flag is not None and _text(flag, f"{T}FlagStatus") == "Flagged":
        flags.add("flagged")
    verb = mapi.get(_LAST_VERB, "")
    if verb in (_REPLIED, _REPLIED_TO_ALL):
        flags.add("answered")
    elif verb == _FORWARDED:
        flags.add("$forwarded")
    return frozenset(flags)


def _sender(held: dict[str, etree._Element]) -> str:
    """`Carol Reed <carol@example.com>`; a name alone where the address is none that mail would reach."""
    for field in _SENDERS:
        element = held.get(field)
        for box in () if element is None else element.iterchildren(_MAILBOX):
            name, address = _text(box, _NAME), _text(box, _ADDRESS)
            if "@" not in address:
                return name or address
            return f"{name} <{address}>" if name and name != address else address
    return ""


def _folder(element: etree._Element) -> FoundFolder:
    held, mapi = _children(element)
    key = held.get(f"{T}FolderId")
    return FoundFolder(
        id=_id(element, "FolderId"),
        change_key="" if key is None else key.get("ChangeKey", ""),
        parent=_id(element, "ParentFolderId"),
        name=_text(element, f"{T}DisplayName"),
        folder_class=_text(element, f"{T}FolderClass"),
        element=etree.QName(element).localname,
        distinguished=_text(element, f"{T}DistinguishedFolderId"),
        total=_number(_text(element, f"{T}TotalCount")),
        children=_number(_text(element, f"{T}ChildFolderCount")),
        hidden=mapi.get(HIDDEN.key, "") in ("true", "1"),
        commit_time_max=mapi.get(LOCAL_COMMIT_TIME_MAX.key, ""),
        deleted_total=mapi.get(DELETED_COUNT_TOTAL.key, ""),
    )


def _attachment(element: etree._Element) -> FoundAttachment:
    return FoundAttachment(
        id=_id(element, "AttachmentId"),
        name=_text(element, f"{T}Name"),
        content_type=_text(element, f"{T}ContentType"),
        content_id=_text(element, f"{T}ContentId"),
        size=_number(_text(element, f"{T}Size")) or 0,
        inline=_text(element, f"{T}IsInline") == "true",
        is_item=element.tag == f"{T}ItemAttachment",
        contact_photo=_text(element, f"{T}IsContactPhoto") == "true",
        is_reference=element.tag == f"{T}ReferenceAttachment",
    )


def _is_last(message: ResponseMessage, name: str) -> bool:
    """Said nowhere, there is no more: a server without paging answers all at once."""
    return _text(message.element, f"{M}{name}") != "false"


def _id(element: etree._Element, name: str) -> str:
    for found in element.iterchildren(T + name):
        return found.get("Id", "")
    return ""


def _text(element: etree._Element, tag: str) -> str:
    for found in element.iterchildren(tag):  # a third of what `findtext` takes, and this is where the time goes
        return found.text or ""
    return ""


def _of(held: dict[str, etree._Element], name: str) -> str:
    element = held.get(T + name)
    return "" if element is None else element.text or ""


def _number(told: str) -> int | None:
    told = told.strip()
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None


def _hex(told: str) -> str:
    try:
        return base64.b64decode(told, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
