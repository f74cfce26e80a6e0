"""What is known of one mailbox at its head: `sync.ports.Known` over the rows.

The iterators are server-side cursors that are held open over commits (`WITH HOLD`), so each is the mailbox as it was
when the iteration began, whatever the run applies meanwhile, and only a page of rows is ever in this process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from mailkeep.archive.documents import decode_checkpoints
from mailkeep.archive.entries import from_microseconds
from mailkeep.archive.events import Head
from mailkeep.catalog.copying import microseconds
from mailkeep.catalog.models import Entry, Holding, Mailbox
from mailkeep.catalog.models import Folder as FolderRow
from mailkeep.mail.items import Folder, ItemRef, Kind, Role, Section, Sensitivity
from mailkeep.sync.ports import FolderCount, KnownFolder, KnownItem

PAGE_ROWS = 2000
_KINDS = {kind.value: kind for kind in Kind}
_SENSITIVITIES = {sensitivity.value: sensitivity for sensitivity in Sensitivity}

_COLUMNS = f"""
    SELECT i.number, i.folder, i.server_id, i.kind, i.message_class, i.size, {microseconds("i.time")},
        {microseconds("i.received")}, i.version, i.stable_id, i.sensitivity, coalesce((
            SELECT f.flags FROM catalog_flagging f
            WHERE f.mailbox_id = i.mailbox_id AND f.item = i.number AND f.since > i.since ORDER BY f.since DESC LIMIT 1
        ), i.flags), i.subject, i.sender, i.recipients, i.message_id, i.identity, i.left_out, i.since
"""
_SELECT = f"{_COLUMNS} FROM catalog_item i WHERE i.mailbox_id = %s AND i.until IS NULL"
# One id at a time, and by the index that has them: asked for a list of ids, or for no order, the planner would read the
# whole folder where it has no statistics yet, as of a mailbox that has just come in.
_FIND = f"""
    {_COLUMNS} FROM unnest(%s::text[]) AS asked(id) CROSS JOIN LATERAL (
        SELECT * FROM catalog_item
        WHERE mailbox_id = %s AND until IS NULL AND folder = %s
            AND server_id >= asked.id COLLATE "C" AND server_id <= asked.id COLLATE "C"
        ORDER BY server_id LIMIT 1
    ) AS i
"""


class CatalogKnown:
    """`Known` of the mailbox with that row key."""

    def __init__(self, mailbox: int) -> None:
        self._mailbox = mailbox

    def head(self) -> Head:
        row = Mailbox.objects.only("head_number", "head_hash", "head_time").get(pk=self._mailbox)
        return Head(row.head_number, bytes(row.head_hash), row.head_time)

    def completed(self) -> int:
        newest = Entry.objects.filter(mailbox=self._mailbox, complete=True).order_by("-number")
        return newest.values_list("number", flat=True).first() or 0

    def next_numbers(self) -> tuple[int, int]:
        row = Mailbox.objects.only("next_item", "next_folder").get(pk=self._mailbox)
        return row.next_item, row.next_folder

    def checkpoints(self) -> dict[str, bytes]:
        packed = bytes(Mailbox.objects.only("checkpoints").get(pk=self._mailbox).checkpoints)
        return decode_checkpoints(packed) if packed else {}

    def folders(self) -> list[KnownFolder]:
        rows = FolderRow.objects.filter(mailbox=self._mailbox, until=None).order_by("number")
        return [KnownFolder(row.number, _folder(row)) for row in rows]

    def count(self, folder: int) -> int:
        return sum(row.items for row in Holding.objects.filter(mailbox=self._mailbox, folder=folder))

    def items(self, folder: int) -> Iterator[KnownItem]:
        return _streamed(f"{_SELECT} AND i.folder = %s ORDER BY i.server_id", [self._mailbox, folder])

    def find(self, folder: int, ids: Sequence[str]) -> dict[str, KnownItem]:
        with connection.cursor() as cursor:
            cursor.execute(_FIND, [list(ids), self._mailbox, folder])
            found = [_item(row) for row in cursor.fetchall()]
        return {item.ref.id: item for item in found}

    def left_out(self) -> Iterator[KnownItem]:
        return _streamed(f"{_SELECT} AND i.left_out <> '' ORDER BY i.folder, i.server_id", [self._mailbox])

    def ledger(self) -> dict[int, FolderCount]:
        archived: dict[int, int] = {}
        left_out: dict[int, dict[str, int]] = {}
        for folder in FolderRow.objects.filter(mailbox=self._mailbox, until=None).values_list("number", flat=True):
            archived[folder], left_out[folder] = 0, {}
        for row in Holding.objects.filter(mailbox=self._mailbox, folder__in=list(archived), items__gt=0):
            if not row.left_out:
                archived[row.folder] += row.items
            else:
                reasons = left_out[row.folder]
                reasons[row.left_out] = reasons.get(row.left_out, 0) + row.items
        return {folder: FolderCount(archived[folder], left_out[folder]) for folder in sorted(archived)}


def _streamed(statement: str, values: list[Any]) -> Iterator[KnownItem]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(PAGE_ROWS):
            yield from map(_item, rows)


def _folder(row: FolderRow) -> Folder:
    role = Role(row.role) if row.role else None
    return Folder(row.server_id, tuple(row.path), Kind(row.kind), role, row.selectable, Section(row.section))


def _item(row: Any) -> KnownItem:
    ref = ItemRef(
        id=row[2],
        kind=_KINDS[row[3]],
        message_class=row[4],
        size=row[5],
        time=from_microseconds(row[6]),
        received=from_microseconds(row[7]),
        version=row[8],
        stable_id=row[9],
        sensitivity=_SENSITIVITIES[row[10]],
        flags=frozenset(row[11]),
        subject=row[12],
        sender=row[13],
        recipients=row[14],
        message_id=row[15],
    )
    return KnownItem(row[0], row[1], ref, bytes(row[16]), row[17], row[18])
