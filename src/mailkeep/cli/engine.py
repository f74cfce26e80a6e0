"""`mailkeep serve`, `worker`, `sync`, `demo`: what runs."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated

import typer

from mailkeep.cli.bar import shown_progress
from mailkeep.cli.command import FAILED, actor, bare, command
from mailkeep.cli.output import Output
from mailkeep.operations import serve as serving
from mailkeep.operations import synchronise

Port = Annotated[int, typer.Option(min=1, max=65535, help="Of the console, on 127.0.0.1.")]


@bare
def serve(out: Output, port: Port = 8025) -> None:
    """Run everything: the database, the console, the workers. Ends cleanly on Ctrl-C."""
    serving.run(port, say=out.line)


@bare
def worker(
    out: Output,
    processes: Annotated[int, typer.Option(min=1, max=256, help="By default one per core.")] = os.cpu_count() or 1,
    mailboxes: Annotated[int, typer.Option(min=1, max=64, help="At a time, in each process.")] = 4,
) -> None:
    """Run jobs only, beside a `serve` or on another machine with the same DATABASE_URL."""
    serving.run_workers(processes, mailboxes, say=out.line)


@bare
def demo(out: Output, port: Port = 8025) -> None:
    """A simulated organisation with the console in front of it."""
    # Imported only here: it would take a fifth of every other command's start.
    demos = importlib.import_module("mailkeep.operations.demo")
    demos.run(port, say=out.line)


@command
def sync(
    out: Output,
    task: Annotated[str, typer.Argument(metavar="TASK")],
    mailbox: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it is done; runs it here if nothing else runs jobs.")
    ] = False,
) -> None:
    """Synchronise a task's mailboxes now."""
    if not wait:
        asked = synchronise.ask(task, mailbox, actor())
        out.one({"task": task, "mailboxes": asked}, f"Asked for {asked} mailboxes of {task}.")
        return
    with shown_progress(out) as report:
        rows = synchronise.ask_and_wait(task, mailbox, actor(), report)
    out.rows(
        (out.plain(row) for row in rows), ["mailbox", "result", "message", "fetched", "removed", "left_out", "seconds"]
    )
    if any(row.result == "error" for row in rows):
        sys.exit(FAILED)
