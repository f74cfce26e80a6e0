"""An item of any kind as people read it, from its native parts.

Moments are shown in the event's own time zone where we know it, else in UTC, and say which; an all-day event shows its
days, the last one included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from lxml import etree

from mailkeep.connectors.base import Description, Enclosed
from mailkeep.connectors.ews.wire import recurrence
from mailkeep.connectors.ews.wire.facts import facts_of
from mailkeep.connectors.ews.wire.html_words import words_of
from mailkeep.connectors.ews.wire.listing import attachments_of, moment, occurrences_of
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.people import Person, people_of
from mailkeep.connectors.ews.wire.properties import PROPERTIES
from mailkeep.connectors.ews.wire.responses import parse_verbatim
from mailkeep.connectors.ews.wire.time_zones import zone_of
from mailkeep.mail.items import NativePart

Rows = Iterator[tuple[str, str]]

_LISTED_MAX = 200  # of attendees, members, occurrences: the rest is a number
_SEARCHED_CHARACTERS_MAX = 300_000  # of a body, for a meeting's link
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ANSWERS = {
    "Accept": "accepted",
    "Tentative": "tentative",
    "Decline": "declined",
    "NoResponseReceived": "no answer",
    "Organizer": "organizer",
}
_BUSY = {
    "OOF": "away",
    "Busy": "busy",
    "Free": "free",
    "Tentative": "tentative",
    "WorkingElsewhere": "working elsewhere",
}
_URL = re.compile(
    r"https://[^\s\"'<>]{0,200}?(?:teams\.microsoft\.com/l/meetup-join|zoom\.us/j|meet\.google\.com)[^\s\"'<>]{0,1000}"
)


def describe(parts: Sequence[NativePart]) -> Description | None:
    """As `connectors.base.Provider.describe`."""
    held = next((part.content for part in parts if part.name == PROPERTIES), None)
    element = None if held is None else parse_verbatim(held)
    if element is None:
        return None
    own = _KINDS.get(etree.QName(element).localname, _message)
    body = element.find(f"{T}Body")
    told = "" if body is None else body.text or ""
    html = told if body is not None and body.get("BodyType") == "HTML" else ""
    rows = tuple((label, text) for label, text in (*own(element), *_every(element)) if text)
    names = {part.name: len(part.content) for part in parts}
    files = (*_files(element, names, "ews"), *_of_occurrences(element, parts, names))
    photo = next((f"ews.attachment.{n}" for n, one in enumerate(attachments_of(element)) if one.contact_photo), "")
    return Description(
        rows=rows,
        text=words_of(html) if html else told,
        html=html,
        files=files,
        photo=photo if photo in names else "",
        facts=facts_of(element),
    )


def _of_occurrences(
    element: etree._Element, parts: Sequence[NativePart], sizes: Mapping[str, int]
) -> Iterator[Enclosed]:
    held = {part.name: part.content for part in parts}
    for number, _ in enumerate(occurrences_of(element)):
        part = held.get(f"ews.occurrence.{number}")
        changed = None if part is None else parse_verbatim(part)
        if changed is not None:
            yield from _files(changed, sizes, f"ews.occurrence.{number}")


def _files(element: etree._Element, sizes: Mapping[str, int], family: str) -> Iterator[Enclosed]:
    """What is attached and is among the parts; an attached item comes as its MIME, or as its element's XML."""
    for number, one in enumerate(attachments_of(element)):
        part, name, kind = f"{family}.attachment.{number}", one.name, one.content_type
        if one.is_item:
            part, kind = f"{part}.item", "message/rfc822"
            name = name if name.lower().endswith(".eml") else f"{name}.eml"
        if part in sizes and not one.contact_photo:
            yield Enclosed(part, name, kind, sizes[part], one.content_id.strip("<>"))


def _event(element: etree._Element) -> Rows:
    zone, name = zone_of(element)
    yield from _when(element, zone, name)
    yield "Where", _of(element, "Location")
    yield "Organizer", "; ".join(map(str, people_of(element.find(f"{T}Organizer"))))
    for label, field in (
        ("Required", "RequiredAttendees"),
        ("Optional", "OptionalAttendees"),
        ("Resources", "Resources"),
    ):
        suffix = "" if label == "Resources" else " attendees"
        yield label + suffix, _listed(element, field)
    yield "Answered", _ANSWERS.get(_of(element, "MyResponseType") or _of(element, "ResponseType"), "")
    yield "Repeats", recurrence.in_words(element.find(f"{T}Recurrence"))
    yield "Changed occurrences", _some(_changed(element, zone))
    yield "Deleted occurrences", _some(_deleted(element, zone))
    yield "Reminder", _reminder(element)
    yield "Shows as", _BUSY.get(_of(element, "LegacyFreeBusyStatus") or _of(element, "IntendedFreeBusyStatus"), "")
    yield "Status", "cancelled" if _of(element, "IsCancelled") == "true" else ""
    yield "Meeting link", _link(element)


def _message(element: etree._Element) -> Rows:
    """Mail's headers and body are in its MIME; meeting mail tells of its meeting besides."""
    if element.find(f"{T}Start") is not None:
        zone, name = zone_of(element)
        yield from _when(element, zone, name)
        yield "Where", _of(element, "Location")
        yield "Repeats", recurrence.in_words(element.find(f"{T}Recurrence"))
    yield "Answer", _ANSWERS.get(_of(element, "ResponseType"), "") if _of(element, "ResponseType") != "Unknown" else ""


def _contact(element: etree._Element) -> Rows:
    names = element.find(f"{T}CompleteName")
    full = "" if names is None else _of(names, "FullName")
    yield "Name", full or _of(element, "DisplayName") or _of(element, "FileAs")
    for field in ("Nickname", "CompanyName", "Department", "JobTitle", "Profession", "Manager", "AssistantName"):
        yield _LABELS.get(field, _label(field)), _of(element, field)
    for entry in element.iterfind(f"{T}EmailAddresses/{T}Entry"):
        yield "E-mail", str(Person(entry.get("Name", ""), (entry.text or "").strip()))
    for entry in element.iterfind(f"{T}PhoneNumbers/{T}Entry"):
        yield _label(entry.get("Key", "Phone")), (entry.text or "").strip()
    for entry in element.iterfind(f"{T}ImAddresses/{T}Entry"):
        yield "Instant messaging", (entry.text or "").strip()
    for entry in element.iterfind(f"{T}PhysicalAddresses/{T}Entry"):
        yield f"{_label(entry.get('Key', ''))} address", _address(entry)
    yield "Web page", _of(element, "BusinessHomePage")
    yield "Office", _of(element, "OfficeLocation")
    yield "Birthday", _of(element, "Birthday")[:10]
    yield "Anniversary", _of(element, "WeddingAnniversary")[:10]
    yield "Spouse", _of(element, "SpouseName")
    yield "Children", ", ".join(child.text or "" for child in element.iterfind(f"{T}Children/{T}String"))


def _list(element: etree._Element) -> Rows:
    yield "Name", _of(element, "DisplayName")
    yield "Members", _listed(element, "Members")


def _task(element: etree._Element) -> Rows:
    yield "Start", _of(element, "StartDate")[:10]
    yield "Due", _of(element, "DueDate")[:10]
    yield "Status", _label(_of(element, "Status")).lower()
    percent = _of(element, "PercentComplete")
    yield "Done", f"{float(percent):g} %" if re.fullmatch(r"\d{1,3}(\.\d+)?", percent) else ""
    yield "Completed", _of(element, "CompleteDate")[:10]
    yield "Owner", _of(element, "Owner")
    yield "Repeats", recurrence.in_words(element.find(f"{T}Recurrence"))
    due = moment(_of(element, "ReminderDueBy"))
    yield "Reminder", _shown(due, UTC) if due is not None and _of(element, "ReminderIsSet") == "true" else ""
    yield "Companies", ", ".join(child.text or "" for child in element.iterfind(f"{T}Companies/{T}String"))
    yield "Contacts", ", ".join(child.text or "" for child in element.iterfind(f"{T}Contacts/{T}String"))


def _every(element: etree._Element) -> Rows:
    """What any kind may have, and is worth a line only where somebody set it."""
    yield "Categories", ", ".join(child.text or "" for child in element.iterfind(f"{T}Categories/{T}String"))
    for field in ("Importance", "Sensitivity"):
        value = _of(element, field)
        yield field, value.lower() if value != "Normal" else ""
    yield "Flag", _flag(element.find(f"{T}Flag"))
    if etree.QName(element).localname in _KINDS:
        yield "Attachments", _some([one.name for one in attachments_of(element) if not one.contact_photo], ", ")


_KINDS: dict[str, Callable[[etree._Element], Rows]] = {
    "CalendarItem": _event,
    "Contact": _contact,
    "DistributionList": _list,
    "Task": _task,
}
_LABELS = {"CompanyName": "Company", "AssistantName": "Assistant"}


def _when(element: etree._Element, zone: tzinfo, name: str) -> Rows:
    start, end = moment(_of(element, "Start")), moment(_of(element, "End"))
    if start is None:
        return
    if _of(element, "IsAllDayEvent") == "true":
        last = (end or start).astimezone(zone) - timedelta(microseconds=1)
        yield "Starts", f"{start.astimezone(zone):%a %Y-%m-%d}"
        yield "Ends", f"{max(last, start.astimezone(zone)):%a %Y-%m-%d}"
        yield "All day", "yes"
    else:
        yield "Starts", _shown(start, zone)
        yield "Ends", _shown(end, zone) if end else ""
    yield "Time zone", name


def _shown(when: datetime, zone: tzinfo) -> str:
    return f"{when.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _changed(element: etree._Element, zone: tzinfo) -> list[str]:
    shown = []
    for one in element.iterfind(f"{T}ModifiedOccurrences/{T}Occurrence"):
        was, start = moment(_of(one, "OriginalStart")), moment(_of(one, "Start"))
        if was is not None and start is not None:
            moved = f", moved to {_shown(start, zone)}" if was != start else ""
            shown.append(_shown(was, zone) + moved)
    return shown


def _deleted(element: etree._Element, zone: tzinfo) -> list[str]:
    starts = (moment(_of(one, "Start")) for one in element.iterfind(f"{T}DeletedOccurrences/{T}DeletedOccurrence"))
    return [_shown(start, zone) for start in starts if start is not None]


def _reminder(element: etree._Element) -> str:
    if _of(element, "ReminderIsSet") != "true":
        return ""
    told = _of(element, "ReminderMinutesBeforeStart")
    if not re.fullmatch(r"\d{1,7}", told):
        return ""
    minutes = int(told)
    for size, unit in ((7 * 1440, "week"), (1440, "day"), (60, "hour")):
        if minutes and minutes % size == 0:
            return f"{minutes // size} {unit}{'s' if minutes > size else ''} before"
    return f"{minutes} minutes before" if minutes else "when it starts"


def _link(element: etree._Element) -> str:
    """The server's own word for it, else what is known as one in the body or the place."""
    for uri in element.iterfind(f"{T}ExtendedProperty"):
        field = uri.find(f"{T}ExtendedFieldURI")
        if field is not None and field.get("PropertyName") in ("SkypeTeamsMeetingUrl", "OnlineMeetingExternalLink"):
            return _of(uri, "Value")
    named = _of(element, "JoinOnlineMeetingUrl") or _of(element, "MeetingWorkspaceUrl") or _of(element, "NetShowUrl")
    found = _URL.search(_of(element, "Location") + " " + _of(element, "Body")[:_SEARCHED_CHARACTERS_MAX])
    return named or (found[0] if found else "")


def _flag(flag: etree._Element | None) -> str:
    if flag is None:
        return ""
    status, due = _of(flag, "FlagStatus"), _of(flag, "DueDate")[:10]
    if status == "Flagged":
        return f"to follow up by {due}" if due else "to follow up"
    return "completed" if status == "Complete" else ""


def _listed(element: etree._Element, field: str) -> str:
    people = people_of(element.find(f"{T}{field}"))
    return _some([f"{one} ({_ANSWERS[one.answer]})" if one.answer in _ANSWERS else str(one) for one in people])


def _some(texts: Sequence[str], between: str = "; ") -> str:
    more = len(texts) - _LISTED_MAX
    return between.join([*texts[:_LISTED_MAX], *([f"and {more} more"] if more > 0 else [])])


def _address(entry: etree._Element) -> str:
    lines = [_of(entry, "Street"), f"{_of(entry, 'PostalCode')} {_of(entry, 'City')}".strip()]
    lines += [_of(entry, "State"), _of(entry, "CountryOrRegion")]
    return ", ".join(" ".join(line.split()) for line in lines if line)


def _label(word: str) -> str:
    """`HomePhone2` → "Home phone 2"."""
    return re.sub(r"(?<=[A-Za-z])(?=\d)", " ", _WORDS.sub(" ", word)).capitalize()


def _of(element: etree._Element, name: str) -> str:
    return (element.findtext(f"{T}{name}") or "").strip()
