"""Days of dispatching in seconds: many mailboxes, workers that are killed, freeze and come back, servers that say
429, people who stop, delete, change and ask. The rows watch every lease that is taken; the seed is in the test's
name.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from mailkeep.dispatch.memory import Connection, MemoryRows, Task
from mailkeep.dispatch.pauses import pause, paused_until
from mailkeep.dispatch.ports import Due, Held
from mailkeep.dispatch.tick import LIMITS, tick
from mailkeep.tasks import schedule
from mailkeep.tasks.options import Effect, Exclusion, TaskOptions

START = datetime(2026, 11, 22, 20, tzinfo=UTC)
STEP = timedelta(seconds=5)
WINDOW = TaskOptions(exclusions=(Exclusion(None, 23 * 60, 60, "Europe/Berlin", Effect.SYNC),))
SEEDS = range(int(os.environ.get("MAILKEEP_SEEDS", "4")))


class WatchedRows(MemoryRows):
    """Asserts, at each lease, all that SPEC A10, A13, A14, A15 and C4 ask of it."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.starts: list[tuple[datetime, int, int]] = []  # when, mailbox, task

    def take(self, due: Due, token: UUID, next_slot: datetime, now: datetime) -> None:
        task, mailbox, membership = self.tasks[due.task], self.mailboxes[due.mailbox], self.memberships[due.membership]
        connection = self.connections[mailbox.connection]
        assert task.active
        assert not task.deleting
        assert membership.present
        assert schedule.blocked_until(task.options, now) is None
        assert connection.paused_until is None or connection.paused_until <= now
        assert mailbox.paused_until is None or mailbox.paused_until <= now
        held = [self.mailboxes[number].connection for number in self.leases]
        assert held.count(mailbox.connection) < connection.slots
        assert due.owner is None or due.owner.task == due.task or not due.owner.holds
        assert self.waiting() < LIMITS.waiting_max
        super().take(due, token, next_slot, now)
        self.starts.append((now, due.mailbox, due.task))


@dataclass
class Run:
    held: Held
    ends: datetime
    beats: datetime


@dataclass
class Worker:
    """A process with four threads. Frozen, it gives no sign of life, and thaws without knowing."""

    runs: list[Run] = field(default_factory=list)
    frozen_until: datetime | None = None


class World:
    def __init__(self, seed: int, mailboxes: int = 120) -> None:
        self.dice = random.Random(seed)
        self.rows = WatchedRows(START)
        self.tokens = (UUID(int=n) for n in count(1))
        self.workers = [Worker() for _ in range(3)]
        self.refused_writes = 0
        self.faults = True
        for number, slots in ((1, 8), (2, 3), (3, 6)):
            self.rows.connections[number] = Connection(slots)
        options = (TaskOptions(), WINDOW, TaskOptions(slots_per_day=12), TaskOptions(), TaskOptions(), WINDOW)
        for number, option in enumerate(options, start=1):
            self.rows.tasks[number] = Task(f"T{number}", (number - 1) % 3 + 1, option)
        for _ in range(mailboxes):
            connection = self.dice.randint(1, 3)
            mailbox = self.rows.add_mailbox(connection)
            for task in (connection, connection + 3):  # a third of them in both
                if task == connection or self.dice.random() < 0.33:
                    self.rows.join(task, mailbox)

    def run(self, hours: float) -> None:
        for _ in range(int(timedelta(hours=hours) / STEP)):
            self.step()

    def step(self) -> None:
        self.rows.now += STEP
        if self.faults:
            self.trouble()
        tick(self.rows, new_token=lambda: next(self.tokens))
        for worker in self.workers:
            self.work(worker)
        newest = self.rows.now - LIMITS.silence - STEP
        stuck = [x for x in self.rows.leases.values() if x.sign_of_life < newest and x.token not in self.rows.queue]
        assert not stuck

    def work(self, worker: Worker) -> None:
        now = self.rows.now
        if worker.frozen_until is not None and now < worker.frozen_until:
            return
        worker.frozen_until = None
        for run in list(worker.runs):
            self.go_on(worker, run)
        while len(worker.runs) < 4 and self.rows.queue:
            held = self.rows.begin(self.rows.queue.pop(0))
            if held is not None:
                worker.runs.append(Run(held, now + timedelta(seconds=self.dice.expovariate(1 / 300)), now))

    def go_on(self, worker: Worker, run: Run) -> None:
        lease = self.rows.leases.get(run.held.mailbox)
        ours = lease is not None and lease.token == run.held.token
        if self.rows.now >= run.ends:
            assert self.rows.end(run.held.token) == ours, "a zombie's last write"
        else:
            assert self.rows.alive(run.held.token) == ours, "a zombie's sign of life"
        self.refused_writes += not ours
        if self.rows.now >= run.ends or not ours:
            worker.runs.remove(run)

    def trouble(self) -> None:
        dice, rows, now = self.dice, self.rows, self.rows.now
        chance = dice.random()
        task = dice.choice(list(rows.tasks.values()))
        if chance < 0.004:  # SIGKILL; another process takes its place
            self.workers[dice.randrange(3)] = Worker()
        elif chance < 0.008:  # SIGSTOP
            dice.choice(self.workers).frozen_until = now + timedelta(seconds=dice.randint(1, 300))
        elif chance < 0.014:
            connection = dice.randint(1, 3)
            members = [n for n, m in rows.mailboxes.items() if m.connection == connection]
            mailbox = dice.choice([None, dice.choice(members)])
            until = paused_until(now, dice.choice([None, 5, 120, 1800]))
            pause(rows, until, "429", connection=connection, mailbox=mailbox)
        elif chance < 0.018:
            task.active = not task.active or dice.random() < 0.7
        elif chance < 0.020:
            task.revision, task.options = task.revision + 1, dice.choice([TaskOptions(), WINDOW])
        elif chance < 0.026:
            dice.choice(list(rows.memberships.values())).asked_at = now
        elif chance < 0.030:
            membership = dice.choice(list(rows.memberships.values()))
            membership.present = not membership.present or dice.random() < 0.5
        elif chance < 0.0302 and len(rows.tasks) > 4:
            task.deleting = True


@pytest.mark.parametrize("seed", SEEDS)
def test_trouble_leaves_no_lease_stuck_and_everybody_runs_in_the_end(seed: int) -> None:
    world = World(seed)
    world.run(10)
    assert world.refused_writes > 0, "no zombie was met: the simulation has lost its teeth"
    assert len(world.rows.starts) > 300
    world.faults = False
    for task in world.rows.tasks.values():
        task.active = True
    calm = world.rows.now
    world.run(7)  # longer than the longest pause, a window, and a period
    ran = {mailbox for when, mailbox, _ in world.rows.starts if when > calm}
    for membership in world.rows.memberships.values():
        if membership.present and not world.rows.tasks[membership.task].deleting:
            told = membership.code == "owned_by_other_task" and membership.result_at
            assert membership.mailbox in ran or (told and membership.result_at > calm)
    assert not any(task.deleting for task in world.rows.tasks.values())


def test_a_quiet_day_is_an_even_load() -> None:
    world = World(seed=0, mailboxes=240)
    world.faults = False
    for task in world.rows.tasks.values():
        task.options = TaskOptions()
    world.run(4)  # the first round starts at once
    world.rows.starts.clear()
    world.run(8)
    hours = Counter((when - START) // timedelta(hours=1) for when, _, _ in world.rows.starts)
    assert sum(hours.values()) == 2 * 240
    assert max(hours.values()) < 1.6 * 60
    assert min(hours.values()) > 0.5 * 60
    assert all(number == 2 for number in Counter(mailbox for _, mailbox, _ in world.rows.starts).values())
