"""An item's native parts as a flat map of properties, comparable between the mailbox it came from and the one it went to.

    <t:Subject>Plan</t:Subject>                        "Subject": "Plan"
    <t:Flag><t:FlagStatus>Flagged…                     "Flag/FlagStatus": "Flagged"
    <t:PhoneNumbers><t:Entry Key="HomePhone">…         "PhoneNumbers/HomePhone": "1234"
    <t:RequiredAttendees>…                             "RequiredAttendees": "Anna <anna@…>; …", "RequiredAttendees answers": …
    <t:ExtendedProperty> 0x1081                        "0x1081": "102"
    ews.attachment.0                                   "Attachments/plan.pdf": "application/pdf, 1234 bytes, sha256 …"
    ews.occurrence.0                                   "Occurrences/2026-03-01T09:00:00Z/Subject": …

What a server sets by itself is left out (`LEFT_OUT` and the like say which and why), and what can be written in two ways is
written in one: moments as UTC, line ends as LF, truth as true and false, people without their routing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC

from lxml import etree

from mailkeep.connectors.ews.wire.listing import attachments_of, moment, occurrences_of
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.people import people_of
from mailkeep.connectors.ews.wire.responses import parse_verbatim
from mailkeep.connectors.ews.wire.shapes import MESSAGE_FLAGS, property_key
from mailkeep.mail.items import NativePart

PROPERTIES = "ews.properties"
_DEPTH_MAX = 30  # of elements within one another; the schema's deepest are ten
_NAMES_MAX = 20_000  # of properties: more than any real item has, fewer than a hostile one


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


LEFT_OUT = _words(
    # ids, and what only means something in the mailbox it was read from
    """ItemId ParentFolderId ConversationId InstanceKey StoreEntryId AssociatedCalendarItemId PersonId ContactShortId ObjectId
    DirectoryId SourceId StartTimeZoneId EndTimeZoneId IconIndex EffectiveRights ResponseObjects IsAssociated ContactSource
    WebClientReadFormQueryString WebClientEditFormQueryString AttachmentId MimeContent MimeContentUTF8 ReceivedBy
    ReceivedRepresenting IsOrganizer""",
    # stamps
    """Size DateTimeCreated LastModifiedTime LastModifiedName ChangeCount DateTimeStamp AppointmentReplyTime PostedTime
    AssignedTime PolicyTag ArchiveTag RetentionDate ReminderNextTime LastResponseTime Culture""",
    # worked out by the server from the rest, from its neighbours or from the time of day
    """DisplayTo DisplayCc DisplayBcc Preview TextBody UniqueBody NormalizedBody FirstBody When EntityExtractionResult
    PredictedActionReasons IsClutter InferenceClassification BlockStatus HasBlockedImages RightsManagementLicenseData
    AdjacentMeetings AdjacentMeetingCount ConflictingMeetings ConflictingMeetingCount InternetMessageHeaders IsOutOfDate
    IsFromMe IsResend IsSubmitted IsUnmodified CalendarActivityData InboxReminders CanDelete ChangeHighlights""",
)
_ONLY_OF_MAIL = frozenset({"DateTimeReceived", "DateTimeSent", "IsDraft"})  # elsewhere they are stamps of the creation
_MAPI_LEFT_OUT = frozenset({"0x300B", "0x3007", "0x3008", "0x0E08", "0x0FFF", "0x0FFA", "0x0FF9"})  # ids, stamps, sizes
_OF_THE_BOX = frozenset({"RoutingType", "MailboxType", "OriginalDisplayName", "SipUri"})
_PEOPLE = _words(
    """ToRecipients CcRecipients BccRecipients ReplyTo From Sender Organizer RequiredAttendees OptionalAttendees Resources
    Members"""
)
_ORDERLESS = frozenset({"Members", "RequiredAttendees", "OptionalAttendees", "Resources"})
_MAIL = frozenset({"Message", "PostItem", "MeetingMessage", "MeetingRequest", "MeetingResponse", "MeetingCancellation"})
_READ_OR_UNSENT = 0x01 | 0x08  # of PidTagMessageFlags; the other bits are the server's


def properties(parts: Sequence[NativePart]) -> Mapping[str, str]:
    """As `connectors.base.Provider.properties`."""
    held = {part.name: part.content for part in parts}
    if PROPERTIES not in held:
        return {}
    element = parse_verbatim(held[PROPERTIES])
    if element is None:
        return {"": "the archived properties are no readable XML"}
    found: dict[str, str] = {"Element": etree.QName(element).localname}
    _add(found, "", _of_item(element))
    _add(found, "", _attachments(element, held, "ews.attachment"))
    for number, occurrence in enumerate(occurrences_of(element)):
        part = held.get(f"ews.occurrence.{number}")
        changed = None if part is None else parse_verbatim(part)
        if changed is not None:
            when = occurrence.original_start.isoformat() if occurrence.original_start else str(number)
            _add(found, f"Occurrences/{when.replace('+00:00', 'Z')}/", _of_item(changed))
            _add(
                found,
                f"Occurrences/{when.replace('+00:00', 'Z')}/",
                _attachments(changed, held, f"ews.occurrence.{number}.attachment"),
            )
    return found


Pairs = Iterator[tuple[str, str]]


def _add(found: dict[str, str], prefix: str, pairs: Pairs) -> None:
    """A name that is there already gets a number: `Companies`, `Companies #2`. What is empty says nothing."""
    seen: dict[str, int] = {}
    for name, value in pairs:
        if not value or value == "NotFlagged":
            continue
        if len(found) >= _NAMES_MAX:
            return
        seen[name] = number = seen.get(name, 0) + 1
        found[f"{prefix}{name}" if number == 1 else f"{prefix}{name} #{number}"] = value


def _of_item(element: etree._Element) -> Pairs:
    kind = etree.QName(element).localname
    passed_over = {"Attachments"} if kind in _MAIL else _ONLY_OF_MAIL | {"Attachments"}
    if kind == "CalendarItem":
        passed_over |= {"ReminderDueBy"}  # follows from the start and the minutes before it; some tell the series' next
    for child in element:
        name = etree.QName(child).localname
        if name in LEFT_OUT or name in passed_over:
            continue
        yield from _OWN_WAY.get(name, _plain)(name, child)


def _plain(name: str, element: etree._Element) -> Pairs:
    """Any property without a way of its own: its text, or its children's each by its path."""
    if name.rpartition("/")[2] in LEFT_OUT | _OF_THE_BOX or name.count("/") > _DEPTH_MAX:
        return
    children = list(element)
    if not children:
        yield name, _normal(element.text or "")
        return
    for child in children:
        local = etree.QName(child).localname
        key = child.get("Key")
        yield from _plain(f"{name}/{key if key is not None else local}", child)


def _people(name: str, element: etree._Element) -> Pairs:
    people = list(people_of(element))
    if name in _ORDERLESS:
        people.sort(key=lambda person: (person.address.casefold(), person.name))
    yield name, "; ".join(map(str, people))
    answers = "; ".join(f"{person.address or person.name}: {person.answer}" for person in people if person.answer)
    if answers:
        yield f"{name} answers", answers


def _categories(name: str, element: etree._Element) -> Pairs:
    yield name, "; ".join(sorted(child.text or "" for child in element))


def _body(name: str, element: etree._Element) -> Pairs:
    """Servers differ in line ends, and in white space at the end."""
    body = _lines(element.text or "").rstrip()
    yield name, body
    yield "Body type", element.get("BodyType", "") if body else ""


def _time_zone(name: str, element: etree._Element) -> Pairs:
    """By its id where it has one; its rules follow from that, and its name is in the server's language."""
    told = element.get("Id") or element.get("TimeZoneName") or element.get("Name") or ""
    if told:
        yield name, told
    else:
        yield from _plain(name, element)


def _exceptions(name: str, element: etree._Element) -> Pairs:
    """Changed and deleted occurrences, each by the moment it was to begin."""
    for occurrence in element:
        held = {etree.QName(child).localname: _normal(child.text or "") for child in occurrence}
        when = held.get("OriginalStart") or held.get("Start") or ""
        moved = f"{held.get('Start', '')} to {held.get('End', '')}" if "OriginalStart" in held else "deleted"
        yield f"{name}/{when}", moved


def _extended(_: str, element: etree._Element) -> Pairs:
    uri = element.find(f"{T}ExtendedFieldURI")
    if uri is None:
        return
    number = uri.get("PropertyId", "")
    set_name = uri.get("PropertySetId") or uri.get("DistinguishedPropertySetId") or ""
    known = int(number) if number.lstrip("-").isdigit() else None
    key = property_key(uri.get("PropertyTag", ""), set_name, uri.get("PropertyName", ""), known)
    if key in _MAPI_LEFT_OUT:
        return
    value = "; ".join(_normal(held.text or "") for held in element.iter(f"{T}Value"))
    if key == MESSAGE_FLAGS.key and value.isdigit():
        value = str(int(value) & _READ_OR_UNSENT)
    yield key, value


_OWN_WAY: dict[str, Callable[[str, etree._Element], Pairs]] = {
    **dict.fromkeys(_PEOPLE, _people),
    "Categories": _categories,
    "Body": _body,
    "StartTimeZone": _time_zone,
    "EndTimeZone": _time_zone,
    "MeetingTimeZone": _time_zone,
    "ModifiedOccurrences": _exceptions,
    "DeletedOccurrences": _exceptions,
    "ExtendedProperty": _extended,
}


def _attachments(element: etree._Element, held: Mapping[str, bytes | bytearray | memoryview], family: str) -> Pairs:
    """By name, in an order that does not depend on the server's."""
    found = []
    for number, one in enumerate(attachments_of(element)):
        sort = "item" if one.is_item else "link" if one.is_reference else one.content_type or "file"
        marks = [sort]
        marks += ["inline"] * one.inline + ["contact photo"] * one.contact_photo
        content = held.get(f"{family}.{number}")
        if content is not None:
            marks += [f"{len(content)} bytes", f"sha256 {hashlib.sha256(content).hexdigest()}"]
        inner = held.get(f"{family}.{number}.properties")
        nested = None if inner is None or one.is_reference else parse_verbatim(inner)
        found.append((one.name, ", ".join(marks), nested))
    for name, marks_text, nested in sorted(found, key=lambda one: one[:2]):
        yield f"Attachments/{name}", marks_text
        if nested is not None:
            for item in nested.iterchildren("{*}*") if nested.tag == f"{T}ItemAttachment" else (nested,):
                if len(item):
                    yield from ((f"Attachments/{name}/{inner}", value) for inner, value in _of_item(item))


def _normal(text: str) -> str:
    """One way to write a moment, and one for truth."""
    stripped = text.strip()
    if len(stripped) >= 16 and stripped[10:11] == "T" and stripped[:4].isdigit():
        when = moment(stripped)
        if when is not None:
            return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if stripped in ("true", "false"):
        return stripped
    return _lines(text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
