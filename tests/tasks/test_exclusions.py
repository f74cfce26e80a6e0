"""SPEC A10: windows in a region's time, past midnight, across both clock changes; RELIABILITY "time is handled"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mailkeep.errors import GiveUp
from mailkeep.tasks.exclusion_text import exclusion_from
from mailkeep.tasks.exclusions import check_exclusion, check_exclusions, covers, open_at
from mailkeep.tasks.options import Effect, Exclusion, TaskOptions

MINUTE = timedelta(minutes=1)
# Whole, half and quarter hours; both hemispheres; changes at midnight, by half an hour; negative summer time; none.
REGIONS = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
    "Africa/Casablanca",
    "Europe/Dublin",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Tokyo",
    "UTC",
    "Asia/Beirut",
    "America/Asuncion",
    "Antarctica/Troll",
]
ZONED = st.sampled_from(REGIONS)
EXCLUSIONS = st.builds(
    Exclusion,
    day=st.one_of(st.none(), st.integers(0, 6)),
    start=st.integers(0, 1439),
    end=st.integers(0, 1440),
    region=ZONED,
    effect=st.just(Effect.SYNC),
).filter(lambda e: e.start != e.end)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive by contract


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        ("Mon 09:00-17:00 Europe/Berlin", "2026-11-23 08:00", True),  # 09:00 in winter
        ("Mon 09:00-17:00 Europe/Berlin", "2026-11-23 07:59:59", False),
        ("Mon 09:00-17:00 Europe/Berlin", "2026-11-23 15:59:59", True),
        ("Mon 09:00-17:00 Europe/Berlin", "2026-11-23 16:00", False),  # To is outside
        ("Mon 09:00-17:00 Europe/Berlin", "2026-07-20 07:00", True),  # 09:00 in summer
        ("Mon 09:00-17:00 Europe/Berlin", "2026-11-24 09:00", False),
        ("Mon 09:00-17:00 Asia/Tokyo", "2026-11-23 00:30", True),
        ("Mon 22:00-06:00 UTC", "2026-11-23 23:00", True),
        ("Mon 22:00-06:00 UTC", "2026-11-24 05:59", True),  # Tuesday morning belongs to Monday
        ("Mon 22:00-06:00 UTC", "2026-11-23 05:59", False),  # Monday morning belongs to Sunday
        ("Sun 22:00-06:00 UTC", "2026-11-23 05:59", True),  # over the week's edge
        ("Mon 22:00-00:00 UTC", "2026-11-23 23:59", True),
        ("Mon 22:00-00:00 UTC", "2026-11-24 00:00", False),
        ("All 00:00-24:00 UTC", "2026-02-28 23:59", True),
        ("Sun 00:00-24:00 UTC", "2026-11-22 00:00", True),
        ("Sun 00:00-24:00 UTC", "2026-11-23 00:00", False),
        ("All 22:00-06:00 UTC", "2026-11-23 21:59", False),
        ("Thu 00:00-24:00 UTC", "2024-02-29 12:00", True),  # leap day
        # Clocks forward in Berlin, 2027-03-28 01:00 UTC: 02:00 … 03:00 do not exist.
        ("Sun 02:00-03:00 Europe/Berlin", "2027-03-28 00:59:59", False),
        ("Sun 02:00-03:00 Europe/Berlin", "2027-03-28 01:00", False),
        ("Sun 02:30-03:30 Europe/Berlin", "2027-03-28 01:00", True),  # its start does not exist: from 03:00
        ("Sun 02:30-03:30 Europe/Berlin", "2027-03-28 01:30", False),
        ("Sun 01:30-02:30 Europe/Berlin", "2027-03-28 00:45", True),
        ("Sun 01:30-02:30 Europe/Berlin", "2027-03-28 01:00", False),  # its end does not exist: until the change
        # Clocks back in Berlin, 2026-10-25 01:00 UTC: 02:00 … 03:00 exist twice.
        ("Sun 02:00-03:00 Europe/Berlin", "2026-10-25 00:00", True),
        ("Sun 02:00-03:00 Europe/Berlin", "2026-10-25 01:59", True),
        ("Sun 02:00-03:00 Europe/Berlin", "2026-10-25 02:00", False),
        ("Sun 01:00-02:30 Europe/Berlin", "2026-10-25 00:45", False),  # 02:45 the first time
        ("Sun 01:00-02:30 Europe/Berlin", "2026-10-25 01:15", True),  # 02:15 the second time
        # A day that never was: Apia had no 2011-12-30.
        ("Fri 00:00-24:00 Pacific/Apia", "2011-12-30 10:30", False),
    ],
)
def test_a10_covers(window: str, moment: str, inside: bool) -> None:
    assert covers(exclusion_from(window), utc(moment)) is inside


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_a_broken_date_at_the_calendars_edge_is_judged(moment: datetime) -> None:
    assert covers(exclusion_from("All 00:00-24:00 Pacific/Kiritimati"), moment)
    assert covers(exclusion_from("All 00:00-24:00 Pacific/Pago_Pago"), moment)


def brute_force(exclusion: Exclusion, moment: datetime) -> bool:
    """The oracle: is the wall clock's minute of the week one that the window lists?"""
    length = (exclusion.end - exclusion.start) % 1440 or 1440
    days = range(7) if exclusion.day is None else [exclusion.day]
    listed = {(day * 1440 + exclusion.start + n) % 10080 for day in days for n in range(length)}
    local = moment.astimezone(ZoneInfo(exclusion.region))
    return local.weekday() * 1440 + local.hour * 60 + local.minute in listed


@given(EXCLUSIONS, MOMENTS)
def test_a10_covers_equals_the_oracle(exclusion: Exclusion, moment: datetime) -> None:
    assert covers(exclusion, moment) is brute_force(exclusion, moment)


@given(EXCLUSIONS)
@settings(max_examples=25, deadline=None)
def test_a10_a_week_without_clock_changes_has_exactly_the_windows_minutes(exclusion: Exclusion) -> None:
    week = datetime(2026, 6, 8, tzinfo=UTC)  # no zone of ours changes its clocks around then
    length = (exclusion.end - exclusion.start) % 1440 or 1440
    expected = length * (7 if exclusion.day is None else 1)
    assert sum(covers(exclusion, week + n * MINUTE) for n in range(10080)) == expected


@pytest.mark.parametrize(
    ("week", "minutes"), [("2027-03-22", 23 * 60), ("2026-10-19", 25 * 60), ("2026-11-23", 24 * 60)]
)
def test_a10_a_whole_day_is_as_long_as_the_day_is(week: str, minutes: int) -> None:
    sunday = exclusion_from("Sun 00:00-24:00 Europe/Berlin")
    start = utc(week + " 00:00")
    assert sum(covers(sunday, start + n * MINUTE) for n in range(7 * 1440)) == minutes


@pytest.mark.parametrize(
    ("windows", "now", "opens"),
    [
        (["Mon 09:00-17:00 Europe/Berlin sync"], "2026-11-23 12:00", "2026-11-23 16:00"),
        (["Mon 09:00-17:00 Europe/Berlin sync"], "2026-11-23 16:00", "2026-11-23 16:00"),
        (["Mon 09:00-17:00 Europe/Berlin items"], "2026-11-23 12:00", "2026-11-23 12:00"),
        (["Fri 22:00-06:00 UTC sync"], "2026-11-27 23:15:30", "2026-11-28 06:00"),
        (["Fri 22:00-06:00 UTC sync"], "2026-11-28 05:15", "2026-11-28 06:00"),
        (["Sat 00:00-24:00 UTC sync", "Sun 00:00-24:00 UTC sync"], "2026-11-28 03:00", "2026-11-30 00:00"),
        (["Mon 09:00-12:00 UTC sync", "Mon 11:00-14:00 UTC sync"], "2026-11-23 09:30", "2026-11-23 14:00"),
        (["Mon 09:00-12:00 UTC sync", "Mon 13:00-17:00 Europe/Berlin sync"], "2026-11-23 09:30", "2026-11-23 16:00"),
        # Forward: 01:30 until 02:30, which does not exist; open from the change on.
        (["Sun 01:30-02:30 Europe/Berlin sync"], "2027-03-28 00:45", "2027-03-28 01:00"),
        # Back: until 02:30 the first time …
        (["Sun 01:30-02:30 Europe/Berlin sync"], "2026-10-25 00:15", "2026-10-25 00:30"),
        # … and again until 02:30 the second time.
        (["Sun 01:30-02:30 Europe/Berlin sync"], "2026-10-25 01:00", "2026-10-25 01:30"),
        # Through the repeated hour, to 03:30.
        (["Sun 01:30-03:30 Europe/Berlin sync"], "2026-10-25 00:15", "2026-10-25 02:30"),
        # To 03:00, which comes only after 02:00 came twice.
        (["Sun 01:30-03:00 Europe/Berlin sync"], "2026-10-25 00:15", "2026-10-25 02:00"),
    ],
)
def test_a10_open_at(windows: list[str], now: str, opens: str) -> None:
    options = TaskOptions(exclusions=tuple(exclusion_from(window) for window in windows))
    assert open_at(options, utc(now)) == utc(opens)


@given(st.lists(EXCLUSIONS, max_size=3), MOMENTS)
@example([Exclusion(6, 0, 1440, "Europe/Berlin", Effect.SYNC)], datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
@settings(deadline=None)
def test_a10_open_at_is_the_first_uncovered_minute(exclusions: list[Exclusion], moment: datetime) -> None:
    now = moment.replace(second=0, microsecond=0)
    options = TaskOptions(exclusions=tuple(exclusions))
    assume(_never_open(exclusions) is False)
    minutes = (now + n * MINUTE for n in range(10080))
    first = next((m for m in minutes if not any(brute_force_fast(e, m) for e in exclusions)), now + timedelta(days=7))
    assert open_at(options, now) == first


def brute_force_fast(exclusion: Exclusion, moment: datetime) -> bool:
    """The oracle by arithmetic: how long ago did the window last start on the wall clock?"""
    local = moment.astimezone(ZoneInfo(exclusion.region))
    minute_of_week = local.weekday() * 1440 + local.hour * 60 + local.minute
    length = (exclusion.end - exclusion.start) % 1440 or 1440
    days = range(7) if exclusion.day is None else [exclusion.day]
    return any((minute_of_week - day * 1440 - exclusion.start) % 10080 < length for day in days)


def _never_open(exclusions: list[Exclusion]) -> bool:
    try:
        check_exclusions(exclusions)
    except GiveUp as error:
        return error.code == "never_open"
    return False


@pytest.mark.parametrize(
    "exclusion",
    [
        Exclusion(0, 540, 540, "UTC"),
        Exclusion(0, 0, 0, "UTC"),
        Exclusion(7, 0, 10, "UTC"),
        Exclusion(-1, 0, 10, "UTC"),
        Exclusion(0, 1440, 10, "UTC"),
        Exclusion(0, -1, 10, "UTC"),
        Exclusion(0, 0, 1441, "UTC"),
        Exclusion(0, 0, 10, ""),
        Exclusion(0, 0, 10, "Europe/Atlantis"),
        Exclusion(0, 0, 10, "../../etc/passwd"),
        Exclusion(0, 0, 10, "localtime"),
    ],
)
def test_a10_what_is_no_window_is_refused(exclusion: Exclusion) -> None:
    with pytest.raises(GiveUp) as raised:
        check_exclusion(exclusion)
    assert raised.value.code == "bad_exclusion"
    assert raised.value.hint


@pytest.mark.parametrize(
    "windows",
    [
        ["All 00:00-24:00 UTC"],
        ["All 00:00-12:00 UTC", "All 12:00-24:00 UTC"],
        ["All 06:00-05:00 Asia/Tokyo", "All 04:00-07:00 Asia/Tokyo"],
        [f"{day} 00:00-24:00 Europe/Berlin" for day in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]],
        ["All 00:00-12:00 Asia/Tokyo", "All 03:00-15:00 UTC"],  # Tokyo's night is UTC's afternoon
        ["All 00:00-12:00 UTC", "All 13:00-01:00 Europe/Berlin"],  # in winter only, yet then for months
    ],
)
def test_a10_sync_windows_over_the_whole_week_are_refused(windows: list[str]) -> None:
    with pytest.raises(GiveUp) as raised:
        check_exclusions([exclusion_from(window + " sync") for window in windows])
    assert raised.value.code == "never_open"
    check_exclusions([exclusion_from(window + " items") for window in windows])


def test_a10_a_minute_a_week_is_enough() -> None:
    days = [f"{day} 00:00-24:00 UTC sync" for day in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]]
    check_exclusions([exclusion_from(text) for text in [*days, "Sun 00:00-23:59 UTC sync"]])
