"""Synchronising mailboxes: ask for it, run one lease, and be the worker oneself where nobody else is.

ask            the memberships are due now; whoever dispatches takes them up
run_lease      what a job does: one lease, one run
ask_and_wait   ask, then watch the workers; or, with none alive, dispatch and run here until it is done
"""

from __future__ import annotations

import itertools
import logging
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from mailkeep.archive.events import RunStamp
from mailkeep.catalog.dispatch_rows import DispatchRows, asked
from mailkeep.catalog.known import CatalogKnown
from mailkeep.catalog.lease_rows import LeaseRows
from mailkeep.catalog.models import Lease, Mailbox, Membership, Run, Task
from mailkeep.catalog.projection import CatalogProjection
from mailkeep.catalog.replay import catch_up
from mailkeep.connectors.base import Connector
from mailkeep.connectors.throttle import Throttled
from mailkeep.dispatch.pauses import pause, paused_until
from mailkeep.dispatch.ports import Due, Held, Lane
from mailkeep.dispatch.tick import Limits, tick
from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.host import process
from mailkeep.jobs.queue import Stopping, job, put, workers_alive
from mailkeep.jobs.upkeep import resume_abandoned
from mailkeep.operations import connections, members, pauses
from mailkeep.operations.archive import repository
from mailkeep.operations.mailboxes import find as find_mailbox
from mailkeep.operations.tasks import find as find_task
from mailkeep.progress import Progress, Report
from mailkeep.sync.ports import LeaseLost, RunResult
from mailkeep.sync.run import synchronise
from mailkeep.tasks.document import options_from

log = logging.getLogger(__name__)

JOB, QUEUE = "synchronise", "mailboxes"
WAITED_FOR = frozenset({"throttled", "mailbox_moving"})  # the server said "not now"
MAILBOXES_AT_ONCE = 4  # in one process: they wait in threads and share the bytes in flight
POLL_SECONDS = 0.2
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class SyncRow:
    """How one mailbox's synchronisation ended."""

    mailbox: str
    result: str
    code: str
    message: str
    hint: str
    listed: int
    fetched: int
    bytes: int
    moved: int
    removed: int
    left_out: int
    seconds: float
    requests: int


def synchronise_now(task: str, mailbox: str | None, actor: str) -> int:
    """*Synchronise now* (SPEC A16), as the console's button asks for it: whoever runs jobs takes it up. How many mailboxes."""
    return len(_ask(task, mailbox, actor))


def ask(task: str, mailbox: str | None, actor: str) -> int:
    """The same for the command line, which refuses to ask where nobody would answer."""
    if not workers_alive():
        raise GiveUp("no_worker", "nothing is running jobs", "start `mailkeep serve`, or add --wait to run it here")
    return synchronise_now(task, mailbox, actor)


def ask_and_wait(task: str, mailbox: str | None, actor: str, report: Report) -> list[SyncRow]:
    """Synchronise, and say how each mailbox ended."""
    begun = timezone.now()
    memberships = _ask(task, mailbox, actor)
    while workers_alive() and _unfinished(memberships, begun):
        _tell(memberships, begun, report)
        time.sleep(POLL_SECONDS)
    if _unfinished(memberships, begun):
        _be_the_worker(memberships, begun, report)
    rows = (
        Membership.objects.filter(pk__in=memberships)
        .select_related("mailbox__connection", "task")
        .order_by("mailbox__address")
    )
    return [_sync_row(row, begun) for row in rows]


def run_lease(token: UUID, stopping: Stopping = lambda: False) -> RunResult | None:
    """One lease, one run. None: the lease has gone to somebody else, or has been run already.

    When `stopping()` turns true the run ends after what it has committed, and its mailbox is due again at once.
    """
    leases = LeaseRows()
    held = leases.begin(token)
    if held is None:
        return None
    Lease.objects.filter(token=token).update(holder=process.identity())
    projection = _Stoppable(held, stopping)
    try:
        return _run(held, projection)
    except MailkeepError as error:  # before the engine took over: secrets, the archive, a history that is damaged
        result = RunResult("error", error.code, error.message, error.hint)
        projection.finish(result, None)
        return result
    finally:
        if projection.stopped:
            Membership.objects.filter(task=held.task, mailbox=held.mailbox, present=True).update(
                next_slot=timezone.now()
            )
        leases.end(token)


class _Stoppable(CatalogProjection):
    """A projection whose heartbeat ends the run when the worker is to stop: what was committed stands, the rest comes again."""

    def __init__(self, held: Held, stopping: Stopping) -> None:
        super().__init__(held.mailbox, held.token)
        self._stopping = stopping
        self.stopped = False

    def heartbeat(self, progress: Progress) -> None:
        if self._stopping():
            self.stopped = True
            raise LeaseLost
        super().heartbeat(progress)


def _run(held: Held, projection: CatalogProjection) -> RunResult:
    archive = repository()
    mailbox = Mailbox.objects.select_related("connection").get(pk=held.mailbox)
    task = Task.objects.get(pk=held.task)
    catch_up(archive, mailbox, lambda done: projection.heartbeat(Progress("catching up", done, None)))
    endpoint = connections.endpoint_of(mailbox.connection)
    provider = connections.provider(mailbox.connection.kind)

    options = options_from(task.revisions.get(number=held.revision).options)

    # What another process was told since the lease was given. Looked up here: sessions are opened in threads of their own.
    standing = pauses.of(mailbox.connection, mailbox.address)

    def opened() -> Connector:
        standing.check()
        return provider.open(endpoint, mailbox.address, options.sections)

    def connect() -> Connector:
        return Throttled(opened)

    result = synchronise(
        mailbox=mailbox.uid.hex,
        connect=connect,
        repository=archive,
        known=CatalogKnown(mailbox.pk),
        projection=projection,
        options=options,
        staging=_staging(),
        stamp=RunStamp(Run.objects.get(pk=held.run).uid.hex, task.uid.hex, held.revision, complete=False),
    )
    if standing.until is not None and standing.words():  # nothing was opened: it stands on its row already
        _again_at(held, standing.until, told=True)
    elif result.code in WAITED_FOR:
        _wait_for_server(held, mailbox, result)
    return result


def _wait_for_server(held: Held, mailbox: Mailbox, result: RunResult) -> None:
    """Nobody asks before the server's word is over. Where it gave none, the wait is a guess, which a person goes before."""
    until = paused_until(timezone.now(), result.retry_seconds, _in_a_row(mailbox, result.code))
    told = result.retry_seconds is not None or result.whole_server
    if told:
        concerned = None if result.whole_server else mailbox.pk
        pause(DispatchRows(_no_queue), until, result.message, connection=held.connection, mailbox=concerned)
    _again_at(held, until, told=told)


def _again_at(held: Held, until: datetime, *, told: bool) -> None:
    """Due when the wait is over, whatever the next slot; a guess is kept by the slot alone."""
    Membership.objects.filter(task=held.task, mailbox=held.mailbox).update(
        retry_at=until, next_slot=Least(F("next_slot"), until) if told else until
    )


def _staging() -> Path:
    """Where a long listing is sorted: in the home, for it holds subjects and people."""
    place = _stagings() / process.identity()
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def _stagings() -> Path:
    place = Path(settings.HOME) / "staging"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def clear_staging() -> None:
    """What killed processes left there."""
    for left in _stagings().iterdir():
        if process.is_dead(left.name):
            shutil.rmtree(left)


@job(JOB, queue=QUEUE, resumed=False)  # a dead worker's lease is the dispatcher's to take back
def _synchronise(stopping: Stopping, token: str) -> None:
    if not stopping():
        run_lease(UUID(token), stopping)


def put_lease(token: UUID) -> None:
    """Queue the job that runs the lease, in the dispatcher's transaction."""
    put(JOB, queue=QUEUE, key=str(token), token=str(token))


def _no_queue(token: UUID) -> None:
    raise AssertionError(f"nothing is queued here: {token}")


def release_the_dead() -> int:
    """Leases whose worker certainly is no more are due for the sweep at once, not only after their silence."""
    dead = [row.pk for row in Lease.objects.exclude(holder="") if process.is_dead(row.holder)]
    return Lease.objects.filter(pk__in=dead).update(heartbeat=EPOCH)


def _ask(task: str, mailbox: str | None, actor: str) -> list[int]:
    """Resolve the group again (SPEC A6), and put its members first."""
    with transaction.atomic():
        row = find_task(task, lock=True)
        if row.deleting or not row.active:
            word = "being deleted" if row.deleting else "stopped"
            raise GiveUp("task_stopped", f"task {row.name} is {word}", f"start it: mailkeep task start {row.name!r}")
        members.resolve(row, actor)
        wanted = row.memberships.filter(present=True)
        if mailbox is not None:
            wanted = wanted.filter(mailbox=find_mailbox(mailbox, row.connection.name))
            if not wanted.exists():
                raise GiveUp("not_a_member", f"{mailbox} is not in task {row.name}", "see: mailkeep group show")
        numbers = list(wanted.values_list("pk", flat=True))
        asked(numbers, timezone.now())
    return numbers


def _in_a_row(mailbox: Mailbox, wanted: str) -> int:
    """How many of the newest runs ended with that code, this one included: each waits longer than the one before."""
    codes = mailbox.runs.filter(finished_at__isnull=False).order_by("-id").values_list("code", flat=True)[:10]
    return sum(1 for _ in itertools.takewhile(lambda code: code == wanted, codes))


def _unfinished(memberships: Sequence[int], begun: datetime) -> bool:
    """Some of them still wait for a lease, or hold one."""
    rows = Membership.objects.filter(pk__in=memberships)
    waits = rows.filter(asked_at__isnull=False, task__active=True)
    # Inside a server's pause nothing is sent: the mailbox stays asked for, and whoever runs jobs takes it up then.
    now = timezone.now()
    waits = waits.exclude(task__connection__paused_until__gt=now).exclude(mailbox__paused_until__gt=now)
    waiting = waits.exists()
    return waiting or Lease.objects.filter(mailbox__memberships__in=memberships, run__started_at__gte=begun).exists()


class _OnlyThese(DispatchRows):
    """The dispatcher's rows narrowed to some memberships; what it takes is run here instead of queued."""

    def __init__(self, memberships: Sequence[int], pool: ThreadPoolExecutor) -> None:
        super().__init__(self.take_up)
        self._memberships = frozenset(memberships)
        self._pool = pool
        self.running: list[Future[None]] = []

    def take_up(self, token: UUID) -> None:
        """Once the lease is committed: a thread that looked sooner would find none."""
        transaction.on_commit(lambda: self.running.append(self._pool.submit(_run_in_thread, token)))

    def waiting(self) -> int:
        """None waits for a thread longer than the sweep is patient: no more are taken than there are threads."""
        return sum(not one.done() for one in self.running)

    def lanes(self, now: datetime) -> Sequence[Lane]:
        rows = Membership.objects.filter(pk__in=self._memberships)
        wanted = set(rows.values_list("task__connection_id", flat=True))
        return [lane for lane in super().lanes(now) if lane.connection in wanted]

    def due(self, connection: int, now: datetime, limit: int) -> Sequence[Due]:
        found = super().due(connection, now, limit + len(self._memberships))
        return [one for one in found if one.membership in self._memberships]


def _be_the_worker(memberships: Sequence[int], begun: datetime, report: Report) -> None:
    """Dispatch and run here until the memberships' synchronisations have ended."""
    release_the_dead()
    resume_abandoned()
    with ThreadPoolExecutor(MAILBOXES_AT_ONCE, thread_name_prefix="mailbox") as pool:
        rows = _OnlyThese(memberships, pool)
        # Leases that a worker's dispatcher took, and whose jobs still wait in the queue because the worker is gone.
        queued = Lease.objects.filter(started=False, mailbox__memberships__in=memberships)
        for token in queued.values_list("token", flat=True):
            rows.take_up(token)
        while True:
            tick(rows, Limits(waiting_max=MAILBOXES_AT_ONCE))
            if not _unfinished(memberships, begun):
                break
            _tell(memberships, begun, report)
            _wait(rows.running)
    for one in rows.running:
        one.result()


def _wait(running: Sequence[Future[None]]) -> None:
    """A moment, but not longer than until one of them ends."""
    wait([one for one in running if not one.done()], POLL_SECONDS, FIRST_COMPLETED)


def _run_in_thread(token: UUID) -> None:
    threading.current_thread().name = f"mailbox-{token.hex[:8]}"
    try:
        run_lease(token)
    finally:
        connection.close()


def _tell(memberships: Sequence[int], begun: datetime, report: Report) -> None:
    runs = Run.objects.filter(mailbox__memberships__in=memberships, started_at__gte=begun)
    phases, done, total, received, note = set(), 0, 0, 0, ""
    for run in runs.filter(finished_at=None):
        phases.add(run.phase)
        done, total, received = done + run.done, total + (run.total or 0), received + run.bytes
        note = run.note or note
    phase = ", ".join(sorted(phases - {""})) or "waiting"
    report(Progress(phase, done, total or None, received, note))


def _sync_row(row: Membership, begun: datetime) -> SyncRow:
    run = (
        row.mailbox.runs.filter(task=row.task, started_at__gte=begun, finished_at__isnull=False).order_by("-id").first()
    )
    if run is None and (paused := pauses.of(row.mailbox.connection, row.mailbox.address).words()):
        hint = "nothing was sent; it stays asked for, and is taken up when the pause is over"
        return SyncRow(row.mailbox.address, "warning", "throttled", paused, hint, 0, 0, 0, 0, 0, 0, 0.0, 0)
    if run is None:  # refused, or waits for a window: the membership says why
        words = row.message or f"not started; next try {row.next_slot}"
        return SyncRow(
            row.mailbox.address, row.result or "warning", row.code, words, row.hint, 0, 0, 0, 0, 0, 0, 0.0, 0
        )
    assert run.finished_at is not None
    return SyncRow(
        mailbox=row.mailbox.address,
        result=run.result,
        code=run.code,
        message=run.message,
        hint=run.hint,
        listed=run.listed,
        fetched=run.fetched,
        bytes=run.bytes,
        moved=run.moved,
        removed=run.removed,
        left_out=run.left_out,
        seconds=round((run.finished_at - run.started_at).total_seconds(), 3),
        requests=run.requests,
    )
