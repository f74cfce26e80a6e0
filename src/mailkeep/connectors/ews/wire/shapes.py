"""Shapes: which properties a request asks for.

| shape | for | bodies |
|---|---|---|
| `LISTING` | SyncFolderItems, FindItem: what admission and identity need | never |
| `WHOLE_MAIL` | GetItem of mail: MIME and all properties but the body, which the MIME has | MIME |
| `WHOLE` | GetItem of everything else: all properties, the body as it is best, and what MIME the server makes of it | both |
| `PLAIN_MAIL` | GetItem of mail whose MIME the server cannot make: all properties and the body | its own |
| `OCCURRENCE` | GetItem of a changed occurrence | its own |
| `MIME` | GetItem where nothing but the bytes is wanted | MIME |
| `FOLDERS` | the hierarchy and its marks of change | - |

A field is a URI of the schema (`item:Subject`), or an `Extended` MAPI property. Exchange leaves a property out where an
item's class has none such, so one shape serves items of mixed classes. What `AllProperties` holds is the server's choice
(Exchange's has the body, which mail's MIME has already), so what must not be missing is asked for by name.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from mailkeep.connectors.ews.wire.names import attribute


@dataclass(frozen=True, slots=True)
class Extended:
    """A MAPI property: by tag (`0x300B`), or by name or id within a set (its GUID, or one of EWS's own set names)."""

    type: str  # "String", "Integer", "Binary", "SystemTime", "Boolean" …
    tag: int | None = None
    set: str = ""
    name: str = ""
    id: int | None = None

    @property
    def key(self) -> str:
        """How properties are named in comparisons: `0x300B`, `PublicStrings/Keywords`, `Task/33025`."""
        return property_key(f"0x{self.tag:X}" if self.tag is not None else "", self.set, self.name, self.id)

    def xml(self) -> str:
        """`<t:ExtendedFieldURI …/>`."""
        held = ""
        if self.tag is not None:
            held += f' PropertyTag="0x{self.tag:04X}"'
        if self.set:
            held += f" {'PropertySetId' if '-' in self.set else 'DistinguishedPropertySetId'}={attribute(self.set)}"
        if self.name:
            held += f" PropertyName={attribute(self.name)}"
        if self.id is not None:
            held += f' PropertyId="{self.id}"'
        return f"<t:ExtendedFieldURI{held} PropertyType={attribute(self.type)}/>"


@functools.lru_cache(maxsize=1024)
def property_key(tag: str, set_name: str, name: str, number: int | None) -> str:
    """One spelling for a MAPI property, however a server spells its tag (`0x300b`, `0x300B`, `12299`)."""
    if tag:
        try:
            return f"0x{int(tag, 0):04X}"
        except ValueError:
            return tag
    return f"{set_name.lower() if '-' in set_name else set_name}/{name or number}"


Field = str | Extended

SEARCH_KEY = Extended("Binary", tag=0x300B)  # PidTagSearchKey: survives moves, the same on copies
LAST_VERB = Extended("Integer", tag=0x1081)  # PidTagLastVerbExecuted: 102 103 answered, 104 forwarded
MESSAGE_FLAGS = Extended("Integer", tag=0x0E07)  # PidTagMessageFlags: 1 read, 4 unmodified, 8 unsent
DELIVERY_TIME = Extended("SystemTime", tag=0x0E06)  # PidTagMessageDeliveryTime
SUBMIT_TIME = Extended("SystemTime", tag=0x0039)  # PidTagClientSubmitTime
LOCAL_COMMIT_TIME_MAX = Extended("SystemTime", tag=0x670A)  # of a folder: moves with every change of its items
DELETED_COUNT_TOTAL = Extended("Integer", tag=0x670B)  # of a folder: items ever deleted from it
HIDDEN = Extended("Boolean", tag=0x10F4)  # PidTagAttributeHidden


@dataclass(frozen=True, slots=True)
class Shape:
    base: str = "IdOnly"  # "IdOnly", "Default", "AllProperties"
    mime: bool = False
    body: str = ""  # "Best", "HTML", "Text"; "" leaves it to the server
    fields: tuple[Field, ...] = ()

    def having(self, *fields: Field) -> Shape:
        """The shape with these properties too."""
        return replace(self, fields=(*self.fields, *(field for field in fields if field not in self.fields)))

    def item_xml(self) -> str:
        """`<m:ItemShape>`, elements in the schema's order."""
        return f"<m:ItemShape>{self._inner()}</m:ItemShape>"

    def folder_xml(self) -> str:
        """`<m:FolderShape>`."""
        return f"<m:FolderShape>{self._inner()}</m:FolderShape>"

    def attachment_xml(self) -> str:
        """`<m:AttachmentShape>`, which has no base shape."""
        return f"<m:AttachmentShape>{self._inner(base=False)}</m:AttachmentShape>"

    def _inner(self, base: bool = True) -> str:
        held = f"<t:BaseShape>{self.base}</t:BaseShape>" if base else ""
        if self.mime:
            held += "<t:IncludeMimeContent>true</t:IncludeMimeContent>"
        if self.body:
            held += f"<t:BodyType>{self.body}</t:BodyType>"
        if self.fields:
            held += f"<t:AdditionalProperties>{''.join(map(field_xml, self.fields))}</t:AdditionalProperties>"
        return held


def field_xml(field: Field) -> str:
    """A property's path: `<t:FieldURI …/>` or `<t:ExtendedFieldURI …/>`."""
    return field.xml() if isinstance(field, Extended) else f"<t:FieldURI FieldURI={attribute(field)}/>"


ID_ONLY = Shape()
MIME = Shape(mime=True)

LISTING = Shape(
    fields=(
        "item:ItemClass",
        "item:Subject",
        "item:Sensitivity",
        "item:DateTimeReceived",
        "item:Size",
        "item:IsDraft",
        "item:DateTimeSent",
        "item:DateTimeCreated",
        "item:DisplayTo",
        "item:LastModifiedTime",
        "item:Flag",
        "message:InternetMessageId",
        "message:IsRead",
        "message:From",
        "calendar:Start",
        "calendar:UID",
        "calendar:Organizer",
        SEARCH_KEY,
        LAST_VERB,
    )
)

_NOTE = "0006200e-0000-0000-c000-000000000046"  # PSETID_Note
_MAPI = (
    SEARCH_KEY,
    LAST_VERB,
    MESSAGE_FLAGS,
    DELIVERY_TIME,
    SUBMIT_TIME,
    Extended("SystemTime", tag=0x1082),  # PidTagLastVerbExecutionTime
    Extended("String", set="Common", id=0x8530),  # PidLidFlagRequest: "Follow up"
)
_MAPI_OF_THE_REST = (
    Extended("String", set="PublicStrings", name="SkypeTeamsMeetingUrl"),
    Extended("String", tag=0x3A45),  # PidTagDisplayNamePrefix: a contact's title
    *(Extended("Integer", set=_NOTE, id=number) for number in range(0x8B00, 0x8B06)),  # a note's colour, size and place
)


def _fields(family: str, names: str) -> tuple[str, ...]:
    return tuple(f"{family}:{name}" for name in names.split())


_ITEM = _fields(
    "item",
    """ItemClass Attachments Subject DateTimeReceived Size Categories HasAttachments Importance InReplyTo IsDraft IsFromMe
    IsResend IsSubmitted IsUnmodified DateTimeSent DateTimeCreated Sensitivity ReminderDueBy ReminderIsSet
    ReminderMinutesBeforeStart DisplayTo DisplayCc Culture LastModifiedTime Flag ParentFolderId""",
)
_MESSAGE = _fields(
    "message",
    """ConversationIndex ConversationTopic InternetMessageId IsRead IsResponseRequested IsReadReceiptRequested
    IsDeliveryReceiptRequested References ReplyTo From Sender ToRecipients CcRecipients BccRecipients ReceivedBy
    ReceivedRepresenting""",
)
_MEETING = _fields("meeting", "IsDelegated IsOutOfDate HasBeenProcessed ResponseType ProposedStart ProposedEnd")
_EVENT = _fields(
    "calendar",
    """Start End IsAllDayEvent LegacyFreeBusyStatus Location IsMeeting IsCancelled IsRecurring MeetingRequestWasSent
    IsResponseRequested CalendarItemType MyResponseType Organizer RequiredAttendees OptionalAttendees Resources Recurrence
    FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences UID RecurrenceId StartTimeZone EndTimeZone
    AppointmentReplyTime AppointmentSequenceNumber AppointmentState AllowNewTimeProposal IsOnlineMeeting ConferenceType
    MeetingWorkspaceUrl NetShowUrl JoinOnlineMeetingUrl IsOrganizer""",
)
_TASK = _fields(
    "task",
    """ActualWork BillingInformation Companies CompleteDate Contacts DelegationState Delegator DueDate IsComplete
    IsRecurring IsTeamTask Mileage Owner PercentComplete Recurrence StartDate Status StatusDescription TotalWork""",
)
_CONTACT = _fields(
    "contacts",
    """AssistantName Birthday BusinessHomePage Children Companies CompanyName CompleteName Department DisplayName
    EmailAddresses FileAs FileAsMapping Generation GivenName HasPicture ImAddresses Initials JobTitle Manager MiddleName
    Mileage Nickname OfficeLocation PhoneNumbers PhysicalAddresses PostalAddressIndex Profession SpouseName Surname
    WeddingAnniversary""",
)

WHOLE_MAIL = Shape(
    mime=True,
    fields=(
        *_ITEM,
        *_MESSAGE,
        *_MEETING,
        *("meetingRequest:MeetingRequestType", "meetingRequest:IntendedFreeBusyStatus", "postitem:PostedTime"),
        *("calendar:Start", "calendar:End", "calendar:Location", "calendar:Recurrence", "calendar:UID"),
        *_MAPI,
    ),
)
WHOLE = Shape(
    base="AllProperties",
    mime=True,
    body="Best",
    fields=(*_ITEM, *_EVENT, *_TASK, *_CONTACT, "distributionlist:Members", *_MAPI, *_MAPI_OF_THE_REST),
)
PLAIN_MAIL = Shape(base="AllProperties", body="Best", fields=("item:Body", *WHOLE_MAIL.fields))
OCCURRENCE = Shape(base="AllProperties", body="Best", fields=(*_ITEM, *_EVENT))

FOLDERS = Shape(
    fields=(
        "folder:ParentFolderId",
        "folder:FolderClass",
        "folder:DisplayName",
        "folder:TotalCount",
        "folder:ChildFolderCount",
        "folder:DistinguishedFolderId",
        LOCAL_COMMIT_TIME_MAX,
        DELETED_COUNT_TOTAL,
        HIDDEN,
    )
)
