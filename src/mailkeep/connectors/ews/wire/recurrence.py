"""A recurrence in plain words: "every 2 weeks on Monday and Thursday, from 2026-03-02 until 2026-06-30".

Source of the patterns and ranges: [MS-OXWSCDATA] RecurrenceType, TaskRecurrenceType.
"""

from __future__ import annotations

from lxml import etree

from mailkeep.connectors.ews.wire.names import T

_DAYS = {
    "Day": "day",
    "Weekday": "weekday",
    "WeekendDay": "weekend day",
}
_UNITS = {"Daily": "day", "Weekly": "week", "Monthly": "month", "Yearly": "year"}


def in_words(recurrence: etree._Element | None) -> str:
    """ "" where there is none, or none that we know."""
    if recurrence is None:
        return ""
    pattern = times = ""
    for child in recurrence:
        name = etree.QName(child).localname
        if name.endswith(("Recurrence", "Regeneration")) and name not in _RANGES:
            pattern = _pattern(name, child)
        elif name in _RANGES:
            times = _range(name, child)
    return pattern + times if pattern else ""


def _pattern(name: str, held: etree._Element) -> str:
    every = _every(name, _text(held, "Interval"))
    days = _and([_DAYS.get(day, day) for day in _text(held, "DaysOfWeek").split()])
    month, day, index = _text(held, "Month"), _text(held, "DayOfMonth"), _text(held, "DayOfWeekIndex").lower()
    if name.endswith("Regeneration"):
        return f"{every} after the last one is completed"
    if name == "WeeklyRecurrence":
        return f"{every} on {days}" if days else every
    if name == "AbsoluteMonthlyRecurrence":
        return f"{every} on day {day}"
    if name == "RelativeMonthlyRecurrence":
        return f"{every} on the {index} {days}"
    if name == "AbsoluteYearlyRecurrence":
        return f"every year on {month} {day}"
    if name == "RelativeYearlyRecurrence":
        return f"every year on the {index} {days} of {month}"
    return every


def _every(name: str, interval: str) -> str:
    unit = next((word for start, word in _UNITS.items() if start in name), "time")
    return f"every {interval} {unit}s" if interval not in ("", "1") else f"every {unit}"


_RANGES = frozenset({"NoEndRecurrence", "EndDateRecurrence", "NumberedRecurrence"})


def _range(name: str, held: etree._Element) -> str:
    start = _text(held, "StartDate")[:10]
    since = f", from {start}" if start else ""
    if name == "EndDateRecurrence":
        return f"{since} until {_text(held, 'EndDate')[:10]}"
    if name == "NumberedRecurrence":
        return f"{since}, {_text(held, 'NumberOfOccurrences')} times"
    return since


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _text(element: etree._Element, name: str) -> str:
    return (element.findtext(f"{T}{name}") or "").strip()
