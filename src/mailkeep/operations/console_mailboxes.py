"""The console's lists of mailboxes: every mailbox ever met, or those of a task; and one mailbox's ledger and runs.

Paged, sorted and counted by the database: there may be a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

from mailkeep.catalog import views
from mailkeep.catalog.models import Mailbox, Membership, Run
from mailkeep.catalog.task_rows import running_row
from mailkeep.mail.items import Kind
from mailkeep.operations import tasks
from mailkeep.operations.browse import joined
from mailkeep.operations.console import Live, TaskDetails, TaskLine, live, task_details, task_line
from mailkeep.operations.mailboxes import find

PAGE_ROWS = 100
RUNS_SHOWN = 50
RESULTS = ("error", "warning", "", "ok")  # worst first
SORTS = ("address", "task", "result", "initial", "activity")


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """A mailbox with its last result under the task that is shown: the one asked for, else its owner, else one that wants it."""

    uid: str
    address: str
    connection: str
    task: str
    task_uid: str
    active: bool
    result: str
    code: str
    message: str
    hint: str
    result_since: datetime | None
    retry_at: datetime | None
    initial_replication: datetime | None
    last_activity: datetime | None
    counts: tuple[tuple[Kind, int], ...]
    running: Live | None
    shrink: tuple[int, int] | None  # (gone, known), waiting for a person


@dataclass(frozen=True, slots=True)
class MailboxPage:
    rows: Sequence[MailboxLine]
    total: int
    matching: int
    counts: Mapping[str, int]  # by result, of those the text matches
    text: str
    sort: str
    descending: bool
    number: int  # from 1

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number * PAGE_ROWS < self.matching else None


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task's page: what it is, what it is told, its mailboxes."""

    task: TaskLine
    details: TaskDetails
    mailboxes: MailboxPage


@dataclass(frozen=True, slots=True)
class LedgerLine:
    path: str
    server: int
    archived: int
    left_out: tuple[tuple[str, int], ...]
    pending: int

    @property
    def adds_up(self) -> bool:
        return self.pending == 0 and self.server == self.archived + sum(count for _, count in self.left_out)


@dataclass(frozen=True, slots=True)
class RunLine:
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    result: str
    message: str
    listed: int
    fetched: int
    bytes: int
    moved: int
    reflagged: int
    removed: int
    requests: int


@dataclass(frozen=True, slots=True)
class Activity:
    mailbox: MailboxLine
    ledger: Sequence[LedgerLine]
    runs: Sequence[RunLine]

    @property
    def adds_up(self) -> bool:
        return all(line.adds_up for line in self.ledger)


def mailbox_page(
    task: str | None = None,
    text: str = "",
    result: str | None = None,
    sort: str = "result",
    descending: bool = False,
    number: int = 1,
) -> MailboxPage:
    """A page of mailboxes; `task` a uid, `result` one of RESULTS or None for all. GiveUp `task_not_found`."""
    every = _with_shown(tasks.find(task).pk if task else None)
    matched = every.filter(address__icontains=text.strip()) if text.strip() else every
    counts = {
        row["shown_result"]: row["n"] for row in matched.values("shown_result").annotate(n=Count("pk")).order_by()
    }
    found = matched.filter(shown_result=result) if result is not None else matched
    sort = sort if sort in SORTS else "result"
    rows = found.order_by(*_order(sort, descending))[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    return MailboxPage(
        rows=_lines(rows),
        total=every.count(),
        matching=sum(counts.values()) if result is None else counts.get(result, 0),
        counts=counts,
        text=text,
        sort=sort,
        descending=descending,
        number=number,
    )


def task_view(
    uid: str, text: str = "", result: str | None = None, sort: str = "result", descending: bool = False, number: int = 1
) -> TaskView:
    """GiveUp `task_not_found`."""
    return TaskView(task_line(uid), task_details(uid), mailbox_page(uid, text, result, sort, descending, number))


def mailbox_line(uid: str) -> MailboxLine:
    """One mailbox. GiveUp `no_such_mailbox`."""
    return _lines(_with_shown(None).filter(pk=find(uid).pk))[0]


def activity(uid: str) -> Activity:
    """The completeness ledger and the last runs. GiveUp `no_such_mailbox`."""
    mailbox = find(uid)
    ledger = [
        LedgerLine(joined(row.folder), row.server, row.archived, tuple(sorted(row.left_out.items())), row.pending)
        for row in views.ledger(mailbox)
    ]
    runs = Run.objects.filter(mailbox=mailbox).order_by("-started_at")[:RUNS_SHOWN]
    return Activity(mailbox_line(uid), ledger, [_run(row) for row in runs])


def _with_shown(task: int | None) -> QuerySet[Any]:
    """Mailboxes with the membership whose result is shown as `shown`, its result ("" none yet) and its task's name."""
    memberships = Membership.objects.filter(mailbox=OuterRef("pk"))
    mailboxes = Mailbox.objects.select_related("connection", "lease__run")
    if task is not None:
        memberships = memberships.filter(task=task)
        mailboxes = mailboxes.filter(memberships__task=task)
    owners = Case(When(task=F("mailbox__owner"), then=Value(0)), default=Value(1), output_field=IntegerField())
    best = memberships.order_by(owners, "-present", "pk")
    return mailboxes.annotate(
        shown=Subquery(best.values("pk")[:1]),
        shown_result=Coalesce(Subquery(best.values("result")[:1]), Value("")),
        shown_task=Subquery(best.values("task__name")[:1]),
    )


def _order(sort: str, descending: bool) -> list[Any]:
    keys: dict[str, Any] = {
        "address": Lower("address"),
        "task": Lower("shown_task"),
        "initial": F("initial_replication"),
        "activity": F("last_activity"),
        "result": Case(
            *(When(Q(shown_result=one), then=Value(place)) for place, one in enumerate(RESULTS)),
            output_field=IntegerField(),
        ),
    }
    key = keys[sort]
    return [key.desc(nulls_last=True) if descending else key.asc(nulls_last=True), Lower("address"), "pk"]


def _lines(rows: Iterable[Mailbox]) -> list[MailboxLine]:
    found = list(rows)
    shown_keys = [getattr(row, "shown", None) for row in found]
    shown = Membership.objects.select_related("task").in_bulk([key for key in shown_keys if key is not None])
    now = timezone.now()
    return [_line(row, shown.get(key) if key else None, now) for row, key in zip(found, shown_keys, strict=True)]


def _line(row: Mailbox, shown: Membership | None, now: datetime) -> MailboxLine:
    lease = getattr(row, "lease", None)
    return MailboxLine(
        uid=row.uid.hex,
        address=row.address,
        connection=row.connection.name,
        task=shown.task.name if shown else "",
        task_uid=shown.task.uid.hex if shown else "",
        active=bool(shown and shown.present),
        result=shown.result if shown else "",
        code=shown.code if shown else "",
        message=shown.message if shown else "",
        hint=shown.hint if shown else "",
        result_since=shown.result_since if shown else None,
        retry_at=shown.retry_at if shown else None,
        initial_replication=row.initial_replication,
        last_activity=row.last_activity,
        counts=tuple((kind, row.counts[kind]) for kind in Kind if row.counts.get(kind)),
        running=live([running_row(lease)], now) if lease else None,
        shrink=(row.shrink_gone, row.shrink_known or 0) if row.shrink_gone and not row.shrink_confirmed_at else None,
    )


def _run(row: Run) -> RunLine:
    return RunLine(
        started_at=row.started_at,
        finished_at=row.finished_at,
        seconds=(row.finished_at - row.started_at).total_seconds() if row.finished_at else None,
        result=row.result,
        message=row.message,
        listed=row.listed,
        fetched=row.fetched,
        bytes=row.bytes,
        moved=row.moved,
        reflagged=row.reflagged,
        removed=row.removed,
        requests=row.requests,
    )
