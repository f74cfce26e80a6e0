"""The task list under the keys of the machine interface (SPEC A2, A3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailkeep.catalog.task_rows import TaskRow, task_rows
from mailkeep.tasks.status import severity


@dataclass(frozen=True, slots=True)
class TaskLine:
    name: str
    connection: str
    group: str
    status: str
    details: list[dict[str, Any]]  # causes, grouped: result, code, mailboxes, message, hint, since, retry_at
    mailboxes: int
    warnings: int
    errors: int
    running: int
    deleting: bool
    last_activity: datetime | None
    next_run: datetime | None


def task_list() -> list[TaskLine]:
    """Every task, the worst status first."""
    rows = sorted(task_rows(), key=lambda row: (severity(row.status.status), row.name.lower()))
    return [_line(row) for row in rows]


def _line(row: TaskRow) -> TaskLine:
    details = [
        {
            "result": cause.result,
            "code": cause.code,
            "mailboxes": cause.count,
            "message": cause.message,
            "hint": cause.hint,
            "since": cause.since,
            "retry_at": cause.retry_at,
        }
        for cause in row.status.causes
    ]
    return TaskLine(
        name=row.name,
        connection=row.connection,
        group=row.group,
        status=row.status.status.value,
        details=details,
        mailboxes=row.mailboxes,
        warnings=row.status.warnings,
        errors=row.status.errors,
        running=row.running,
        deleting=row.deleting,
        last_activity=row.last_activity,
        next_run=row.next_run,
    )
