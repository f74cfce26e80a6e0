"""`mailkeep mailboxes`, `folders`, `items`, `item`, `left-out`, `ledger`: what the archive holds of a mailbox."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mailkeep.cli.command import AsOf, Json, MailboxName, Reason, actor, command
from mailkeep.cli.output import Output
from mailkeep.errors import GiveUp
from mailkeep.operations import browse, mailboxes

app = typer.Typer(help="Synced mailboxes, inactive ones too.", invoke_without_command=True)
COLUMNS = ["address", "connection", "task", "result", "message", "running", "last_activity", "counts"]


def moment(text: str | None) -> datetime | None:
    """`--as-of`: RFC 3339 with a zone; a bare date or time is read in UTC."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "write it as 2026-11-23T14:30:00Z"
        raise GiveUp("bad_moment", f"{text!r} is no moment", hint) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


@app.callback()
def every(context: typer.Context, json: Json = False) -> None:
    """All mailboxes ever synchronised."""
    if context.invoked_subcommand is None:
        _list(json=json)


@command
def _list(out: Output) -> None:
    out.rows((out.plain(row) for row in mailboxes.listed()), COLUMNS)


@app.command()
@command
def confirm(out: Output, address: MailboxName, reason: Reason) -> None:
    """Confirm that a mailbox really became smaller, so that the removals are recorded."""
    row = mailboxes.confirm_shrink(address, reason, actor())
    out.one(out.plain(row), f"Confirmed. The next synchronisation of {row.address} records the removals.")


@command
def folders(out: Output, mailbox: MailboxName, as_of: AsOf = None) -> None:
    """The folder tree of a mailbox, now or as of a moment."""
    shown = browse.folders(mailbox, moment(as_of))
    out.line(shown.words)
    out.rows((out.plain(row) for row in shown.rows), ["path", "role", "kind", "items"])


@command
def items(
    out: Output,
    mailbox: MailboxName,
    folder: Annotated[str | None, typer.Option(help="A folder's path, as `folders` shows it.")] = None,
    as_of: AsOf = None,
) -> None:
    """The items of a mailbox or a folder, newest first."""
    shown = browse.items(mailbox, moment(as_of), folder)
    out.line(shown.words)
    out.rows(
        (out.plain(row) for row in shown.rows), ["time", "kind", "from", "subject", "size", "flags", "folder", "id"]
    )


@command
def item(
    out: Output,
    item_id: Annotated[str, typer.Argument(metavar="ID")],
    raw: Annotated[bool, typer.Option("--raw", help="Its bytes, exactly as the server gave them.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; kept in the audit log. Without one, only what lists show.")
    ] = "",
) -> None:
    """One item and its history; with a reason what it says, and all its properties; or its exact bytes."""
    if not raw and not reason.strip():
        out.one(out.plain(browse.item(item_id)))
        return
    if not raw:
        # Imported only here: the providers below it would take a third of every other command's start.
        _show(out, importlib.import_module("mailkeep.operations.opened").in_words(item_id, reason, actor()))
        return
    for piece in browse.content(item_id, reason, actor()):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _show(out: Output, shown: dict[str, Any]) -> None:
    """One object for scripts; for people the item, its card, its text, its properties."""
    apart = ("says", "text", "files", "properties")
    out.one(shown if out.json_wanted else {key: value for key, value in shown.items() if key not in apart})
    out.table([{"it says": one["label"], "": one["text"]} for one in shown["says"]], ["it says", ""])
    if shown["text"]:
        out.line(f"\n{shown['text']}")
    out.table(shown["files"], ["number", "name", "size"])
    rows = [{"property": name, "value": value} for name, value in shown["properties"].items()]
    out.table(rows, ["property", "value"], shown_max=1000)


@command
def left_out(out: Output, mailbox: MailboxName) -> None:
    """Every item that is not archived, and why."""
    out.rows((out.plain(row) for row in browse.left_out(mailbox)), ["folder", "reason", "detail", "subject", "time"])


@command
def ledger(out: Output, mailbox: MailboxName) -> None:
    """Folder by folder: on the server, archived, left out and why, pending."""
    rows = (out.plain(row) for row in browse.ledger(mailbox))
    out.rows(rows, ["folder", "server", "archived", "left_out", "pending"])
