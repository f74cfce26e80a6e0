"""SPEC A16: stable even slots, missed ones made up, catching up spread."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.tasks.exclusion_text import exclusion_from
from mailkeep.tasks.exclusions import open_at
from mailkeep.tasks.options import TaskOptions
from mailkeep.tasks.schedule import blocked_until, catch_up, next_slot, slots

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAILBOX = UUID("3f0a0000000000000000000000000001")
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive by contract
OFFICE_HOURS = TaskOptions(exclusions=(exclusion_from("All 08:00-18:00 Europe/Berlin sync"),))
WINDOWS = st.sampled_from(
    [
        (),
        OFFICE_HOURS.exclusions,
        (exclusion_from("Sat 00:00-24:00 Asia/Tokyo sync"), exclusion_from("Sun 00:00-24:00 Asia/Tokyo sync")),
        tuple(exclusion_from(f"{day} 00:00-24:00 UTC sync") for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat")),
        (exclusion_from("All 00:10-00:00 UTC sync"),),
    ]
)


@given(st.uuids(), st.integers(1, 96))
def test_a16_slots_are_even_stable_and_within_the_day(mailbox: UUID, count: int) -> None:
    of_day = slots(mailbox, count, DAY)
    assert len(of_day) == count
    assert of_day == slots(mailbox, count, DAY)
    assert all(slot.date() == DAY for slot in of_day)
    gaps = {b - a for a, b in zip(of_day, of_day[1:] + slots(mailbox, count, DAY + timedelta(days=1))[:1], strict=True)}
    assert max(gaps) - min(gaps) <= timedelta(milliseconds=1)


def test_a16_the_load_is_even() -> None:
    per_minute = Counter(
        slots(UUID(int=n), 6, DAY)[0].hour * 60 + slots(UUID(int=n), 6, DAY)[0].minute for n in range(24_000)
    )
    assert len(per_minute) == 240, "every minute of the four hours has its share"
    assert max(per_minute.values()) < 160, "100 are expected; six standard deviations above"


@given(st.uuids(), st.integers(1, 96), MOMENTS)
def test_a16_without_windows_the_next_slot_is_the_first_later_one(mailbox: UUID, count: int, after: datetime) -> None:
    slot = next_slot(mailbox, TaskOptions(slots_per_day=count), after)
    assert after < slot <= after + timedelta(days=1) / count + timedelta(milliseconds=1)
    assert slot in slots(mailbox, count, slot.date())


@given(st.uuids(), st.integers(1, 24), WINDOWS, MOMENTS)
@settings(deadline=None)
def test_a10_the_next_slot_is_later_and_open(mailbox: UUID, count: int, windows: tuple, after: datetime) -> None:  # type: ignore[type-arg]
    options = TaskOptions(exclusions=windows, slots_per_day=count)
    slot = next_slot(mailbox, options, after)
    assert after < slot <= after + timedelta(days=8)
    assert open_at(options, slot) == slot


@given(st.uuids(), MOMENTS)
@settings(deadline=None)
def test_a10_a_missed_slot_is_made_up_after_the_window(mailbox: UUID, after: datetime) -> None:
    due = next_slot(mailbox, OFFICE_HOURS, after)
    missed = [s for d in (0, 1) for s in slots(mailbox, 6, after.date() + timedelta(days=d)) if after < s < due]
    if missed:
        opens = open_at(OFFICE_HOURS, missed[0])
        assert opens <= due <= opens + timedelta(hours=1), "within a quarter of the period"


def test_a10_after_a_window_not_everybody_starts_in_one_minute() -> None:
    starts = [next_slot(UUID(int=n), OFFICE_HOURS, NOON) for n in range(6_000)]
    opens = open_at(OFFICE_HOURS, NOON)
    assert max(Counter(int((start - opens).total_seconds() // 60) for start in starts).values()) < 250


def test_a10_a_week_with_ten_open_minutes_still_has_its_run() -> None:
    options = TaskOptions(exclusions=(exclusion_from("All 00:10-00:00 UTC sync"),))
    for n in range(50):
        slot = next_slot(UUID(int=n), options, NOON)
        assert (slot.hour, slot.minute < 10) == (0, True)


@pytest.mark.parametrize(("now", "until"), [(NOON, NOON.replace(hour=17)), (NOON.replace(hour=17), None)])
def test_a10_blocked_until(now: datetime, until: datetime | None) -> None:
    assert blocked_until(OFFICE_HOURS, now) == until


@given(st.uuids(), st.integers(1, 96), WINDOWS, MOMENTS)
@settings(deadline=None)
def test_a16_catching_up_after_a_downtime(mailbox: UUID, count: int, windows: tuple, resumed: datetime) -> None:  # type: ignore[type-arg]
    options = TaskOptions(exclusions=windows, slots_per_day=count)
    due = catch_up(mailbox, options, resumed)
    assert resumed <= due <= next_slot(mailbox, options, resumed)
    assert open_at(options, due) == due


def test_a16_catching_up_is_spread() -> None:
    due = Counter(int((catch_up(UUID(int=n), TaskOptions(), NOON) - NOON).total_seconds() // 60) for n in range(6_000))
    assert max(due.values()) < 250
    assert max(due) <= 60


@pytest.mark.parametrize("skew", [timedelta(days=-1), timedelta(days=1)])
def test_reliability_a_clock_that_was_a_day_off_only_moves_one_slot(skew: timedelta) -> None:
    assert next_slot(MAILBOX, TaskOptions(), NOON + skew) - skew == next_slot(MAILBOX, TaskOptions(), NOON)
