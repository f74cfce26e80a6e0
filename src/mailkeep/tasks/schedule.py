"""When a mailbox is synchronised (SPEC A16, A10).

Each mailbox has `slots_per_day` slots, evenly spaced over the UTC day, at an offset that its id decides: 100,000
mailboxes make an even load without anybody planning it, and a restart changes nothing. For six slots a day

    period 4 h        offset of 3f0a… = 1 h 17 min        slots 01:17  05:17  09:17  13:17  17:17  21:17

A slot inside a *do not synchronise* window is missed; however many are missed, they are made up once, after the window,
spread over a quarter of a period so that not everybody starts in the minute it ends. The same spread serves after a
downtime. All times are UTC.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from mailkeep.tasks.exclusions import WEEK, open_at
from mailkeep.tasks.options import TaskOptions

_DAY = timedelta(days=1)


def slots(mailbox: UUID, slots_per_day: int, day: date) -> list[datetime]:
    """The mailbox's slots of a UTC day, windows not considered."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    period = _DAY / slots_per_day
    first = midnight + _share(mailbox, "slot") * period
    return [first + number * period for number in range(slots_per_day)]


def next_slot(mailbox: UUID, options: TaskOptions, after: datetime) -> datetime:
    """The next time later than `after` at which the mailbox is due: an open slot, or the making up of missed ones."""
    made_up: datetime | None = None
    for slot in _slots_from(mailbox, options.slots_per_day, after):
        opens = open_at(options, slot)
        if opens == slot:
            return slot if made_up is None else min(slot, made_up)
        made_up = made_up or _spread_from(mailbox, options, opens)
        if slot - after > WEEK:
            break
    return made_up or open_at(options, after + WEEK)


def blocked_until(options: TaskOptions, now: datetime) -> datetime | None:
    """The end of the window in which nothing of this task may start now; None: go ahead."""
    opens = open_at(options, now)
    return opens if opens > now else None


def catch_up(mailbox: UUID, options: TaskOptions, resumed: datetime) -> datetime:
    """When a mailbox is due whose slots passed while nothing was running: spread from the moment scheduling came back.

    However many slots passed, this is one run. Never later than the mailbox's next open slot.
    """
    return min(_spread_from(mailbox, options, open_at(options, resumed)), next_slot(mailbox, options, resumed))


def _slots_from(mailbox: UUID, slots_per_day: int, after: datetime) -> list[datetime]:
    """The slots later than `after`, of nine days: every day of a week, and an edge on both sides."""
    today = after.astimezone(UTC).date()
    days = (today + timedelta(days=number) for number in range(9))
    return [slot for day in days for slot in slots(mailbox, slots_per_day, day) if slot > after]


def _spread_from(mailbox: UUID, options: TaskOptions, opens: datetime) -> datetime:
    """The mailbox's own time in the quarter period from `opens` on; where a further window is on then, its end."""
    quarter = _DAY / options.slots_per_day / 4
    return open_at(options, opens + _share(mailbox, "catch-up") * quarter)


def _share(mailbox: UUID, purpose: str) -> float:
    """A number in [0, 1), always the same for a mailbox, evenly spread over mailboxes, independent between purposes."""
    digest = hashlib.sha256(f"{purpose} {mailbox.hex}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
