"""Exclusions: weekly windows in a region's local time (SPEC A10). Pure; the clock is an argument.

**The wall clock decides.** A moment is inside a window when a clock on the wall in that region shows a time inside it:

    window Sun 02:00-03:00 Europe/Berlin
    clocks forward, 2027-03-28    02:00 … 03:00 do not exist: nothing is covered
    clocks back,    2026-10-25    02:00 … 03:00 exist twice:  both hours are covered
    any other Sunday              one hour

which is what somebody expects who sorts mail by the time it shows. A window whose `start` is after its `end` runs past
midnight and belongs to the day it starts on: `Fri 22:00-06:00` covers Saturday until six, not Friday before six.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from mailkeep.errors import GiveUp
from mailkeep.tasks.options import Effect, Exclusion, TaskOptions

DAY_MINUTES = 1440
WEEK = timedelta(days=7)
_REFERENCE_YEAR = datetime(
    2026, 1, 1, tzinfo=UTC
)  # any year: it only says how regions lie to one another, summer and winter
_NOT_REGIONS = frozenset({"Factory", "localtime", "posixrules"})


@cache
def regions() -> frozenset[str]:
    """Every IANA time zone this machine knows."""
    return frozenset(available_timezones()) - _NOT_REGIONS


def check_exclusion(exclusion: Exclusion) -> None:
    """Raises `GiveUp('bad_exclusion')` for a window that is none."""
    if exclusion.day is not None and not 0 <= exclusion.day <= 6:
        raise GiveUp(
            "bad_exclusion", f"there is no day {exclusion.day}", "a day is 0 (Monday) to 6 (Sunday), or all days"
        )
    if not 0 <= exclusion.start < DAY_MINUTES or not 0 <= exclusion.end <= DAY_MINUTES:
        raise GiveUp(
            "bad_exclusion", "From and To must lie within a day", "From is 00:00 to 23:59, To is 00:00 to 24:00"
        )
    if exclusion.start == exclusion.end:
        raise GiveUp("bad_exclusion", "From and To are the same time", "for the whole day use 00:00 to 24:00")
    if exclusion.region not in regions():
        hint = "choose an IANA time zone, like Europe/Berlin or UTC"
        raise GiveUp("bad_exclusion", f"there is no region {exclusion.region!r}", hint)


def check_exclusions(exclusions: Iterable[Exclusion]) -> None:
    """Each by itself, and together: a task whose sync windows leave no time in some week would never run.

    Raises `GiveUp` with `bad_exclusion` or `never_open`.
    """
    windows = tuple(exclusions)
    for exclusion in windows:
        check_exclusion(exclusion)
    closing = _closing(windows)
    # Windows of several regions shift against one another with the seasons, so every week of a year is tried.
    if closing and any(_opening(closing, _REFERENCE_YEAR + n * WEEK) is None for n in range(53)):
        hint = "leave some time of the week in which mailboxes may be synchronised"
        raise GiveUp("never_open", "these exclusions cover the whole week: the task could never synchronise", hint)


def covers(exclusion: Exclusion, moment: datetime) -> bool:
    """Whether an aware moment lies inside the window. From is inside, To is not."""
    local = _local(exclusion, moment)
    minute, day = local.hour * 60 + local.minute, local.weekday()
    if exclusion.start < exclusion.end:
        return exclusion.start <= minute < exclusion.end and exclusion.day in (None, day)
    if minute >= exclusion.start:
        return exclusion.day in (None, day)
    return minute < exclusion.end and exclusion.day in (None, (day - 1) % 7)


def excluding(options: TaskOptions, moment: datetime) -> Exclusion | None:
    """The first exclusion that leaves out an item of that moment."""
    items = (e for e in options.exclusions if e.effect is Effect.ITEMS)
    return next((e for e in items if covers(e, moment)), None)


def open_at(options: TaskOptions, now: datetime) -> datetime:
    """The first moment at or after `now` at which a synchronisation may start; `now` itself when no window is on.

    Where the windows leave no time within a week (refused at creation, yet a zone's rules may change), a week from now.
    """
    return _opening(_closing(options.exclusions), now.astimezone(UTC)) or now + WEEK


def _closing(exclusions: Iterable[Exclusion]) -> tuple[Exclusion, ...]:
    return tuple(e for e in exclusions if e.effect is Effect.SYNC)


def _opening(windows: tuple[Exclusion, ...], now: datetime) -> datetime | None:
    """The first moment in [now, now + a week) that no window covers."""
    moment = now
    while moment < now + WEEK:
        window = next((w for w in windows if covers(w, moment)), None)
        if window is None:
            return moment
        moment = _end(window, moment)
    return None


def _end(window: Exclusion, moment: datetime) -> datetime:
    """Up to where the window, which covers `moment`, covers without a break: its end, or an earlier clock change."""
    local = _local(window, moment)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = 1 if window.start > window.end and local.hour * 60 + local.minute >= window.start else 0
    left = midnight + timedelta(days=days, minutes=window.end) - local.replace(tzinfo=None)
    end = (moment + left).astimezone(UTC)
    return _clock_change(ZoneInfo(window.region), moment.astimezone(UTC), end) or end


def _clock_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The moment in (start, end], at most a day apart, from which the zone's offset is another; None where it stays."""
    before = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == before:
        return None
    low, high = 0, int((end - start).total_seconds()) + 1  # clock changes fall on whole seconds of UTC
    base = start.replace(microsecond=0)
    while high - low > 1:
        middle = (low + high) // 2
        same = (base + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if same else (low, middle)
    return base + timedelta(seconds=high)


def _local(exclusion: Exclusion, moment: datetime) -> datetime:
    try:
        return moment.astimezone(ZoneInfo(exclusion.region))
    except OverflowError:  # the first or last day of the calendar: a broken date in a mail, good enough in UTC
        return moment.astimezone(UTC)
