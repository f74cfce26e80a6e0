"""Which of an item's properties a server lets a client set when it creates the item, and in which order. Pure.

An archived element (`ews.properties`) holds everything GetItem told: also ids, stamps and what a server works out by
itself, which CreateItem refuses. Source: types.xsd, and the remarks of Microsoft's "EWS XML elements in Exchange" as far as
they say "read-only".

    list(settable(element))             [<ItemClass>, <Subject>, <Categories> …]
    in_order("Message", {"IsRead": "<t:IsRead>…", "ItemClass": "<t:ItemClass>…"})    ItemClass first, as the schema wants it
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterator, Mapping

from lxml import etree

from mailkeep.connectors.ews.wire.names import TYPES, T
from mailkeep.connectors.ews.wire.shapes import property_key


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ITEM = """ItemClass Subject Sensitivity Body Categories Importance InReplyTo ReminderDueBy ReminderIsSet
    ReminderMinutesBeforeStart ExtendedProperty Culture Flag """
ORDER = {
    element: tuple((_ITEM + own).split())
    for element, own in {
        "Item": "",
        "Message": """Sender ToRecipients CcRecipients BccRecipients IsReadReceiptRequested IsDeliveryReceiptRequested
            ConversationIndex ConversationTopic From InternetMessageId IsRead IsResponseRequested References ReplyTo""",
        "PostItem": "From IsRead References Sender",
        "CalendarItem": """UID Start End IsAllDayEvent LegacyFreeBusyStatus Location IsResponseRequested RequiredAttendees
            OptionalAttendees Resources Recurrence StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal
            MeetingWorkspaceUrl NetShowUrl EnhancedLocation""",
        "Contact": """FileAs FileAsMapping DisplayName GivenName Initials MiddleName Nickname CompanyName EmailAddresses
            PhysicalAddresses PhoneNumbers AssistantName Birthday BusinessHomePage Children Companies Department
            Generation ImAddresses JobTitle Manager Mileage OfficeLocation PostalAddressIndex Profession SpouseName
            Surname WeddingAnniversary""",
        "DistributionList": "DisplayName FileAs Members",
        "Task": """ActualWork BillingInformation Companies CompleteDate Contacts DueDate Mileage PercentComplete Recurrence
            StartDate Status TotalWork""",
    }.items()
}
WITH_MIME = _names(
    "ItemClass Categories ReminderDueBy ReminderIsSet ReminderMinutesBeforeStart ExtendedProperty Culture Flag"
)
"""Of mail, what its MIME does not say."""

OCCURRENCE_URIS = {
    "Subject": "item:Subject",
    "Sensitivity": "item:Sensitivity",
    "Body": "item:Body",
    "Categories": "item:Categories",
    "Importance": "item:Importance",
    "ReminderIsSet": "item:ReminderIsSet",
    "ReminderMinutesBeforeStart": "item:ReminderMinutesBeforeStart",
    "Start": "calendar:Start",
    "End": "calendar:End",
    "IsAllDayEvent": "calendar:IsAllDayEvent",
    "LegacyFreeBusyStatus": "calendar:LegacyFreeBusyStatus",
    "Location": "calendar:Location",
    "RequiredAttendees": "calendar:RequiredAttendees",
    "OptionalAttendees": "calendar:OptionalAttendees",
    "Resources": "calendar:Resources",
}
"""Of a changed occurrence: what may differ from its series, and the URI it is set by."""

CLEARED = _names("Subject Body Categories Location RequiredAttendees OptionalAttendees Resources")
"""Of these, what an occurrence may have none of where its series has it. The others always have a value."""

RARER_FIRST: tuple[frozenset[str], ...] = (
    _names("Culture EnhancedLocation ConferenceType MeetingWorkspaceUrl NetShowUrl AllowNewTimeProposal"),
    frozenset({"read-only properties by their MAPI names"}),  # see `restated`
    frozenset({"archived MAPI properties"}),  # see `composing`
    _names("Flag ReminderDueBy Contacts FileAsMapping PostalAddressIndex CompleteDate InReplyTo Sender From"),
    _names("ReminderIsSet ReminderMinutesBeforeStart ConversationIndex ConversationTopic Categories"),
    _names("ExtendedProperty"),
    _names("UID IsResponseRequested RequiredAttendees OptionalAttendees Resources Members ImAddresses"),
)
"""What to leave out, step by step, where a server refuses an item and does not say why."""

SERVER_MADE = frozenset(
    {"0x300B", "0x0E07", "0x0E06", "0x0039"}
)  # MAPI tags that the server makes, or `composing` sets


def creatable(name: str) -> str:
    """The element to create for one that was read: meeting mail and reports go back as messages with their class."""
    return name if name in ORDER else "Message"


def settable(element: etree._Element, only: Container[str] | None = None) -> Iterator[etree._Element]:
    """The properties to set, in the order they stand in; `only`: these names alone."""
    allowed = ORDER[creatable(etree.QName(element).localname)]
    for child in element.iterchildren("{*}*"):
        name = etree.QName(child).localname
        if name not in allowed or (only is not None and name not in only) or _says_nothing(name, child):
            continue
        if name == "ExtendedProperty" and extended_key(child) in SERVER_MADE:
            continue
        if name == "ReminderDueBy" and etree.QName(element).localname == "CalendarItem":
            continue  # follows from the start, of each occurrence its own
        yield child


def in_order(name: str, properties: Mapping[str, str]) -> str:
    """The properties' XML as the schema orders the element's children; what it does not know stays out."""
    return "".join(properties[one] for one in ORDER[name] if one in properties)


def extended_key(element: etree._Element) -> str:
    """`0x1081` of `<t:ExtendedProperty>`, or `PublicStrings/Keywords`; "" where it says none."""
    field = element.find(f"{T}ExtendedFieldURI")
    return "" if field is None else field_key(field)


def field_key(field: etree._Element) -> str:
    """The same of its `<t:ExtendedFieldURI>`."""
    where = field.get("PropertySetId") or field.get("DistinguishedPropertySetId") or ""
    number = field.get("PropertyId", "")
    told = int(number) if number.lstrip("-").isdigit() else None
    return property_key(field.get("PropertyTag", ""), where, field.get("PropertyName", ""), told)


def xml_of(element: etree._Element) -> str:
    """The element in the namespace of types with prefix `t:`, whatever prefix it had; nothing else declared."""
    held = copy.deepcopy(element)
    held.tail = None
    held.attrib.pop("IsTruncated", "")
    root = etree.Element(f"{T}scope", nsmap={"t": TYPES})
    root.append(held)
    etree.cleanup_namespaces(root, keep_ns_prefixes=["t"])
    xml = etree.tostring(root, encoding="unicode")
    return xml[xml.index(">") + 1 : xml.rindex("</")]


def _says_nothing(name: str, child: etree._Element) -> bool:
    """A flag that is none, a list without entries."""
    if name == "Flag":
        return child.findtext(f"{T}FlagStatus", "NotFlagged") == "NotFlagged"
    return name != "Body" and len(child) == 0 and not (child.text or "").strip() and not child.attrib
