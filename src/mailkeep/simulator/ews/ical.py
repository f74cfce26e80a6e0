"""An event ↔ iCalendar, as Exchange gives and takes it for a calendar item's MimeContent (bare text/calendar, no mail around).

    master with VTIMEZONE, RRULE, EXDATE          one VEVENT
    each changed occurrence                       one more, with RECURRENCE-ID
    reminder → VALARM, attendees → ATTENDEE with PARTSTAT, free/busy → X-MICROSOFT-CDO-BUSYSTATUS

Time zones keep Windows' names as TZID, as Exchange writes them. Source: MS-OXCICAL 2.1.3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress, vText

from mailkeep.simulator.ews.composing import bodies
from mailkeep.simulator.ews.markup import child, child_text, moment, parsed, text_of
from mailkeep.simulator.ews.rrule import rule_of
from mailkeep.simulator.exchange.series import Instance, occurrence_item, zone_of
from mailkeep.simulator.exchange.values import Item

_PARTSTAT = {
    "Accept": "ACCEPTED",
    "Decline": "DECLINED",
    "Tentative": "TENTATIVE",
    "Organizer": "ACCEPTED",
}
_BUSY = {"Free": "FREE", "Tentative": "TENTATIVE", "Busy": "BUSY", "OOF": "OOF", "WorkingElsewhere": "WORKINGELSEWHERE"}
_CLASS = {"Normal": "PUBLIC", "Personal": "PRIVATE", "Private": "PRIVATE", "Confidential": "CONFIDENTIAL"}
_PRIORITY = {"Low": 9, "Normal": 5, "High": 1}
_ROLES = (
    ("RequiredAttendees", "REQ-PARTICIPANT"),
    ("OptionalAttendees", "OPT-PARTICIPANT"),
    ("Resources", "NON-PARTICIPANT"),
)
_METHODS = {"MeetingRequest": "REQUEST", "MeetingResponse": "REPLY", "MeetingCancellation": "CANCEL"}


def calendar_text(item: Item, instances: Sequence[Instance] = (), deleted: Sequence[datetime] = ()) -> bytes:
    """The iCalendar of an event or of a meeting message. `instances`: the changed occurrences in their places."""
    calendar = Calendar()
    calendar.add("method", _METHODS.get(item.element, "PUBLISH"))
    calendar.add("prodid", "Microsoft Exchange Server 2010")
    calendar.add("version", "2.0")
    zone_id = text_of(item.properties.get("StartTimeZone@Id", "")) or "UTC"
    zone = zone_of(item)
    if zone.key not in ("UTC", "Etc/UTC"):
        year = moment(item.properties["Start"]).year if item.properties.get("Start") else 2000
        calendar.add_component(timezone(zone_id, zone, year))
    calendar.add_component(_event(item, zone, zone_id, deleted, item.occurrence))
    for instance in instances:
        calendar.add_component(_event(occurrence_item(item, instance), zone, zone_id, (), instance.original_start))
    return bytes(calendar.to_ical())


def _event(
    item: Item, zone: ZoneInfo, zone_id: str, deleted: Iterable[datetime], original: datetime | None = None
) -> Event:
    properties = item.properties
    event = Event()
    for header, name in (("uid", "UID"), ("summary", "Subject"), ("location", "Location")):
        if value := text_of(properties.get(name, "")):
            event.add(header, value)
    plain, markup = bodies(item)
    event.add("description", plain)
    if markup is not None:
        event.add("x-alt-desc", vText(markup, params={"FMTTYPE": "text/html"}))
    whole_day = properties.get("IsAllDayEvent") == "true"
    for header, name in (("dtstart", "Start"), ("dtend", "End")):
        if properties.get(name):
            _add_time(event, header, moment(properties[name]), zone, zone_id, whole_day)
    if original is not None:
        _add_time(event, "recurrence-id", original, zone, zone_id, whole_day)
    if original is None and properties.get("Recurrence"):
        event.add("rrule", rule_of(properties["Recurrence"]))
    for gone in deleted:
        _add_time(event, "exdate", gone, zone, zone_id, whole_day)
    _add_people(event, properties)
    _add_marks(event, item)
    return event


def _add_time(event: Event, header: str, at: datetime, zone: ZoneInfo, zone_id: str, whole_day: bool) -> None:
    local = at.astimezone(zone)
    if whole_day:
        event.add(header, local.date(), {"VALUE": "DATE"})
    elif zone.key in ("UTC", "Etc/UTC"):
        event.add(header, at.astimezone(UTC))
    else:
        event.add(header, local.replace(tzinfo=None), {"TZID": zone_id})


def _add_people(event: Event, properties: dict[str, str]) -> None:
    for box in parsed(properties.get("Organizer", "")):
        event.add("organizer", _address(child_text(box, "Name"), child_text(box, "EmailAddress")))
    for name, role in _ROLES:
        for attendee in parsed(properties.get(name, "")):
            mailbox = child(attendee, "Mailbox")
            if mailbox is None:
                continue
            address = _address(child_text(mailbox, "Name"), child_text(mailbox, "EmailAddress"))
            answer = _PARTSTAT.get(child_text(attendee, "ResponseType"), "NEEDS-ACTION")
            address.params.update({"ROLE": role, "PARTSTAT": answer, "RSVP": "TRUE"})
            if name == "Resources":
                address.params["CUTYPE"] = "RESOURCE"
            event.add("attendee", address, encode=False)


def _address(name: str, address: str) -> vCalAddress:
    made = vCalAddress(f"mailto:{address}")
    if name:
        made.params["CN"] = name
    return made


def _add_marks(event: Event, item: Item) -> None:
    properties = item.properties
    event.add("class", _CLASS.get(properties.get("Sensitivity", "Normal"), "PUBLIC"))
    event.add("priority", _PRIORITY.get(properties.get("Importance", "Normal"), 5))
    event.add("dtstamp", item.modified or datetime(1970, 1, 1, tzinfo=UTC))
    busy = _BUSY.get(properties.get("LegacyFreeBusyStatus", "Busy"), "BUSY")
    event.add("transp", "TRANSPARENT" if busy == "FREE" else "OPAQUE")
    event.add("status", "CANCELLED" if properties.get("IsCancelled") == "true" else "CONFIRMED")
    event.add("sequence", int(properties.get("AppointmentSequenceNumber", "0")))
    event.add("x-microsoft-cdo-busystatus", busy)
    event.add("x-microsoft-cdo-alldayevent", str(properties.get("IsAllDayEvent") == "true").upper())
    if words := [node.text or "" for node in parsed(properties.get("Categories", ""))]:
        event.add("categories", words)
    if link := text_of(properties.get("JoinOnlineMeetingUrl", "")):
        event.add("x-microsoft-skypeteamsmeetingurl", link)
    if properties.get("ReminderIsSet") == "true":
        alarm = Alarm()
        alarm.add("description", "REMINDER")
        alarm.add("trigger", timedelta(minutes=-int(properties.get("ReminderMinutesBeforeStart", "15"))))
        alarm.add("action", "DISPLAY")
        event.add_component(alarm)


def timezone(name: str, zone: ZoneInfo, year: int) -> Timezone:
    """A VTIMEZONE with the zone's rules as they are in that year, from 1601 on, as Windows' zones are written."""
    made = Timezone()
    made.add("tzid", name)
    changes = _changes(zone, year)
    if len(changes) != 2:
        offset = datetime(year, 1, 1, tzinfo=zone).utcoffset() or timedelta()
        made.add_component(_observance(TimezoneStandard(), offset, offset, None))
        return made
    for at, before, after in changes:
        part = TimezoneDaylight() if after > before else TimezoneStandard()
        made.add_component(_observance(part, before, after, at))
    return made


def _observance(
    part: TimezoneDaylight | TimezoneStandard, before: timedelta, after: timedelta, at: datetime | None
) -> TimezoneDaylight | TimezoneStandard:
    hour = timedelta() if at is None else timedelta(hours=at.hour, minutes=at.minute)
    part.add("dtstart", datetime(1601, 1, 1) + hour)  # noqa: DTZ001 - a wall clock's time
    part.add("tzoffsetfrom", before)
    part.add("tzoffsetto", after)
    if at is not None:
        last = (at + timedelta(days=7)).month != at.month
        week = -1 if last else (at.day - 1) // 7 + 1
        day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[at.weekday()]
        part.add("rrule", {"FREQ": "YEARLY", "BYDAY": f"{week}{day}", "BYMONTH": at.month})
    return part


def _changes(zone: ZoneInfo, year: int) -> list[tuple[datetime, timedelta, timedelta]]:
    """The year's changes of the clocks: the local time before, the offsets before and after."""
    found = []
    hour = datetime(year, 1, 1, tzinfo=UTC)
    before = zone.utcoffset(hour.astimezone(zone)) or timedelta()
    while hour.year == year:
        later = hour + timedelta(days=1)
        if (zone.utcoffset(later.astimezone(zone)) or timedelta()) != before:
            exact = next(
                h
                for h in (hour + timedelta(minutes=30 * n) for n in range(1, 49))
                if zone.utcoffset(h.astimezone(zone)) != before
            )
            after = zone.utcoffset(exact.astimezone(zone)) or timedelta()
            found.append(((exact + before).replace(tzinfo=None), before, after))
            before = after
        hour = later
    return found
