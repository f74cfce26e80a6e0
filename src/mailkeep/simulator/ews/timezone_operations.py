"""GetServerTimeZones: Windows' zones with their periods and transitions.

    W. Europe Standard Time: Periods  −60 min "Standard", −120 min "Daylight"
      TransitionsGroups 0: to Daylight on the last Sunday of March 02:00, to Standard on the last Sunday of October 03:00
      Transitions: the group 0 holds from the beginning

The rules are read from the IANA zone that each stands for, in the year of the organisation's clock: Windows, too, tells a
server's clients what holds now. A zone that changes its offset at no fixed weekday of a month is described by dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, M, answer, attempt, m, t
from mailkeep.simulator.ews.markup import true
from mailkeep.simulator.exchange.zones import ZONES, WindowsZone, windows_zone, zone_named

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STANDARD, _DAYLIGHT = "Standard", "Daylight"
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Switch:
    """When a year's clock changes: the wall clock just before, and the offset from then on."""

    at: datetime  # naive
    offset: timedelta


def get_server_time_zones(call: Call, request: etree._Element) -> Answer:
    def run() -> Sequence[etree._Element]:
        whole = true(request.get("ReturnFullTimeZoneData", "true"))
        year = call.organisation.clock().year
        return [m("TimeZoneDefinitions", None, *(_definition(zone, year, whole) for zone in _wanted(request)))]

    return answer("GetServerTimeZones", [attempt("GetServerTimeZones", run, empty="TimeZoneDefinitions")])


def _wanted(request: etree._Element) -> list[WindowsZone]:
    ids = request.find(f"{M}Ids")
    if ids is None:
        return list(ZONES)
    zones = [windows_zone((each.text or "").strip()) for each in ids]
    if any(zone is None for zone in zones):
        raise EwsError("ErrorTimeZone", "The time zone is not valid.")
    return [zone for zone in zones if zone is not None]


def _definition(zone: WindowsZone, year: int, whole: bool) -> etree._Element:
    if not whole:
        return t("TimeZoneDefinition", Id=zone.id, Name=zone.name)
    iana = zone_named(zone.id)
    if iana is None:
        raise EwsError("ErrorTimeZone", f"The server has no rules for {zone.id}.")
    return t("TimeZoneDefinition", None, *_rules(zone.id, iana, year), Id=zone.id, Name=zone.name)


def _rules(name: str, zone: ZoneInfo, year: int) -> Iterator[etree._Element]:
    """Periods, TransitionsGroups, Transitions."""
    switches = switches_of(zone, year)
    standard = _standard(zone, year)
    offsets = [standard, *(each.offset for each in switches if each.offset != standard)][:2]
    keys = {offset: _period_key(name, kind) for offset, kind in zip(offsets, (_STANDARD, _DAYLIGHT), strict=False)}
    yield t("Periods", None, *(_period(offset, key) for offset, key in keys.items()))
    changes = [_transition(zone, each, keys[each.offset], year) for each in switches] if len(switches) == 2 else []
    held = changes or [t("Transition", None, t("To", keys[standard], Kind="Period"))]
    yield t("TransitionsGroups", None, t("TransitionsGroup", None, *held, Id="0"))
    yield t("Transitions", None, t("Transition", None, t("To", "0", Kind="Group")))


def _standard(zone: ZoneInfo, year: int) -> timedelta:
    """The smaller offset of the year: the winter's, wherever winter is. (Ireland and Morocco say it the other way round.)"""
    return min(_offset(zone, datetime(year, month, 15, tzinfo=UTC)) for month in range(1, 13))


def _period_key(name: str, kind: str) -> str:
    return f"trule:Microsoft/Registry/{name}/1-{kind}"


def _period(offset: timedelta, key: str) -> etree._Element:
    kind = key.rpartition("-")[2]
    return t("Period", Bias=_duration(-offset), Name=kind, Id=key)


def _duration(span: timedelta) -> str:
    """An xs:duration to the minute: −60 minutes is -PT1H."""
    minutes = abs(span) // _MINUTE
    hours, minutes = divmod(minutes, 60)
    text = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes or not hours else "")
    return f"{'-' if span < timedelta() else ''}PT{text}"


@cache
def switches_of(zone: ZoneInfo, year: int) -> tuple[Switch, ...]:
    """The changes of a year, in order. Found by halving the day on which the offset changed."""
    found = []
    day = datetime(year, 1, 1, tzinfo=UTC)
    while day.year == year:
        following = day + timedelta(days=1)
        if _offset(zone, day) != _offset(zone, following):
            found.append(_switch(zone, day, following))
        day = following
    return tuple(found)


def _switch(zone: ZoneInfo, low: datetime, high: datetime) -> Switch:
    before = _offset(zone, low)
    while high - low > _MINUTE:
        middle = low + (high - low) // 2
        middle = middle.replace(second=0, microsecond=0)
        middle = middle if middle > low else low + _MINUTE
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return Switch((high + before).replace(tzinfo=None), _offset(zone, high))


def _offset(zone: ZoneInfo, when: datetime) -> timedelta:
    return when.astimezone(zone).utcoffset() or timedelta()


def _transition(zone: ZoneInfo, switch: Switch, key: str, year: int) -> etree._Element:
    occurrence = _occurrence(zone, switch, year)
    clock = timedelta(hours=switch.at.hour, minutes=switch.at.minute)
    to, offset, month = t("To", key, Kind="Period"), t("TimeOffset", _duration(clock)), t("Month", str(switch.at.month))
    if occurrence is None:
        return t("RecurringDateTransition", None, to, offset, month, t("Day", str(switch.at.day)))
    weekday = t("DayOfWeek", _DAYS[switch.at.weekday()])
    return t("RecurringDayTransition", None, to, offset, month, weekday, t("Occurrence", str(occurrence)))


def _occurrence(zone: ZoneInfo, switch: Switch, year: int) -> int | None:
    """Which such weekday of the month it is: 1 to 4, or −1 for the last; None where years don't agree.

    One year can't tell a fourth from a last Sunday: the nine around it do.
    """
    possible = {-1, 1, 2, 3, 4}
    for near in range(year - 4, year + 5):
        same = [
            each
            for each in switches_of(zone, near)
            if each.at.month == switch.at.month and each.offset == switch.offset
        ]
        if same and same[0].at.weekday() == switch.at.weekday():
            possible &= _ways(same[0].at)
        elif same:
            return None
    return min(possible, default=None)


def _ways(at: datetime) -> set[int]:
    ways = {(at.day - 1) // 7 + 1}
    return ways | {-1} if (at + timedelta(days=7)).month != at.month else ways


HANDLERS: dict[str, Handler] = {"GetServerTimeZones": get_server_time_zones}
