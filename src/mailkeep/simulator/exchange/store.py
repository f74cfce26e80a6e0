"""The one SQLite file behind an organisation: its schema, one connection, one lock, one counter, blobs shared by hash.

Items, folders and changes take their numbers from one counter, so a number says what came before what across the whole
organisation. What is large (MIME, attachments) lies in `blobs` under its SHA-256 and is read when asked for, never in a
listing. A blob stays when the last item that shows it goes: a simulator's file lives for a test or a demo.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (hash BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS mailboxes (
    id INTEGER PRIMARY KEY, guid TEXT NOT NULL UNIQUE, address TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL,
    language TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, moving INTEGER NOT NULL DEFAULT 0,
    keeps_versions INTEGER NOT NULL DEFAULT 0, hierarchy_epoch INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS aliases (
    address TEXT PRIMARY KEY COLLATE NOCASE, mailbox INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folders (
    id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, parent INTEGER, name TEXT NOT NULL, folder_class TEXT NOT NULL,
    distinguished TEXT NOT NULL, extended TEXT NOT NULL, entered INTEGER NOT NULL, change INTEGER NOT NULL,
    committed INTEGER NOT NULL, deleted_total INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS folders_mailbox ON folders (mailbox, distinguished);
CREATE INDEX IF NOT EXISTS folders_parent ON folders (parent);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, folder INTEGER NOT NULL, owner INTEGER NOT NULL DEFAULT 0,
    item_class TEXT NOT NULL, element TEXT NOT NULL, record TEXT NOT NULL, mime BLOB, received INTEGER, created INTEGER,
    modified INTEGER, sent INTEGER, read INTEGER NOT NULL, draft INTEGER NOT NULL, search_key BLOB NOT NULL,
    size INTEGER NOT NULL, change INTEGER NOT NULL, read_change INTEGER NOT NULL, entered INTEGER NOT NULL,
    position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS items_entered ON items (folder, entered);
CREATE INDEX IF NOT EXISTS items_position ON items (folder, position);
CREATE INDEX IF NOT EXISTS items_received ON items (folder, received);
CREATE INDEX IF NOT EXISTS items_unread ON items (folder) WHERE read = 0;
CREATE INDEX IF NOT EXISTS items_owner ON items (owner) WHERE owner > 0;
CREATE TABLE IF NOT EXISTS tombstones (
    folder INTEGER NOT NULL, went INTEGER NOT NULL, entered INTEGER NOT NULL, item INTEGER NOT NULL,
    proof BLOB NOT NULL, PRIMARY KEY (folder, went)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folder_tombstones (
    mailbox INTEGER NOT NULL, went INTEGER NOT NULL, entered INTEGER NOT NULL, folder INTEGER NOT NULL,
    root INTEGER NOT NULL, PRIMARY KEY (mailbox, went)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attachments (
    id INTEGER PRIMARY KEY, item INTEGER NOT NULL, occurrence INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL,
    content BLOB, size INTEGER NOT NULL, nested INTEGER, modified INTEGER, details TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attachments_item ON attachments (item, occurrence);
CREATE TABLE IF NOT EXISTS occurrences (
    id INTEGER PRIMARY KEY, item INTEGER NOT NULL, original_start INTEGER NOT NULL, deleted INTEGER NOT NULL,
    record TEXT NOT NULL, own_attachments INTEGER NOT NULL, UNIQUE (item, original_start));
CREATE TABLE IF NOT EXISTS accounts (
    user TEXT PRIMARY KEY COLLATE NOCASE, password TEXT NOT NULL, mailbox TEXT COLLATE NOCASE, impersonates INTEGER NOT NULL,
    disabled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS full_access (
    user TEXT NOT NULL COLLATE NOCASE, mailbox INTEGER NOT NULL, PRIMARY KEY (user, mailbox)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS directory (
    address TEXT PRIMARY KEY COLLATE NOCASE, name TEXT NOT NULL, kind TEXT NOT NULL, details TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    list TEXT NOT NULL COLLATE NOCASE, place INTEGER NOT NULL, address TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (list, place)) WITHOUT ROWID;
"""

# How a transaction begins, is undone, ends: the outermost, and one within it.
_OUTER = ("BEGIN IMMEDIATE", ("ROLLBACK",), "COMMIT")
_INNER = ("SAVEPOINT inner", ("ROLLBACK TO inner", "RELEASE inner"), "RELEASE inner")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Row = tuple[Any, ...]


def stamp(when: datetime | None) -> int | None:
    """Microseconds since 1970, as a column holds a time."""
    return None if when is None else (when - _EPOCH) // _MICROSECOND


def unstamp(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + value * _MICROSECOND


class Store:
    """Thread-safe: every statement runs under `lock`, every change in a transaction of its own or of `writing`."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, check_same_thread=False, isolation_level=None, cached_statements=512
        )
        self._depth = 0
        # A killed process loses nothing (the system has the pages); a power cut may, and a simulator can bear it.
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-32000;")
        self._connection.executescript(_SCHEMA)
        self._number = int(self.meta("number", "0"))

    def close(self) -> None:
        with self.lock:
            self._connection.close()

    def all(self, sql: str, *values: object) -> list[Row]:
        with self.lock:
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> Row | None:
        with self.lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def scalar(self, sql: str, *values: object) -> Any:
        """The first column of the only row. The caller knows that there is one."""
        row = self.one(sql, *values)
        if row is None:
            raise LookupError(sql)
        return row[0]

    def run(self, sql: str, *values: object) -> int:
        """Change something; the number of rows changed."""
        with self.lock:
            if self._depth:  # a statement alone is all or nothing anyway
                return self._connection.execute(sql, values).rowcount
            with self.writing():
                return self._connection.execute(sql, values).rowcount

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of what is done within, or, on an exception, nothing of it; may stand within another."""
        with self.lock:
            begin, undo, end = _OUTER if self._depth == 0 else _INNER
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield
            except BaseException:
                self._end(*undo)  # a counter that ran ahead of what is undone only skips numbers
                raise
            if self._depth == 1:
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('number', ?)", (self._number,))
            self._end(end)

    def _end(self, *statements: str) -> None:
        self._depth -= 1
        for statement in statements:
            self._connection.execute(statement)

    def next_number(self) -> int:
        """The next of the one counter, within `writing`."""
        with self.lock:
            self._number += 1
            return self._number

    @property
    def number(self) -> int:
        """The last one given."""
        return self._number

    def meta(self, name: str, default: str) -> str:
        row = self.one("SELECT value FROM meta WHERE name = ?", name)
        return default if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def put_blob(self, content: bytes) -> bytes | None:
        """Keep it once; its hash, or None for nothing."""
        if not content:
            return None
        digest = hashlib.sha256(content).digest()
        self.run("INSERT OR IGNORE INTO blobs VALUES (?, ?)", digest, content)
        return digest

    def blob(self, digest: bytes | None) -> bytes:
        """Raises `LookupError` for a hash never kept."""
        return b"" if digest is None else bytes(self.scalar("SELECT content FROM blobs WHERE hash = ?", digest))
