"""The catalog's side of a run: `sync.ports.Projection` over the rows.

Every write first touches the run's lease by its token, in the same transaction. Zero rows mean that the sweeper gave
the mailbox to somebody else: `LeaseLost`, and nothing was written. The touched lease row stays locked until the commit,
so nobody can take it over between the check and the write.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from mailkeep.archive.documents import encode_checkpoints
from mailkeep.archive.events import Entry, Head
from mailkeep.catalog.models import LedgerLine, Mailbox, Membership, Run
from mailkeep.catalog.projecting import project
from mailkeep.catalog.replay import catch_up
from mailkeep.mail.items import Folder
from mailkeep.progress import Progress
from mailkeep.sync.ports import LeaseLost, RunResult, Summary

__all__ = ["CatalogProjection", "catch_up"]

HEARTBEAT_SECONDS_MIN = 1.0

_TOUCH = """
    UPDATE catalog_lease SET heartbeat = clock_timestamp() WHERE mailbox_id = %s AND token = %s
    RETURNING run_id, task_id
"""
_BEAT = """
    WITH mine AS (
        UPDATE catalog_lease SET heartbeat = clock_timestamp() WHERE mailbox_id = %s AND token = %s RETURNING run_id
    )
    UPDATE catalog_run SET phase = %s, done = %s, total = %s, note = %s FROM mine WHERE catalog_run.id = mine.run_id
"""


class CatalogProjection:
    """`Projection` of the run that holds the lease with that token on the mailbox with that row key."""

    def __init__(self, mailbox: int, token: uuid.UUID, clock: Callable[[], float] = time.monotonic) -> None:
        self._mailbox = mailbox
        self._token = token
        self._clock = clock
        self._beaten = float("-inf")

    def apply(self, entry: Entry, head: Head, folders: Mapping[int, Folder], summaries: Mapping[int, Summary]) -> None:
        with transaction.atomic():
            self._touch()
            project(self._mailbox, entry, head, folders, summaries)

    def finish(self, result: RunResult, checkpoints: Mapping[str, bytes] | None) -> None:
        now = timezone.now()
        with transaction.atomic():
            run, task = self._touch()
            _finish_run(run, result, now)
            _finish_membership(task, self._mailbox, result, now)
            _finish_mailbox(self._mailbox, result, checkpoints, now)
            if checkpoints is not None or result.ledger:
                _write_ledger(self._mailbox, result)

    def heartbeat(self, progress: Progress) -> None:
        if self._clock() - self._beaten < HEARTBEAT_SECONDS_MIN:
            return
        values: list[Any] = [
            self._mailbox,
            self._token,
            progress.phase[:30],
            progress.done,
            progress.total,
            progress.note[:200],
        ]
        with connection.cursor() as cursor:
            cursor.execute(_BEAT, values)
            if cursor.rowcount == 0:
                raise LeaseLost
        self._beaten = self._clock()

    def shrink_confirmed(self) -> bool:
        return Mailbox.objects.filter(pk=self._mailbox, shrink_confirmed_at__isnull=False).exists()

    def now(self) -> datetime:
        """By the database's clock: all workers' entries are timed by the same one."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            at: datetime = cursor.fetchone()[0]
        return at

    def _touch(self) -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(_TOUCH, [self._mailbox, self._token])
            row: Any = cursor.fetchone()
        if row is None:
            raise LeaseLost
        return row[0], row[1]


def _finish_run(run: int, result: RunResult, now: datetime) -> None:
    counted = ("listed", "fetched", "bytes", "moved", "reflagged", "removed", "left_out", "requests")
    said = ("result", "code", "message", "hint")
    values = {name: getattr(result, name) for name in counted + said}
    Run.objects.filter(pk=run).update(finished_at=now, phase="", note="", **values)


def _finish_membership(task: int, mailbox: int, result: RunResult, now: datetime) -> None:
    """The last result under that task. `result_since` is the first time in a row with the same result and code."""
    rows = Membership.objects.filter(task=task, mailbox=mailbox)
    rows.exclude(result=result.result, code=result.code, result_since__isnull=False).update(result_since=now)
    retry = None if result.retry_seconds is None else now + timedelta(seconds=result.retry_seconds)
    rows.update(
        result=result.result,
        code=result.code,
        message=result.message,
        hint=result.hint,
        result_at=now,
        retry_at=retry,
    )


def _finish_mailbox(mailbox: int, result: RunResult, checkpoints: Mapping[str, bytes] | None, now: datetime) -> None:
    rows = Mailbox.objects.filter(pk=mailbox)
    rows.update(last_activity=now)
    if result.shrink is not None:
        rows.update(shrink_gone=result.shrink[0], shrink_known=result.shrink[1], shrink_confirmed_at=None)
    elif checkpoints is not None:
        # Completed: a confirmation has served, and a later shrink needs its own.
        rows.update(shrink_gone=None, shrink_known=None, shrink_confirmed_at=None)
    if checkpoints is not None:
        rows.update(checkpoints=encode_checkpoints(checkpoints))
        rows.filter(initial_replication=None).update(initial_replication=F("last_activity"))


def _write_ledger(mailbox: int, result: RunResult) -> None:
    LedgerLine.objects.filter(mailbox=mailbox).delete()
    LedgerLine.objects.bulk_create(
        LedgerLine(
            mailbox_id=mailbox,
            folder=line.folder,
            server=line.server,
            archived=line.archived,
            left_out=dict(line.left_out),
            pending=line.pending,
        )
        for line in result.ledger
    )
