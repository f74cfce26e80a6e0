"""What the console's lists show: one call per page, a constant number of queries each.

The task list is small and is sorted and filtered here; mailboxes may be a hundred thousand and are paged by the database.
Reading a mailbox's contents is `operations.reading`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils import timezone

from mailkeep.catalog.models import Connection, Lease, Mailbox, Pack, Run
from mailkeep.catalog.task_rows import RunningRow, TaskRow, task_rows
from mailkeep.mail.items import Kind
from mailkeep.operations import tasks
from mailkeep.tasks.document import options_from
from mailkeep.tasks.exclusion_text import in_words
from mailkeep.tasks.status import Status, TaskStatus, severity

BEHIND = timedelta(minutes=15)  # past its slot by this much, a mailbox is behind its interval
RATE_SECONDS_MIN = 3.0  # before that a rate says nothing
ETA_LOW, ETA_HIGH = (
    0.8,
    1.5,
)  # the range told round the estimate: mailboxes end with their largest folders or their smallest
NEVER = datetime.min.replace(tzinfo=UTC)
KINDS = {"imap": "IMAP", "exchange": "Exchange", "microsoft365": "Microsoft 365", "memory": "Memory"}


@dataclass(frozen=True, slots=True)
class Live:
    """Synchronisations under way. `rate` in items per second, `seconds_left` a range; None while they cannot be told."""

    mailboxes: int
    phase: str
    done: int
    total: int | None
    note: str
    rate: float | None
    seconds_left: tuple[float, float] | None

    @property
    def percent(self) -> int:
        return min(99, self.done * 100 // self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class TaskLine:
    uid: str
    name: str
    connection: str
    connection_kind: str
    group: str
    active: bool
    deleting: bool
    switched_at: datetime
    status: TaskStatus
    kinds: tuple[Kind, ...]
    last_activity: datetime | None
    next_run: datetime | None
    running: Live | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Measured, all of them: counted from rows when the page is made."""

    connections: int
    members: int  # mailboxes that an active task has in its group
    ok: int
    waiting: int
    behind: int
    runs: int  # that ended within 24 hours
    runs_failed: int
    fetched_today: int
    items: int
    stored_bytes: int
    received_bytes: int


@dataclass(frozen=True, slots=True)
class TaskPage:
    rows: Sequence[TaskLine]
    total: int
    counts: Mapping[Status, int]
    text: str
    sort: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The task list with what stands above it."""

    tasks: TaskPage
    figures: Figures


@dataclass(frozen=True, slots=True)
class TaskDetails:
    classes: tuple[str, ...]
    sensitive: bool
    exclusions: tuple[str, ...]  # in words
    slots_per_day: int
    revision: int
    older_runs: int  # running ones under an older revision


TASK_SORTS: dict[str, Callable[[TaskLine], Any]] = {
    "name": lambda task: task.name.casefold(),
    "group": lambda task: task.group.casefold(),
    "status": lambda task: severity(task.status.status),
    "mailboxes": lambda task: task.status.mailboxes,
    "archives": lambda task: (len(task.kinds), task.kinds),
    "activity": lambda task: task.last_activity or NEVER,
    "next": lambda task: (task.next_run is None, task.next_run or NEVER),
}


def overview(text: str = "", status: Status | None = None, sort: str = "status", descending: bool = False) -> Overview:
    return Overview(task_page(text, status, sort, descending), figures())


def task_page(text: str = "", status: Status | None = None, sort: str = "status", descending: bool = False) -> TaskPage:
    """The task list, filtered and sorted. An unknown sort is the usual one, worst status first."""
    every = _task_lines(task_rows())
    sort = sort if sort in TASK_SORTS else "status"
    found = [task for task in every if _matches(task, text) and status in (None, task.status.status)]
    found.sort(key=TASK_SORTS["name"])  # among equals by name, whichever way the rest is turned
    found.sort(key=TASK_SORTS[sort], reverse=descending)
    counts = Counter(task.status.status for task in every if _matches(task, text))
    return TaskPage(found, len(every), counts, text, sort, descending)


def task_line(uid: str) -> TaskLine:
    """One task. GiveUp `task_not_found`."""
    return _task_lines(task_rows([tasks.find(uid).pk]))[0]


def task_details(uid: str) -> TaskDetails:
    """What a task is told to do, exclusions in words. GiveUp `task_not_found`."""
    task = tasks.find(uid)
    options = tasks.current_options(task)
    return TaskDetails(
        classes=options.classes,
        sensitive=options.sensitive,
        exclusions=tuple(in_words(exclusion) for exclusion in options.exclusions),
        slots_per_day=options.slots_per_day,
        revision=task.revision,
        older_runs=Lease.objects.filter(task=task, revision__lt=task.revision).count(),
    )


def figures() -> Figures:
    now = timezone.now()
    member = Q(memberships__present=True, memberships__task__active=True)
    members = Mailbox.objects.filter(member)
    runs = Run.objects.filter(finished_at__gte=now - timedelta(days=1)).aggregate(
        count=Count("pk"), failed=Count("pk", filter=Q(result="error")), fetched=Sum("fetched")
    )
    late = member & Q(memberships__next_slot__lt=now - BEHIND, lease=None)
    return Figures(
        connections=Connection.objects.count(),
        members=_distinct(members),
        ok=_distinct(Mailbox.objects.filter(member & Q(memberships__result="ok"))),
        waiting=_distinct(Mailbox.objects.filter(member & Q(memberships__result=""))),
        behind=_distinct(Mailbox.objects.filter(late)),
        runs=runs["count"],
        runs_failed=runs["failed"],
        fetched_today=runs["fetched"] or 0,
        items=_items(),
        stored_bytes=Pack.objects.aggregate(bytes=Sum("size"))["bytes"] or 0,
        received_bytes=Run.objects.aggregate(received=Sum("bytes"))["received"] or 0,
    )


def live(rows: Sequence[RunningRow], now: datetime, mailboxes: int | None = None) -> Live | None:
    """The progress of running synchronisations as one; None where none runs."""
    if not rows:
        return None
    totals = [row.total for row in rows if row.started]
    total = sum(one for one in totals if one is not None) if totals and None not in totals else None
    done = sum(row.done for row in rows)
    rate = sum(_rate(row, now) for row in rows) or None
    left = (total - done) / rate if total is not None and rate else None
    return Live(
        mailboxes=len(rows) if mailboxes is None else mailboxes,
        phase=rows[0].phase,
        done=done,
        total=total,
        note=rows[0].note if len(rows) == 1 else "",
        rate=rate,
        seconds_left=(left * ETA_LOW, left * ETA_HIGH) if left and left > 0 else None,
    )


def _rate(row: RunningRow, now: datetime) -> float:
    seconds = (now - row.since).total_seconds()
    return row.done / seconds if row.started and seconds >= RATE_SECONDS_MIN else 0.0


def _task_lines(rows: Sequence[TaskRow]) -> list[TaskLine]:
    kinds = dict(Connection.objects.values_list("name", "kind"))
    now = timezone.now()
    return [_task_line(row, KINDS.get(kinds.get(row.connection, ""), ""), now) for row in rows]


def _task_line(row: TaskRow, connection_kind: str, now: datetime) -> TaskLine:
    archived = options_from(row.options).kinds
    return TaskLine(
        uid=row.id.hex,
        name=row.name,
        connection=row.connection,
        connection_kind=connection_kind,
        group=row.group,
        active=row.active,
        deleting=row.deleting,
        switched_at=row.switched_at,
        status=row.status,
        kinds=tuple(kind for kind in Kind if kind in archived),
        last_activity=row.last_activity,
        next_run=row.next_run,
        running=live(row.progress, now, row.running),
    )


def _matches(task: TaskLine, text: str) -> bool:
    """Each word of the text stands somewhere in name, connection or group."""
    place = f"{task.name}\n{task.connection}\n{task.group}".casefold()
    return all(word in place for word in text.casefold().split())


def _distinct(mailboxes: Any) -> int:
    count: int = mailboxes.values("pk").distinct().count()
    return count


def _items() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(n::bigint), 0) FROM catalog_mailbox, jsonb_each_text(counts) AS of_kind(k, n)"
        )
        return int(cursor.fetchone()[0])
