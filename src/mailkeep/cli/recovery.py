"""`mailkeep export`, `restore`, `undo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import mailkeep.operations.export as exports
import mailkeep.operations.restore as restores
from mailkeep.cli.bar import shown_progress
from mailkeep.cli.command import FAILED, AsOf, MailboxName, Reason, actor, command
from mailkeep.cli.mailboxes import moment
from mailkeep.cli.output import Output

FolderName = Annotated[str | None, typer.Option(help="Only this folder and those below it.")]


@command
def export(
    out: Output,
    mailbox: MailboxName,
    to: Annotated[Path, typer.Option("--out", help="A file or folder that is not there yet.")],
    reason: Reason,
    format_: Annotated[
        str, typer.Option("--format", help="eml (every kind), mbox or maildir (mail), ics, vcf.")
    ] = "eml",
    folder: FolderName = None,
    as_of: AsOf = None,
) -> None:
    """Write a mailbox's archived items to files, bit for bit, with a manifest of hashes."""
    wanted = exports.Wanted(mailbox, format_, to, folder, moment(as_of), reason)
    with shown_progress(out) as report:
        done = exports.run(wanted, actor(), report)
    out.one(out.plain(done), done.words())


@command
def restore(
    out: Output,
    mailbox: MailboxName,
    to: Annotated[str, typer.Option(help="The mailbox to restore into.")],
    reason: Reason,
    connection: Annotated[str | None, typer.Option(help="Where that mailbox is; the source's own by default.")] = None,
    into: Annotated[str | None, typer.Option(help="A folder to restore below, instead of the original places.")] = None,
    folder: FolderName = None,
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Put archived items back. Nothing is ever overwritten or deleted; a second run writes nothing."""
    wanted = restores.Wanted(mailbox, to, connection, into, folder, moment(as_of), reason)
    with shown_progress(out) as report:
        done = restores.plan(wanted, report) if dry_run else restores.run(wanted, actor(), report)
    out.one(out.plain(done), done.words())
    out.table(done.properties, ["kind", "property", "equal", "differs"])
    out.table(done.differences, ["item", "property", "was", "is"])
    out.table(done.cannot, ["item", "folder", "subject", "why"])
    if done.differences or done.cannot:
        sys.exit(FAILED)


@command
def undo(out: Output, restore_id: Annotated[str, typer.Argument(metavar="RESTORE")], reason: Reason) -> None:
    """Remove exactly what a restore added and nobody has changed since."""
    with shown_progress(out) as report:
        done = restores.undo(restore_id, reason, actor(), report)
    out.one(out.plain(done), f"{done.removed} items removed, {done.kept} left alone because they were changed.")
