"""Restores: archived items put back, planned first, journalled, read back and compared; and their undoing (SPEC E6).

The same restore asked for again goes on with an interrupted one; a finished one is simply planned anew, and finds everything there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.utils import timezone

from mailkeep.catalog import audit, records, views
from mailkeep.catalog.journal import EarlierRestores, RestoreJournal
from mailkeep.catalog.models import Connection, Mailbox, Restore
from mailkeep.catalog.source import MailboxSource
from mailkeep.connectors.base import Connector
from mailkeep.errors import GiveUp
from mailkeep.mail.cell import Cell
from mailkeep.mail.items import Section
from mailkeep.operations import connections, pauses
from mailkeep.operations.archive import repository
from mailkeep.operations.browse import folder_number, joined, parted
from mailkeep.operations.mailboxes import find
from mailkeep.progress import Report
from mailkeep.recover.plan import NotRestored
from mailkeep.recover.reading import Ways
from mailkeep.recover.run import Restored, run_restore
from mailkeep.recover.survey import plan_restore
from mailkeep.recover.undo import undo_restore


@dataclass(frozen=True, slots=True)
class Wanted:
    mailbox: str
    to: str
    connection: str | None
    into: str | None
    folder: str | None
    as_of: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """A plan, or what a restore did; `id` is "" for a plan."""

    id: str
    target: str
    create: int
    skip: int
    cannot: list[dict[str, Any]]
    restored: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)
    properties: list[dict[str, Any]] = field(default_factory=list)  # kind, property, equal, differs: how many items

    def words(self) -> str:
        if not self.id:
            return f"Would create {self.create} items in {self.target}, skip {self.skip} that are there, leave {len(self.cannot)}."
        differing = len({one["item"] for one in self.differences})
        return (
            f"Restore {self.id}: {self.restored} of {self.create} items came back into {self.target} as they were, "
            f"{differing} differ, {self.skip} were there already, {len(self.cannot)} could not be restored."
        )


@dataclass(frozen=True, slots=True)
class Undone:
    id: str
    removed: int
    kept: int


@dataclass(frozen=True, slots=True)
class _Prepared:
    mailbox: Mailbox
    at: views.Moment
    source: MailboxSource
    connection: Connection
    into: tuple[str, ...]
    folder: tuple[str, ...]

    def connect(self, address: str) -> Callable[[], Connector]:
        return lambda: connections.open_mailbox(self.connection, address, _sections(self.source))

    def ways(self, cell: Cell, address: str, row: Restore | None = None) -> Ways:
        earlier = EarlierRestores(self.mailbox, self.connection.uid, address, but=row)
        return Ways(cell.parse, connections.provider(self.connection.kind).properties, earlier)


def plan(wanted: Wanted, report: Report) -> Done:  # noqa: ARG001 - a plan is one pass without a known end
    """What a restore would do now. Writes nothing."""
    prepared = _prepared(wanted)
    with (
        pauses.kept_to(prepared.connection, wanted.to),
        closing(prepared.connect(wanted.to)()) as connector,
        Cell() as cell,
    ):
        counts = plan_restore(prepared.source, connector, prepared.into, prepared.ways(cell, wanted.to))
    return Done("", wanted.to, counts.create, counts.skip, _cannot(prepared.mailbox, counts.cannot))


def run(wanted: Wanted, actor: str, report: Report) -> Done:
    """Put the items back. Ends with the comparison of every item with what the server then gives."""
    if not wanted.reason.strip():
        raise GiveUp("bad_reason", "a restore needs a reason", "give --reason; it is kept in the audit log")
    prepared = _prepared(wanted)
    with _alone(prepared.connection, wanted.to), pauses.kept_to(prepared.connection, wanted.to):
        return _run(wanted, prepared, actor, report)


def _run(wanted: Wanted, prepared: _Prepared, actor: str, report: Report) -> Done:
    row = _interrupted(wanted, prepared)
    if row is None:
        row = _begun(wanted, prepared, actor)
    else:
        prepared = replace(prepared, source=_source(row))
    detail = {"restore": row.uid.hex, "to": wanted.to, "into": list(prepared.into), "folder": list(prepared.folder)}
    audit.record(actor, "restore", prepared.mailbox.address, wanted.reason, detail)
    with Cell() as cell:
        done = run_restore(
            prepared.source,
            prepared.connect(wanted.to),
            RestoreJournal(row, actor),
            prepared.into,
            prepared.ways(cell, wanted.to, row),
            total=prepared.source.count(),
            report=report,
        )
    answer = _done(row, prepared.mailbox, wanted.to, done)
    row.finished_at = timezone.now()
    row.planned = {"create": answer.create, "skip": answer.skip, "cannot": len(answer.cannot)}
    row.report = {
        "restored": answer.restored,
        "cannot": answer.cannot,
        "differences": answer.differences,
        "properties": answer.properties,
    }
    row.save()
    records.save(row, actor)
    return answer


def undo(restore_id: str, reason: str, actor: str, report: Report) -> Undone:
    """Remove exactly what the restore added and nobody has changed since."""
    if not reason.strip():
        raise GiveUp("bad_reason", "undoing a restore needs a reason", "give --reason; it is kept in the audit log")
    row = _find(restore_id)
    connection = Connection.objects.filter(uid=row.target_connection).first()
    if connection is None:
        raise GiveUp("connection_not_found", "the connection of that restore has been removed", "add it again")
    with _alone(connection, row.target_address), pauses.kept_to(connection, row.target_address):
        audit.record(actor, "undo", row.target_address, reason, {"restore": row.uid.hex})
        source = _source(row)
        connector = connections.open_mailbox(connection, row.target_address, _sections(source))
        try:
            with Cell() as cell:
                ways = Ways(cell.parse, connections.provider(connection.kind).properties)
                journal = RestoreJournal(row, actor)
                done = undo_restore(source, connector, journal, tuple(row.into), ways, report)
        finally:
            connector.close()
        if row.finished_at is None:  # nothing goes on with a restore that was taken back
            row.finished_at = timezone.now()
            row.save()
            records.save(row, actor)
    return Undone(row.uid.hex, done.removed, done.kept)


def _prepared(wanted: Wanted) -> _Prepared:
    mailbox = find(wanted.mailbox)
    at = views.moment(mailbox, wanted.as_of)
    if at.number == 0:
        raise GiveUp(
            "nothing_archived", f"nothing of {mailbox.address} was archived at that moment", "choose a later one"
        )
    connection = connections.find(wanted.connection) if wanted.connection else mailbox.connection
    number = None if wanted.folder is None else folder_number(mailbox, at, wanted.folder)
    source = MailboxSource(repository(), mailbox, at, number)
    folder = parted(wanted.folder) if wanted.folder else ()
    return _Prepared(mailbox, at, source, connection, parted(wanted.into) if wanted.into else (), folder)


def _source(row: Restore) -> MailboxSource:
    """What the restore reads, as it was when it began."""
    at = views.Moment(row.entry, row.as_of, complete=True)
    folder = folder_number(row.source, at, joined(row.folder)) if row.folder else None
    return MailboxSource(repository(), row.source, at, folder)


def _sections(source: MailboxSource) -> frozenset[Section]:
    """The parts of the target that take items. What was in Recoverable Items goes into folders of that name: nobody may write there."""
    sections = {folder.section for folder in source.folders()}
    return frozenset({Section.PRIMARY}) | (sections & {Section.IN_PLACE_ARCHIVE})


@contextmanager
def _alone(target: Connection, address: str) -> Iterator[None]:
    """One restore at a time into a mailbox: two would each find missing what the other is about to create."""
    key = f"restore {target.uid.hex} {address.lower()}"
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
        if not cursor.fetchone()[0]:
            raise GiveUp("busy", f"another restore into {address} is running", "wait until it has ended")
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


def _interrupted(wanted: Wanted, prepared: _Prepared) -> Restore | None:
    """The same restore, begun and not ended: its journal says what it has done."""
    rows = Restore.objects.filter(
        source=prepared.mailbox,
        target_connection=prepared.connection.uid,
        target_address__iexact=wanted.to,
        into=list(prepared.into),
        folder=list(prepared.folder),
        as_of=wanted.as_of,
        finished_at=None,
    )
    return rows.order_by("-id").first()


def _begun(wanted: Wanted, prepared: _Prepared, actor: str) -> Restore:
    row = Restore.objects.create(
        source=prepared.mailbox,
        target_connection=prepared.connection.uid,
        target_address=wanted.to,
        into=list(prepared.into),
        folder=list(prepared.folder),
        as_of=wanted.as_of,
        entry=prepared.at.number,
        reason=wanted.reason,
        actor=actor,
        started_at=timezone.now(),
    )
    records.save(row, actor)
    return row


def _find(restore_id: str) -> Restore:
    if re.fullmatch(r"[0-9a-f]{32}", restore_id):
        for row in Restore.objects.select_related("source__connection").filter(uid=uuid.UUID(restore_id)):
            return row
    raise GiveUp("restore_not_found", f"there is no restore {restore_id}", "its id is what `mailkeep restore` printed")


def _done(row: Restore, mailbox: Mailbox, target: str, done: Restored) -> Done:
    differences = [
        {"item": f"{mailbox.uid.hex}-{item}", "property": one.property, "was": one.was, "is": one.is_}
        for item, one in done.differences
    ]
    properties = [
        {"kind": kind.value, "property": name, "equal": tally.equal, "differs": tally.differs}
        for (kind, name), tally in sorted(done.properties.items())
    ]
    cannot = _cannot(mailbox, done.cannot)
    return Done(row.uid.hex, target, done.create, done.skip, cannot, done.restored, differences, properties)


def _cannot(mailbox: Mailbox, rows: list[NotRestored]) -> list[dict[str, Any]]:
    return [
        {"item": f"{mailbox.uid.hex}-{one.item}", "folder": joined(one.folder), "subject": one.subject, "why": one.why}
        for one in rows
    ]
