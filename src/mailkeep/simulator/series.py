"""What comes back: every second Tuesday, the last Friday of the month, every year on the 5th of November.

    Repeats("week", every=2, weekdays=(1,))                            every second Tuesday
    Repeats("month", weekdays=(4,), week=-1, count=12)                 the last Friday of a month, twelve times
    Repeats("year", until=date(2030, 1, 1))                            on the first one's day and month

Days are local dates: a meeting at nine stays at nine when the clocks change.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Repeats:
    """`weekdays`: 0 Monday … 6 Sunday; `week`: which of a month's, 1 to 4, -1 the last, 0: by the day of the month.

    At most one of `count` and `until` (inclusive) is set; none: without end.
    """

    unit: str  # "day" "week" "month" "year"
    every: int = 1
    weekdays: tuple[int, ...] = ()
    week: int = 0
    count: int | None = None
    until: date | None = None


def days(repeats: Repeats, first: date) -> Iterator[date]:
    """The days of the series, `first` among them. Endless where the series is."""
    found = 0
    for day in _candidates(repeats, first):
        if (repeats.until and day > repeats.until) or found == repeats.count:
            return
        if day >= first:
            found += 1
            yield day


def _candidates(repeats: Repeats, first: date) -> Iterator[date]:
    number = 0
    while True:
        yield from _in_period(repeats, first, number * repeats.every)
        number += 1


def _in_period(repeats: Repeats, first: date, number: int) -> Iterator[date]:
    """The series' days in period `number` (day, week, month, year) after the first one's."""
    if repeats.unit == "day":
        yield first + timedelta(days=number)
    elif repeats.unit == "week":
        monday = first - timedelta(days=first.weekday()) + timedelta(weeks=number)
        yield from (monday + timedelta(days=day) for day in sorted(repeats.weekdays))
    elif repeats.unit == "month":
        yield _in_month(repeats, first, first.year * 12 + first.month - 1 + number)
    else:
        last = calendar.monthrange(first.year + number, first.month)[1]
        yield date(first.year + number, first.month, min(first.day, last))


def _in_month(repeats: Repeats, first: date, months: int) -> date:
    year, month = divmod(months, 12)
    length = calendar.monthrange(year, month + 1)[1]
    if not repeats.week:
        return date(year, month + 1, min(first.day, length))
    fitting = [date(year, month + 1, day) for day in range(1, length + 1)]
    fitting = [day for day in fitting if day.weekday() in repeats.weekdays]
    return fitting[repeats.week if repeats.week < 0 else repeats.week - 1]
