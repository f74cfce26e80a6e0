"""iCalendar → an event's properties, with its changed and deleted occurrences.

For calendar items created from MimeContent, and for what a meeting message's text/calendar part says of its meeting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from icalendar import Calendar

from mailkeep.simulator.ews.markup import boolean, element, escape, mailbox_xml, stamp
from mailkeep.simulator.ews.rrule import recurrence_of
from mailkeep.simulator.exchange.values import Item, Occurrence
from mailkeep.simulator.exchange.zones import ZONES, zone_named

_ANSWERS = {"ACCEPTED": "Accept", "DECLINED": "Decline", "TENTATIVE": "Tentative"}
_BUSY = {"FREE": "Free", "TENTATIVE": "Tentative", "BUSY": "Busy", "OOF": "OOF", "WORKINGELSEWHERE": "WorkingElsewhere"}
_CLASS = {"PRIVATE": "Private", "CONFIDENTIAL": "Confidential"}
_ROLES = {"OPT-PARTICIPANT": "OptionalAttendees", "NON-PARTICIPANT": "Resources"}
# `/freeassociation.sourceforge.net/Europe/Berlin`: a vendor's name before the zone's, of which the library would warn.
_VENDOR = re.compile(rb'(TZID[=:]"?)/[^/:;"\r\n]+/(?:\d{8}_\d+/|Tzfile/)?')
_BY_IANA = {zone.iana: zone.id for zone in reversed(ZONES)}


def event_from_calendar(content: bytes) -> tuple[Item, list[Occurrence], list[datetime]] | None:
    """The first event with its exceptions; None for what is no calendar, or holds no event."""
    try:
        events: list[Any] = list(Calendar.from_ical(_VENDOR.sub(rb"\1", content)).walk("VEVENT"))
        return _event(events) if events else None
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
    ):  # what hostile calendars make the library raise
        return None


def _event(events: list[Any]) -> tuple[Item, list[Occurrence], list[datetime]]:
    master = next((event for event in events if "RECURRENCE-ID" not in event), events[0])
    item = Item("IPM.Appointment", "CalendarItem", _properties(master))
    changed = [
        Occurrence(_utc(event["RECURRENCE-ID"].dt), _differences(item.properties, _properties(event)))
        for event in events
        if event is not master and "RECURRENCE-ID" in event
    ]
    return item, changed, [_utc(each.dt) for dates in _many(master.get("EXDATE")) for each in dates.dts]


def _differences(of: dict[str, str], properties: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in properties.items() if of.get(name) != value}


def _properties(event: Any) -> dict[str, str]:
    start = event["DTSTART"].dt
    whole_day = not isinstance(start, datetime)
    found = {
        "Subject": escape(str(event.get("SUMMARY", ""))),
        "Start": stamp(_utc(start)),
        "End": stamp(_end(event, start)),
        "IsAllDayEvent": boolean(whole_day),
        "Sensitivity": _CLASS.get(str(event.get("CLASS", "")).upper(), "Normal"),
        "Importance": _importance(event),
        "LegacyFreeBusyStatus": _busy(event),
        "IsResponseRequested": boolean(any(_asks(attendee) for attendee in _many(event.get("ATTENDEE")))),
        **_texts(event),
        **_zone(event, start),
        **_people(event),
        **_reminder(event),
    }
    if rule := event.get("RRULE"):
        found["Recurrence"] = recurrence_of(rule, start.date() if isinstance(start, datetime) else start)
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        found["IsCancelled"] = "true"
    if words := [word for each in _many(event.get("CATEGORIES")) for word in each.cats]:
        found["Categories"] = "".join(element("String", escape(str(word))) for word in words)
    return found


def _texts(event: Any) -> dict[str, str]:
    found = {
        name: escape(str(event[key])) for name, key in (("UID", "UID"), ("Location", "LOCATION")) if event.get(key)
    }
    html = event.get("X-ALT-DESC")
    if html:
        found |= {"Body": escape(str(html)), "Body@BodyType": "HTML"}
    elif "DESCRIPTION" in event:
        found |= {"Body": escape(str(event["DESCRIPTION"])), "Body@BodyType": "Text"}
    if link := event.get("X-MICROSOFT-SKYPETEAMSMEETINGURL"):
        found |= {"JoinOnlineMeetingUrl": escape(str(link)), "IsOnlineMeeting": "true"}
    if intended := _BUSY.get(str(event.get("X-MICROSOFT-CDO-INTENDEDSTATUS", "")).upper()):
        found["IntendedFreeBusyStatus"] = intended  # of meeting mail alone: the schema knows it for nothing else
    if "DTSTAMP" in event:
        found["DateTimeStamp"] = stamp(_utc(event["DTSTAMP"].dt))
    if "SEQUENCE" in event:
        found["AppointmentSequenceNumber"] = str(int(event["SEQUENCE"]))
    return found


def _asks(attendee: Any) -> bool:
    return str(attendee.params.get("RSVP", "")).upper() == "TRUE"


def _end(event: Any, start: date) -> datetime:
    if "DTEND" in event:
        return _utc(event["DTEND"].dt)
    if "DURATION" in event:
        return _utc(start) + timedelta(seconds=event["DURATION"].dt.total_seconds())
    return _utc(start) + (timedelta() if isinstance(start, datetime) else timedelta(days=1))


def _utc(when: date) -> datetime:
    """A day begins at its midnight in UTC, for nobody says where."""
    if not isinstance(when, datetime):
        return datetime.combine(when, time(), UTC)
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _zone(event: Any, start: date) -> dict[str, str]:
    name = str(event["DTSTART"].params.get("TZID", "")) or ("UTC" if isinstance(start, datetime) else "")
    name = _BY_IANA.get(name, name)
    if not name or zone_named(name) is None:
        return {}
    return {
        f"{end}TimeZone{rest}": value for end in ("Start", "End") for rest, value in (("", ""), ("@Id", escape(name)))
    }


def _importance(event: Any) -> str:
    priority = int(event.get("PRIORITY", 5) or 5)
    return "High" if priority < 5 else "Low" if priority > 5 else "Normal"


def _busy(event: Any) -> str:
    said = _BUSY.get(str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper())
    return said or ("Free" if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" else "Busy")


def _people(event: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    if organizer := event.get("ORGANIZER"):
        found["Organizer"] = _box(organizer)
    for attendee in _many(event.get("ATTENDEE")):
        name = _ROLES.get(str(attendee.params.get("ROLE", "")).upper(), "RequiredAttendees")
        answer = _ANSWERS.get(str(attendee.params.get("PARTSTAT", "")).upper(), "Unknown")
        found[name] = found.get(name, "") + element("Attendee", _box(attendee) + element("ResponseType", answer))
    return found


def _box(address: Any) -> str:
    plain = str(address)
    return mailbox_xml(str(address.params.get("CN", "")), plain[7:] if plain.lower().startswith("mailto:") else plain)


def _reminder(event: Any) -> dict[str, str]:
    for alarm in event.walk("VALARM"):
        trigger = alarm["TRIGGER"].dt if "TRIGGER" in alarm else None
        if isinstance(trigger, timedelta):
            minutes = max(0, -int(trigger.total_seconds()) // 60)
            return {"ReminderIsSet": "true", "ReminderMinutesBeforeStart": str(minutes)}
    return {"ReminderIsSet": "false"}


def _many(value: Any) -> Iterable[Any]:
    """What stands once is itself, what stands more often a list."""
    return () if value is None else value if isinstance(value, list) else (value,)
