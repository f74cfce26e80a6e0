"""The rows in memory, with a clock that the test moves: the reference that simulations run on.

Not a database: one thread, and `turn` keeps what was done even if the turn fails half-way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from mailkeep.dispatch.ports import Due, Held, Lane, Owner, Silent
from mailkeep.tasks.options import TaskOptions

_NAMES = UUID(int=0)


@dataclass
class Connection:
    slots: int = 8
    paused_until: datetime | None = None
    pause_reason: str = ""


@dataclass
class Task:
    name: str
    connection: int
    options: TaskOptions = field(default_factory=TaskOptions)
    active: bool = True
    deleting: bool = False
    revision: int = 1


@dataclass
class Mailbox:
    uid: UUID
    connection: int
    owner: int | None = None
    paused_until: datetime | None = None
    interrupted: int = 0  # in a row
    interrupted_at: datetime | None = None


@dataclass
class Membership:
    task: int
    mailbox: int
    next_slot: datetime | None = None
    asked_at: datetime | None = None
    present: bool = True
    code: str = ""
    message: str = ""
    hint: str = ""
    result_at: datetime | None = None


@dataclass
class Lease:
    token: UUID
    mailbox: int
    task: int
    revision: int
    membership: int
    taken_at: datetime
    sign_of_life: datetime
    started: bool = False


class MemoryRows:
    """`Rows` and `Leases`. `queue` holds the tokens of jobs that wait, oldest first; a worker of the test takes them
    from it.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.locked = False  # another dispatcher is at it
        self.connections: dict[int, Connection] = {}
        self.tasks: dict[int, Task] = {}
        self.mailboxes: dict[int, Mailbox] = {}
        self.memberships: dict[int, Membership] = {}
        self.leases: dict[int, Lease] = {}  # by mailbox
        self.queue: list[UUID] = []
        self.fetched: list[UUID] = []  # taken from the queue by a living worker that has not begun yet

    def add_mailbox(self, connection: int) -> int:
        number = len(self.mailboxes) + 1
        self.mailboxes[number] = Mailbox(uuid5(_NAMES, str(number)), connection)
        return number

    def join(self, task: int, mailbox: int) -> int:
        number = len(self.memberships) + 1
        self.memberships[number] = Membership(task, mailbox)
        return number

    # --- Rows ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def turn(self) -> Iterator[datetime | None]:
        yield None if self.locked else self.now

    def silent(self, before: datetime) -> list[Silent]:
        waiting = {*self.queue, *self.fetched}
        quiet = [x for x in self.leases.values() if x.sign_of_life < before and x.token not in waiting]
        quiet.sort(key=lambda lease: lease.sign_of_life)
        return [Silent(x.token, x.mailbox, x.task, self.mailboxes[x.mailbox].interrupted + 1) for x in quiet]

    def take_back(self, lease: Silent, due_at: datetime, now: datetime) -> None:
        found = self._lease(lease.token)
        if found is None:
            return
        mailbox = self.mailboxes[found.mailbox]
        mailbox.interrupted, mailbox.interrupted_at = mailbox.interrupted + 1, now
        self.memberships[found.membership].next_slot = due_at
        del self.leases[found.mailbox]

    def remove_deleted(self) -> int:
        busy = {lease.task for lease in self.leases.values()}
        gone = [number for number, task in self.tasks.items() if task.deleting and number not in busy]
        for number in gone:
            del self.tasks[number]
        self.memberships = {n: m for n, m in self.memberships.items() if m.task not in gone}
        for mailbox in self.mailboxes.values():
            mailbox.owner = None if mailbox.owner in gone else mailbox.owner
        return len(gone)

    def waiting(self) -> int:
        return sum(not lease.started for lease in self.leases.values())

    def lanes(self, now: datetime) -> list[Lane]:
        held = [self.mailboxes[number].connection for number in self.leases]
        lanes = [
            Lane(number, connection.slots - held.count(number))
            for number, connection in self.connections.items()
            if connection.paused_until is None or connection.paused_until <= now
        ]
        return [lane for lane in lanes if lane.free > 0 and self.due(lane.connection, now, 1)]

    def due(self, connection: int, now: datetime, limit: int) -> list[Due]:
        rows = [(n, m) for n, m in self.memberships.items() if self._is_due(m, connection, now)]
        earliest = datetime.min.replace(tzinfo=now.tzinfo)
        rows.sort(key=lambda row: (row[1].asked_at is None, row[1].next_slot or earliest))
        return [self._as_due(number, membership) for number, membership in rows[:limit]]

    def take(self, due: Due, token: UUID, next_slot: datetime, now: datetime) -> None:
        if due.mailbox in self.leases:
            raise ValueError("the mailbox is leased")  # a database has a unique constraint here
        self.mailboxes[due.mailbox].owner = due.task
        self._settle(due, next_slot)
        self.leases[due.mailbox] = Lease(token, due.mailbox, due.task, due.revision, due.membership, now, now)
        self.queue.append(token)

    def postpone(self, due: Due, until: datetime) -> None:
        self._settle(due, until)

    def refuse(self, due: Due, code: str, message: str, hint: str, next_slot: datetime, now: datetime) -> None:
        self._settle(due, next_slot)
        membership = self.memberships[due.membership]
        membership.code, membership.message, membership.hint, membership.result_at = code, message, hint, now

    def pause_connection(self, connection: int, until: datetime, reason: str) -> None:
        row = self.connections[connection]
        if row.paused_until is None or row.paused_until < until:
            row.paused_until, row.pause_reason = until, reason

    def pause_mailbox(self, mailbox: int, until: datetime) -> None:
        row = self.mailboxes[mailbox]
        row.paused_until = until if row.paused_until is None else max(row.paused_until, until)

    # --- Leases -------------------------------------------------------------------------------------------------------

    def begin(self, token: UUID) -> Held | None:
        self.fetched = [one for one in self.fetched if one != token]
        lease = self._lease(token)
        if lease is None or lease.started:
            return None
        lease.started, lease.sign_of_life = True, self.now
        mailbox = self.mailboxes[lease.mailbox]
        return Held(token, 0, lease.mailbox, mailbox.uid, lease.task, lease.revision, mailbox.connection)

    def alive(self, token: UUID) -> bool:
        lease = self._lease(token)
        if lease is not None:
            lease.sign_of_life = self.now
        return lease is not None

    def end(self, token: UUID) -> bool:
        lease = self._lease(token)
        if lease is None:
            return False
        self.mailboxes[lease.mailbox].interrupted = 0
        del self.leases[lease.mailbox]
        return True

    # --- inside -------------------------------------------------------------------------------------------------------

    def _lease(self, token: UUID) -> Lease | None:
        return next((lease for lease in self.leases.values() if lease.token == token), None)

    def _settle(self, due: Due, next_slot: datetime) -> None:
        membership = self.memberships[due.membership]
        membership.next_slot, membership.asked_at = next_slot, None

    def _is_due(self, membership: Membership, connection: int, now: datetime) -> bool:
        task, mailbox = self.tasks[membership.task], self.mailboxes[membership.mailbox]
        come = membership.asked_at is not None or membership.next_slot is None or membership.next_slot <= now
        paused = mailbox.paused_until is not None and mailbox.paused_until > now
        willing = membership.present and task.active and not task.deleting and mailbox.connection == connection
        return willing and come and not paused and not (membership.mailbox in self.leases and self._own(membership))

    def _own(self, membership: Membership) -> bool:
        """No other task owns the mailbox."""
        return self.mailboxes[membership.mailbox].owner in (None, membership.task)

    def _as_due(self, number: int, membership: Membership) -> Due:
        mailbox, task = self.mailboxes[membership.mailbox], self.tasks[membership.task]
        return Due(
            membership=number,
            mailbox=membership.mailbox,
            mailbox_uid=mailbox.uid,
            task=membership.task,
            revision=task.revision,
            options=task.options,
            connection=mailbox.connection,
            owner=self._owner(membership.mailbox),
            asked=membership.asked_at is not None,
            leased=membership.mailbox in self.leases,
        )

    def _owner(self, mailbox: int) -> Owner | None:
        number = self.mailboxes[mailbox].owner
        if number is None or number not in self.tasks:
            return None
        task = self.tasks[number]
        member = any(m.present for m in self.memberships.values() if (m.task, m.mailbox) == (number, mailbox))
        return Owner(number, task.name, task.active and not task.deleting and member)
