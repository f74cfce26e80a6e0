"""What the simulated organisation holds, as values.

An item's properties are kept as EWS names them, each as the inner XML of its element with the prefix `t:`; EWS has the
richest vocabulary of the protocols Exchange speaks, and nothing a client wrote is lost. What a server computes (ids, size,
stamps, display names of recipients, occurrences) is no property: the face that shows an item adds it.

An attribute of a property's element is an entry of its own, escaped as it stands in XML:

    "Body": "&lt;p&gt;Hello&lt;/p&gt;"   "Body@BodyType": "HTML"      (text, escaped once, as on the wire)
    "StartTimeZone": ""                  "StartTimeZone@Id": "W. Europe Standard Time"
    "ToRecipients": "<t:Mailbox><t:Name>Ada</t:Name><t:EmailAddress>ada@x.test</t:EmailAddress>…</t:Mailbox>"

`TextBody` is the plain text beside an HTML body. An item attachment is an `Attachment` with `item`; its own attachments stand
in `Attachment.attachments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

# The property sets that EWS calls by a name (DistinguishedPropertySetId), by their GUID. Source: MS-OXPROPS 1.3.2.
PROPERTY_SETS = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}


def extended_key(uri: Mapping[str, str]) -> str:
    """The one key of an extended property, from the attributes of an ExtendedFieldURI however it was written.

    {"PropertyTag": "0x0E07"} → "0x0e07" · {"DistinguishedPropertySetId": "Common", "PropertyId": "34051"} →
    "00062008-…/34051" · {"PropertySetId": "0006200E-…", "PropertyName": "Color"} → "0006200e-…/=Color".
    Raises `KeyError` or `ValueError` for what names no property.
    """
    if tag := uri.get("PropertyTag"):
        return f"0x{int(tag, 0):04x}"
    property_set = uri.get("PropertySetId", "").strip("{}").lower() or PROPERTY_SETS[uri["DistinguishedPropertySetId"]]
    if name := uri.get("PropertyName"):
        return f"{property_set}/={name}"
    return f"{property_set}/{int(uri['PropertyId'], 0)}"


@dataclass(slots=True)
class Item:
    """An item as stored. `id` 0: not stored yet. Times are UTC, to the second unless Exchange says more."""

    item_class: str  # "IPM.Note", "IPM.Appointment" …
    element: str  # EWS element: Message CalendarItem Contact DistributionList Task PostItem Item MeetingRequest …
    properties: dict[str, str] = field(default_factory=dict)  # "Subject" → "Hello &amp; bye"
    extended: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # `extended_key` → (type, inner XML of Value/Values)
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
    occurrence: datetime | None = None  # the original start, where this is one occurrence of the recurring item `id`


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
    attachments: tuple[Attachment, ...] = ()  # of `item`
    contact_photo: bool = False
    content_location: str = ""
    part: int = 0  # its number in the MIME of the message it belongs to, which holds the content then; else 0
    size: int = 0  # bytes; known without reading `content`


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
    change: int = 0  # of name, place, class and properties; what happens to items leaves it alone
    extended: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderState:
    """What a folder tells of its items, reckoned when asked."""

    total: int
    unread: int
    children: int
    committed: datetime  # PidTagLocalCommitTimeMax: when an item last came, changed or went; never the same twice
    deleted_total: int  # PidTagDeletedCountTotal: how many items ever went


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs in. `user` as they type it: `HALDEN\\svc-mailkeep` or an address. The passwords are made up."""

    user: str
    password: str
    mailbox: str | None = None  # the address of their own
    impersonates: bool = False  # has the role ApplicationImpersonation
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of the directory. `details`: GivenName Surname JobTitle Department CompanyName OfficeLocation City
    BusinessPhone MobilePhone Manager, as the face's contact card names them."""

    address: str
    name: str
    kind: str = "mailbox"  # "mailbox", "list", "contact"
    details: Mapping[str, str] = field(default_factory=dict)
