"""When a series happens: the patterns and ranges of EWS's Recurrence, as dates.

    <t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>
    <t:NumberedRecurrence><t:StartDate>2026-01-05</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences>…
        → 2026-01-05, 2026-01-19, 2026-02-02

A day of the month that a month hasn't falls on its last day, as Exchange does. Pure; knows neither clocks nor zones.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, islice

from lxml import etree

_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GROUPS = {"Day": frozenset(range(7)), "Weekday": frozenset(range(5)), "WeekendDay": frozenset({5, 6})}
_INDEX = {"First": 0, "Second": 1, "Third": 2, "Fourth": 3, "Last": -1}
_LAST_YEAR = 4500  # Exchange's own end of time
_PATTERN = re.compile(r"(Recurrence|Regeneration)$")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """`pattern` and its settings by EWS's names; `end` and `times` None where the range sets no such bound."""

    pattern: str  # "WeeklyRecurrence"
    settings: dict[str, str]
    start: date
    end: date | None = None
    times: int | None = None

    @property
    def interval(self) -> int:
        return max(1, int(self.settings.get("Interval", "1")))


def read_recurrence(inner: str) -> Recurrence | None:
    """From the inner XML of a Recurrence element with the prefix `t:`; None for what is none."""
    if not inner.strip():
        return None
    root = etree.fromstring(
        f'<r xmlns:t="{_TYPES}">{inner}</r>', etree.XMLParser(resolve_entities=False, no_network=True)
    )
    pattern = bounds = None
    for child in root:
        name = etree.QName(child).localname
        values = {etree.QName(each).localname: (each.text or "").strip() for each in child}
        if "StartDate" in values:
            bounds = values
        elif _PATTERN.search(name):
            pattern = (name, values)
    if pattern is None or bounds is None:
        return None
    end, times = bounds.get("EndDate"), bounds.get("NumberOfOccurrences")
    return Recurrence(
        *pattern,
        start=_date(bounds["StartDate"]),
        end=None if end is None else _date(end),
        times=None if times is None else int(times),
    )


def _date(text: str) -> date:
    """An xs:date, whose zone (if any) says nothing that the item's own zone doesn't."""
    return date.fromisoformat(text[:10])


def dates(rule: Recurrence) -> Iterator[date]:
    """The days on which it happens, in order; endless where the rule is (to the year 4500)."""
    within = (day for day in _candidates(rule) if day >= rule.start)
    for day in islice(within, rule.times):
        if rule.end is not None and day > rule.end:
            return
        yield day


def _candidates(rule: Recurrence) -> Iterator[date]:
    """What the pattern alone gives, from the start's own week, month or year on."""
    match rule.pattern:
        case "DailyRecurrence" | "DailyRegeneration" | "WeeklyRegeneration":
            step = rule.interval * (7 if rule.pattern == "WeeklyRegeneration" else 1)
            return _daily(rule.start, step)
        case "WeeklyRecurrence":
            return _weekly(rule)
        case "AbsoluteMonthlyRecurrence" | "MonthlyRegeneration":
            day = int(rule.settings.get("DayOfMonth", rule.start.day))
            return (_clamped(year, month, day) for year, month in _months(rule, rule.interval))
        case "RelativeMonthlyRecurrence":
            return (_relative(year, month, rule.settings) for year, month in _months(rule, rule.interval))
        case "AbsoluteYearlyRecurrence" | "YearlyRegeneration":
            day = int(rule.settings.get("DayOfMonth", rule.start.day))
            return (_clamped(year, _month(rule), day) for year in _years(rule))
        case "RelativeYearlyRecurrence":
            return (_relative(year, _month(rule), rule.settings) for year in _years(rule))
    raise ValueError(f"no pattern of recurrence: {rule.pattern}")


def _daily(start: date, step: int) -> Iterator[date]:
    day = start
    while day.year < _LAST_YEAR:
        yield day
        day += timedelta(days=step)


def _weekly(rule: Recurrence) -> Iterator[date]:
    wanted = _days(rule.settings.get("DaysOfWeek", _WEEK[rule.start.weekday()]))
    first = _WEEK.index(rule.settings.get("FirstDayOfWeek") or "Sunday")
    week = rule.start - timedelta(days=(rule.start.weekday() - first) % 7)
    while week.year < _LAST_YEAR:
        for offset in range(7):
            day = week + timedelta(days=offset)
            if day.weekday() in wanted:
                yield day
        week += timedelta(weeks=rule.interval)


def _months(rule: Recurrence, interval: int) -> Iterator[tuple[int, int]]:
    for number in count(rule.start.year * 12 + rule.start.month - 1, interval):
        if number // 12 >= _LAST_YEAR:
            return
        yield number // 12, number % 12 + 1


def _years(rule: Recurrence) -> Iterator[int]:
    return iter(range(rule.start.year, _LAST_YEAR, rule.interval))


def _month(rule: Recurrence) -> int:
    name = rule.settings.get("Month", "")
    return list(calendar.month_name).index(name) if name else rule.start.month


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _relative(year: int, month: int, settings: dict[str, str]) -> date:
    """The first, second … or last of some weekdays in a month."""
    wanted = _days(settings.get("DaysOfWeek", "Day"))
    fitting = [day for day in _days_of(year, month) if day.weekday() in wanted]
    return fitting[_INDEX[settings.get("DayOfWeekIndex", "First")]]


def _days_of(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _days(text: str) -> frozenset[int]:
    """ "Monday Friday" → {0, 4}; "Weekday" → Monday to Friday."""
    return frozenset().union(*(_GROUPS[name] if name in _GROUPS else {_WEEK.index(name)} for name in text.split()))
