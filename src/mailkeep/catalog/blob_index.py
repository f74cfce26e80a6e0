"""Where blobs lie, as a table: `archive.ports.BlobIndex` over PostgreSQL.

Threads may share one `TableIndex`: each uses its own database connection, and the remembered blobs are guarded by a
lock. Commits are asynchronous: should the server's machine lose the last half second, the packs are orphans that the
next start reads again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from mailkeep.archive.ports import Location
from mailkeep.catalog import copying

REMEMBERED_BLOBS_MAX = 200_000
REMEMBERED_SECONDS = 60.0  # far less than a condemned pack's grace, so that none is used again from memory

_COLUMNS = ("blob", "pack_id", "ordinal", "offset", "length", "raw_length", "inside", "kind")
_INSERT = """
    INSERT INTO catalog_blob (blob, pack_id, ordinal, "offset", length, raw_length, inside, kind)
    SELECT DISTINCT ON (blob) blob, pack_id, ordinal, "offset", length, raw_length, inside, kind
    FROM arriving_blob ORDER BY blob  -- in one order, so that two writers of the same blobs never wait for each other
    ON CONFLICT (blob) DO UPDATE SET pack_id = excluded.pack_id, ordinal = excluded.ordinal, "offset" = excluded."offset",
        length = excluded.length, raw_length = excluded.raw_length, inside = excluded.inside, kind = excluded.kind
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
        asked = list({blob for blob in blobs if blob not in known})
        if asked:
            found = _rows(
                "SELECT b.blob FROM catalog_blob b JOIN catalog_pack p ON p.id = b.pack_id"
                " WHERE b.blob = ANY(%s) AND p.condemned_at IS NULL",
                [asked],
            )
            fresh = {bytes(row[0]) for row in found}
            self._remembered.add(fresh)
            known |= fresh
        return known

    def locate(self, blobs: Sequence[bytes]) -> dict[bytes, Location]:
        rows = _rows(
            'SELECT b.blob, p.name, b.ordinal, b."offset", b.length, b.raw_length, b.kind, b.inside'
            " FROM catalog_blob b JOIN catalog_pack p ON p.id = b.pack_id WHERE b.blob = ANY(%s)",
            [list(blobs)],
        )
        return {bytes(row[0]): Location(bytes(row[1]), *row[2:]) for row in rows}

    def add_pack(self, pack: bytes, size: int, content: bool, blobs: Iterable[tuple[bytes, Location]]) -> None:
        listed = list(blobs)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            number = _pack_number(cursor, pack, size, content)
            cursor.execute("CREATE TEMP TABLE IF NOT EXISTS arriving_blob (LIKE catalog_blob) ON COMMIT DELETE ROWS")
            copying.copy(cursor, "arriving_blob", _COLUMNS, (_line(blob, number, at) for blob, at in listed))
            cursor.execute(_INSERT)
            cursor.execute("TRUNCATE arriving_blob")  # the caller's transaction may bring several packs
        # Only once it is really committed: an outer transaction may still roll back.
        transaction.on_commit(lambda: self._remembered.add(blob for blob, _ in listed))

    def packs(self) -> set[bytes]:
        return {bytes(row[0]) for row in _rows("SELECT name FROM catalog_pack", [])}

    def clear(self) -> None:
        """Forget every pack and blob: a rebuild reads all footers again."""
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE catalog_blob, catalog_pack")
        self._remembered.forget()


def _pack_number(cursor: Any, pack: bytes, size: int, content: bool) -> int:
    cursor.execute(
        "INSERT INTO catalog_pack (name, size, content) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING",
        [pack, size, content],
    )
    cursor.execute("SELECT id FROM catalog_pack WHERE name = %s", [pack])
    return int(cursor.fetchone()[0])


def _line(blob: bytes, pack: int, at: Location) -> str:
    numbers = f"{pack}\t{at.ordinal}\t{at.offset}\t{at.length}\t{at.raw_length}\t{at.inside}\t{at.kind}"
    return f"{copying.raw(blob)}\t{numbers}"


def _rows(statement: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
