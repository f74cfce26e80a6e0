"""A mailbox at one moment, as recovery reads it: `recover.ports.Source` over the catalog's rows and the archive's blobs.

Contents are asked for one by one, shortly after their items; they lie together in the archive. So the first that is asked for is
prepared with the hundreds that follow it, with two questions to the index for all. Native parts likewise, on their own: an export
never asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, dropwhile, islice

from django.db import connection

from mailkeep.archive.repository import PREPARED_BLOBS_MAX, Prepared, Repository
from mailkeep.catalog import views
from mailkeep.catalog.item_rows import COLUMNS, ItemRow, item_row, shown
from mailkeep.catalog.models import Mailbox
from mailkeep.catalog.moments import Moment
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, Kind, NativePart, Role, Section
from mailkeep.recover.ports import SourceItem

STREAM_ROWS = 1000

Blobs = Mapping[int, tuple[bytes, ...]]  # by item, what it has in the archive


class MailboxSource:
    """`Source`: the whole mailbox at the moment, or one folder of it with those below."""

    def __init__(self, repository: Repository, mailbox: Mailbox, at: Moment, folder: int | None = None) -> None:
        self._repository = repository
        self._mailbox = mailbox
        self._at = at
        self._folder = folder
        self._blobs: Blobs = {}  # by item, ascending: those lately handed out and those about to be
        self._native: Blobs = {}
        self._ready: dict[bytes, Prepared] = {}
        self._ready_native: dict[bytes, Prepared] = {}

    def folders(self) -> list[Folder]:
        rows = views.folders(self._mailbox, self._at)
        top = next((row.path for row in rows if row.id == self._folder), ())
        return [
            Folder(
                id=str(row.id),
                path=row.path,
                kind=Kind(row.kind),
                role=Role(row.role) if row.role else None,
                selectable=row.selectable,
                section=Section(row.section),
            )
            for row in rows
            if row.path[: len(top)] == top
        ]

    def count(self) -> int:
        wanted = {int(folder.id) for folder in self.folders()}
        return sum(row.items for row in views.folders(self._mailbox, self._at) if row.id in wanted)

    def items(self, folder: Folder) -> Iterator[SourceItem]:
        """Only the contents of the folder that is being read are looked up: their blob ids are kept that long."""
        self._blobs, self._native = {}, {}
        statement = (
            f"SELECT {COLUMNS} FROM catalog_item i WHERE i.mailbox_id = %(mailbox)s AND i.folder = %(folder)s"
            f" AND {shown(self._at)} ORDER BY i.number"
        )
        values = {"mailbox": self._mailbox.pk, "folder": int(folder.id), "at": self._at.number}
        paths = {int(folder.id): folder.path}
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement, values)
            while rows := cursor.fetchmany(STREAM_ROWS):
                page = [item_row(self._mailbox, paths, row) for row in rows]
                self._remember(page)
                yield from (_source_item(row) for row in page)

    def content(self, item: SourceItem) -> bytes:
        blob = self._blob(item.number)
        if blob not in self._ready:
            self._ready = self._repository.prepare(_following(self._blobs, item.number) or [blob])
        return self._repository.read(blob, self._ready.get(blob))

    def parts(self, item: SourceItem) -> tuple[NativePart, ...]:
        """A part for each of `item.native`, in that order."""
        blobs = [native.blob for native in item.native]
        if not self._ready_native.keys() >= set(blobs):
            self._ready_native = self._repository.prepare(_following(self._native, item.number) or blobs)
        contents = [self._repository.read(blob, self._ready_native.get(blob)) for blob in blobs]
        return tuple(NativePart(native.name, content) for native, content in zip(item.native, contents, strict=True))

    def _remember(self, page: list[ItemRow]) -> None:
        """What is asked for is recent, because items are read in order: the page and the one before it are enough."""
        self._blobs = _later(self._blobs) | {row.number: (row.content,) for row in page if row.content}
        self._native = _later(self._native) | {
            row.number: tuple(native.blob for native in row.native) for row in page if row.native
        }

    def _blob(self, number: int) -> bytes:
        if number in self._blobs:
            return self._blobs[number][0]
        statement = (
            f"SELECT {COLUMNS} FROM catalog_item i WHERE i.mailbox_id = %(mailbox)s AND i.number = %(item)s"
            f" AND {shown(self._at)} ORDER BY i.since DESC LIMIT 1"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, {"mailbox": self._mailbox.pk, "item": number, "at": self._at.number})
            row = cursor.fetchone()
        if row is None:
            raise GiveUp("not_found", f"item {number} was not there at that moment")
        return item_row(self._mailbox, {}, row).content


def _following(blobs: Blobs, number: int) -> list[bytes]:
    """The blobs of this item and of those after it, as far as they are known."""
    after = dropwhile(lambda entry: entry[0] != number, blobs.items())
    return list(islice(chain.from_iterable(named for _, named in after), PREPARED_BLOBS_MAX))


def _later(blobs: Blobs) -> dict[int, tuple[bytes, ...]]:
    return dict(list(blobs.items())[-STREAM_ROWS:])


def _source_item(row: ItemRow) -> SourceItem:
    return SourceItem(
        number=row.number,
        folder=row.path,
        kind=Kind(row.kind),
        size=row.size,
        received=row.received,
        flags=frozenset(row.flags),
        sha256=bytes.fromhex(row.sha256),
        subject=row.subject,
        message_id=row.message_id,
        left_out=row.left_out,
        message_class=row.message_class,
        native=row.native,
        time=row.time,
    )
