"""What people see of a mailbox: folders, items, pages of them, what was left out, the ledger.

Every view takes a `Moment` and is a query on intervals; none builds a queue or holds a mailbox in memory. Because a
moment's rows only ever gain an end that lies after it, pages read one after another fit together while a run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from mailkeep.catalog.item_rows import COLUMNS, ItemRow, item_row, public_id, shown
from mailkeep.catalog.item_views import HistoryStep, item, item_history
from mailkeep.catalog.models import LedgerLine, Mailbox
from mailkeep.catalog.moments import Moment, everything, moment, moments
from mailkeep.mail.items import Section, whole_path

__all__ = [
    "FolderRow",
    "HistoryStep",
    "ItemRow",
    "LedgerRow",
    "LeftOutRow",
    "Moment",
    "Page",
    "everything",
    "folders",
    "item",
    "item_history",
    "items",
    "ledger",
    "left_out",
    "moment",
    "moments",
    "page",
]

STREAM_ROWS = 2000
PAGE_ITEMS_MAX = 500

_FOLDERS = """
    SELECT DISTINCT ON (number) number, path, role, kind, selectable, section, until IS NULL OR until > %(at)s
    FROM catalog_folder WHERE mailbox_id = %(mailbox)s AND since <= %(at)s ORDER BY number, since DESC
"""
# One statement, so that the holdings and the head they belong to are read in one snapshot; no row: the head has moved
# on.
_HELD = """
    SELECT h.folder, h.items FROM catalog_mailbox m
    LEFT JOIN catalog_holding h ON h.mailbox_id = m.id AND h.left_out = ''
    WHERE m.id = %(mailbox)s AND m.head_number = %(at)s
"""


@dataclass(frozen=True, slots=True)
class FolderRow:
    id: int  # its number, ours
    path: tuple[str, ...]  # whole: another section's begins with its name
    role: str
    kind: str
    items: int  # archived ones in the folder itself
    selectable: bool = True
    section: str = "primary"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of items, newest first. `next` is the `after` of the following page; None: this was the last."""

    items: list[ItemRow]
    next: tuple[datetime, int] | None


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    id: str
    folder: tuple[str, ...]
    reason: str
    detail: str
    subject: str
    time: datetime


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A folder's line of the ledger: server == archived + sum(left_out) + pending, or the mailbox warns."""

    folder: tuple[str, ...]
    number: int
    server: int
    archived: int
    left_out: Mapping[str, int]
    pending: int


def folders(mailbox: Mailbox, at: Moment) -> list[FolderRow]:
    """The folder tree at the moment, sorted by path; of the archive view, every folder there ever was."""
    counts = _counts(mailbox, at)
    rows = [
        FolderRow(number, path, role, kind, counts.get(number, 0), selectable, section)
        for number, path, role, kind, selectable, section, there in _folder_rows(mailbox, at)
        if there or at.archive
    ]
    return sorted(rows, key=lambda row: (row.path, row.id))


def items(mailbox: Mailbox, at: Moment, folder: int | None = None, *, subtree: bool = False) -> Iterator[ItemRow]:
    """The archived items of the moment, newest first, streamed; of one folder, with `subtree` of those below it too."""
    paths = _paths(mailbox, at)
    values: dict[str, Any] = {"mailbox": mailbox.pk, "at": at.number}
    within = ""
    if folder is not None:
        values["folders"], within = _within(paths, folder, subtree), "AND i.folder = ANY(%(folders)s)"
    statement = (
        f"SELECT {COLUMNS} FROM catalog_item i WHERE i.mailbox_id = %(mailbox)s {within} AND {shown(at)}"
        " ORDER BY i.time DESC, i.number DESC"
    )
    for row in _streamed(statement, values):
        yield item_row(mailbox, paths, row)


def page(
    mailbox: Mailbox,
    at: Moment,
    folder: int | None = None,
    *,
    subtree: bool = False,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> Page:
    """A page of `items`, by (time, number) rather than by offset: the thousandth page costs what the first does."""
    paths = _paths(mailbox, at)
    values: dict[str, Any] = {
        "mailbox": mailbox.pk,
        "at": at.number,
        "folders": list(paths) if folder is None else _within(paths, folder, subtree),
        "limit": max(1, min(limit, PAGE_ITEMS_MAX)) + 1,
    }
    following = ""
    if after is not None:
        values["time"], values["number"] = after
        following = "AND (i.time, i.number) < (%(time)s, %(number)s)"
    # The newest of each folder by its index, then the newest of those: no folder is read further than the page is long.
    statement = f"""
        SELECT {COLUMNS} FROM unnest(%(folders)s::int[]) AS place(folder) CROSS JOIN LATERAL (
            SELECT * FROM catalog_item i
            WHERE i.mailbox_id = %(mailbox)s AND i.folder = place.folder {following} AND {shown(at)}
            ORDER BY i.time DESC, i.number DESC LIMIT %(limit)s
        ) AS i ORDER BY i.time DESC, i.number DESC LIMIT %(limit)s
    """
    found = [item_row(mailbox, paths, row) for row in _rows(statement, values)]
    shown_items = found[: values["limit"] - 1]
    last = shown_items[-1] if len(found) > len(shown_items) else None
    return Page(shown_items, (last.time, last.number) if last else None)


def left_out(mailbox: Mailbox) -> Iterator[LeftOutRow]:
    """Every item of the live mailbox without content, and why (SPEC A11); by folder."""
    paths = _paths(mailbox, moment(mailbox))
    statement = (
        "SELECT number, folder, left_out, detail, subject, time FROM catalog_item"
        " WHERE mailbox_id = %(mailbox)s AND until IS NULL AND left_out <> '' ORDER BY folder, server_id"
    )
    for number, folder, reason, detail, subject, time in _streamed(statement, {"mailbox": mailbox.pk}):
        yield LeftOutRow(public_id(mailbox, number), paths.get(folder, ()), reason, detail, subject, time)


def ledger(mailbox: Mailbox) -> list[LedgerRow]:
    """The completeness ledger after the last run (SPEC C6), by path. Empty until a run has ended."""
    paths = _paths(mailbox, moment(mailbox))
    rows = [
        LedgerRow(paths.get(row.folder, ()), row.folder, row.server, row.archived, row.left_out, row.pending)
        for row in LedgerLine.objects.filter(mailbox=mailbox)
    ]
    return sorted(rows, key=lambda row: (row.folder, row.number))


def _folder_rows(mailbox: Mailbox, at: Moment) -> list[Any]:
    """Each folder's last description up to the moment: number, path, role, kind, selectable, section, still there."""
    rows = _rows(_FOLDERS, {"mailbox": mailbox.pk, "at": at.number})
    return [(row[0], whole_path(tuple(row[1]), Section(row[5])), *row[2:]) for row in rows]


def _paths(mailbox: Mailbox, at: Moment) -> dict[int, tuple[str, ...]]:
    return {row[0]: row[1] for row in _folder_rows(mailbox, at)}


def _within(paths: Mapping[int, tuple[str, ...]], folder: int, subtree: bool) -> list[int]:
    if not subtree or folder not in paths:
        return [folder]
    top = paths[folder]
    return [number for number, path in paths.items() if path[: len(top)] == top]


def _counts(mailbox: Mailbox, at: Moment) -> dict[int, int]:
    values = {"mailbox": mailbox.pk, "at": at.number}
    held = [] if at.archive else _rows(_HELD, values)
    if not held:
        statement = (
            f"SELECT folder, count(*) FROM catalog_item i WHERE i.mailbox_id = %(mailbox)s AND {shown(at)} GROUP BY 1"
        )
        return dict(_rows(statement, values))
    counts: dict[int, int] = {}
    for folder, number in held:
        if folder is not None:
            counts[folder] = counts.get(folder, 0) + number
    return counts


def _rows(statement: str, values: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _streamed(statement: str, values: Mapping[str, Any]) -> Iterator[Any]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(STREAM_ROWS):
            yield from rows
