"""Where blobs lie, as a table: `archive.ports.BlobIndex` over PostgreSQL.

Threads may share one `TableIndex`: each uses its own database connection, and the remembered blobs are guarded by a
lock. Commits are asynchronous: should the server or its machine lose the last half second, the packs are orphans that
the next start reads again, or whoever misses one of their blobs first (`replay`, `outbox`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction

from mailkeep.archive.ports import Location
from mailkeep.catalog import copying

LOOKUP_BLOBS_MAX = 1000
REMEMBERED_BLOBS_MAX = 200_000
REMEMBERED_SECONDS = 60.0  # far less than a condemned pack's grace, so that none is used again from memory

_COLUMNS = ("blob", "pack_id", "ordinal", "offset", "length", "raw_length", "inside", "kind")
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_HELD = """
    SELECT blob FROM catalog_blob WHERE blob = ANY(%s::bytea[])
        AND pack_id NOT IN (SELECT id FROM catalog_pack WHERE condemned_at IS NOT NULL)
"""
_LOCATE = """
    SELECT b.blob, p.name, b.ordinal, b."offset", b.length, b.raw_length, b.kind, b.inside
    FROM catalog_blob b JOIN catalog_pack p ON p.id = b.pack_id WHERE b.blob = ANY(%s::bytea[])
"""
_MERGE = f"""
    INSERT INTO catalog_blob ({_NAMES}) SELECT {_NAMES} FROM arriving_blob ORDER BY blob
    ON CONFLICT (blob) DO UPDATE SET {", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS[1:])}
    WHERE EXISTS (SELECT 1 FROM catalog_pack WHERE id = catalog_blob.pack_id AND condemned_at IS NOT NULL)
"""


class Remembered:
    """Blobs lately known to be held, in two generations: bounded in number and in age."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._turned = clock()

    def among(self, blobs: Sequence[bytes]) -> set[bytes]:
        with self._lock:
            self._turn()
            return {blob for blob in blobs if blob in self._young or blob in self._old}

    def add(self, blobs: Iterable[bytes]) -> None:
        with self._lock:
            self._turn()
            self._young.update(blobs)

    def forget(self) -> None:
        with self._lock:
            self._young, self._old = set(), set()

    def _turn(self) -> None:
        age = self._clock() - self._turned
        if age >= REMEMBERED_SECONDS / 2 or len(self._young) >= REMEMBERED_BLOBS_MAX // 2:
            self._old = self._young if age < REMEMBERED_SECONDS else set()
            self._young, self._turned = set(), self._clock()


class TableIndex:
    """`BlobIndex` over the tables `Pack` and `Blob`."""

    def __init__(self) -> None:
        self._remembered = Remembered()

    def held(self, blobs: Sequence[bytes]) -> set[bytes]:
        known = self._remembered.among(blobs)
        fresh = {bytes(row[0]) for row in _looked_up(_HELD, {blob for blob in blobs if blob not in known})}
        self._remembered.add(fresh)
        return known | fresh

    def locate(self, blobs: Sequence[bytes]) -> dict[bytes, Location]:
        return {bytes(row[0]): Location(bytes(row[1]), *row[2:]) for row in _looked_up(_LOCATE, set(blobs))}

    def add_pack(self, pack: bytes, size: int, content: bool, blobs: Iterable[tuple[bytes, Location]]) -> None:
        listed = dict(blobs)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            number = _pack_number(cursor, pack, size, content)
            if number is None:
                return
            # Sorted: two writers of the same blobs then never wait for each other in a circle.
            _add_blobs(cursor, [_line(blob, number, at) for blob, at in sorted(listed.items())])
            # Only once it is really committed: an outer transaction may still roll back.
            transaction.on_commit(lambda: self._remembered.add(listed))

    def packs(self) -> set[bytes]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM catalog_pack")
            return {bytes(row[0]) for row in cursor.fetchall()}

    def forget(self) -> None:
        """What was remembered of blobs no longer holds: the tables have been emptied."""
        self._remembered.forget()


def _pack_number(cursor: Any, pack: bytes, size: int, content: bool) -> int | None:
    """The new pack's row key; None: it has been recorded before, with all its blobs."""
    cursor.execute(
        "INSERT INTO catalog_pack (name, size, content) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING id",
        [pack, size, content],
    )
    row = cursor.fetchone()
    return int(row[0]) if row else None


def _add_blobs(cursor: Any, lines: list[str]) -> None:
    """Straight into the table: its writer has asked what is held, so a blob is seldom there already, and then they are
    merged.
    """
    try:
        with transaction.atomic():
            copying.copy(cursor, "catalog_blob", _COLUMNS, lines)
    except IntegrityError:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS arriving_blob (LIKE catalog_blob) ON COMMIT DELETE ROWS")
        copying.copy(cursor, "arriving_blob", _COLUMNS, lines)
        cursor.execute(_MERGE)
        cursor.execute("TRUNCATE arriving_blob")  # the caller's transaction may bring several packs


def _line(blob: bytes, pack: int, at: Location) -> str:
    numbers = f"{pack}\t{at.ordinal}\t{at.offset}\t{at.length}\t{at.raw_length}\t{at.inside}\t{at.kind}"
    return f"{copying.raw(blob)}\t{numbers}"


def _looked_up(statement: str, blobs: Iterable[bytes]) -> Iterator[Any]:
    """In pages, because the planner takes a long list of keys for a reason to read the whole table."""
    ordered = sorted(blobs)
    with connection.cursor() as cursor:
        for start in range(0, len(ordered), LOOKUP_BLOBS_MAX):
            page = ordered[start : start + LOOKUP_BLOBS_MAX]
            # As one literal: dumping a list of bytes costs psycopg more than looking them up costs PostgreSQL.
            cursor.execute(statement, ["{" + ",".join([f'"\\\\x{blob.hex()}"' for blob in page]) + "}"])
            yield from cursor.fetchall()
