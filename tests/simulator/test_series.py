"""What comes back, against dateutil's reading of the same rule (RFC 5545)."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.simulator.series import Repeats, days

FREQUENCIES = {"day": DAILY, "week": WEEKLY, "month": MONTHLY, "year": YEARLY}
WEEKDAYS = st.frozensets(st.integers(0, 6), min_size=1, max_size=3).map(lambda found: tuple(sorted(found)))
FIRST = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def by_rule(repeats: Repeats, first: date, **more: object) -> list[date]:
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - dates only
    rule = rrule(FREQUENCIES[repeats.unit], dtstart=start, interval=repeats.every, count=40, wkst=0, **more)
    return [moment.date() for moment in rule]


@given(FIRST, st.integers(1, 9))
def test_days(first: date, every: int) -> None:
    repeats = Repeats("day", every)
    assert list(islice(days(repeats, first), 40)) == by_rule(repeats, first)


@given(FIRST, st.integers(1, 4), WEEKDAYS)
def test_weeks(first: date, every: int, on: tuple[int, ...]) -> None:
    repeats = Repeats("week", every, on)
    assert list(islice(days(repeats, first), 40)) == by_rule(repeats, first, byweekday=on)


@given(FIRST, st.integers(1, 4), st.integers(0, 6), st.sampled_from([1, 2, 3, 4, -1]))
def test_a_weekday_of_the_month(first: date, every: int, on: int, week: int) -> None:
    repeats = Repeats("month", every, (on,), week)
    assert list(islice(days(repeats, first), 40)) == by_rule(repeats, first, byweekday=weekday(on, week))


@given(FIRST.filter(lambda day: day.day <= 28), st.sampled_from(["month", "year"]))
def test_the_same_day_of_the_month_or_the_year(first: date, unit: str) -> None:
    repeats = Repeats(unit)
    assert list(islice(days(repeats, first), 40)) == by_rule(repeats, first)


def test_an_end() -> None:
    first = date(2026, 11, 23)
    assert len(list(days(Repeats("day", count=5), first))) == 5
    assert list(days(Repeats("day", until=date(2026, 11, 25)), first))[-1] == date(2026, 11, 25)


def test_the_31st_where_there_is_none() -> None:
    """Exchange takes the month's last day, where RFC 5545 leaves the month out."""
    assert list(islice(days(Repeats("month"), date(2026, 1, 31)), 3)) == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
    ]
