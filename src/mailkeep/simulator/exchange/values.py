"""What the simulated organisation holds, as values.

An item's properties are kept as EWS names them, each as the inner XML of its element with the prefix `t:`; EWS has the
richest vocabulary of the protocols Exchange speaks, and nothing a client wrote is lost. What a server computes (ids, size,
stamps, display names of recipients, occurrences) is no property: the face that shows an item adds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Item:
    """An item as stored. `id` 0: not stored yet. Times are UTC, to the second unless Exchange says more."""

    item_class: str  # "IPM.Note", "IPM.Appointment" …
    element: str  # EWS element: Message CalendarItem Contact DistributionList Task PostItem Item MeetingRequest …
    properties: dict[str, str] = field(default_factory=dict)  # "Subject" → "Hello &amp; bye"
    extended: dict[str, tuple[str, str]] = field(default_factory=dict)  # key, see `extended_key` → (type, inner XML)
    mime: bytes = b""  # the MIME it came with; empty: composed from the properties when it is asked for
    received: datetime | None = None
    created: datetime | None = None
    modified: datetime | None = None
    sent: datetime | None = None
    read: bool = False
    draft: bool = False
    id: int = 0  # never reused; a move gives a new one, as Exchange's ids do
    mailbox: int = 0
    folder: int = 0
    search_key: bytes = b""  # PidTagSearchKey: survives moves, shared by copies
    size: int = 0  # bytes
    change: int = 0  # of content, properties, flag and categories; from the organisation's one counter
    read_change: int = 0  # of the read state alone


@dataclass(slots=True)
class Attachment:
    """A file, or (`item` set) an item within an item."""

    name: str
    content: bytes = b""
    content_type: str = ""
    content_id: str = ""
    inline: bool = False
    item: Item | None = None
    id: int = 0
    modified: datetime | None = None


@dataclass(slots=True)
class Occurrence:
    """A changed occurrence of a recurring item: the master's properties with these in their place."""

    original_start: datetime
    properties: dict[str, str] = field(default_factory=dict)
    extended: dict[str, tuple[str, str]] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] | None = None  # None: the master's


@dataclass(slots=True)
class Folder:
    id: int
    mailbox: int
    parent: int | None
    name: str
    folder_class: str = "IPF.Note"
    distinguished: str = ""  # EWS's DistinguishedFolderIdName: "inbox", "calendar", "archiveroot" … or ""
    change: int = 0
