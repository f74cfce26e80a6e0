"""What a command prints: words and tables for people, JSON for scripts.

With `--json`, lists are one object per line, everything else is one object; times are RFC 3339 in UTC; an error is
`{"error": {"code", "message", "hint"}}` on standard error. Exit status: 0, 1 failed, 2 usage.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from mailkeep.errors import MailkeepError

Row = Mapping[str, Any]
SCREEN = "mailkeep.cli.screen"  # imported when something is shown to people: it takes as long as a whole small command


def as_json(value: object) -> Any:
    """Plain JSON values for everything operations answer with."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, frozenset | set):
        return sorted(as_json(one) for one in value)
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return value


_C1 = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def document(value: object) -> str:
    """A value as JSON on one line. What a terminal could take for a control is escaped: `json` itself leaves DEL and C1 as they are."""
    return json.dumps(as_json(value), ensure_ascii=False).translate(_C1)


class Output:
    """One command's way to speak. `json_wanted` decides once; commands never ask again."""

    def __init__(self, json_wanted: bool) -> None:
        self.json_wanted = json_wanted

    @staticmethod
    def plain(value: Any) -> dict[str, Any]:
        """A frozen answer of an operation as the object scripts see."""
        if isinstance(value, dict):
            return value
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}

    def line(self, text: str) -> None:
        """A line for people only."""
        if not self.json_wanted:
            importlib.import_module(SCREEN).line(safe(text), wrap=False)

    def rows(self, rows: Iterable[Row], columns: Sequence[str]) -> None:
        """A list. `columns` is what people see of it, in order; scripts get every key. Streams in JSON."""
        if self.json_wanted:
            for row in rows:
                sys.stdout.write(document(row) + "\n")
            return
        self._table(rows, columns)

    def table(self, rows: Sequence[Row], columns: Sequence[str], shown_max: int = 100) -> None:
        """A list for people only, that belongs to the one thing said before; scripts have it in there."""
        if rows and not self.json_wanted:
            self.line("")
            self._table(rows[:shown_max], columns)
            if len(rows) > shown_max:
                self.line(f"… and {len(rows) - shown_max:,} more: --json has them all")

    def _table(self, rows: Iterable[Row], columns: Sequence[str]) -> None:
        cells = ([words(row.get(column)) for column in columns] for row in rows)
        importlib.import_module(SCREEN).table([column.replace("_", " ") for column in columns], cells)

    def one(self, value: Row, sentence: str | None = None) -> None:
        """One thing: an object for scripts; for people the sentence, or the object line by line."""
        if self.json_wanted:
            sys.stdout.write(document(value) + "\n")
        elif sentence is not None:
            importlib.import_module(SCREEN).line(safe(sentence))
        else:
            for key, one in value.items():
                importlib.import_module(SCREEN).line(f"{key.replace('_', ' '):>20}  {words(one)}")

    def error(self, error: MailkeepError) -> None:
        if self.json_wanted:
            sys.stderr.write(document({"error": error.as_dict()}) + "\n")
            return
        hint = f"\n  what to do: {error.hint}" if error.hint else ""
        sys.stderr.write(safe(f"mailkeep: {error.message}{hint}") + "\n")


def words(value: object) -> str:
    """A value as a person reads it in a table cell; names from servers can't play with the terminal."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {words(one)}" for key, one in value.items()) or "–"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(words(one) for one in value) or "–"
    return safe(str(as_json(value)))


def safe(text: str) -> str:
    """Without control characters (a folder name may hold an escape sequence), newlines kept."""
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)
