"""What the dispatcher decides over, as rows: `dispatch.ports.Rows`.

Everything happens in the turn's one transaction, under an advisory lock that at most one dispatcher of the fleet holds,
so only one process at a time makes leases. Memberships say what is due, leases what is running; a job is queued by the
caller's `queue`, which writes through the same database connection, so that a turn undone leaves no job behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from mailkeep.catalog import records
from mailkeep.catalog.models import Lease, Mailbox, Membership, Run, Task
from mailkeep.dispatch.ports import Due, Lane, Owner, Silent
from mailkeep.tasks.document import options_from

ACTOR = "dispatcher"
TURN_LOCK = 0x6D6B_0002
SILENT_MAX = 200

_DUE = """
    m.present AND t.active AND NOT t.deleting
    AND (m.asked_at IS NOT NULL OR m.next_slot IS NULL OR m.next_slot <= %(now)s)
    AND (b.paused_until IS NULL OR b.paused_until <= %(now)s)
    AND (l.id IS NULL OR b.owner_id <> t.id)
"""
_TABLES = """
    catalog_membership m JOIN catalog_task t ON t.id = m.task_id JOIN catalog_mailbox b ON b.id = m.mailbox_id
    LEFT JOIN catalog_lease l ON l.mailbox_id = b.id
"""
_DUE_ROWS = f"""
    SELECT m.id, b.id, b.uid, t.id, t.revision, r.options, m.asked_at IS NOT NULL, m.override, l.id IS NOT NULL,
        o.id, o.name, o.active AND NOT o.deleting AND coalesce((
            SELECT w.present FROM catalog_membership w WHERE w.task_id = o.id AND w.mailbox_id = b.id
        ), false)
    FROM {_TABLES}
    JOIN catalog_taskrevision r ON r.task_id = t.id AND r.number = t.revision
    LEFT JOIN catalog_task o ON o.id = b.owner_id
    WHERE t.connection_id = %(connection)s AND {_DUE}
    ORDER BY m.asked_at NULLS LAST, m.next_slot NULLS FIRST, m.id LIMIT %(limit)s
    FOR SHARE OF t
"""
_LANES = f"""
    SELECT c.id, c.slots - (
        SELECT count(*) FROM catalog_lease h JOIN catalog_mailbox k ON k.id = h.mailbox_id WHERE k.connection_id = c.id
    ) AS free
    FROM catalog_connection c
    WHERE (c.paused_until IS NULL OR c.paused_until <= %(now)s)
        AND EXISTS (SELECT 1 FROM {_TABLES} WHERE t.connection_id = c.id AND {_DUE})
    ORDER BY c.id
"""
# A job's queueing lock is its lease's token. One that a worker has fetched ("doing") and not begun is as good as waiting:
# should that worker be dead, `jobs.upkeep` drops the job, and the lease is silent from then on.
_SILENT = """
    SELECT l.token, l.mailbox_id, l.task_id, 1 + (
        SELECT count(*) FROM catalog_run r
        WHERE r.mailbox_id = l.mailbox_id AND r.code = 'interrupted' AND r.id > coalesce((
            SELECT max(s.id) FROM catalog_run s
            WHERE s.mailbox_id = l.mailbox_id AND s.finished_at IS NOT NULL AND s.code <> 'interrupted'
        ), 0)
    )
    FROM catalog_lease l
    WHERE l.heartbeat < %s AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs j WHERE j.queueing_lock = l.token::text
            AND (j.status = 'todo' OR j.status = 'doing' AND NOT l.started)
    )
    ORDER BY l.heartbeat LIMIT %s
"""
_PAUSE = "paused_until = greatest(paused_until, %(until)s)"


class DispatchRows:
    """`Rows` over PostgreSQL. `queue` queues the job that runs the lease with that token, with `str(token)` as its
    queueing lock.
    """

    def __init__(self, queue: Callable[[UUID], None]) -> None:
        self._queue = queue

    @contextmanager
    def turn(self) -> Iterator[datetime | None]:
        with transaction.atomic():
            # A dispatcher that freezes in mid-turn loses its transaction, and with it the lock that all others wait for.
            _execute("SET LOCAL idle_in_transaction_session_timeout = '15s'", None)
            yield _rows("SELECT CASE WHEN pg_try_advisory_xact_lock(%s) THEN now() END", [TURN_LOCK])[0][0]

    def silent(self, before: datetime) -> Sequence[Silent]:
        return [Silent(*row) for row in _rows(_SILENT, [before, SILENT_MAX])]

    def take_back(self, lease: Silent, due_at: datetime, now: datetime) -> None:
        row = Lease.objects.filter(token=lease.token).select_for_update().first()
        if row is None:
            return
        end_unfinished(row.run_id, now)
        row.delete()
        Membership.objects.filter(task=lease.task, mailbox=lease.mailbox, present=True).update(next_slot=due_at)

    def remove_deleted(self) -> int:
        tasks = list(Task.objects.filter(deleting=True, leases=None).select_for_update(of=("self",), skip_locked=True))
        for task in tasks:
            records.gone(task, ACTOR)
            task.delete()
        return len(tasks)

    def waiting(self) -> int:
        return Lease.objects.filter(started=False).count()

    def lanes(self, now: datetime) -> Sequence[Lane]:
        return [Lane(number, free) for number, free in _rows(_LANES, {"now": now}) if free > 0]

    def due(self, connection: int, now: datetime, limit: int) -> Sequence[Due]:
        values = {"connection": connection, "now": now, "limit": limit}
        return [_due(connection, row) for row in _rows(_DUE_ROWS, values)]

    def take(self, due: Due, token: UUID, next_slot: datetime, now: datetime) -> None:
        if Lease.objects.filter(mailbox=due.mailbox).exists():
            return  # another task's membership took it earlier in this turn: this one is still due, and meets its owner
        run = Run.objects.create(mailbox_id=due.mailbox, task_id=due.task, revision=due.revision, started_at=now)
        Lease.objects.create(
            mailbox_id=due.mailbox,
            task_id=due.task,
            revision=due.revision,
            token=token,
            run=run,
            taken_at=now,
            heartbeat=now,
        )
        _own(due)
        self._schedule(due, next_slot)
        self._queue(token)

    def postpone(self, due: Due, until: datetime) -> None:
        self._schedule(due, until)

    def refuse(self, due: Due, code: str, message: str, hint: str, next_slot: datetime, now: datetime) -> None:
        rows = Membership.objects.filter(pk=due.membership)
        rows.exclude(result="warning", code=code, result_since__isnull=False).update(result_since=now)
        rows.update(result="warning", code=code, message=message, hint=hint, result_at=now, retry_at=next_slot)
        self._schedule(due, next_slot)

    def pause_connection(self, connection: int, until: datetime, reason: str) -> None:
        statement = f"""
            UPDATE catalog_connection SET {_PAUSE},
                pause_reason = CASE WHEN paused_until >= %(until)s THEN pause_reason ELSE %(reason)s END
            WHERE id = %(id)s
        """
        _execute(statement, {"id": connection, "until": until, "reason": reason[:300]})

    def pause_mailbox(self, mailbox: int, until: datetime) -> None:
        _execute(f"UPDATE catalog_mailbox SET {_PAUSE} WHERE id = %(id)s", {"id": mailbox, "until": until})

    def _schedule(self, due: Due, at: datetime) -> None:
        Membership.objects.filter(pk=due.membership).update(next_slot=at, asked_at=None, override=False)


def end_unfinished(run: int, now: datetime) -> None:
    """A run that never told how it ended."""
    Run.objects.filter(Q(finished_at=None), pk=run).update(
        finished_at=now,
        result="warning",
        code="interrupted",
        message="the synchronisation ended before it was done",
        hint="nothing to do: the next one goes on where it was",
        phase="",
        note="",
    )


def asked(memberships: Sequence[int], now: datetime, *, override: bool = False) -> int:
    """Synchronise now (SPEC A16): put these present memberships first; returns how many."""
    return Membership.objects.filter(pk__in=memberships, present=True).update(asked_at=now, override=override)


def _own(due: Due) -> None:
    """The first lease sets the owner; a lease of another task (its owner has let go) hands it over."""
    if due.owner is None or due.owner.task != due.task:
        mailbox = Mailbox.objects.select_related("connection").get(pk=due.mailbox)
        mailbox.owner_id = due.task
        mailbox.save(update_fields=["owner"])
        records.save(mailbox, ACTOR)


def _due(connection: int, row: Any) -> Due:
    membership, mailbox, uid, task, revision, options, was_asked, override, leased, owner, name, holds = row
    return Due(
        membership=membership,
        mailbox=mailbox,
        mailbox_uid=uid,
        task=task,
        revision=revision,
        options=options_from(json.loads(options)),  # Django reads jsonb as text
        connection=connection,
        owner=None if owner is None else Owner(owner, name, bool(holds)),
        asked=was_asked,
        override=override,
        leased=leased,
    )


def _rows(statement: str, values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _execute(statement: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
