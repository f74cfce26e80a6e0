"""The task list's rows (SPEC A2, A3): five queries for any number of tasks.

1 tasks with connection and group          4 running leases with their runs' progress
2 the options of their present revisions   5 the connections that are paused (with the tasks: query 1)
3 present members, grouped by their last result
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from mailkeep.catalog.models import Lease, Task, TaskRevision
from mailkeep.tasks.status import MemberResult, TaskStatus, status

_RESULTS = """
    SELECT m.task_id, m.result, m.code, min(m.result_since), min(m.retry_at), count(*),
        min(m.message), min(m.hint), max(m.message), max(m.hint),
        max(b.last_activity), min(least(m.asked_at, m.next_slot))
    FROM catalog_membership m JOIN catalog_mailbox b ON b.id = m.mailbox_id
    WHERE m.present AND m.task_id = ANY(%s)
    GROUP BY m.task_id, m.result, m.code
"""
_RUNNING_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A mailbox synchronisation under way, as far as its last heartbeat told."""

    mailbox: str  # uid, 32 hex digits
    address: str
    revision: int
    since: datetime
    started: bool  # False: queued, no worker has picked it up yet
    phase: str
    done: int
    total: int | None
    bytes: int
    note: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    id: UUID
    name: str
    connection: str
    group: str
    active: bool
    deleting: bool
    revision: int
    options: dict[str, Any]  # `tasks.document`'s form
    status: TaskStatus  # with counts by result and the causes, grouped
    running: int
    progress: tuple[RunningRow, ...]  # of at most 20 of the running ones
    last_activity: datetime | None
    next_run: datetime | None  # None: nothing is due, or the task is stopped
    paused_until: datetime | None  # its connection's
    switched_at: datetime
    created_at: datetime

    @property
    def mailboxes(self) -> int:
        """Members matched: those present in the group."""
        return self.status.mailboxes


@dataclass(frozen=True, slots=True)
class _Members:
    results: tuple[MemberResult, ...] = ()
    last_activity: datetime | None = None
    next_run: datetime | None = None


def task_rows(tasks: Iterable[int] | None = None) -> list[TaskRow]:
    """Every task, or those with these row keys, by name."""
    rows = Task.objects.select_related("connection", "group").order_by("name")
    if tasks is not None:
        rows = rows.filter(pk__in=list(tasks))
    found = list(rows)
    keys = [task.pk for task in found]
    options = _options(found)
    members = _members(keys)
    running = _running(keys)
    return [
        _row(task, options.get(task.pk, {}), members.get(task.pk, _Members()), running.get(task.pk, []))
        for task in found
    ]


def _row(task: Task, options: dict[str, Any], members: _Members, running: list[RunningRow]) -> TaskRow:
    return TaskRow(
        id=task.uid,
        name=task.name,
        connection=task.connection.name,
        group=task.group.name,
        active=task.active,
        deleting=task.deleting,
        revision=task.revision,
        options=options,
        status=status(task.active, members.results),
        running=len(running),
        progress=tuple(running[:_RUNNING_SHOWN_MAX]),
        last_activity=members.last_activity,
        next_run=members.next_run if task.active and not task.deleting else None,
        paused_until=task.connection.paused_until,
        switched_at=task.switched_at,
        created_at=task.created_at,
    )


def _options(tasks: list[Task]) -> dict[int, dict[str, Any]]:
    present = {task.pk: task.revision for task in tasks}
    numbers = set(present.values())
    rows = TaskRevision.objects.filter(task__in=list(present), number__in=numbers)
    return {row.task_id: row.options for row in rows if row.number == present[row.task_id]}


def _members(tasks: list[int]) -> dict[int, _Members]:
    found: dict[int, _Members] = {}
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, [tasks])
        for task, result, code, since, retry_at, count, *texts, active_at, due_at in cursor.fetchall():
            before = found.get(task, _Members())
            found[task] = _Members(
                (*before.results, *_results(result, code, since, retry_at, count, texts)),
                max((at for at in (before.last_activity, active_at) if at), default=None),
                min((at for at in (before.next_run, due_at) if at), default=None),
            )
    return found


def _results(
    result: str, code: str, since: datetime | None, retry_at: datetime | None, count: int, texts: list[str]
) -> list[MemberResult]:
    """Those who share a code, as one; as two where their texts differ, so that `status` sees that they do."""
    message, hint, other_message, other_hint = texts
    if (message, hint) == (other_message, other_hint):
        return [MemberResult(result, code, message, hint, since, retry_at, count)]
    return [
        MemberResult(result, code, message, hint, since, retry_at, count - 1),
        MemberResult(result, code, other_message, other_hint, since, retry_at, 1),
    ]


def _running(tasks: list[int]) -> dict[int, list[RunningRow]]:
    found: dict[int, list[RunningRow]] = {}
    leases = Lease.objects.filter(task__in=tasks).select_related("mailbox", "run").order_by("taken_at", "pk")
    for lease in leases:
        found.setdefault(lease.task_id, []).append(running_row(lease))
    return found


def running_row(lease: Lease) -> RunningRow:
    """Of a lease read with its mailbox and run."""
    run = lease.run
    return RunningRow(
        mailbox=lease.mailbox.uid.hex,
        address=lease.mailbox.address,
        revision=lease.revision,
        since=lease.taken_at,
        started=lease.started,
        phase=run.phase,
        done=run.done,
        total=run.total,
        bytes=run.bytes,
        note=run.note,
    )
