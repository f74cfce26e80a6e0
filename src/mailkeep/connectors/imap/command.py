"""Commands, safely: what a user, a folder name or a server gave us never becomes a second command. Pure.

A command is a list of **parts**: bytes that go out as they are, and `Literal`s that the session announces first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

_ATOM = re.compile(rb"[A-Za-z0-9!#$&'+,\-./:;<=>?@\[^_`|~]+$")
_FLAG = re.compile(r"[A-Za-z0-9!#$&'+,\-./:;<=>?@\[\]^_`|~]+$")
_QUOTED_BYTES_MAX = 1000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SYSTEM = {
    "seen": "\\Seen",
    "answered": "\\Answered",
    "flagged": "\\Flagged",
    "deleted": "\\Deleted",
    "draft": "\\Draft",
}
_NAMES = {name.lower().encode(): word for word, name in _SYSTEM.items()}


@dataclass(frozen=True, slots=True)
class Literal:
    """Bytes sent as `{n}` and then themselves; `binary`: as `~{n}` (BINARY), for bytes with NUL."""

    content: bytes
    binary: bool = False


Part: TypeAlias = "bytes | Literal"


def string(value: str | bytes) -> Part:
    """An atom, a quoted string or a literal, whichever carries the value. ValueError at NUL, CR, LF."""
    raw = value.encode() if isinstance(value, str) else value
    if any(byte in raw for byte in b"\0\r\n"):
        raise ValueError("a line break or NUL in a name or password")
    if _ATOM.match(raw) and raw.upper() != b"NIL":
        return raw
    if raw.isascii() and len(raw) <= _QUOTED_BYTES_MAX:
        return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(raw)


def uid_set(uids: Iterable[int]) -> bytes:
    """[1, 2, 3, 7] as `1:3,7`. Duplicates fall together; empty gives empty."""
    parts: list[str] = []
    first = last = -1
    for uid in sorted(set(uids)):
        if uid != last + 1 or first < 0:
            if first >= 0:
                parts.append(_range(first, last))
            first = uid
        last = uid
    if first >= 0:
        parts.append(_range(first, last))
    return ",".join(parts).encode()


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}:{last}"


def flag_list(flags: Iterable[str]) -> bytes:
    """`seen work` as `(\\Seen work)`. ValueError where a keyword can't be one."""
    return b"(" + b" ".join(sorted(_flag(flag) for flag in flags)) + b")"


def _flag(flag: str) -> bytes:
    if flag in _SYSTEM:
        return _SYSTEM[flag].encode()
    if not _FLAG.match(flag):
        raise ValueError(f"IMAP has no keyword {flag!r}")
    return flag.encode()


def flags_from(words: Iterable[bytes]) -> frozenset[str]:
    """A server's flags in our words: system flags lower-case without backslash, keywords as they came, no \\Recent."""
    found = []
    for word in words:
        if word[:1] == b"\\":
            known = _NAMES.get(word.lower())
            if known:
                found.append(known)
        else:
            found.append(word.decode("utf-8", "replace"))
    return frozenset(found)


def date_time(moment: datetime) -> bytes:
    """An internal date as APPEND wants it, in UTC."""
    utc = moment.astimezone(UTC)
    month = _MONTHS[utc.month - 1]
    return f'"{utc.day:02d}-{month}-{utc.year:04d} {utc:%H:%M:%S} +0000"'.encode()
