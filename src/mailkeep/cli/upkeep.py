"""`mailkeep verify`, `rebuild`, `audit`."""

from __future__ import annotations

import sys

from mailkeep.cli.bar import shown_progress
from mailkeep.cli.command import FAILED, actor, command, mending
from mailkeep.cli.output import Output
from mailkeep.operations import audit as audits
from mailkeep.operations import upkeep


@mending
def verify(out: Output) -> None:
    """Prove every byte of the archive: packs, histories, heads. Damage is named with what it hits."""
    with shown_progress(out) as report:
        verdict = upkeep.verify(report)
    for damage in verdict.damaged:
        out.line(f"DAMAGED {damage.object}: {damage.problem}")
        for hit in damage.hits:
            out.line(f"        hits {hit}")
    against = ", ".join(verdict.compared_with) or "nothing: no statement and no catalog vouch for the newest entries"
    words = (
        f"{verdict.checked_objects} objects, {verdict.checked_bytes:,} bytes checked; heads compared with {against}."
    )
    out.one(out.plain(verdict), f"{'Everything is whole' if verdict.ok else 'The archive is damaged'}: {words}")
    if not verdict.ok:
        sys.exit(FAILED)


@mending
def rebuild(out: Output) -> None:
    """Make the catalog again from the archive and its key. Tasks come back stopped."""
    with shown_progress(out) as report:
        done = upkeep.rebuild(actor(), report)
    for mailbox, problem in done.damaged:
        out.line(f"ONLY IN PART {mailbox}: {problem}")
    words = f"{done.mailboxes} mailboxes, {done.entries:,} entries, {done.items:,} items from {done.packs:,} packs"
    out.one(out.plain(done), f"Rebuilt: {words}. Tasks are stopped: look at them, then start them.")
    if done.damaged:
        sys.exit(FAILED)


@command
def audit(out: Output) -> None:
    """Who did what, to what, and why; newest last."""
    out.rows((out.plain(row) for row in audits.listed()), ["at", "actor", "action", "subject", "reason"])
