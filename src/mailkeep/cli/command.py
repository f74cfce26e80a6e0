"""What every command shares: `--json`, the opened installation, errors as one line with a hint, exit status."""

from __future__ import annotations

import functools
import gc
import getpass
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import psycopg
import typer
from django.db import InterfaceError, OperationalError

from mailkeep.cli.output import Output
from mailkeep.errors import MailkeepError, RetryLater
from mailkeep.operations import installation

Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one object per line.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="A moment, RFC 3339; the last synchronisation if left out.")]
MailboxName = Annotated[str, typer.Argument(metavar="MAILBOX", help="An address or an id.")]

FAILED, USAGE = 1, 2
Command = Callable[..., None]


def actor() -> str:
    """Who is at the command line, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a uid without a name
        return "cli"


def command(wanted: Command) -> Command:
    """A command: called with its `Output` first, inside the opened installation."""
    return _made(wanted, behind_ok=False, bare=False)


def mending(wanted: Command) -> Command:
    """As `command`, for what mends a catalog that is behind its archive."""
    return _made(wanted, behind_ok=True, bare=False)


def bare(wanted: Command) -> Command:
    """As `command`, for what opens the installation itself."""
    return _made(wanted, behind_ok=False, bare=True)


def _made(wanted: Command, *, behind_ok: bool, bare: bool) -> Command:
    @functools.wraps(wanted)
    def wrapped(*arguments: Any, **options: Any) -> None:
        gc.freeze()  # all that was imported; `main` had the collector wait for this
        gc.set_threshold(
            50_000, 20, 20
        )  # mail makes many small objects and hardly a cycle: looking for those took a tenth of a run
        gc.enable()
        out = Output(options.pop("json", False))
        try:
            if bare:
                wanted(out, *arguments, **options)
            else:
                with installation.opened(behind_ok=behind_ok):
                    wanted(out, *arguments, **options)
        except MailkeepError as error:
            out.error(error)
            sys.exit(USAGE if error.code.startswith("bad_") else FAILED)
        except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
            out.error(_database_offline(error))
            sys.exit(FAILED)
        except BrokenPipeError:
            sys.stderr.close()  # the reader has gone (`| head`): nobody is left to tell
            sys.exit(FAILED)

    return _hide_output(wrapped, wanted)


def _database_offline(error: Exception) -> MailkeepError:
    """The database went away, or refused, while a command was at work."""
    said = " ".join(str(error).split())  # libpq tells each address it tried on a line of its own
    return RetryLater(
        "database_offline",
        f"the database does not answer: {said}",
        "look whether its server runs and its disk has room, then run the same command again: it goes on where it was",
    )


def _hide_output(wrapped: Command, wanted: Command) -> Command:
    """Typer reads the signature: the function's own without `out`, and with `--json` at its end."""
    signature = inspect.signature(wanted, eval_str=True)
    parameters = [one for name, one in signature.parameters.items() if name != "out"]
    json = inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    shown = signature.replace(parameters=[*parameters, json])
    wrapped.__signature__ = shown  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in shown.parameters.values()}
    del wrapped.__wrapped__  # type: ignore[attr-defined]
    return wrapped
