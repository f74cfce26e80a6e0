"""One turn of the dispatcher: take back what died, remove what is to go, admit what is due. In one transaction."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from mailkeep.dispatch.ports import Due, Rows
from mailkeep.dispatch.rules import OWNED_BY_OTHER_TASK, Leave, Postpone, Refuse, Start, after_interruption, decide

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """`silence`: a lease is taken back after this long without a sign of life; a run gives one every few seconds.

    `waiting_max` keeps the queue shallow: what waits in it can no longer be stopped, paused or reordered. `batch`
    bounds a turn, and so how long it holds its locks.
    """

    silence: timedelta = timedelta(seconds=30)
    waiting_max: int = 64
    batch: int = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did. `skipped`: another dispatcher was at it."""

    skipped: bool = False
    started: int = 0
    refused: int = 0
    postponed: int = 0
    taken_back: int = 0
    removed: int = 0

    @property
    def busy(self) -> bool:
        """There may be more to do at once: the turn did something."""
        return bool(self.started or self.refused or self.postponed or self.taken_back)


LIMITS = Limits()
SKIPPED = Turn(skipped=True)


def tick(rows: Rows, limits: Limits = LIMITS, new_token: Callable[[], UUID] = uuid4) -> Turn:
    """Raises what the rows raise; nothing of the turn has happened then."""
    with rows.turn() as now:
        if now is None:
            return SKIPPED
        taken_back = _sweep(rows, now, limits)
        removed = rows.remove_deleted()
        started, refused, postponed = _admit(rows, now, limits, new_token)
    return Turn(False, started, refused, postponed, taken_back, removed)


def _sweep(rows: Rows, now: datetime, limits: Limits) -> int:
    """Take back the leases of the dead: their mailboxes are due again, and the admission that follows decides about
    them as about any.
    """
    silent = rows.silent(now - limits.silence)
    for lease in silent:
        due_at = after_interruption(lease.interrupted, now)
        log.warning("mailbox %s: its run gives no sign of life, due again at %s", lease.mailbox, due_at)
        rows.take_back(lease, due_at, now)
    return len(silent)


def _admit(rows: Rows, now: datetime, limits: Limits, new_token: Callable[[], UUID]) -> tuple[int, int, int]:
    """(started, refused, postponed). The lanes take turns, so that no connection waits behind another's crowd."""
    room = max(0, limits.waiting_max - rows.waiting())
    lanes = rows.lanes(now) if room else []
    share = max(1, limits.batch // max(1, len(lanes)))
    started = refused = postponed = 0
    free = {lane.connection: lane.free for lane in lanes}
    # a mailbox of two tasks may be due for both: the first takes it, the next turn tells the other
    taken: set[int] = set()
    for due in _in_turns([rows.due(lane.connection, now, share) for lane in lanes]):
        match decide(due, now):
            case Refuse(message, hint, next_slot):
                rows.refuse(due, OWNED_BY_OTHER_TASK, message, hint, next_slot, now)
                refused += 1
            case Postpone(until):
                rows.postpone(due, until)
                postponed += 1
            case Start(next_slot) if room > started and free[due.connection] > 0 and due.mailbox not in taken:
                rows.take(due, new_token(), next_slot, now)
                taken.add(due.mailbox)
                free[due.connection] -= 1
                started += 1
            case Start() | Leave():
                pass
    return started, refused, postponed


def _in_turns(queues: Sequence[Sequence[Due]]) -> Iterator[Due]:
    """First of each, second of each, …"""
    for row in itertools.zip_longest(*queues):
        yield from (due for due in row if due is not None)
