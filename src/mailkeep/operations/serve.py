"""What `serve` and `worker` run: the database, the console, and workers that dispatch and synchronise."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection

from mailkeep.catalog import outbox
from mailkeep.catalog.dispatch_rows import DispatchRows
from mailkeep.dispatch import loop
from mailkeep.errors import MailkeepError
from mailkeep.host import database, environment, supervisor
from mailkeep.host.supervisor import Child
from mailkeep.jobs.worker import run_worker
from mailkeep.operations import installation, people, synchronise, witness
from mailkeep.operations.archive import key_file, repository

log = logging.getLogger(__name__)

Say = Callable[[str], None]
SETTLE_SECONDS = 5.0


def run(port: int, *, say: Say) -> None:
    """Everything, until SIGTERM or Ctrl-C. GiveUp `already_serving`, `port_taken`."""
    supervisor.refuse_taken_port(port)
    with database.serving(installation.home()) as cluster:
        if installation.ready():
            say(
                f"A new archive was made. Its key is {key_file()}: keep a copy elsewhere, without it nothing can be read."
            )
        synchronise.release_the_dead()
        synchronise.clear_staging()
        if orphans := repository().index_orphans():
            log.warning("%s packs of an interrupted run were taken into the index", orphans)
        if made := people.first_administrator():
            say(f"First sign-in: user {made[0]}, password {made[1]}  (printed this once)")
        installation.settle()
        children = [
            supervisor.gunicorn("mailkeep.wsgi:application", port),
            *_workers(os.cpu_count() or 1, synchronise.MAILBOXES_AT_ONCE),
        ]

        def up() -> None:
            say(f"Console: http://127.0.0.1:{port}   Ctrl-C ends it.")

        supervisor.supervise(children, cluster, up=up, ready=lambda: supervisor.answers(port))


def run_workers(processes: int, mailboxes: int, *, say: Say) -> None:
    """Workers only: one in this process, or several under a supervisor."""
    if processes == 1:
        with installation.opened():
            _work(mailboxes)
        return
    with database.running(installation.home()) as cluster:
        installation.ready()
        connection.close()
        say(f"{processes} workers, {mailboxes} mailboxes at a time each. Ctrl-C ends them.")
        supervisor.supervise(_workers(processes, mailboxes), cluster)


def _workers(processes: int, mailboxes: int) -> list[Child]:
    command = [sys.executable, "-m", "mailkeep.cli", "worker", "--processes", "1", "--mailboxes", str(mailboxes)]
    return [Child(f"worker {number}", command) for number in range(1, processes + 1)]


def _work(mailboxes: int) -> None:
    """A worker process: jobs in threads, and beside them the dispatcher's loop and the way into the organisation's history."""
    synchronise.release_the_dead()
    if not environment.embedded():
        repository().index_orphans()
    stopping = threading.Event()
    rows = DispatchRows(synchronise.put_lease)
    beside = [
        threading.Thread(target=loop.run, args=(rows, _fresh_connections(stopping)), name="dispatcher", daemon=True),
        threading.Thread(target=_settle, args=(stopping,), name="settle", daemon=True),
    ]
    for thread in beside:
        thread.start()
    try:
        run_worker(mailboxes, queues=[synchronise.QUEUE], stopping=stopping)
    finally:
        stopping.set()
        for thread in beside:
            thread.join(5)


def _fresh_connections(stopping: threading.Event) -> Callable[[float], bool]:
    """Waiting that also drops a database connection which has died, so that the next turn has a new one."""

    def wait(seconds: float) -> bool:
        close_old_connections()
        return stopping.wait(seconds)

    return wait


def _settle(stopping: threading.Event) -> None:
    """What was changed reaches the organisation's history, and the heads a signed statement."""
    while not stopping.wait(SETTLE_SECONDS):
        try:
            close_old_connections()
            outbox.flush(repository())
            witness.state_heads()
        except (DatabaseError, MailkeepError) as error:
            log.error("the organisation's history must wait: %s", error)
    connection.close()
