"""Declaring jobs and putting them into the queue.

    @job("synchronise", queue="mailboxes", resumed=False)
    def synchronise(stopping: Stopping, token: str) -> None: ...

    put("synchronise", queue="mailboxes", key=token, token=token)

A job is put into the queue inside the transaction at hand: rolled back with it, seen by workers once it is committed.
Arguments are JSON. A job function checks `stopping()` now and then, and returns or raises `Stopped` soon after it
says True.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ParamSpec

from django.db import transaction
from django.utils import timezone
from procrastinate import App, JobContext
from procrastinate.contrib.django import app as _app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.job_context import AbortReason

app: App = _app
Stopping = Callable[[], bool]
Arguments = ParamSpec("Arguments")

BEAT_SECONDS = 5.0  # a worker's sign of life
SILENT_SECONDS = 15.0  # without one it counts as dead


class Stopped(Exception):
    """Raised by a job function that ends early because `stopping()` said so. A resumed job goes back into the queue."""


@dataclass(frozen=True, slots=True)
class Declared:
    """`resumed`: if its worker dies, the job is put back; False where somebody else sees to that (the dispatcher, for
    its leases).
    """

    name: str
    queue: str
    resumed: bool


DECLARED: dict[str, Declared] = {}


def job(name: str, *, queue: str, resumed: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare `function(stopping, **arguments)` as what runs under `name`. Declared twice is a fault of ours."""

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        if name in DECLARED:
            raise ValueError(f"the job {name} is declared twice")

        def run(context: JobContext, /, **arguments: Any) -> None:
            ending = context.additional_context.get("stopping", _never)
            try:
                function(lambda: ending() or context.should_abort(), **arguments)
            except Stopped:
                if resumed and not _cancelled(context):
                    put(name, queue=queue, key=context.job.queueing_lock, **arguments)

        app.task(name=name, queue=queue, pass_context=True)(run)
        DECLARED[name] = Declared(name, queue, resumed)
        return function

    return declare


def put(name: str, *, queue: str, key: str | None = None, after_seconds: float = 0, **arguments: Any) -> bool:
    """Queue a job. With a `key`, at most one with that key waits at a time: False if there is one already.

    By name, so that a floor below the one that declares a job can queue it.
    """
    when = timezone.now() + timedelta(seconds=after_seconds) if after_seconds else None
    deferrer = app.configure_task(name, queue=queue, queueing_lock=key, schedule_at=when)
    try:
        with transaction.atomic():  # a savepoint: a key that waits already must not spoil the transaction at hand
            deferrer.defer(**arguments)
    except AlreadyEnqueued:
        return False
    return True


def waits(key: str) -> bool:
    """Whether a job with that key waits in the queue (not: runs)."""
    return bool(ProcrastinateJob.objects.filter(queueing_lock=key, status="todo").exists())


def workers_alive() -> int:
    """Worker processes, on any machine, that gave a sign of life of late."""
    since = timezone.now() - timedelta(seconds=SILENT_SECONDS)
    return int(ProcrastinateWorker.objects.filter(last_heartbeat__gte=since).count())


def _cancelled(context: JobContext) -> bool:
    """Somebody asked for this one job to end, not for the worker."""
    return context.abort_reason() is AbortReason.USER_REQUEST


def _never() -> bool:
    return False
