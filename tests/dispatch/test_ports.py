"""The contract of `dispatch.ports`, on every implementation."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from mailkeep.catalog.dispatch_rows import DispatchRows
from mailkeep.catalog.models import Lease, Task
from mailkeep.dispatch.tick import SKIPPED, Limits, Turn, tick
from tests.dispatch.stages import CatalogStage, MemoryStage, Stage, put_lease

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def an_empty_queue(transactional_db: None) -> None:
    """Django empties its own tables after such a test, not the job engine's."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


@pytest.fixture(params=[MemoryStage, CatalogStage])
def stage(request: pytest.FixtureRequest) -> Stage:
    made: Stage = request.param()
    return made


def test_a_due_membership_becomes_a_lease_and_a_job_once(stage: Stage) -> None:
    task, mailbox = stage.task("A"), stage.mailbox()
    membership = stage.member(task, mailbox)
    assert tick(stage.rows) == Turn(started=1)
    assert stage.leased() == [mailbox]
    slot = stage.slot(membership)
    assert slot is not None
    assert slot > stage.now()
    assert tick(stage.rows) == Turn()
    token = stage.fetch()
    held = stage.leases.begin(token)
    assert held is not None
    assert (held.mailbox, held.task, held.revision, held.connection) == (mailbox, task, 1, stage.connection())
    assert stage.leases.begin(token) is None, "a job that is delivered twice"
    assert stage.leases.alive(token)
    assert stage.leases.end(token)
    assert not stage.leases.alive(token)
    assert not stage.leases.end(token)
    assert stage.leased() == []


def test_asked_first_then_the_oldest_then_the_rest(stage: Stage) -> None:
    task = stage.task("A")
    members = [stage.member(task, stage.mailbox()) for _ in range(4)]
    for membership, seconds in zip(members, (10, 30, -60, -60), strict=True):
        stage.due_since(membership, seconds)
    stage.ask(members[2])
    with stage.rows.turn() as now:
        assert now is not None
        assert [due.membership for due in stage.rows.due(stage.connection(), now, 10)] == [
            members[2],
            members[1],
            members[0],
        ]
        assert [due.asked for due in stage.rows.due(stage.connection(), now, 2)] == [True, False]


def test_slots_of_the_connection_are_never_exceeded(stage: Stage) -> None:
    task = stage.task("A")
    for _ in range(5):
        stage.member(task, stage.mailbox())
    stage.slots(2)
    assert tick(stage.rows).started == 2
    assert tick(stage.rows).started == 0
    token = stage.fetch()
    stage.leases.begin(token)
    stage.leases.end(token)
    assert tick(stage.rows).started == 1


@pytest.mark.parametrize("reason", ["stopped", "deleting", "left", "connection paused", "mailbox paused", "later"])
def test_nothing_starts_for_it(stage: Stage, reason: str) -> None:
    task, mailbox = stage.task("A"), stage.mailbox()
    membership = stage.member(task, mailbox)
    soon = stage.now() + timedelta(minutes=1)
    if reason == "stopped":
        stage.switch(task, active=False)
    elif reason == "deleting":
        stage.switch(task, deleting=True)
    elif reason == "left":
        stage.leave(membership)
    elif reason == "connection paused":
        stage.rows.pause_connection(stage.connection(), soon, "429")
        stage.rows.pause_connection(stage.connection(), stage.now() - timedelta(minutes=1), "429")
    elif reason == "mailbox paused":
        stage.rows.pause_mailbox(mailbox, soon)
        stage.rows.pause_mailbox(mailbox, stage.now() - timedelta(minutes=1))
    else:
        stage.due_since(membership, -60)
    assert tick(stage.rows).started == 0
    assert stage.leased() == []


def test_one_of_two_tasks_owns_it_and_hands_it_over_when_it_is_stopped(stage: Stage) -> None:
    first, second, mailbox = stage.task("First"), stage.task("Second"), stage.mailbox()
    one, two = stage.member(first, mailbox), stage.member(second, mailbox)
    stage.due_since(one, 20)
    stage.due_since(two, 10)
    assert tick(stage.rows).started == 1
    assert tick(stage.rows).refused == 1
    assert stage.code(two) == "owned_by_other_task"
    assert stage.code(one) == ""
    stage.switch(first, active=False)
    stage.due_since(two, 1)
    assert tick(stage.rows) == Turn(), "its run is still under way"
    token = stage.fetch()
    stage.leases.begin(token)
    stage.leases.end(token)
    assert tick(stage.rows).started == 1
    held = stage.leases.begin(stage.fetch())
    assert held is not None
    assert held.task == second
    stage.switch(first, active=True)
    stage.due_since(one, 1)
    assert tick(stage.rows).refused == 1


def test_the_silent_are_taken_back_and_due_at_once(stage: Stage) -> None:
    membership = stage.member(stage.task("A"), stage.mailbox())
    tick(stage.rows)
    zombie = stage.fetch()
    assert stage.leases.begin(zombie)
    stage.silence(31)
    assert stage.leases.alive(zombie), "it was only slow"
    assert tick(stage.rows) == Turn()
    stage.silence(31)
    assert tick(stage.rows) == Turn(taken_back=1, started=1)
    assert not stage.leases.alive(zombie)
    assert not stage.leases.end(zombie)
    assert stage.code(membership) == "", "the last result stands"


def test_a_job_that_waits_is_not_silent_nor_one_that_is_about_to_begin(stage: Stage) -> None:
    stage.member(stage.task("A"), stage.mailbox())
    tick(stage.rows)
    stage.silence(3600)
    assert tick(stage.rows) == Turn()
    token = stage.fetch()
    assert tick(stage.rows) == Turn(), "a worker has it in its hands"
    assert stage.leases.begin(token) is not None


def test_the_third_interruption_in_a_row_waits_and_an_end_in_order_forgives(stage: Stage) -> None:
    membership = stage.member(stage.task("A"), stage.mailbox())
    tick(stage.rows)
    for _ in range(2):
        stage.leases.begin(stage.fetch())
        stage.silence(31)
        assert tick(stage.rows) == Turn(taken_back=1, started=1)
    stage.leases.begin(stage.fetch())
    stage.silence(31)
    assert tick(stage.rows) == Turn(taken_back=1)
    slot = stage.slot(membership)
    assert slot is not None
    assert timedelta(minutes=4) < slot - stage.now() <= timedelta(minutes=5)


def test_a_task_being_deleted_goes_with_its_last_lease(stage: Stage) -> None:
    task = stage.task("A")
    stage.member(task, stage.mailbox())
    tick(stage.rows)
    stage.switch(task, deleting=True)
    assert tick(stage.rows).removed == 0
    token = stage.fetch()
    stage.leases.begin(token)
    stage.leases.end(token)
    assert tick(stage.rows).removed == 1
    assert not stage.exists(task)


def test_the_queue_stays_shallow(stage: Stage) -> None:
    task = stage.task("A")
    for _ in range(5):
        stage.member(task, stage.mailbox())
    assert tick(stage.rows, Limits(waiting_max=3)).started == 3
    assert tick(stage.rows, Limits(waiting_max=3)).started == 0
    stage.leases.begin(stage.fetch())
    assert tick(stage.rows, Limits(waiting_max=3)).started == 1


# --- What only a database can show ------------------------------------------------------------------------------------


def test_a_turn_that_fails_leaves_neither_lease_nor_job() -> None:
    stage = CatalogStage()
    for _ in range(2):
        stage.member(stage.task(f"T{_}"), stage.mailbox())
    calls = []

    def queue_once(token: object) -> None:
        calls.append(token)
        if len(calls) == 2:
            raise RuntimeError("the second one")
        put_lease(token)  # type: ignore[arg-type]

    with pytest.raises(RuntimeError):
        tick(DispatchRows(queue_once))  # type: ignore[arg-type]
    assert not Lease.objects.exists()
    assert not ProcrastinateJob.objects.exists()


def test_one_dispatcher_at_a_time() -> None:
    stage = CatalogStage()
    stage.member(stage.task("A"), stage.mailbox())
    turns: list[Turn] = []

    def other() -> None:
        turns.append(tick(stage.rows))
        connection.close()

    with stage.rows.turn() as now:
        assert now is not None
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert turns == [SKIPPED]
    assert tick(stage.rows).started == 1


def test_a_stop_that_has_committed_is_seen_and_a_later_one_waits_for_the_turn() -> None:
    stage = CatalogStage()
    task = stage.task("A")
    stage.member(task, stage.mailbox())
    stopped = threading.Event()

    def stop() -> None:
        with transaction.atomic():
            Task.objects.filter(pk=task).update(active=False)
        stopped.set()
        connection.close()

    with stage.rows.turn() as now:
        assert now is not None
        assert len(stage.rows.due(stage.connection(), now, 10)) == 1
        thread = threading.Thread(target=stop)
        thread.start()
        assert not stopped.wait(0.3), "the stop went through although a lease may be taken in this turn"
    thread.join()
    assert tick(stage.rows) == Turn()
