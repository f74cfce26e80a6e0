"""One item: as of a moment, and its whole history (SPEC E2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from mailkeep.catalog.item_rows import COLUMNS, ItemRow, item_row, no_such_item, parse_public_id, shown
from mailkeep.catalog.models import Folder, Mailbox
from mailkeep.catalog.moments import Moment, everything
from mailkeep.mail.items import Section, whole_path

_BEFORE_ANY_FLAGGING = -1
_OF_ITEM = f"SELECT {COLUMNS} FROM catalog_item i WHERE i.mailbox_id = %(mailbox)s AND i.number = %(item)s"


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """What happened to an item with one entry.

    `event` is "archived" or "left_out" (first seen, or a new version), "moved", "flagged" or "removed".
    """

    entry: int
    time: datetime
    event: str
    path: tuple[str, ...]
    flags: tuple[str, ...]
    size: int
    sha256: str
    left_out: str = ""
    detail: str = ""


def item(public_id: str, at: Moment | None = None) -> ItemRow:
    """The item at the moment; without one, in its last archived form, or left out where it never had content.

    GiveUp `item_not_found`: there is none, or not at that moment.
    """
    mailbox, number = parse_public_id(public_id)
    if at is not None:
        found = _select(mailbox, number, at.number, shown(at))
    else:
        latest = everything(mailbox)
        found = _select(mailbox, number, latest.number, shown(latest)) or _select(
            mailbox, number, latest.number, "true"
        )
    if found is None:
        raise no_such_item(public_id)
    return found


def item_history(public_id: str) -> list[HistoryStep]:
    """Everything that happened to the item, oldest first. GiveUp `item_not_found`."""
    mailbox, number = parse_public_id(public_id)
    rows = _versions(mailbox, number)
    if not rows:
        raise no_such_item(public_id)
    steps: list[HistoryStep] = []
    for earlier, row, following in zip([None, *rows], rows, [*rows[1:], None], strict=False):
        steps += _steps_of(mailbox, row, earlier, steps)
        if row.until is not None and row.until_time is not None and (following is None or following.since > row.until):
            steps.append(_step(row, row.until, row.until_time, "removed", steps[-1].flags))
    return steps


def _steps_of(mailbox: Mailbox, row: ItemRow, earlier: ItemRow | None, before: list[HistoryStep]) -> list[HistoryStep]:
    """The step that began the row, and the flag changes while it held."""
    same = earlier is not None and _what(earlier) == _what(row)
    began = "moved" if same and before[-1].event != "removed" else "left_out" if row.left_out else "archived"
    steps = [_step(row, row.since, row.since_time, began, row.flags)]
    for flagging in _flaggings(mailbox, row):
        steps.append(_step(row, flagging[0], flagging[2], "flagged", tuple(sorted(flagging[1]))))
    return steps


def _what(row: ItemRow) -> tuple[object, ...]:
    """What an item is, wherever it stands: the properties of an appointment may change where its content does not."""
    return row.sha256, row.left_out, row.native


def _step(row: ItemRow, entry: int, time: datetime, event: str, flags: tuple[str, ...]) -> HistoryStep:
    return HistoryStep(entry, time, event, row.path, flags, row.size, row.sha256, row.left_out, row.detail)


def _versions(mailbox: Mailbox, number: int) -> list[ItemRow]:
    """Every row of the item, each with the flags and the folder path it began with."""
    statement = f"{_OF_ITEM} ORDER BY i.since"
    values = {"mailbox": mailbox.pk, "item": number, "at": _BEFORE_ANY_FLAGGING}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall()
    return [item_row(mailbox, _path_at(mailbox, row[1], row[14]), row) for row in found]


def _select(mailbox: Mailbox, number: int, at: int, condition: str) -> ItemRow | None:
    statement = f"{_OF_ITEM} AND {condition} ORDER BY i.since DESC LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(statement, {"mailbox": mailbox.pk, "item": number, "at": at})
        row = cursor.fetchone()
    return item_row(mailbox, _path_at(mailbox, row[1], at), row) if row else None


def _path_at(mailbox: Mailbox, folder: int, entry: int) -> dict[int, tuple[str, ...]]:
    row = Folder.objects.filter(mailbox=mailbox, number=folder, since__lte=entry).order_by("-since").first()
    return {folder: whole_path(tuple(row.path), Section(row.section))} if row else {}


def _flaggings(mailbox: Mailbox, row: ItemRow) -> list[tuple[int, list[str], Any]]:
    statement = """
        SELECT f.since, f.flags, e.time FROM catalog_flagging f
        JOIN catalog_entry e ON e.mailbox_id = f.mailbox_id AND e.number = f.since
        WHERE f.mailbox_id = %s AND f.item = %s AND f.since > %s AND (%s::bigint IS NULL OR f.since < %s)
        ORDER BY f.since
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [mailbox.pk, row.number, row.since, row.until, row.until])
        return list(cursor.fetchall())
