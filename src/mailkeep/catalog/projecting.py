"""One entry of a mailbox's history becomes rows: intervals, flags, holdings and the head, in the caller's transaction.

The order inside an entry matters: rows that go on in another place are copied while the old one is still open, then
what ended is closed, then what is new comes in by COPY.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from mailkeep.archive.events import Entry, FolderPut, Head, Put
from mailkeep.catalog import copying
from mailkeep.catalog.copying import NULL
from mailkeep.catalog.folding import Folded, ItemChange, fold
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder
from mailkeep.sync.ports import Summary

ITEM_COLUMNS = (
    *("mailbox_id", "number", "since", "until", "folder", "server_id", "version", "stable_id", "kind", "message_class"),
    *("sensitivity", "size", "time", "received", "flags", "subject", "sender", "recipients", "message_id"),
    *("summary", "content", "sha256", "identity", "left_out", "detail"),
    "native",
)
_FOLDER_COLUMNS = (
    "mailbox_id",
    "number",
    "since",
    "until",
    "server_id",
    "path",
    "kind",
    "role",
    "selectable",
    "section",
)
_CARRIED = ", ".join(
    f'i."{name}"' for name in ITEM_COLUMNS if name not in ("since", "until", "folder", "server_id", "flags")
)
_CARRIED_NAMES = _CARRIED.replace("i.", "")
# An item's newest row, found by the whole primary key one item at a time, whatever the planner believes of the table. It
# believes a mailbox that has just come in to be of a few rows, and would read all of it for every entry.
_NEWEST = """LATERAL (
        SELECT ctid AS row_place, * FROM catalog_item
        WHERE mailbox_id = %(mailbox)s AND number = m.item AND since < %(number)s ORDER BY since DESC LIMIT 1
    ) AS i"""
_MOVE = f"""
    INSERT INTO catalog_item (since, folder, server_id, flags, {_CARRIED_NAMES})
    SELECT %(number)s, m.folder, m.server_id, coalesce(m.flags::text[], (
        SELECT f.flags FROM catalog_flagging f
        WHERE f.mailbox_id = i.mailbox_id AND f.item = i.number AND f.since > i.since ORDER BY f.since DESC LIMIT 1
    ), i.flags), {_CARRIED}
    FROM unnest(%(items)s::bigint[], %(folders)s::int[], %(ids)s::text[], %(flags)s::text[])
        AS m(item, folder, server_id, flags) CROSS JOIN {_NEWEST}
    WHERE i.until IS NULL
    RETURNING folder, kind, left_out
"""
_CLOSE = f"""
    UPDATE catalog_item SET until = %(number)s WHERE ctid = ANY(ARRAY(
        SELECT i.row_place FROM unnest(%(items)s::bigint[]) AS m(item) CROSS JOIN {_NEWEST} WHERE i.until IS NULL
    ))
    RETURNING folder, kind, left_out
"""
_HOLD = """
    INSERT INTO catalog_holding (mailbox_id, folder, kind, left_out, items)
    SELECT %s, * FROM unnest(%s::int[], %s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (mailbox_id, folder, kind, left_out) DO UPDATE SET items = catalog_holding.items + excluded.items
"""
_ADVANCE = """
    UPDATE catalog_mailbox SET head_number = %(number)s, head_hash = %(hash)s, head_time = %(time)s,
        next_item = greatest(next_item, %(item)s), next_folder = greatest(next_folder, %(folder)s),
        initial_replication = coalesce(initial_replication, %(completed)s),
        last_activity = greatest(last_activity, %(time)s),
        counts = CASE WHEN %(held)s THEN (
            SELECT coalesce(jsonb_object_agg(kind, items), '{}') FROM (
                SELECT kind, sum(items) AS items FROM catalog_holding
                WHERE mailbox_id = %(mailbox)s AND left_out = '' GROUP BY kind HAVING sum(items) > 0
            ) AS by_kind
        ) ELSE counts END
    WHERE id = %(mailbox)s
"""

Holdings = Counter[tuple[int, str, str]]  # (folder, kind, left_out) → items more or less


@dataclass(frozen=True, slots=True)
class _Position:
    head: int
    next_item: int
    next_folder: int


def project(
    mailbox: int, entry: Entry, head: Head, folders: Mapping[int, Folder], summaries: Mapping[int, Summary]
) -> bool:
    """Project the entry inside the caller's transaction; False when the catalog has it already.

    `mailbox` is the row's key. GiveUp `catalog_behind` when entries before this one are missing here (see `catch_up`),
    and `catalog_diverged` when the catalog holds another entry of that number.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")  # the archive is the truth: what is lost is caught up
        position = _locked(cursor, mailbox, entry, head)
        if entry.number <= position.head:
            return False
        folded = fold(entry.events)
        _project_folders(cursor, mailbox, entry.number, folded, folders, position.next_folder)
        held = _project_items(cursor, mailbox, entry.number, folded, summaries, position.next_item)
        _hold(cursor, mailbox, held)
        cursor.execute(
            "INSERT INTO catalog_entry (mailbox_id, number, time, hash, complete) VALUES (%s, %s, %s, %s, %s)",
            [mailbox, entry.number, entry.time, head.hash, entry.run.complete],
        )
        _advance(cursor, mailbox, entry, head, folded, bool(held))
    return True


def _locked(cursor: Any, mailbox: int, entry: Entry, head: Head) -> _Position:
    cursor.execute(
        "SELECT head_number, next_item, next_folder, head_hash FROM catalog_mailbox WHERE id = %s FOR UPDATE", [mailbox]
    )
    number, next_item, next_folder, known_hash = cursor.fetchone()
    if entry.number > number + 1:
        raise GiveUp(
            "catalog_behind",
            f"the catalog of this mailbox ends with entry {number}, and entry {entry.number} was to follow",
            "synchronise it again: the catalog catches up first; should that not help, run: mailkeep rebuild",
        )
    if entry.number == number and bytes(known_hash) != head.hash:
        raise GiveUp(
            "catalog_diverged",
            f"the catalog and the archive differ in entry {number} of a mailbox",
            "run: mailkeep verify, then mailkeep rebuild",
        )
    return _Position(number, next_item, next_folder)


# Folders


def _project_folders(
    cursor: Any, mailbox: int, number: int, folded: Folded, folders: Mapping[int, Folder], next_folder: int
) -> None:
    known = [folder for folder in folded.folders if folder < next_folder]
    if known:
        cursor.execute(
            "UPDATE catalog_folder SET until = %s WHERE mailbox_id = %s AND number = ANY(%s) AND until IS NULL",
            [number, mailbox, known],
        )
    puts = [(change.put, change.gone) for change in folded.folders.values() if change.put is not None]
    if puts:
        lines = (_folder_line(mailbox, number, put, gone, folders[put.folder]) for put, gone in puts)
        copying.copy(cursor, "catalog_folder", _FOLDER_COLUMNS, lines)


def _folder_line(mailbox: int, number: int, put: FolderPut, gone: bool, folder: Folder) -> str:
    fields = (
        *(
            f"{mailbox}\t{put.folder}\t{number}",
            str(number) if gone else NULL,
            copying.text(folder.id),
            copying.array(folder.path),
        ),
        *(folder.kind.value, folder.role.value if folder.role else "", "t" if folder.selectable else "f"),
        folder.section.value,
    )
    return "\t".join(fields)


# Items


def _project_items(
    cursor: Any, mailbox: int, number: int, folded: Folded, summaries: Mapping[int, Summary], next_item: int
) -> Holdings:
    held: Holdings = Counter()
    changes = folded.items
    moved = {item: change for item, change in changes.items() if change.place is not None and not change.gone}
    if moved:
        held.update(_move(cursor, mailbox, number, moved))
    ended = [item for item, change in changes.items() if item < next_item and _ends(change)]
    if ended:
        cursor.execute(_CLOSE, {"mailbox": mailbox, "number": number, "items": ended})
        held.subtract((folder, kind, left_out) for folder, kind, left_out in cursor.fetchall())
    puts = [(change.put, change.gone) for change in changes.values() if change.put is not None]
    if puts:
        copying.copy(cursor, "catalog_item", ITEM_COLUMNS, _item_lines(mailbox, number, puts, summaries))
        held.update(_place(put) for put, gone in puts if not gone)
    _flag(cursor, mailbox, number, changes)
    return held


def _ends(change: ItemChange) -> bool:
    return change.gone or change.put is not None or change.place is not None


def _place(put: Put) -> tuple[int, str, str]:
    return put.folder, put.kind.value, put.left_out


def _move(cursor: Any, mailbox: int, number: int, moved: Mapping[int, ItemChange]) -> Iterator[tuple[int, str, str]]:
    places = [change.place for change in moved.values() if change.place is not None]
    values = {
        "mailbox": mailbox,
        "number": number,
        "items": list(moved),
        "folders": [folder for folder, _ in places],
        "ids": [copying.clean(server_id) for _, server_id in places],
        # As array literals: PostgreSQL's unnest would flatten an array of arrays.
        "flags": [None if change.flags is None else copying.array_literal(change.flags) for change in moved.values()],
    }
    cursor.execute(_MOVE, values)
    return iter(cursor.fetchall())


def _item_lines(
    mailbox: int, number: int, puts: Iterable[tuple[Put, bool]], summaries: Mapping[int, Summary]
) -> Iterator[str]:
    text, raw = copying.text, copying.raw
    for put, gone in puts:
        told = summaries[put.item]
        fields = (
            *(f"{mailbox}\t{put.item}\t{number}", str(number) if gone else NULL, str(put.folder)),
            *(text(put.server_id), text(put.version), text(put.stable_id), put.kind.value, text(put.message_class)),
            *(put.sensitivity.value, str(put.size), put.time.isoformat(), put.received.isoformat()),
            *(copying.words(put.flags), text(told.subject), text(told.sender), text(told.recipients)),
            *(text(told.message_id), raw(put.summary), raw(put.content), raw(put.sha256), raw(put.identity)),
            *(put.left_out, text(told.detail), copying.native(put.native)),
        )
        yield "\t".join(fields)


def _flag(cursor: Any, mailbox: int, number: int, changes: Mapping[int, ItemChange]) -> None:
    lines = [
        f"{mailbox}\t{item}\t{number}\t{copying.words(change.flags)}"
        for item, change in changes.items()
        if change.flags is not None and not _ends(change)
    ]
    if lines:
        copying.copy(cursor, "catalog_flagging", ("mailbox_id", "item", "since", "flags"), lines)


# Head


def _hold(cursor: Any, mailbox: int, held: Holdings) -> None:
    changed = [(folder, kind, left_out, count) for (folder, kind, left_out), count in sorted(held.items()) if count]
    if changed:
        cursor.execute(_HOLD, [mailbox, *(list(column) for column in zip(*changed, strict=True))])


def _advance(cursor: Any, mailbox: int, entry: Entry, head: Head, folded: Folded, held: bool) -> None:
    values = {
        "mailbox": mailbox,
        "number": entry.number,
        "hash": head.hash,
        "time": entry.time,
        "item": max(folded.items, default=0) + 1,
        "folder": max(folded.folders, default=0) + 1,
        "completed": entry.time if entry.run.complete else None,
        "held": held,
    }
    cursor.execute(_ADVANCE, values)
