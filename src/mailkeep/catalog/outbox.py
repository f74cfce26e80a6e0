"""From rows to the organisation's history, exactly once.

A change leaves an `OutboxLine` in its own transaction (`record`); `flush` appends the waiting lines as one entry and
deletes them. A crash between the two leaves lines that an entry holds already: each line carries an id, so the next
flush finds them in the entries that the catalog has not seen, and drops them instead of writing them again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from mailkeep.archive.events import EMPTY_HEAD, Head
from mailkeep.archive.organisation import OrganisationEvent, OrganisationHistory
from mailkeep.archive.repository import Repository
from mailkeep.catalog.models import OrganisationHead, OutboxLine
from mailkeep.store.base import NotFound

FLUSH_LOCK = 0x6D6B_0001  # one flush at a time, whichever process runs it
EVENTS_PER_ENTRY_MAX = 500

Document = dict[str, Any]


def record(kind: str, subject: str, document: Document | None, actor: str) -> None:
    """The thing's whole new state (None: it is gone) goes on its way, in the transaction that makes the change."""
    OutboxLine.objects.create(at=timezone.now(), actor=actor, kind=kind, subject=subject, document=document)


def flush(repository: Repository) -> int:
    """Append what waits; returns the entries written. 0 also when another process is at it: it sees the same lines.

    Not to be called inside a transaction: an entry must never be undone in the catalog alone.
    """
    with _alone() as ours:
        if not ours or not OutboxLine.objects.exists():
            return 0
        organisation = repository.organisation()
        head = _caught_up(repository, organisation)
        entries = 0
        while lines := list(OutboxLine.objects.order_by("id")[:EVENTS_PER_ENTRY_MAX]):
            head = organisation.append(head, [_event(line) for line in lines], _not_before(head))
            with transaction.atomic():
                OutboxLine.objects.filter(pk__in=[line.pk for line in lines]).delete()
                keep(head)
            entries += 1
        return entries


def known_head() -> Head:
    """The end of the organisation's chain, as far as the catalog has seen it."""
    row = OrganisationHead.objects.first()
    return Head(row.number, bytes(row.hash), row.time) if row else EMPTY_HEAD


def keep(head: Head) -> None:
    OrganisationHead.objects.update_or_create(
        pk=1, defaults={"number": head.number, "hash": head.hash, "time": head.time}
    )


def opened(event: OrganisationEvent) -> tuple[uuid.UUID | None, Document | None]:
    """An event's id and the thing's state, as `record` was given it."""
    document = event.document or {}
    return (uuid.UUID(document["id"]) if "id" in document else None), document.get("state")


@contextmanager
def _alone() -> Iterator[bool]:
    """The session's advisory lock: it spans the write to the store, which no transaction can."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [FLUSH_LOCK])
        ours = bool(cursor.fetchone()[0])
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [FLUSH_LOCK])


def _caught_up(repository: Repository, organisation: OrganisationHistory) -> Head:
    """The chain's real end. Lines that an entry beyond the known head holds were written before a crash: they go."""
    try:
        return _dropped_written(organisation)
    except NotFound:
        # The crash also cost the index the documents' pack; it is in the store.
        repository.index_orphans()
        return _dropped_written(organisation)


def _dropped_written(organisation: OrganisationHistory) -> Head:
    head = known_head()
    for entry, after in organisation.read(after=head.number):
        written = [line for line, _ in map(opened, entry.events) if line is not None]
        with transaction.atomic():
            OutboxLine.objects.filter(uid__in=written).delete()
            keep(after)
        head = after
    return head


def _event(line: OutboxLine) -> OrganisationEvent:
    document = {"id": line.uid.hex, "state": line.document}
    return OrganisationEvent(at=line.at, actor=line.actor, kind=line.kind, subject=line.subject, document=document)


def _not_before(head: Head) -> datetime:
    now = timezone.now()
    return now if head.time is None else max(now, head.time)
