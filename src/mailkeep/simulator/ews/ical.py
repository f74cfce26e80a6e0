"""An event as iCalendar, as Exchange gives it for a calendar item's MimeContent (bare text/calendar, no mail around).

    master with VTIMEZONE, RRULE, EXDATE          one VEVENT
    each changed occurrence                       one more, with RECURRENCE-ID
    reminder → VALARM, attendees → ATTENDEE with PARTSTAT, free/busy → X-MICROSOFT-CDO-BUSYSTATUS

Time zones keep Windows' names as TZID, as Exchange writes them. Source: MS-OXCICAL 2.1.3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from mailkeep.simulator.ews.composing import bodies
from mailkeep.simulator.ews.content_lines import document, escaped, parameter
from mailkeep.simulator.ews.markup import child, child_text, moment, parsed, text_of
from mailkeep.simulator.ews.rrule import rule_of
from mailkeep.simulator.exchange.series import Instance, occurrence_item, zone_of
from mailkeep.simulator.exchange.values import Item

_PARTSTAT = {"Accept": "ACCEPTED", "Decline": "DECLINED", "Tentative": "TENTATIVE", "Organizer": "ACCEPTED"}
_BUSY = {"Free": "FREE", "Tentative": "TENTATIVE", "Busy": "BUSY", "OOF": "OOF", "WorkingElsewhere": "WORKINGELSEWHERE"}
_CLASS = {"Normal": "PUBLIC", "Personal": "PRIVATE", "Private": "PRIVATE", "Confidential": "CONFIDENTIAL"}
_PRIORITY = {"Low": 9, "Normal": 5, "High": 1}
_ROLES = {
    "RequiredAttendees": "REQ-PARTICIPANT",
    "OptionalAttendees": "OPT-PARTICIPANT",
    "Resources": "NON-PARTICIPANT",
}
_METHODS = {"MeetingRequest": "REQUEST", "MeetingResponse": "REPLY", "MeetingCancellation": "CANCEL"}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the hours of an event are meant."""

    zone: ZoneInfo
    zone_id: str
    whole_day: bool

    @property
    def universal(self) -> bool:
        return self.zone.key in ("UTC", "Etc/UTC")

    def time(self, name: str, at: datetime) -> str:
        """`DTSTART;TZID=…:…` in local time, with Z in UTC, or as a day."""
        if self.whole_day:
            return f"{name};VALUE=DATE:{at.astimezone(self.zone):%Y%m%d}"
        if self.universal:
            return f"{name}:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        return f"{name};TZID={_zone_parameter(self.zone_id)}:{at.astimezone(self.zone):%Y%m%dT%H%M%S}"


def _zone_parameter(zone_id: str) -> str:
    """Exchange writes blanks without quotes."""
    return f'"{zone_id}"' if any(mark in zone_id for mark in ":;,") else zone_id


def calendar_text(item: Item, instances: Sequence[Instance] = (), deleted: Sequence[datetime] = ()) -> bytes:
    """The iCalendar of an event or of a meeting message. `instances`: the changed occurrences in their places."""
    zone_id = text_of(item.properties.get("StartTimeZone@Id", "")) or "UTC"
    place = _Place(zone_of(item), zone_id, item.properties.get("IsAllDayEvent") == "true")
    lines = ["BEGIN:VCALENDAR", f"METHOD:{_METHODS.get(item.element, 'PUBLISH')}"]
    lines += ["PRODID:Microsoft Exchange Server 2010", "VERSION:2.0"]
    if not place.universal:
        start = item.properties.get("Start")
        lines += zone_lines(zone_id, place.zone, moment(start).year if start else 2000)
    lines += _event(item, place, deleted, item.occurrence)
    for instance in instances:
        lines += _event(occurrence_item(item, instance), place, (), instance.original_start)
    return document([*lines, "END:VCALENDAR"])


def _event(item: Item, place: _Place, deleted: Iterable[datetime], original: datetime | None) -> list[str]:
    properties = item.properties
    lines = ["BEGIN:VEVENT", *_people(properties)]
    plain, markup = bodies(item)
    lines.append(f"DESCRIPTION:{escaped(plain)}")
    if markup is not None:
        lines.append(f"X-ALT-DESC;FMTTYPE=text/html:{escaped(markup)}")
    if original is None and properties.get("Recurrence"):
        lines.append(f"RRULE:{rule_of(properties['Recurrence'])}")
    lines += [place.time("EXDATE", gone) for gone in deleted]
    lines += [f"{name}:{escaped(text_of(properties[key]))}" for name, key in _TEXTS if properties.get(key)]
    lines += [place.time(name, moment(properties[key])) for name, key in _TIMES if properties.get(key)]
    if original is not None:
        lines.append(place.time("RECURRENCE-ID", original))
    return [*lines, *_marks(item), *_reminder(properties), "END:VEVENT"]


_TEXTS = (("UID", "UID"), ("SUMMARY", "Subject"), ("LOCATION", "Location"))
_TIMES = (("DTSTART", "Start"), ("DTEND", "End"))


def _people(properties: dict[str, str]) -> Iterator[str]:
    for box in parsed(properties["Organizer"]) if properties.get("Organizer") else ():
        yield f"ORGANIZER{_name(child_text(box, 'Name'))}:mailto:{child_text(box, 'EmailAddress')}"
    for key, role in _ROLES.items():
        for attendee in parsed(properties[key]) if properties.get(key) else ():
            box_of = child(attendee, "Mailbox")
            if box_of is None:
                continue
            answer = _PARTSTAT.get(child_text(attendee, "ResponseType"), "NEEDS-ACTION")
            kind = ";CUTYPE=RESOURCE" if key == "Resources" else ""
            name = _name(child_text(box_of, "Name"))
            address = child_text(box_of, "EmailAddress")
            yield f"ATTENDEE;ROLE={role};PARTSTAT={answer};RSVP=TRUE{kind}{name}:mailto:{address}"


def _name(text: str) -> str:
    return f";CN={parameter(text)}" if text else ""


def _marks(item: Item) -> Iterator[str]:
    properties = item.properties
    yield f"CLASS:{_CLASS.get(properties.get('Sensitivity', 'Normal'), 'PUBLIC')}"
    yield f"PRIORITY:{_PRIORITY.get(properties.get('Importance', 'Normal'), 5)}"
    stamped = properties.get("DateTimeStamp")
    at = moment(stamped) if stamped else item.modified or _LONG_AGO
    yield f"DTSTAMP:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    busy = _BUSY.get(properties.get("LegacyFreeBusyStatus", "Busy"), "BUSY")
    yield f"TRANSP:{'TRANSPARENT' if busy == 'FREE' else 'OPAQUE'}"
    yield f"STATUS:{'CANCELLED' if properties.get('IsCancelled') == 'true' else 'CONFIRMED'}"
    yield f"SEQUENCE:{int(properties.get('AppointmentSequenceNumber', '0'))}"
    yield f"X-MICROSOFT-CDO-BUSYSTATUS:{busy}"
    if intended := _BUSY.get(properties.get("IntendedFreeBusyStatus", "")):
        yield f"X-MICROSOFT-CDO-INTENDEDSTATUS:{intended}"
    yield f"X-MICROSOFT-CDO-ALLDAYEVENT:{properties.get('IsAllDayEvent', 'false').upper()}"
    if properties.get("Categories"):
        yield "CATEGORIES:" + ",".join(escaped(node.text or "") for node in parsed(properties["Categories"]))
    if link := text_of(properties.get("JoinOnlineMeetingUrl", "")):
        yield f"X-MICROSOFT-SKYPETEAMSMEETINGURL:{escaped(link)}"


def _reminder(properties: dict[str, str]) -> list[str]:
    if properties.get("ReminderIsSet") != "true":
        return []
    minutes = int(properties.get("ReminderMinutesBeforeStart", "15"))
    return ["BEGIN:VALARM", "DESCRIPTION:REMINDER", f"TRIGGER:-PT{minutes}M", "ACTION:DISPLAY", "END:VALARM"]


@lru_cache(maxsize=256)
def zone_lines(name: str, zone: ZoneInfo, year: int) -> tuple[str, ...]:
    """A VTIMEZONE with the zone's rules as they are in that year, from 1601 on, as Windows' zones are written."""
    changes = _changes(zone, year)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{escaped(name)}"]
    if len(changes) != 2:  # no summer time, or one that Windows' rules cannot say
        offset = datetime(year, 1, 1, tzinfo=zone).utcoffset() or timedelta()
        lines += _observance("STANDARD", offset, offset, None)
    else:
        for at, before, after in changes:
            lines += _observance("DAYLIGHT" if after > before else "STANDARD", before, after, at)
    return (*lines, "END:VTIMEZONE")


def _observance(kind: str, before: timedelta, after: timedelta, at: datetime | None) -> list[str]:
    hour = "000000" if at is None else f"{at:%H%M%S}"
    lines = [
        f"BEGIN:{kind}",
        f"DTSTART:16010101T{hour}",
        f"TZOFFSETFROM:{_offset(before)}",
        f"TZOFFSETTO:{_offset(after)}",
    ]
    if at is not None:
        last = (at + timedelta(days=7)).month != at.month
        week = -1 if last else (at.day - 1) // 7 + 1
        lines.append(f"RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY={week}{_DAYS[at.weekday()]};BYMONTH={at.month}")
    return [*lines, f"END:{kind}"]


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _changes(zone: ZoneInfo, year: int) -> list[tuple[datetime, timedelta, timedelta]]:
    """The year's changes of the clocks: the local time before, the offsets before and after."""
    found = []
    day = datetime(year, 1, 1, tzinfo=UTC)
    before = _offset_at(zone, day)
    while day.year == year:
        after = _offset_at(zone, day + timedelta(days=1))
        if after != before:
            exact = next(
                at for at in (day + timedelta(minutes=30 * n) for n in range(1, 49)) if _offset_at(zone, at) != before
            )
            found.append(((exact + before).replace(tzinfo=None), before, after))
            before = after
        day += timedelta(days=1)
    return found


def _offset_at(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
