"""What a client writes, read: an item's element into properties, and one property for an update.

    <t:Message><t:Subject>Hi</t:Subject><t:IsRead>true</t:IsRead>…   →   Draft(item, attachments, occurrences, deleted)

A property of which Exchange says "read-only" is refused here with ErrorInvalidPropertySet, as Exchange does; what a restore may
set all the same it sets as an extended property (see `mapi`). People's addresses are filled in from the directory.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree
from pybase64 import b64decode

from mailkeep.simulator.ews import attachment_xml
from mailkeep.simulator.ews.envelope import Call, EwsError
from mailkeep.simulator.ews.ical_reading import event_from_calendar
from mailkeep.simulator.ews.item_schema import CLASSES, element_of, rank, words
from mailkeep.simulator.ews.mapi import set_extended
from mailkeep.simulator.ews.markup import (
    boolean,
    child,
    child_text,
    element,
    escape,
    inner_xml,
    local_name,
    moment,
    outer_xml,
    true,
)
from mailkeep.simulator.ews.messages import message_from_mime
from mailkeep.simulator.ews.shapes import read_extended_uri
from mailkeep.simulator.ews.view import attribute_names
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence

READ_ONLY = words("""
    ItemId ParentFolderId TextBody DateTimeReceived Size IsSubmitted IsDraft IsFromMe IsResend IsUnmodified
    InternetMessageHeaders DateTimeSent DateTimeCreated ResponseObjects DisplayCc DisplayTo DisplayBcc HasAttachments
    EffectiveRights LastModifiedName LastModifiedTime IsAssociated WebClientReadFormQueryString
    WebClientEditFormQueryString ConversationId UniqueBody NormalizedBody Preview StoreEntryId InstanceKey ConversationIndex
    ConversationTopic ReceivedBy ReceivedRepresenting ReminderMessageData RecurrenceId OriginalStart IsMeeting IsCancelled
    IsRecurring MeetingRequestWasSent CalendarItemType MyResponseType Organizer ConflictingMeetingCount
    AdjacentMeetingCount ConflictingMeetings AdjacentMeetings Duration AppointmentReplyTime AppointmentSequenceNumber
    AppointmentState FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences IsOnlineMeeting IsOrganizer
    JoinOnlineMeetingUrl OnlineMeetingSettings StartWallClock EndWallClock StartTimeZoneId EndTimeZoneId CompleteName
    ContactSource HasPicture PhoneticFullName PhoneticFirstName PhoneticLastName Alias Notes Photo UserSMIMECertificate
    MSExchangeCertificate DirectoryId ManagerMailbox DirectReports AssignedTime ChangeCount DelegationState
    Delegator IsAssignmentEditable IsComplete IsTeamTask Owner StatusDescription PostedTime
""")
_PEOPLE = words("""
    From Sender ToRecipients CcRecipients BccRecipients ReplyTo RequiredAttendees OptionalAttendees Resources Members
""")
_TIMES = words("Start End DueDate StartDate CompleteDate ReminderDueBy Birthday WeddingAnniversary")
_TRUTHS = words("""
    IsReadReceiptRequested IsDeliveryReceiptRequested IsResponseRequested ReminderIsSet IsAllDayEvent AllowNewTimeProposal
    IsOnlineMeeting
""")
_CREATABLE = words("Item Message CalendarItem Contact DistributionList Task PostItem")


@dataclass(slots=True)
class Draft:
    """An item that is not stored yet, with what belongs to it."""

    item: Item
    attachments: list[Attachment] = field(default_factory=list)
    occurrences: list[Occurrence] = field(default_factory=list)
    deleted: list[datetime] = field(default_factory=list)


def read_item(call: Call, node: etree._Element, *, nested: bool = False) -> Draft:
    """The item an element describes. `nested`: it is to be an attachment. Raises `EwsError`."""
    name = local_name(node)
    if name not in _CREATABLE and not nested:
        raise EwsError("ErrorInvalidItemForOperationCreateItem", "The item is not valid for this operation.")
    item_class = child_text(node, "ItemClass") or ""
    draft = _from_mime(node, name, item_class)
    item = draft.item
    for each in node:
        if isinstance(each.tag, str):
            _put(call, draft, each, local_name(each))
    item.element = element_of(item.item_class)
    if item.element == "CalendarItem":
        _put_organizer(call, item)
    return draft


def _put_organizer(call: Call, item: Item) -> None:
    """An event's organiser is read-only, and yet a copy of a meeting has one: PidTagSentRepresenting… says who."""
    address = item.extended.get("0x5d02") or item.extended.get("0x0065")
    if address is not None:
        item.properties["Organizer"] = person_xml(call, item.extended.get("0x0042", address)[1], address[1])


def _from_mime(node: etree._Element, name: str, item_class: str) -> Draft:
    """What the MimeContent says, or an empty item."""
    mime = child(node, "MimeContent")
    if mime is None:
        return Draft(Item(item_class or CLASSES.get(name, "IPM.Note"), name))
    try:
        content = b64decode("".join((mime.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise EwsError("ErrorMimeContentInvalidBase64String", "The MIME content is not valid base64.") from error
    if name in ("Message", "PostItem"):
        return _message(content, item_class or ("IPM.Post" if name == "PostItem" else ""))
    if name == "CalendarItem":
        found = event_from_calendar(content)
        if found is None:
            raise EwsError("ErrorMimeContentInvalid", "The MIME content is invalid.")
        item, occurrences, deleted = found
        item.item_class = item_class or item.item_class
        return Draft(item, [], occurrences, deleted)
    raise EwsError("ErrorUnsupportedMimeConversion", "Mime conversion is not supported for this item type.")


def _message(content: bytes, item_class: str) -> Draft:
    if not content.strip():
        raise EwsError("ErrorMimeContentInvalid", "The MIME content is invalid.")
    item, attachments = message_from_mime(content, item_class)
    return Draft(item, attachments)


def _put(call: Call, draft: Draft, node: etree._Element, name: str) -> None:
    item = draft.item
    if name == "Attachments":
        draft.attachments += [read_attachment(call, each) for each in node if isinstance(each.tag, str)]
    elif name == "ExtendedProperty":
        put_extended(item, node)
    elif name == "IsRead":
        item.read = true(node.text)
    elif name not in ("MimeContent", "ItemClass"):
        if name in READ_ONLY:
            raise EwsError("ErrorInvalidPropertySet", "Set action is invalid for property.", FieldURI=name)
        put_property(call, item.properties, item.element, node)


def put_property(call: Call, properties: dict[str, str], element_name: str, node: etree._Element) -> None:
    """Store a property as it stands in its element, over what was there. Raises `EwsError` for one the item cannot have."""
    name = local_name(node)
    if name not in rank(element_name):
        raise EwsError("ErrorInvalidPropertySet", "The property is not valid for this object type.", FieldURI=name)
    drop_property(properties, name)
    properties[name] = _inner(call, node, name)
    for attribute in attribute_names(name):
        if (value := node.get(attribute)) is not None:
            properties[f"{name}@{attribute}"] = escape(value)
    if name == "Body":
        properties.pop("TextBody", None)


def drop_property(properties: dict[str, str], name: str) -> None:
    """Take a property away, with its attributes."""
    for key in [key for key in properties if key.partition("@")[0] == name]:
        del properties[key]


def _inner(call: Call, node: etree._Element, name: str) -> str:
    if name in _PEOPLE:
        return "".join(_person_outer(call, each) for each in node if isinstance(each.tag, str))
    if name in _TIMES and node.text:
        return _time(node.text, name)
    if name in _TRUTHS:
        return boolean(true(node.text))  # clients write 1 and 0, too; Exchange gives back words
    return inner_xml(node)


def _time(text: str, name: str) -> str:
    """As a server gives times back: in UTC."""
    try:
        return f"{moment(text):%Y-%m-%dT%H:%M:%SZ}"
    except ValueError as error:
        raise EwsError("ErrorInvalidPropertySet", f"The value of {name} is not a time.", FieldURI=name) from error


def _person_outer(call: Call, node: etree._Element) -> str:
    """A Mailbox, an Attendee or a Member, its address filled in as Exchange resolves it."""
    if local_name(node) == "Mailbox":
        return _mailbox(call, node)
    inner = "".join(_mailbox(call, each) if local_name(each) == "Mailbox" else outer_xml(each) for each in node)
    if local_name(node) == "Member":
        box = child(node, "Mailbox")
        key = node.get("Key") or _member_key(box)
        inner += "" if child(node, "Status") is not None else element("Status", "Normal")
        return element("Member", inner, f' Key="{escape(key)}"')
    if child(node, "ResponseType") is None:
        mailbox, end, rest = inner.partition("</t:Mailbox>")
        inner = mailbox + end + element("ResponseType", "Unknown") + rest
    return element("Attendee", inner)


def _member_key(box: etree._Element | None) -> str:
    return "" if box is None else f"SMTP:{child_text(box, 'EmailAddress') or child_text(box, 'Name')}"


def _mailbox(call: Call, box: etree._Element) -> str:
    address = child_text(box, "EmailAddress")
    kept = {local_name(each): outer_xml(each) for each in box if isinstance(each.tag, str)}
    if not address:
        return element("Mailbox", "".join(kept.values()))
    return person_xml(
        call,
        escape(child_text(box, "Name")),
        escape(address),
        child_text(box, "RoutingType"),
        child_text(box, "MailboxType"),
    )


def person_xml(call: Call, name: str, address: str, routing: str = "", kind: str = "") -> str:
    """A `<t:Mailbox>`; what is not given comes from the directory. `name` and `address` are escaped already."""
    entry = call.organisation.entry(address) if not (name and kind) else None
    shown = name or (escape(entry.name) if entry else address)
    kinds = {"mailbox": "Mailbox", "list": "PublicDL", "contact": "Contact"}
    kind = kind or (kinds.get(entry.kind, "OneOff") if entry else "OneOff")
    inner = element("Name", shown) + element("EmailAddress", address) + element("RoutingType", routing or "SMTP")
    return element("Mailbox", inner + element("MailboxType", kind))


def put_extended(item: Item, node: etree._Element) -> None:
    """An ExtendedProperty. Raises `EwsError`."""
    uri = child(node, "ExtendedFieldURI")
    if uri is None:
        raise EwsError("ErrorInvalidExtendedProperty", "The extended property is not valid.")
    key, kind, _ = read_extended_uri(uri)
    values = child(node, "Values")
    value = child(node, "Value")
    set_extended(
        item, key, kind, inner_xml(values) if values is not None else inner_xml(value) if value is not None else ""
    )


def read_attachment(call: Call, node: etree._Element) -> Attachment:
    """A FileAttachment or ItemAttachment that a client sends, with what is in it. Raises `EwsError`."""
    kind = local_name(node)
    if kind == "FileAttachment":
        return attachment_xml.read_file(node)
    inner = next((each for each in node if isinstance(each.tag, str) and local_name(each) in CLASSES), None)
    if kind != "ItemAttachment" or inner is None:
        raise EwsError("ErrorInvalidRequest", "The attachment is of a kind that cannot be created.")
    draft = read_item(call, inner, nested=True)
    name = child_text(node, "Name") or draft.item.properties.get("Subject", "")
    return Attachment(name=name, item=draft.item, attachments=tuple(draft.attachments))
