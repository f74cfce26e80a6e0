"""A restore's journal as rows: `recover.ports.Journal`. What it is told also goes on its way into the organisation's history."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from django.db import transaction
from django.db.models import QuerySet

from mailkeep.catalog import records
from mailkeep.catalog.models import Mailbox, Restore, RestoreLine
from mailkeep.recover.ports import Difference, Line, SourceItem


class RestoreJournal:
    """`Journal` of the restore with that row."""

    def __init__(self, restore: Restore, actor: str) -> None:
        self._restore = restore
        self._actor = actor

    def lines(self) -> Iterator[Line]:
        for row in RestoreLine.objects.filter(restore=self._restore).order_by("item").iterator(chunk_size=1000):
            yield _line(row)

    def intend(self, lines: Sequence[Line]) -> None:
        with transaction.atomic():
            there = set(self._rows(lines).values_list("item", flat=True))
            self._keep([RestoreLine(restore=self._restore, **_values(one)) for one in lines if one.item not in there])

    def update(self, lines: Sequence[Line]) -> None:
        with transaction.atomic():
            self._rows(lines).delete()
            self._keep([RestoreLine(restore=self._restore, **_values(one)) for one in lines])

    def _rows(self, lines: Sequence[Line]) -> QuerySet[RestoreLine]:
        return RestoreLine.objects.filter(restore=self._restore, item__in=[line.item for line in lines])

    def _keep(self, rows: list[RestoreLine]) -> None:
        if rows:
            RestoreLine.objects.bulk_create(rows)
            records.save_lines(self._restore, rows, self._actor)


class EarlierRestores:
    """`recover.ports.Earlier`: the lines of other restores of that mailbox into that target. Undone ones are none."""

    def __init__(self, source: Mailbox, connection: uuid.UUID, address: str, *, but: Restore | None = None) -> None:
        rows = Restore.objects.filter(source=source, target_connection=connection, target_address__iexact=address)
        self._restores = list((rows.exclude(pk=but.pk) if but else rows).values_list("pk", flat=True))

    def __call__(self, items: Sequence[SourceItem]) -> list[Line]:
        if not self._restores:
            return []
        numbers = [item.number for item in items]
        rows = RestoreLine.objects.filter(restore__in=self._restores, item__in=numbers)
        return [_line(row) for row in rows.filter(state__in=("verified", "differs")).order_by("-restore")]


def _line(row: RestoreLine) -> Line:
    return Line(
        item=row.item,
        folder=tuple(row.folder),
        sha256=bytes(row.sha256),
        created_id=row.created_id,
        state=row.state,
        stored_sha256=bytes(row.stored_sha256),
        differences=tuple(Difference(**one) for one in row.differences),
        version=row.version,
    )


def _values(line: Line) -> dict[str, object]:
    return {
        "item": line.item,
        "folder": list(line.folder),
        "sha256": line.sha256,
        "created_id": line.created_id,
        "state": line.state,
        "stored_sha256": line.stored_sha256,
        "differences": [asdict(one) for one in line.differences],
        "version": line.version,
    }
