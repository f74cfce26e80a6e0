"""What to do with a due membership, and when a run that ended early comes back. Pure; times are aware and in UTC.

| the mailbox is …                                  | decision                                           |
|---------------------------------------------------|----------------------------------------------------|
| owned by another task that still holds it (A15)   | Refuse: a warning that names the owner, next slot  |
| free to take, but its run is still under way      | Leave: the next turn looks again                   |
| free to take, inside a *do not synchronise* window| Postpone to the window's end, spread (A10)         |
| free to take                                      | Start; ownership passes here if it must            |

Somebody who asked (Synchronise now) meets the same rules, the window too unless overridden; his mailbox then starts
at the window's very end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from mailkeep.dispatch.ports import Due, Owner
from mailkeep.tasks import schedule
from mailkeep.tasks.options import TaskOptions

OWNED_BY_OTHER_TASK = "owned_by_other_task"

# A run that its worker's death cut short comes back at once, as a rule. One that kills its worker each time must not
# take the others with it for ever: from the third time in a row it waits, ever longer.
INTERRUPTED_FREE = 2
INTERRUPTED_WAIT = timedelta(minutes=5)
INTERRUPTED_WAIT_MAX = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Start:
    next_slot: datetime


@dataclass(frozen=True, slots=True)
class Postpone:
    until: datetime


@dataclass(frozen=True, slots=True)
class Refuse:
    message: str
    hint: str
    next_slot: datetime


@dataclass(frozen=True, slots=True)
class Leave:
    pass


Decision = Start | Postpone | Refuse | Leave


def decide(due: Due, now: datetime) -> Decision:
    next_slot = schedule.next_slot(due.mailbox_uid, due.options, now)
    if due.owner is not None and due.owner.task != due.task and due.owner.holds:
        return _refuse(due.owner, next_slot)
    if due.leased:
        return Leave()
    opens = schedule.blocked_until(due.options, now)
    if opens is None or due.override:
        return Start(next_slot)
    return Postpone(opens if due.asked else next_slot)


def after_interruption(in_a_row: int, now: datetime) -> datetime:
    """When a mailbox is due again whose run was cut short for the `in_a_row`th time."""
    extra = in_a_row - INTERRUPTED_FREE
    if extra <= 0:
        return now
    return now + min(INTERRUPTED_WAIT * (1 << min(extra - 1, 10)), INTERRUPTED_WAIT_MAX)


def after_run(mailbox: UUID, options: TaskOptions, slot: datetime | None, now: datetime) -> datetime:
    """The next slot once a run has ended: the one that stands, or where the run outlasted it, the one after `now`."""
    return slot if slot is not None and slot > now else schedule.next_slot(mailbox, options, now)


def _refuse(owner: Owner, next_slot: datetime) -> Refuse:
    return Refuse(
        f"the task “{owner.name}” archives this mailbox already",
        f"nothing is missing; to archive it with this task, stop “{owner.name}” or take the mailbox out of its group",
        next_slot,
    )
