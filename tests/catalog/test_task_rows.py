"""The task list: what it says of each task, in as many queries for fifty tasks as for one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailkeep.catalog.models import Membership, Task
from mailkeep.catalog.projection import CatalogProjection
from mailkeep.catalog.task_rows import task_rows
from mailkeep.progress import Progress
from mailkeep.sync.ports import RunResult
from mailkeep.tasks.status import Status
from tests.catalog import world

pytestmark = pytest.mark.django_db


def task_of(name: str, results: list[RunResult | None]) -> Task:
    on = world.connection(f"Server of {name}")
    task = world.task(name, on, world.group(f"Group of {name}"))
    for number, result in enumerate(results):
        box = world.mailbox(on, f"{number}@example.org", task)
        world.member(task, box)
        if result is not None:
            lease = world.lease(task, box)
            CatalogProjection(box.pk, lease.token).finish(result, None)
            lease.delete()
    return task


def test_results_are_counted_and_causes_grouped() -> None:
    refused = [RunResult("error", "auth_failed", f"{n} may not sign in", "check the password") for n in range(3)]
    slow = RunResult("warning", "throttled", "slow down", "nothing to do", retry_seconds=60)
    task = task_of("Mixed", [*refused, slow, RunResult("ok"), None])
    gone = Membership.objects.get(task=task, mailbox__address="4@example.org")
    Membership.objects.filter(pk=gone.pk).update(present=False)
    (row,) = task_rows()
    assert (row.mailboxes, row.status.errors, row.status.warnings, row.status.ok, row.status.waiting) == (5, 3, 1, 0, 1)
    assert row.status.status is Status.ERRORS
    assert [(cause.code, cause.count, cause.hint) for cause in row.status.causes] == [
        ("auth_failed", 3, "check the password"),
        ("throttled", 1, "nothing to do"),
    ]
    assert row.status.causes[0].message == "the server refused the sign-in", "their own messages differ"
    assert row.status.causes[1].retry_at is not None
    assert row.options["kinds"] == ["mail"]


def test_running_mailboxes_show_their_progress() -> None:
    task = task_of("Busy", [None, None])
    boxes = [row.mailbox for row in task.memberships.order_by("mailbox__address")]
    first, _ = (world.lease(task, box) for box in boxes)
    CatalogProjection(boxes[0].pk, first.token).heartbeat(Progress("fetching", 12, 40, note="waiting"))
    (row,) = task_rows([task.pk])
    assert row.running == 2
    progress = row.progress[0]
    assert (progress.address, progress.phase, progress.done, progress.total) == ("0@example.org", "fetching", 12, 40)


def test_next_run_is_the_earliest_and_a_stopped_task_has_none() -> None:
    task = task_of("Soon", [RunResult("ok"), RunResult("ok")])
    now = timezone.now()
    for hours, row in enumerate(task.memberships.order_by("pk"), 1):
        Membership.objects.filter(pk=row.pk).update(next_slot=now + timedelta(hours=hours))
    assert task_rows()[0].next_run == now + timedelta(hours=1)
    last = max(row.mailbox.last_activity or now for row in task.memberships.select_related("mailbox"))
    assert task_rows()[0].last_activity == last
    Task.objects.update(active=False)
    assert (task_rows()[0].next_run, task_rows()[0].status.status) == (None, Status.DISABLED)


def test_fifty_tasks_cost_as_many_queries_as_one() -> None:
    task_of("0", [None])
    with CaptureQueriesContext(connection) as one:
        assert len(task_rows()) == 1
    for number in range(1, 50):
        task_of(str(number), [RunResult("error", "unreachable"), RunResult("ok")])
    with CaptureQueriesContext(connection) as fifty:
        assert len(task_rows()) == 50
    assert len(fifty) == len(one) <= 5
