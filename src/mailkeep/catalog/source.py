"""A mailbox at one moment, as recovery reads it: `recover.ports.Source` over the catalog's rows and the archive's blobs."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from mailkeep.archive.repository import Repository
from mailkeep.catalog import views
from mailkeep.catalog.item_rows import COLUMNS, ItemRow, item_row, shown
from mailkeep.catalog.models import Mailbox
from mailkeep.catalog.moments import Moment
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, Kind, Role
from mailkeep.recover.ports import SourceItem

STREAM_ROWS = 1000


class MailboxSource:
    """`Source`: the whole mailbox at the moment, or one folder of it with those below."""

    def __init__(self, repository: Repository, mailbox: Mailbox, at: Moment, folder: int | None = None) -> None:
        self._repository = repository
        self._mailbox = mailbox
        self._at = at
        self._folder = folder
        self._blobs: dict[int, bytes] = {}

    def folders(self) -> list[Folder]:
        rows = views.folders(self._mailbox, self._at)
        top = next((row.path for row in rows if row.id == self._folder), ())
        return [
            Folder(str(row.id), row.path, Kind(row.kind), Role(row.role) if row.role else None, row.selectable)
            for row in rows
            if row.path[: len(top)] == top
        ]

    def count(self) -> int:
        wanted = {int(folder.id) for folder in self.folders()}
        return sum(row.items for row in views.folders(self._mailbox, self._at) if row.id in wanted)

    def items(self, folder: Folder) -> Iterator[SourceItem]:
        """Only the contents of the folder that is being read are looked up: their blob ids are kept that long."""
        self._blobs = {}
        statement = (
            f"SELECT {COLUMNS} FROM catalog_item i WHERE i.mailbox_id = %(mailbox)s AND i.folder = %(folder)s"
            f" AND {shown(self._at)} ORDER BY i.number"
        )
        values = {"mailbox": self._mailbox.pk, "folder": int(folder.id), "at": self._at.number}
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement, values)
            while rows := cursor.fetchmany(STREAM_ROWS):
                for row in rows:
                    yield self._item(item_row(self._mailbox, {int(folder.id): folder.path}, row))

    def content(self, item: SourceItem) -> bytes:
        return self._repository.read(self._blob(item.number))

    def _item(self, row: ItemRow) -> SourceItem:
        self._blobs[row.number] = row.content
        if len(self._blobs) > 2 * STREAM_ROWS:  # what is asked for is recent: items are read in order
            self._blobs.pop(next(iter(self._blobs)))
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
        )

    def _blob(self, number: int) -> bytes:
        if number in self._blobs:
            return self._blobs[number]
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
