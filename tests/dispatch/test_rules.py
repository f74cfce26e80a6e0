"""What becomes of a due membership, case by case; and what a turn makes of many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mailkeep.dispatch import rules
from mailkeep.dispatch.memory import Connection, MemoryRows, Task
from mailkeep.dispatch.pauses import pause, paused_until
from mailkeep.dispatch.tick import SKIPPED, Limits, Turn, tick
from mailkeep.tasks.options import Effect, Exclusion, TaskOptions

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFICE_HOURS = TaskOptions(exclusions=(Exclusion(0, 9 * 60, 17 * 60, "UTC", Effect.SYNC),))
HOUR = timedelta(hours=1)


@pytest.fixture
def rows() -> MemoryRows:
    """Two tasks on one connection, one mailbox, a member of the first."""
    rows = MemoryRows(MONDAY_NOON)
    rows.connections[1] = Connection(slots=4)
    rows.tasks = {1: Task("First", 1), 2: Task("Second", 1)}
    rows.add_mailbox(1)
    rows.join(1, 1)
    return rows


def work(rows: MemoryRows) -> None:
    """A worker that does all that waits, at once."""
    while rows.queue:
        token = rows.queue.pop(0)
        if rows.begin(token):
            assert rows.end(token)


def test_a_new_membership_starts_at_once_and_has_its_next_slot(rows: MemoryRows) -> None:
    assert tick(rows) == Turn(started=1)
    assert rows.mailboxes[1].owner == 1
    slot = rows.memberships[1].next_slot
    assert slot is not None
    assert rows.now < slot <= rows.now + 4 * HOUR
    assert tick(rows) == Turn()


def test_the_other_task_is_told_who_owns_the_mailbox(rows: MemoryRows) -> None:
    rows.join(2, 1)
    assert tick(rows) == Turn(started=1)
    assert tick(rows) == Turn(refused=1)  # while the owner's run is still under way
    other = rows.memberships[2]
    assert other.code == "owned_by_other_task"
    assert "“First”" in other.message
    assert other.next_slot is not None
    assert other.next_slot > rows.now


@pytest.mark.parametrize("ending", ["stopped", "deleted", "left"])
def test_ownership_passes_at_the_others_next_slot_and_stays(rows: MemoryRows, ending: str) -> None:
    rows.join(2, 1)
    tick(rows)
    tick(rows)
    work(rows)
    if ending == "stopped":
        rows.tasks[1].active = False
    elif ending == "deleted":
        rows.tasks[1].deleting = True
    else:
        rows.memberships[1].present = False
    tick(rows)
    assert rows.mailboxes[1].owner == (None if ending == "deleted" else 1), "only at the slot"
    slot = rows.memberships[2].next_slot
    assert slot is not None
    rows.now = slot
    assert tick(rows).started == 1
    assert rows.mailboxes[1].owner == 2
    work(rows)
    if ending != "deleted":
        rows.tasks[1].active = rows.memberships[1].present = True
        rows.memberships[1].asked_at = rows.now
        assert tick(rows).refused == 1, "it does not come back by itself"
        assert "“Second”" in rows.memberships[1].message


def test_a_stopped_owner_s_run_ends_before_the_next_task_begins(rows: MemoryRows) -> None:
    rows.join(2, 1)
    tick(rows)
    rows.tasks[1].active = False
    assert tick(rows) == Turn(), "leased by the stopped task: neither refused nor started"
    work(rows)
    assert tick(rows).started == 1


def test_a_deleted_task_goes_with_its_last_lease(rows: MemoryRows) -> None:
    tick(rows)
    rows.tasks[1].deleting = True
    assert tick(rows).removed == 0
    work(rows)
    assert tick(rows).removed == 1
    assert 1 not in rows.tasks
    assert rows.mailboxes[1].owner is None


def test_nothing_starts_inside_a_window_and_it_is_made_up_after_it(rows: MemoryRows) -> None:
    rows.tasks[1].options = OFFICE_HOURS
    assert tick(rows) == Turn(postponed=1)
    until = rows.memberships[1].next_slot
    assert until is not None
    assert MONDAY_NOON + 5 * HOUR <= until < MONDAY_NOON + 6 * HOUR, "a quarter of a period after it, at most"
    rows.now = until
    assert tick(rows).started == 1


def test_whoever_asks_waits_for_the_window_s_very_end(rows: MemoryRows) -> None:
    rows.tasks[1].options = OFFICE_HOURS
    rows.memberships[1].asked_at = rows.now
    assert tick(rows).postponed == 1
    assert rows.memberships[1].next_slot == MONDAY_NOON + 5 * HOUR
    assert rows.memberships[1].asked_at is None


def test_the_new_revision_is_the_next_lease_s(rows: MemoryRows) -> None:
    tick(rows)
    rows.tasks[1].revision = 2
    held = rows.begin(rows.queue.pop(0))
    assert held is not None
    assert held.revision == 1
    rows.end(held.token)
    rows.memberships[1].asked_at = rows.now
    tick(rows)
    assert rows.leases[1].revision == 2


def test_slots_bound_a_connection_and_each_gets_its_turn(rows: MemoryRows) -> None:
    rows.connections[2] = Connection(slots=2)
    rows.tasks[3] = Task("Third", 2)
    for task, connection in ((1, 1), (3, 2)):
        for _ in range(20):
            rows.join(task, rows.add_mailbox(connection))
    assert tick(rows, Limits(waiting_max=5)).started == 5
    held = [rows.mailboxes[number].connection for number in rows.leases]
    assert (held.count(1), held.count(2)) == (3, 2)
    assert tick(rows, Limits(waiting_max=5)).started == 0, "the queue is as deep as it may be"
    assert tick(rows).started == 1, "all slots are held"


def test_a_crowd_that_may_not_start_keeps_nobody_waiting(rows: MemoryRows) -> None:
    rows.connections[1].slots = 100
    rows.tasks[2].options = OFFICE_HOURS
    for _ in range(500):
        rows.join(2, rows.add_mailbox(1))
    rows.tasks[1].active = False
    last = rows.join(2, rows.add_mailbox(1))
    for _ in range(10):
        tick(rows, Limits(batch=100))
    assert rows.memberships[last].next_slot is not None


def test_the_dead_are_taken_back_and_their_words_count_no_more(rows: MemoryRows) -> None:
    tick(rows)
    zombie = rows.begin(rows.queue.pop(0))
    assert zombie is not None
    rows.now += timedelta(seconds=29)
    assert tick(rows).taken_back == 0
    rows.now += timedelta(seconds=2)
    assert tick(rows) == Turn(taken_back=1, started=1)
    assert not rows.alive(zombie.token)
    assert not rows.end(zombie.token)
    assert rows.begin(rows.queue.pop(0)) is not None


def test_a_job_that_waits_long_is_not_dead_and_begins_once(rows: MemoryRows) -> None:
    tick(rows)
    rows.now += 2 * HOUR
    assert tick(rows) == Turn()
    token = rows.queue.pop(0)
    assert rows.begin(token) is not None
    assert rows.begin(token) is None


def test_a_killed_run_of_a_stopped_task_is_not_started_again(rows: MemoryRows) -> None:
    tick(rows)
    rows.begin(rows.queue.pop(0))
    rows.tasks[1].active = False
    rows.now += timedelta(minutes=1)
    assert tick(rows) == Turn(taken_back=1)
    assert not rows.leases


def test_a_mailbox_that_kills_its_workers_waits_longer_and_longer(rows: MemoryRows) -> None:
    waits = []
    for _ in range(6):
        tick(rows)
        rows.begin(rows.queue.pop(0))
        rows.now += timedelta(minutes=1)
        tick(rows, Limits(waiting_max=0))
        due = rows.memberships[1].next_slot
        assert due is not None
        waits.append((due - rows.now) // timedelta(minutes=1))
        rows.now = due
    assert waits == [0, 0, 5, 10, 20, 40]


def test_pauses_hold_for_everybody_and_only_grow(rows: MemoryRows) -> None:
    until = paused_until(rows.now, 90)
    pause(rows, until, "429", connection=1)
    pause(rows, rows.now + timedelta(seconds=5), "429", connection=1)
    rows.now = until - timedelta(seconds=1)
    assert tick(rows) == Turn()
    rows.now = until
    pause(rows, until + HOUR, "429", connection=1, mailbox=1)
    assert tick(rows) == Turn()
    rows.now = until + HOUR
    assert tick(rows).started == 1


def test_a_second_dispatcher_does_nothing(rows: MemoryRows) -> None:
    rows.locked = True
    assert tick(rows) is SKIPPED


@given(seconds=some.one_of(some.none(), some.floats(-1e9, 1e12)), in_a_row=some.integers(-1, 10_000))
def test_a_pause_is_never_shorter_than_the_server_s_word_nor_over_a_day(seconds: float | None, in_a_row: int) -> None:
    wait = (paused_until(MONDAY_NOON, seconds, in_a_row) - MONDAY_NOON).total_seconds()
    assert 1 <= wait <= 86_400
    if seconds is not None:
        assert wait >= min(seconds, 86_400) - 1e-6


@given(in_a_row=some.integers(1, 10_000))
def test_interruptions_wait_ever_longer_up_to_a_bound(in_a_row: int) -> None:
    one = rules.after_interruption(in_a_row, MONDAY_NOON)
    two = rules.after_interruption(in_a_row + 1, MONDAY_NOON)
    assert MONDAY_NOON <= one <= two <= MONDAY_NOON + rules.INTERRUPTED_WAIT_MAX
