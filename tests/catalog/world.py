"""A small world for the catalog's tests: an organisation with a task and a mailbox, an archive, and somebody who writes its history."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

from mailkeep.archive.batch import Batch
from mailkeep.archive.documents import encode_checkpoints, encode_folder, encode_summary
from mailkeep.archive.events import EMPTY_HEAD, Entry, Event, FolderPut, Head, NativeBlob, Put, RunStamp
from mailkeep.archive.repository import Repository
from mailkeep.catalog import records
from mailkeep.catalog.blob_index import TableIndex
from mailkeep.catalog.models import (
    Connection,
    Group,
    GroupMember,
    Lease,
    Mailbox,
    Membership,
    Run,
    Task,
    TaskRevision,
)
from mailkeep.catalog.projection import CatalogProjection
from mailkeep.mail.items import Folder, Kind, NativePart, Section
from mailkeep.store.base import Store
from mailkeep.store.memory import MemoryStore
from mailkeep.sync.ports import Summary
from mailkeep.tasks.document import options_document
from mailkeep.tasks.options import TaskOptions

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ACTOR = "alice"


def archive(folder: Path, store: Store | None = None) -> Repository:
    return Repository.create(store or MemoryStore(), TableIndex(), folder / "archive.key")


def connection(name: str = "Dovecot") -> Connection:
    row = Connection.objects.create(name=name, kind="imap", settings={"host": "mail.example.org", "port": 993})
    records.save(row, ACTOR)
    return row


def group(name: str, *addresses: str) -> Group:
    row = Group.objects.create(name=name)
    GroupMember.objects.bulk_create(GroupMember(group=row, address=address) for address in addresses)
    records.save(row, ACTOR)
    return row


def task(name: str, on: Connection, of: Group) -> Task:
    row = Task.objects.create(name=name, connection=on, group=of)
    TaskRevision.objects.create(task=row, number=1, options=options_document(TaskOptions()))
    records.save(row, ACTOR)
    return row


def mailbox(on: Connection, address: str, owner: Task | None = None) -> Mailbox:
    row = Mailbox.objects.create(connection=on, address=address, owner=owner)
    records.save(row, ACTOR)
    return row


def member(of: Task, box: Mailbox) -> Membership:
    return Membership.objects.create(task=of, mailbox=box)


def lease(of: Task, box: Mailbox) -> Lease:
    now = timezone.now()
    run = Run.objects.create(mailbox=box, task=of, revision=of.revision, started_at=now)
    return Lease.objects.create(mailbox=box, task=of, revision=of.revision, run=run, taken_at=now, heartbeat=now)


def organisation(address: str = "anna@example.org") -> tuple[Task, Mailbox]:
    """One of each. Names are new each time: a property test makes many in one transaction."""
    word = uuid.uuid4().hex[:8]
    on = connection(f"Dovecot {word}")
    of = task(f"Everybody {word}", on, group(f"All {word}", address))
    box = mailbox(on, address, of)
    member(of, box)
    return of, box


def folder(number: int, name: str = "") -> Folder:
    section = Section.IN_PLACE_ARCHIVE if number % 3 == 0 else Section.PRIMARY
    return Folder(id=f"id-{number}", path=("Top", name or f"Folder {number}"), section=section)


def put(item: int, place: int, *, version: int = 1, left_out: str = "", flags: frozenset[str] = frozenset()) -> Put:
    """An item whose every property follows from its number and version."""
    digest = hashlib.sha256(f"{item} {version}".encode()).digest()
    return Put(
        item=item,
        folder=place,
        server_id=f"7.{item:010d}",
        kind=Kind.MAIL,
        message_class="IPM.Note",
        size=100 * item + version,
        time=START + timedelta(minutes=item % 5),
        received=START,
        summary=digest,
        version=str(version),
        flags=flags,
        content=b"" if left_out else digest,
        sha256=b"" if left_out else digest,
        identity=digest,
        left_out=left_out,
        native=() if left_out or item % 2 else native(item, version),
    )


def native(item: int, version: int) -> tuple[NativeBlob, ...]:
    """Two parts; the second has a name that must be written with care, and changes with no version."""
    made = [("some.properties", f"properties {item} {version}".encode()), ('some.Größe\\\t"1', f"{item}".encode())]
    return tuple(
        NativeBlob(name, hashlib.sha256(data).digest(), hashlib.sha256(data).digest(), len(data)) for name, data in made
    )


def parts(put: Put) -> tuple[NativePart, ...]:
    """What the archive is given for those."""
    return tuple(
        NativePart(blob.name, f"properties {put.item} {put.version}".encode() if n == 0 else f"{put.item}".encode())
        for n, blob in enumerate(put.native)
    )


def summary(item: int) -> Summary:
    return Summary(subject=f"Subject of {item}", sender="Anna <anna@example.org>", recipients="bob@example.org")


@dataclass
class Writer:
    """Appends entries to a chain that stands in no store, and projects them under a lease."""

    mailbox: Mailbox
    projection: CatalogProjection
    head: Head = EMPTY_HEAD

    @classmethod
    def of(cls, of: Task, box: Mailbox) -> Writer:
        return cls(box, CatalogProjection(box.pk, lease(of, box).token))

    def entry(self, events: Sequence[Event], *, complete: bool = True) -> tuple[Entry, Head]:
        number = self.head.number + 1
        time = START + timedelta(hours=number)
        stamp = RunStamp(uuid.uuid4().hex, uuid.uuid4().hex, 1, complete)
        entry = Entry(self.mailbox.uid.hex, number, self.head.hash, time, stamp, tuple(events))
        return entry, Head(number, hashlib.sha256(repr(entry).encode()).digest(), time)

    def write(self, events: Sequence[Event], names: Mapping[int, str] | None = None, *, complete: bool = True) -> Head:
        entry, self.head = self.entry(events, complete=complete)
        apply(self.projection, entry, self.head, names or {})
        return self.head


def apply(projection: CatalogProjection, entry: Entry, head: Head, names: Mapping[int, str]) -> None:
    folders = {event.folder: folder(event.folder, names.get(event.folder, "")) for event in _folder_puts(entry)}
    summaries = {event.item: summary(event.item) for event in entry.events if isinstance(event, Put)}
    projection.apply(entry, head, folders, summaries)


def _folder_puts(entry: Entry) -> list[FolderPut]:
    return [event for event in entry.events if isinstance(event, FolderPut)]


def archive_entry(
    repository: Repository,
    box: Mailbox,
    events: Sequence[Event],
    *,
    complete: bool = True,
    checkpoints: Mapping[str, bytes] | None = None,
) -> tuple[Entry, Head]:
    """Really write an entry with its documents into the archive; nothing is projected.

    Folder and item numbers decide the documents; a Put's content is its number in words.
    """
    history = repository.history(box.uid.hex)
    before = history.head()
    batch = repository.batch()
    stored = [_stored(batch, event) for event in events]
    packed = batch.put_documents([encode_checkpoints(checkpoints)])[0] if checkpoints is not None else b""
    batch.seal()
    time = START + timedelta(hours=before.number + 1)
    stamp = RunStamp(uuid.uuid4().hex, uuid.uuid4().hex, 1, complete)
    entry = Entry(box.uid.hex, before.number + 1, before.hash, time, stamp, tuple(stored), packed)
    return entry, history.append(entry)


def _stored(batch: Batch, event: Event) -> Event:
    if isinstance(event, FolderPut):
        return replace(event, description=batch.put_documents([encode_folder(folder(event.folder))])[0])
    if isinstance(event, Put):
        told = batch.put_documents([encode_summary(summary(event.item))])[0]
        if event.left_out:
            return replace(event, summary=told)
        content = f"message {event.item} {event.version}".encode()
        own = parts(event)
        kept, *held = batch.put_contents([content], own)
        native = tuple(
            NativeBlob(part.name, each.blob, each.sha256, each.size) for part, each in zip(own, held, strict=True)
        )
        return replace(event, summary=told, content=kept.blob, sha256=kept.sha256, native=native)
    return event
