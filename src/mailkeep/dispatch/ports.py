"""The rows that dispatching needs. `Rows` is the dispatcher's side, `Leases` the worker's.

One lease per mailbox at most. A lease's token is new each time; every write of a run names it, and zero rows changed
mean that somebody else holds the mailbox now: stop at once, write nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mailkeep.tasks.options import TaskOptions


@dataclass(frozen=True, slots=True)
class Owner:
    """The task that owns a mailbox. `holds`: it is active, not being deleted, and the mailbox is a present member of
    it.
    """

    task: int
    name: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A present membership of an active task that is due: its slot has come (or it has none yet), or somebody asked."""

    membership: int
    mailbox: int
    mailbox_uid: UUID
    task: int
    revision: int  # the task's newest
    options: TaskOptions  # of that revision
    connection: int
    owner: Owner | None
    asked: bool = False  # Synchronise now
    override: bool = False  # … even inside a window
    leased: bool = False  # a run of the mailbox is under way


@dataclass(frozen=True, slots=True)
class Lane:
    """A connection that may start something now: `free` of its slots are not held by a lease."""

    connection: int
    free: int


@dataclass(frozen=True, slots=True)
class Silent:
    """A lease without a sign of life. `interrupted`: how many runs of this mailbox in a row, this one included, ended
    so.
    """

    token: UUID
    mailbox: int
    task: int
    interrupted: int = 1


class Rows(Protocol):
    """The dispatcher's side. Every method but `turn` and the pauses is called inside a turn."""

    def turn(self) -> AbstractContextManager[datetime | None]:
        """One transaction under the dispatcher's advisory lock. Yields the database's time; None: another dispatcher
        is at it.

        A database connection that has broken since the last turn is replaced first. A dispatcher that freezes in
        mid-turn must not hold the lock for ever: the transaction ends itself when it is idle for some seconds
        (`idle_in_transaction_session_timeout`). What was done is committed at the end, together with the jobs queued;
        an exception undoes all of it.
        """
        ...

    def silent(self, before: datetime) -> Sequence[Silent]:
        """Leases whose last sign of life (taking them is the first) is older than `before` and whose job isn't
        waiting in the queue.

        A job that still waits is no reason to worry: it holds its place, and the workers are busy. (Procrastinate's
        `queueing_lock` is the token, so this is one indexed look.) Oldest first, at most a few hundred.
        """
        ...

    def take_back(self, lease: Silent, due_at: datetime, now: datetime) -> None:
        """Delete the lease; its run ends as result "warning", code "interrupted"; its membership is due at `due_at`.

        The membership's own last result stands. No error if the lease's worker has finished meanwhile.
        """
        ...

    def remove_deleted(self) -> int:
        """Delete the tasks being deleted that hold no lease any more; how many. What they archived stays."""
        ...

    def waiting(self) -> int:
        """Leases that no worker has begun with."""
        ...

    def lanes(self, now: datetime) -> Sequence[Lane]:
        """Connections that are not paused at `now`, have a free slot, and have something due."""
        ...

    def due(self, connection: int, now: datetime, limit: int) -> Sequence[Due]:
        """Those asked for first, then by slot, the oldest first, none before all others.

        Left away, so that they fill no turn: mailboxes paused at `now`; tasks that are stopped or being deleted;
        leased mailboxes, unless another task owns them (that is worth a word, see `refuse`). Task rows are
        share-locked: a stop or delete that has committed is seen, one that comes later waits for the end of the turn.
        """
        ...

    def take(self, due: Due, token: UUID, next_slot: datetime, now: datetime) -> None:
        """Lease, live run row, owner (this task), next slot, no longer asked; and the job queued, in the same
        transaction.
        """
        ...

    def postpone(self, due: Due, until: datetime) -> None:
        """Due again at `until`, and no longer asked for."""
        ...

    def refuse(self, due: Due, code: str, message: str, hint: str, next_slot: datetime, now: datetime) -> None:
        """The membership's result becomes a warning; due again at `next_slot`, no longer asked for.

        `result_since` stays when the code is the one it had.
        """
        ...

    def pause_connection(self, connection: int, until: datetime, reason: str) -> None:
        """Nothing of the connection starts before `until`. A later moment that is set already stays."""
        ...

    def pause_mailbox(self, mailbox: int, until: datetime) -> None:
        """The mailbox does not start before `until`. A later moment that is set already stays."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker that begins with a lease needs to know."""

    token: UUID
    run: int
    mailbox: int
    mailbox_uid: UUID
    task: int
    revision: int
    connection: int


class Leases(Protocol):
    """The worker's side. Each call is a transaction of its own, by the database's clock."""

    def begin(self, token: UUID) -> Held | None:
        """The run begins: the lease counts as started. None: the lease is gone, or has begun already (a job delivered
        twice).
        """
        ...

    def alive(self, token: UUID) -> bool:
        """A sign of life. False: no longer ours."""
        ...

    def end(self, token: UUID) -> bool:
        """The lease is over. False: no longer ours. A task being deleted goes with its last lease
        (`Rows.remove_deleted`).
        """
        ...
