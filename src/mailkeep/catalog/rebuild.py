"""The whole catalog again, from the archive and its key alone (law 1).

    1 everything goes, in one transaction       3 configuration, people, journals: the organisation's history
    2 the blob index: the footers of all packs  4 what the mailboxes hold: their histories, entry by entry

What comes back: connections with their sealed secrets, groups, tasks (stopped) with every revision, mailboxes with
their ids and owners, accounts, restores, audit; entries, folders, items, flags, checkpoints. What does not, because no
history tells it: sessions, queued jobs, leases, the record of runs, a mailbox's last result and its ledger (the next
run writes both); its last activity is that of its last entry.

Killed on the way, it is run again; a mailbox it has not reached is also caught up by the next synchronisation. A run
that is under way loses its lease with the first step, and the archive is only ever read here.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from mailkeep.archive.events import Head
from mailkeep.archive.repository import Repository
from mailkeep.catalog import outbox
from mailkeep.catalog.blob_index import TableIndex
from mailkeep.catalog.dispatch_rows import TURN_LOCK
from mailkeep.catalog.models import Blob, Connection, Mailbox, OutboxLine
from mailkeep.catalog.recall import Gathered, gather, recall
from mailkeep.catalog.replay import catch_up
from mailkeep.errors import GiveUp
from mailkeep.progress import Progress, Report, silent

log = logging.getLogger(__name__)

CLEARING_ATTEMPTS_MAX = 5
LOCK_SECONDS_MAX = 20  # longer than a dispatcher that froze keeps its turn
_HELD_UP = frozenset({"40P01", "55P03"})  # deadlock, lock timeout
FOUND_CONNECTION = "Recovered mailboxes"
FOUND_KIND = "unknown"

_TRUNCATE = """
    SELECT format('TRUNCATE %s, auth_user RESTART IDENTITY CASCADE', string_agg(quote_ident(tablename), ', '))
    FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'catalog\\_%' AND tablename <> 'catalog_outboxline'
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`things` counts configuration by kind; `damaged` names what came back only in part (a mailbox, "organisation"), and why."""

    packs: int
    things: dict[str, int]
    mailboxes: int
    entries: int
    items: int
    damaged: tuple[tuple[str, str], ...]


def rebuild(repository: Repository, report: Report = silent) -> Rebuilt:
    """See the module's head. Nothing is lost that cannot be read; RetryLater before anything is cleared: store offline.

    What of the organisation's history is damaged is listed, and the mailboxes come back without it.
    """
    report(Progress("clearing", 0, None))
    gathered = _gathered_and_cleared(repository)
    report(Progress("reading packs", 0, None))
    packs = repository.index_orphans()
    report(Progress("reading configuration", 0, None))
    if gathered is None or gathered.damaged:
        gathered = gather(repository)  # it may have been the old index that did not find the documents
    things = recall(repository, gathered)
    return _replayed(repository, packs, things, report, gathered.damaged)


def _gathered_and_cleared(repository: Repository) -> Gathered | None:
    """Cleared only if nothing was recorded or flushed since it was gathered. GiveUp `busy` where that never happens.

    None: not gathered yet.
    """
    for _ in range(CLEARING_ATTEMPTS_MAX):
        flushed = _flushed(repository)
        known = outbox.known_head()
        waiting = set() if flushed else set(OutboxLine.objects.values_list("pk", flat=True))
        # Without an index no document would be found, and there is nothing to lose: it is gathered once that is made.
        gathered = gather(repository) if Blob.objects.exists() else None
        try:
            cleared = _clear(known, waiting)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in _HELD_UP:
                raise
            cleared = False
        if cleared:
            if isinstance(repository.index, TableIndex):
                repository.index.forget()
            return gathered
    raise GiveUp("busy", "other processes go on changing the catalog", "stop `mailkeep serve` and try again")


def _flushed(repository: Repository) -> bool:
    """What was decided and had not reached the history yet.

    Where that is damaged, or shorter than the catalog knew, lines go on waiting: clearing leaves them, `gather` reads them.
    """
    try:
        outbox.flush(repository)
    except GiveUp as error:
        log.warning("what waits for the organisation's history cannot be written now: %s", error.message)
        return False
    return True


def _clear(known: Head, waiting: set[int]) -> bool:
    """Everything goes, unless other lines wait than those, or the history has gone on: nothing changed then.

    Neither a flush nor a dispatcher's turn nor anybody who records a change can be under way meanwhile.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s), pg_advisory_xact_lock(%s)", [outbox.FLUSH_LOCK, TURN_LOCK])
        cursor.execute("LOCK TABLE catalog_outboxline IN ACCESS EXCLUSIVE MODE")
        if outbox.known_head() != known or set(OutboxLine.objects.values_list("pk", flat=True)) != waiting:
            return False
        cursor.execute(_TRUNCATE)
        cursor.execute(cursor.fetchone()[0])
    return True


def _replayed(
    repository: Repository, packs: int, things: dict[str, int], report: Report, damaged: list[tuple[str, str]]
) -> Rebuilt:
    names = list(repository.mailboxes())
    items = entries = 0
    for number, name in enumerate(names, 1):
        mailbox = Mailbox.objects.filter(uid=name).first() or _found(name)
        counter = _Counter(report, items, f"mailbox {number} of {len(names)}")
        try:
            entries += catch_up(repository, mailbox, counter)
        except GiveUp as damage:
            damaged.append((mailbox.address, damage.message))  # the others still come back whole
        items = counter.items
    return Rebuilt(packs, things, len(names), entries, items, tuple(damaged))


@dataclass(slots=True)
class _Counter:
    report: Report
    items: int
    note: str

    def __call__(self, more: int) -> None:
        self.items += more
        self.report(Progress("reading mailboxes", self.items, None, note=self.note))


def _found(name: str) -> Mailbox:
    """A history whose mailbox no configuration tells of (lost before it was written): kept in sight under its id."""
    connection_row, _ = Connection.objects.get_or_create(name=FOUND_CONNECTION, defaults={"kind": FOUND_KIND})
    return Mailbox.objects.create(uid=uuid.UUID(name), connection=connection_row, address=name)
