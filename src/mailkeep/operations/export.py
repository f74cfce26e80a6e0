"""Exports: a mailbox at a moment as files, bit for bit (SPEC E5). Needs a reason, and is audited (E7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mailkeep.catalog import audit, views
from mailkeep.catalog.source import MailboxSource
from mailkeep.errors import GiveUp
from mailkeep.operations.archive import repository
from mailkeep.operations.browse import folder_number, said
from mailkeep.operations.describing import described
from mailkeep.operations.mailboxes import find
from mailkeep.progress import Report
from mailkeep.recover.export import FORMATS, export


@dataclass(frozen=True, slots=True)
class Wanted:
    mailbox: str
    format: str
    out: Path
    folder: str | None
    as_of: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    mailbox: str
    format: str
    out: str
    shows: str  # which run
    items: int
    bytes: int
    cannot: list[dict[str, Any]]
    manifest: str | None
    left_aside: dict[str, int]  # by kind: items that the format does not hold

    def words(self) -> str:
        said = f"{self.items} items ({self.bytes:,} bytes) exported to {self.out}."
        if self.left_aside:
            counts = ", ".join(f"{count} of kind {kind}" for kind, count in self.left_aside.items())
            said += f" Left aside, for {self.format} does not hold them: {counts}; eml holds every kind."
        return f"{said} {len(self.cannot)} could not be exported." if self.cannot else said


def run(wanted: Wanted, actor: str, report: Report) -> Done:
    """Write the files. An interrupted export is taken up by the same command again."""
    if not wanted.reason.strip():
        raise GiveUp("bad_reason", "an export needs a reason", "give --reason; it is kept in the audit log")
    if wanted.format not in FORMATS:
        raise GiveUp("bad_format", f"{wanted.format!r} is no export format", f"choose one of {', '.join(FORMATS)}")
    mailbox = find(wanted.mailbox)
    at = views.moment(mailbox, wanted.as_of)
    folder = None if wanted.folder is None else folder_number(mailbox, at, wanted.folder)
    source = MailboxSource(repository(), mailbox, at, folder)
    detail = {"format": wanted.format, "out": str(wanted.out), "folder": wanted.folder, "entry": at.number}
    audit.record(actor, "export", mailbox.address, wanted.reason, detail)
    identity = f"{mailbox.uid.hex} {at.number} {folder}"
    done = export(source, wanted.out.absolute(), wanted.format, identity, source.count(), report, describe=described)
    return Done(
        mailbox=mailbox.address,
        format=wanted.format,
        out=str(wanted.out),
        shows=said(at),
        items=done.items,
        bytes=done.bytes,
        cannot=[{"item": f"{mailbox.uid.hex}-{one.item}", "why": one.why} for one in done.cannot],
        manifest=str(done.manifest) if done.manifest else None,
        left_aside={kind.value: count for kind, count in done.aside.items()},
    )
