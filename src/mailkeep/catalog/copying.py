"""Rows by COPY, in its text format: one line per row, columns parted by tabs.

The values are made here rather than by psycopg's dumpers, because that is twice as fast for wide rows, and because what
comes from mail has to be made fit for PostgreSQL anyway: its text can hold neither NUL nor half a surrogate pair, so
both become U+FFFD. (The bytes in the archive are what they were; these rows are only a projection.)
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from mailkeep.archive.events import NativeBlob

NULL = "\\N"
_UNFIT = re.compile("[\0\ud800-\udfff]")
_SPECIAL = re.compile("[\\\\\n\r\t\0\ud800-\udfff]")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CHUNK_CHARACTERS = 1 << 16  # small enough that the server works on one while the next is made


def microseconds(column: str) -> str:
    """SQL for a time as microseconds since 1970 in UTC: Django has timestamps parsed in Python, at 8 µs each."""
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


def clean(value: str) -> str:
    """The text with what PostgreSQL cannot hold replaced by U+FFFD."""
    return _UNFIT.sub("\ufffd", value) if _UNFIT.search(value) else value


def text(value: str) -> str:
    return _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(), "\ufffd")


def raw(value: bytes) -> str:
    return "\\\\x" + value.hex()


def array_literal(values: Iterable[str]) -> str:
    """A text[] as PostgreSQL writes it, e.g. `{"seen","two words"}`; not yet escaped for COPY."""
    quoted = (clean(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def array(values: Iterable[str]) -> str:
    return text(array_literal(values))


def native(parts: Sequence[NativeBlob]) -> str:
    """An item's native parts as JSON: `[["ews.properties", size, blob id, SHA-256], …]`, the last two in base64."""
    if not parts:
        return NULL
    rows = [[part.name, part.size, b64encode(part.blob).decode(), b64encode(part.sha256).decode()] for part in parts]
    return text(json.dumps(rows))


def native_parts(document: str | None) -> tuple[NativeBlob, ...]:
    """The reverse, from what Django gives of a jsonb."""
    rows = json.loads(document) if document else ()
    return tuple(NativeBlob(name, b64decode(blob), b64decode(digest), size) for name, size, blob, digest in rows)


@lru_cache(maxsize=4096)
def words(values: frozenset[str]) -> str:
    """A text[] of the words, sorted. The same few sets of flags come again and again."""
    return array(sorted(values))


def copy(cursor: Any, table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """COPY the lines into the table. `cursor` is Django's; its psycopg cursor is used below it. Raises Django's errors."""
    names = ", ".join(f'"{name}"' for name in columns)
    with cursor.db.wrap_database_errors, cursor.cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as target:
        held: list[str] = []
        characters = 0
        for line in lines:
            held.append(line)
            characters += len(line)
            if characters >= _CHUNK_CHARACTERS:
                target.write(_joined(held))
                held, characters = [], 0
        if held:
            target.write(_joined(held))


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
