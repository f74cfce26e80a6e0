"""What Exchange reckons of an event when it shows it: kind of item, occurrences, length, time zones, the owner's part in it.

CalendarItemType      Single · RecurringMaster · Occurrence · Exception
FirstOccurrence …     of a master: each with an id of its own, its times and its original start
ModifiedOccurrences   what differs from the series; DeletedOccurrences: original starts
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from mailkeep.simulator.ews.composing import people
from mailkeep.simulator.ews.markup import boolean, element, escape, stamp, text_of
from mailkeep.simulator.ews.view import View, item_id_xml, stored
from mailkeep.simulator.exchange.recurrence import read_recurrence
from mailkeep.simulator.exchange.series import Instance, is_recurring, span_of, zone_of
from mailkeep.simulator.exchange.zones import windows_zone

_LOOKED_AT_MAX = 5_000  # instances of one series: nobody lives to see the end of an endless daily one
_MEETING, _RECEIVED, _CANCELLED = 1, 2, 4  # PidLidAppointmentStateFlags


def _item_type(view: View) -> str:
    item = view.item
    if "CalendarItemType" in item.properties:
        return stored(item.properties, "CalendarItemType")
    return element("CalendarItemType", "RecurringMaster" if is_recurring(item) else "Single")


def _is_recurring(view: View) -> str:
    item = view.item
    if item.element != "CalendarItem":  # a task, or mail about a meeting
        return element("IsRecurring", boolean(bool(item.properties.get("Recurrence"))))
    return element("IsRecurring", boolean(is_recurring(item) or item.occurrence is not None))


def _is_meeting(view: View) -> str:
    return element("IsMeeting", boolean(_meets(view)))


def _meets(view: View) -> bool:
    properties = view.item.properties
    if "IsMeeting" in properties:
        return properties["IsMeeting"] == "true"
    return any(properties.get(name) for name in ("RequiredAttendees", "OptionalAttendees", "Resources"))


def _organises(view: View) -> bool:
    """Whether the mailbox's owner called the meeting. An event without organiser is one's own."""
    boxes = people(view.item.properties.get("Organizer", ""))
    return not boxes or boxes[0][1].lower() in (view.mailbox.address.lower(), *map(str.lower, view.mailbox.aliases))


def _is_organizer(view: View) -> str:
    return element("IsOrganizer", boolean(_organises(view)))


def _organizer(view: View) -> str:
    if "Organizer" in view.item.properties:
        return stored(view.item.properties, "Organizer")
    box = view.mailbox
    inner = f"<t:Name>{escape(box.name)}</t:Name><t:EmailAddress>{escape(box.address)}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>"
    return element("Organizer", f"<t:Mailbox>{inner}<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>")


def _my_response(view: View) -> str:
    if "MyResponseType" in view.item.properties:
        return stored(view.item.properties, "MyResponseType")
    return element("MyResponseType", "Organizer" if _organises(view) else "NoResponseReceived")


def _state(view: View) -> str:
    if "AppointmentState" in view.item.properties:
        return stored(view.item.properties, "AppointmentState")
    if not _meets(view):
        return element("AppointmentState", "0")
    cancelled = view.item.properties.get("IsCancelled") == "true"
    return element("AppointmentState", str(_MEETING + _RECEIVED * (not _organises(view)) + _CANCELLED * cancelled))


def _duration(view: View) -> str:
    span = span_of(view.item)
    return "" if span is None else element("Duration", duration_text(span[1] - span[0]))


def duration_text(length: timedelta) -> str:
    """xs:duration as Exchange writes it: PT30M, PT1H30M, P1D."""
    minutes = int(length.total_seconds()) // 60
    days, rest = divmod(max(minutes, 0), 24 * 60)
    hours, minutes = divmod(rest, 60)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes or not (hours or days) else "")
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _zone_name(name: str) -> str:
    zone = windows_zone(text_of(name))
    return zone.name if zone else text_of(name)


def _time_zone(view: View) -> str:
    name = view.item.properties.get("StartTimeZone@Id", "UTC")
    return element("TimeZone", escape(_zone_name(name)))


def _zone(name: str) -> Callable[[View], str]:
    """`StartTimeZone` by id and the name people read; an event that names no zone is in UTC."""

    def of(view: View) -> str:
        properties = view.item.properties
        zone = properties.get(f"{name}@Id") or properties.get("StartTimeZone@Id", "UTC")
        shown = properties.get(f"{name}@Name") or escape(_zone_name(zone))
        return element(name, properties.get(name, ""), f' Id="{zone}" Name="{shown}"')

    return of


def _zone_id(name: str, of: str) -> Callable[[View], str]:
    return lambda view: element(
        name, view.item.properties.get(f"{of}@Id") or view.item.properties.get("StartTimeZone@Id", "UTC")
    )


def _wall_clock(name: str, place: int) -> Callable[[View], str]:
    """Start or end as a clock on the wall there shows it."""

    def of(view: View) -> str:
        span = span_of(view.item)
        if span is None:
            return ""
        return element(name, span[place].astimezone(zone_of(view.item)).isoformat())

    return of


def _reminder_due(view: View) -> str:
    if "ReminderDueBy" in view.item.properties:
        return stored(view.item.properties, "ReminderDueBy")
    start = view.item.properties.get("Start") if view.item.element == "CalendarItem" else None
    return element("ReminderDueBy", start) if start else ""


def _occurrence(view: View, name: str, instance: Instance) -> str:
    inner = (
        item_id_xml(replace(view.item, occurrence=instance.original_start))
        + element("Start", stamp(instance.start))
        + element("End", stamp(instance.end))
        + element("OriginalStart", stamp(instance.original_start))
    )
    return element(name, inner)


def _instances(view: View) -> Iterable[Instance]:
    for count, instance in enumerate(view.mailbox.instances(view.item)):
        if count == _LOOKED_AT_MAX:
            return
        yield instance


def _first(view: View) -> str:
    if not is_recurring(view.item):
        return ""
    first = next((each for each in _instances(view) if not each.deleted), None)
    return _occurrence(view, "FirstOccurrence", first) if first else ""


def _last(view: View) -> str:
    if not is_recurring(view.item):
        return ""
    rule = read_recurrence(view.item.properties["Recurrence"])
    if rule is None or (rule.end is None and rule.times is None):
        return ""  # an endless series has no last one
    last = None
    for each in _instances(view):
        last = last if each.deleted else each
    return _occurrence(view, "LastOccurrence", last) if last else ""


def _modified(view: View) -> str:
    changed = view.occurrences[0] if is_recurring(view.item) else []
    if not changed:
        return ""
    last = max(each.original_start for each in changed)
    found = []
    for instance in _instances(view):
        if instance.original_start > last:
            break
        if instance.changed is not None:
            found.append(_occurrence(view, "Occurrence", instance))
    return element("ModifiedOccurrences", "".join(found)) if found else ""


def _deleted(view: View) -> str:
    gone = view.occurrences[1] if is_recurring(view.item) else []
    inner = "".join(element("DeletedOccurrence", element("Start", stamp(each))) for each in gone)
    return element("DeletedOccurrences", inner) if inner else ""


COMPUTED: dict[str, Callable[[View], str]] = {
    "CalendarItemType": _item_type,
    "IsRecurring": _is_recurring,
    "IsMeeting": _is_meeting,
    "IsOrganizer": _is_organizer,
    "Organizer": _organizer,
    "MyResponseType": _my_response,
    "AppointmentState": _state,
    "Duration": _duration,
    "TimeZone": _time_zone,
    "StartTimeZone": _zone("StartTimeZone"),
    "EndTimeZone": _zone("EndTimeZone"),
    "StartTimeZoneId": _zone_id("StartTimeZoneId", "StartTimeZone"),
    "EndTimeZoneId": _zone_id("EndTimeZoneId", "EndTimeZone"),
    "StartWallClock": _wall_clock("StartWallClock", 0),
    "EndWallClock": _wall_clock("EndWallClock", 1),
    "ReminderDueBy": _reminder_due,
    "FirstOccurrence": _first,
    "LastOccurrence": _last,
    "ModifiedOccurrences": _modified,
    "DeletedOccurrences": _deleted,
}
