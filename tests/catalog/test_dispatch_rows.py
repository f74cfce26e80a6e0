"""What the dispatcher decides over, on real rows: due, leases, owners, pauses, the sweep."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mailkeep.catalog.dispatch_rows import DispatchRows, asked
from mailkeep.catalog.lease_rows import LeaseRows
from mailkeep.catalog.models import Connection, Lease, Mailbox, Membership, OutboxLine, Run, Task
from mailkeep.dispatch.ports import Due, Silent
from mailkeep.jobs import queue
from tests.catalog import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def task() -> Task:
    on = world.connection()
    return world.task("Everybody", on, world.group("All"))


def member(task: Task, address: str, slot: datetime | None = None, owner: Task | None = None) -> Membership:
    row = world.member(task, world.mailbox(task.connection, address, owner))
    row.next_slot = slot
    row.save()
    return row


def rows() -> tuple[DispatchRows, list[uuid.UUID]]:
    queued: list[uuid.UUID] = []
    return DispatchRows(queued.append), queued


def due(task: Task, limit: int = 100) -> list[Due]:
    return list(rows()[0].due(task.connection_id, timezone.now(), limit))


def addresses(found: list[Due]) -> list[str]:
    return [Mailbox.objects.get(pk=one.mailbox).address for one in found]


def test_asked_first_then_by_slot_none_before_all(task: Task) -> None:
    now = timezone.now()
    member(task, "late", now - HOUR)
    member(task, "later", now - 2 * HOUR)
    member(task, "new")
    member(task, "future", now + HOUR)
    asked([member(task, "asked", now + HOUR).pk], now, override=True)
    found = due(task)
    assert addresses(found) == ["asked", "new", "later", "late"]
    assert [(one.asked, one.override) for one in found[:2]] == [(True, True), (False, False)]
    assert addresses(due(task, 2)) == ["asked", "new"]


def test_what_may_not_start_is_not_due(task: Task) -> None:
    now = timezone.now()
    Mailbox.objects.filter(pk=member(task, "paused").mailbox_id).update(paused_until=now + HOUR)
    Membership.objects.filter(pk=member(task, "left").pk).update(present=False)
    running = member(task, "running", owner=task)
    world.lease(task, running.mailbox)
    member(task, "free")
    assert addresses(due(task)) == ["free"]
    for change in ({"active": False}, {"active": True, "deleting": True}):
        Task.objects.filter(pk=task.pk).update(**change)
        assert due(task) == []
        assert rows()[0].lanes(now) == []


def test_taking_makes_lease_run_owner_and_job_and_records_the_owner(task: Task) -> None:
    row, token, now = member(task, "anna"), uuid.uuid4(), timezone.now()
    OutboxLine.objects.all().delete()
    over, queued = rows()
    (one,) = due(task)
    over.take(one, token, now + HOUR, now)
    row.refresh_from_db()
    lease = Lease.objects.get(mailbox=row.mailbox_id)
    assert (lease.token, lease.run.finished_at, lease.started, queued) == (token, None, False, [token])
    assert row.next_slot == now + HOUR
    assert row.mailbox.owner == task
    assert OutboxLine.objects.get().document["owner"] == task.uid.hex
    assert due(task) == []


def test_a_mailbox_two_tasks_want_in_one_turn_goes_to_one(task: Task) -> None:
    other = world.task("Other", task.connection, task.group)
    row = member(task, "anna")
    world.member(other, row.mailbox)
    now, (over, queued) = timezone.now(), rows()
    found = due(task)
    assert [one.owner for one in found] == [None, None]
    for one in found:
        over.take(one, uuid.uuid4(), now + HOUR, now)
    assert len(queued) == Lease.objects.count() == Run.objects.count() == 1
    (loser,) = due(task)
    assert loser.owner is not None
    assert (loser.owner.holds, loser.leased) == (True, True)
    over.refuse(loser, "owned_by_other_task", "it belongs to another", "", now + HOUR, now)
    refused = Membership.objects.get(pk=loser.membership)
    assert (refused.result, refused.code, refused.next_slot) == ("warning", "owned_by_other_task", now + HOUR)


@pytest.mark.parametrize("change", ["stopped", "deleting", "left"])
def test_an_owner_that_let_go_no_longer_holds(task: Task, change: str) -> None:
    other = world.task("Other", task.connection, task.group)
    row = member(task, "anna", owner=other)
    held = world.member(other, row.mailbox)
    if change == "left":
        Membership.objects.filter(pk=held.pk).update(present=False)
    else:
        Task.objects.filter(pk=other.pk).update(**({"active": False} if change == "stopped" else {"deleting": True}))
    owners = [one.owner for one in due(task) if one.task == task.pk]
    assert [(owner.name, owner.holds) for owner in owners if owner] == [("Other", False)]


def test_lanes_count_what_is_leased_and_leave_out_what_is_paused(task: Task) -> None:
    now = timezone.now()
    for name in ("a", "b", "c"):
        member(task, name)
    Connection.objects.update(slots=2)
    (lane,) = rows()[0].lanes(now)
    assert lane.free == 2
    world.lease(task, Mailbox.objects.get(address="a"))
    assert rows()[0].lanes(now)[0].free == 1
    world.lease(task, Mailbox.objects.get(address="b"))
    assert rows()[0].lanes(now) == []
    Lease.objects.all().delete()
    rows()[0].pause_connection(task.connection_id, now + HOUR, "slow down")
    rows()[0].pause_connection(task.connection_id, now + HOUR / 2, "shorter")
    assert rows()[0].lanes(now) == []
    task.connection.refresh_from_db()
    assert (task.connection.paused_until, task.connection.pause_reason) == (now + HOUR, "slow down")


def test_the_sweep_finds_silent_leases_whose_job_does_not_wait(task: Task) -> None:
    now = timezone.now()
    lost, waits, alive = (world.lease(task, member(task, name).mailbox) for name in ("lost", "waits", "alive"))
    Lease.objects.exclude(pk=alive.pk).update(heartbeat=now - HOUR)
    queue.app.configure_task("any", queue="test", queueing_lock=str(waits.token)).defer()
    over, _ = rows()
    (silent,) = over.silent(now - HOUR / 2)
    assert silent == Silent(lost.token, lost.mailbox_id, task.pk, 1)
    over.take_back(silent, now + HOUR, now)
    over.take_back(silent, now, now)
    run = Run.objects.get(pk=lost.run_id)
    assert (run.result, run.code, run.finished_at) == ("warning", "interrupted", now)
    assert Membership.objects.get(mailbox=lost.mailbox_id).next_slot == now + HOUR
    again = world.lease(task, lost.mailbox)
    Lease.objects.filter(pk=again.pk).update(heartbeat=now - HOUR)
    assert over.silent(now - HOUR / 2)[0].interrupted == 2


def test_a_deleted_task_goes_with_its_last_lease(task: Task) -> None:
    row = member(task, "anna", owner=task)
    lease = world.lease(task, row.mailbox)
    Task.objects.update(deleting=True, active=False)
    OutboxLine.objects.all().delete()
    over, _ = rows()
    assert over.remove_deleted() == 0
    assert LeaseRows().end(lease.token)
    assert over.remove_deleted() == 1
    line = OutboxLine.objects.get()
    assert (line.kind, line.subject, line.document) == ("task", task.uid.hex, None)
    assert Mailbox.objects.get().owner is None


def test_a_lease_begins_once_and_ends_once(task: Task) -> None:
    leases, lease = LeaseRows(), world.lease(task, member(task, "anna").mailbox)
    held = leases.begin(lease.token)
    assert held is not None
    assert (held.mailbox, held.task, held.run) == (lease.mailbox_id, task.pk, lease.run_id)
    assert leases.begin(lease.token) is None, "a job delivered twice"
    assert leases.alive(lease.token)
    assert leases.end(lease.token)
    assert not leases.end(lease.token)
    assert not leases.alive(lease.token)
    assert Run.objects.get().code == "interrupted", "a run that never told how it ended"


@pytest.mark.django_db(transaction=True)
def test_only_one_dispatcher_has_the_turn_and_a_failed_turn_undoes_everything(task: Task) -> None:
    member(task, "anna")
    over, _ = rows()
    others: list[datetime | None] = []

    def elsewhere() -> None:
        with rows()[0].turn() as now:
            others.append(now)
        connection.close()

    with pytest.raises(ZeroDivisionError), over.turn() as now:  # noqa: PT012 - what is undone happens inside
        assert now is not None
        over.take(due(task)[0], uuid.uuid4(), now + HOUR, now)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        raise ZeroDivisionError
    assert others == [None]
    assert Lease.objects.count() == Run.objects.count() == 0
    with transaction.atomic():
        assert len(due(task)) == 1
