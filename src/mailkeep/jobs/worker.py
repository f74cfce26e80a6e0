"""Running jobs: synchronous functions in a pool of threads that has one thread for each job at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, close_old_connections
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import DjangoApp
from procrastinate.contrib.django.utils import connector_params
from procrastinate.worker import Worker

from mailkeep.jobs import upkeep
from mailkeep.jobs.queue import BEAT_SECONDS, SILENT_SECONDS, app

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # a freed lock wakes nobody
UNTIL_SECONDS = 0.1
UPKEEP_SECONDS = 10.0
GRACE_SECONDS = 8.0  # for jobs to notice that they are to stop
LEAVE_SECONDS = 10.0  # after which the process goes without them: their leases are taken back, their jobs resumed


def run_worker(
    concurrency: int,
    *,
    queues: Sequence[str] | None = None,
    until: Callable[[], bool] | None = None,
    stopping: threading.Event | None = None,
) -> None:
    """Run jobs, at most `concurrency` at a time, until SIGTERM or SIGINT, or until `until()` is true.

    From the main thread; the modules that declare jobs have been imported. `stopping` is set as soon as the end
    begins, for threads beside it (the dispatcher's). `until` is asked a few times a second, in a thread; jobs that
    still run when it turns true are told to stop.
    """
    life = _Life(stopping or threading.Event())
    try:
        asyncio.run(_run(concurrency, queues, until, life))
    finally:
        life.over()


class _Life:
    """From the first word that it ends to the end: bounded by a timer, whatever a job's thread is stuck in."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self._timer = threading.Timer(LEAVE_SECONDS, self._leave)
        self._timer.daemon = True

    def end(self, worker: Worker) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
            self._timer.start()
            worker.stop()  # type: ignore[no-untyped-call]

    def over(self) -> None:
        self.stopping.set()
        self._timer.cancel()

    def _leave(self) -> None:
        log.warning("a job does not stop within %s s: leaving without it; it will be taken up again", LEAVE_SECONDS)
        os._exit(1)


async def _run(concurrency: int, queues: Sequence[str] | None, until: Callable[[], bool] | None, life: _Life) -> None:
    loop = asyncio.get_running_loop()
    # Two more than the jobs, for `until` and upkeep: in a pool of jobs alone both would wait for a job to end.
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 2, thread_name_prefix="job"))
    engine = _engine()
    async with engine.open_async():
        worker = _worker(engine, concurrency, queues, life)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, life.end, worker)
        beside = [asyncio.create_task(_look_after())]
        if until is not None:
            beside.append(asyncio.create_task(_end_when(until, lambda: life.end(worker))))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            for task in beside:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def _engine() -> DjangoApp:
    """An app of the same jobs on connections that asyncio can wait on.

    A second app, because `replace_connector` would also replace how jobs put further jobs into the queue: inside their
    own transaction.
    """
    engine = DjangoApp(connector=PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=4))
    engine.tasks = app.tasks
    return engine


def _worker(engine: DjangoApp, concurrency: int, queues: Sequence[str] | None, life: _Life) -> Worker:
    return Worker(
        app=engine,
        queues=queues,
        name=f"worker-{os.getpid()}",
        concurrency=concurrency,
        fetch_job_polling_interval=POLL_SECONDS,
        abort_job_polling_interval=POLL_SECONDS,
        shutdown_graceful_timeout=GRACE_SECONDS,
        delete_jobs="always",
        additional_context={"stopping": life.stopping.is_set},
        install_signal_handlers=False,
        update_heartbeat_interval=BEAT_SECONDS,
        stalled_worker_timeout=SILENT_SECONDS,
        task_middleware=engine.worker_defaults["task_middleware"],
    )


async def _end_when(until: Callable[[], bool], end: Callable[[], None]) -> None:
    while not await asyncio.to_thread(until):
        await asyncio.sleep(UNTIL_SECONDS)
    end()


async def _look_after() -> None:
    while True:
        try:
            await asyncio.to_thread(_upkeep)
        except DatabaseError:
            # The database may be restarting: the worker itself ends if it stays away.
            log.exception("looking after abandoned jobs failed; again in %s s", UPKEEP_SECONDS)
        await asyncio.sleep(UPKEEP_SECONDS)


def _upkeep() -> None:
    close_old_connections()
    upkeep.resume_abandoned()
