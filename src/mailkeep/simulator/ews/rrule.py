"""EWS's Recurrence ↔ RFC 5545's RRULE.

    <t:RelativeMonthlyRecurrence> Interval 1, DaysOfWeek Tuesday, DayOfWeekIndex Second
        ↔ FREQ=MONTHLY;INTERVAL=1;BYDAY=2TU

The range's StartDate is no part of a rule: it is the day of DTSTART. Regenerating patterns (tasks) have no rule.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime
from typing import Any

from mailkeep.simulator.ews.markup import element
from mailkeep.simulator.exchange.recurrence import Recurrence, read_recurrence

_DAYS = {
    "Monday": "MO",
    "Tuesday": "TU",
    "Wednesday": "WE",
    "Thursday": "TH",
    "Friday": "FR",
    "Saturday": "SA",
    "Sunday": "SU",
}
_GROUPS = {"Day": list(_DAYS), "Weekday": list(_DAYS)[:5], "WeekendDay": list(_DAYS)[5:]}
_WEEKS = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}
_NAMES = {code: name for name, code in _DAYS.items()}
_MONTHS = list(calendar.month_name)


def rule_of(inner: str) -> str:
    """The RRULE of a Recurrence's inner XML. Raises `ValueError` for what has none."""
    found = read_recurrence(inner)
    if found is None:
        raise ValueError("no recurrence")
    rule = _pattern(found)
    if found.times is not None:
        rule["COUNT"] = str(found.times)
    elif found.end is not None:
        rule["UNTIL"] = f"{found.end:%Y%m%d}T235959Z"
    return ";".join(f"{name}={value}" for name, value in rule.items())


def _pattern(found: Recurrence) -> dict[str, str]:
    settings = found.settings
    rule = {"INTERVAL": str(found.interval)}
    match found.pattern:
        case "DailyRecurrence":
            return {"FREQ": "DAILY", **rule}
        case "WeeklyRecurrence":
            first = _DAYS[settings.get("FirstDayOfWeek") or "Sunday"]
            return {"FREQ": "WEEKLY", **rule, "BYDAY": ",".join(_codes(settings["DaysOfWeek"])), "WKST": first}
        case "AbsoluteMonthlyRecurrence":
            return {"FREQ": "MONTHLY", **rule, "BYMONTHDAY": settings["DayOfMonth"]}
        case "RelativeMonthlyRecurrence":
            return {"FREQ": "MONTHLY", **rule, **_nth(settings)}
        case "AbsoluteYearlyRecurrence":
            month = str(_MONTHS.index(settings["Month"]))
            return {"FREQ": "YEARLY", **rule, "BYMONTHDAY": settings["DayOfMonth"], "BYMONTH": month}
        case "RelativeYearlyRecurrence":
            return {"FREQ": "YEARLY", **rule, **_nth(settings), "BYMONTH": str(_MONTHS.index(settings["Month"]))}
    raise ValueError(f"a pattern that iCalendar cannot say: {found.pattern}")


def _codes(names: str) -> list[str]:
    return [_DAYS[day] for name in names.split() for day in _GROUPS.get(name, [name])]


def _nth(settings: dict[str, str]) -> dict[str, str]:
    week = _WEEKS[settings["DayOfWeekIndex"]]
    codes = _codes(settings["DaysOfWeek"])
    if len(codes) == 1:
        return {"BYDAY": f"{week}{codes[0]}"}
    return {"BYDAY": ",".join(codes), "BYSETPOS": str(week)}


def recurrence_of(rule: dict[str, list[Any]], start: date) -> str:
    """The inner XML of the Recurrence that a parsed RRULE says. Raises `ValueError` for one that Exchange has no word for."""
    interval = element("Interval", str(rule.get("INTERVAL", [1])[0]))
    pattern = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}.get(str(rule["FREQ"][0]))
    if pattern is None:
        raise ValueError(f"a frequency that Exchange has no pattern for: {rule['FREQ'][0]}")
    return pattern(rule, start, interval) + _range(rule, start)


def _range(rule: dict[str, list[Any]], start: date) -> str:
    first = element("StartDate", start.isoformat())
    if "COUNT" in rule:
        return element("NumberedRecurrence", first + element("NumberOfOccurrences", str(rule["COUNT"][0])))
    if "UNTIL" in rule:
        until = rule["UNTIL"][0]
        day = until.date() if isinstance(until, datetime) else until
        return element("EndDateRecurrence", first + element("EndDate", day.isoformat()))
    return element("NoEndRecurrence", first)


def _daily(_rule: dict[str, list[Any]], _start: date, interval: str) -> str:
    return element("DailyRecurrence", interval)


def _weekly(rule: dict[str, list[Any]], start: date, interval: str) -> str:
    codes = [str(code)[-2:] for code in rule.get("BYDAY", [])] or [list(_NAMES)[start.weekday()]]
    days = element("DaysOfWeek", " ".join(_NAMES[code] for code in codes))
    first = element("FirstDayOfWeek", _NAMES[str(rule.get("WKST", ["MO"])[0])])
    return element("WeeklyRecurrence", interval + days + first)


def _monthly(rule: dict[str, list[Any]], start: date, interval: str) -> str:
    if "BYDAY" in rule:
        return element("RelativeMonthlyRecurrence", interval + _relative(rule))
    day = rule.get("BYMONTHDAY", [start.day])[0]
    return element("AbsoluteMonthlyRecurrence", interval + element("DayOfMonth", str(_day(day))))


def _yearly(rule: dict[str, list[Any]], start: date, _interval: str) -> str:
    month = element("Month", _MONTHS[int(rule.get("BYMONTH", [start.month])[0])])
    if "BYDAY" in rule:
        return element("RelativeYearlyRecurrence", _relative(rule) + month)
    day = rule.get("BYMONTHDAY", [start.day])[0]
    return element("AbsoluteYearlyRecurrence", element("DayOfMonth", str(_day(day))) + month)


def _day(day: int) -> int:
    """The last day of a month is its 31st, as Exchange says it."""
    return 31 if int(day) < 0 else int(day)


def _relative(rule: dict[str, list[Any]]) -> str:
    codes = [str(code) for code in rule["BYDAY"]]
    number = codes[0][:-2].lstrip("+") or str(rule.get("BYSETPOS", [1])[0])
    week = next((name for name, place in _WEEKS.items() if str(place) == number), None)
    if week is None:
        raise ValueError(f"a week that Exchange has no word for: {number}")
    names = [_NAMES[code[-2:]] for code in codes]
    shown = next((group for group, days in _GROUPS.items() if sorted(days) == sorted(names)), names[0])
    return element("DaysOfWeek", shown) + element("DayOfWeekIndex", week)
