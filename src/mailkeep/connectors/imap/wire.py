"""Responses of an IMAP server, from pieces to values. No I/O, no recursion, a limit on everything.

A response arrives as **pieces**: text, literal, text, literal, …, text; the `{n}` before a literal is cut off the text.

    * 12 FETCH (UID 7 FLAGS (\\Seen) BODY[] {5}     →  [b"* 12 FETCH (UID 7 FLAGS (\\Seen) BODY[] ", b"hello", b")"]
    hello)

A **value** is None (NIL), bytes (atom, number, quoted string, literal) or a list of values.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from mailkeep.errors import RetryLater

LINE_BYTES_MAX = 1 << 20  # of one text piece
PIECES_MAX = 4096  # of one response
DEPTH_MAX = 32  # of nested lists
NUMBER_MAX = (1 << 63) - 1
_RESPONSE_BYTES = 512  # of a response beside its pieces: a million empty ones are not free

Value: TypeAlias = "bytes | bytearray | list[Value] | None"
Pieces: TypeAlias = "list[bytes | bytearray]"

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|BODY\[[^\]]*\](?:<\d+>)?|[()]|[^ ()"]+|"', re.IGNORECASE | re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LITERAL = re.compile(rb"~?\{(\d{1,19})\+?\}$")
_USUAL = re.compile(  # a FETCH response in the order that most servers use: read in one go
    rb"\(UID (\d{1,10})(?: FLAGS \(([^()\"{]*)\))?(?: INTERNALDATE \"([^\"\\]*)\")?(?: RFC822\.SIZE (\d{1,19}))?"
    rb"(?: X-GUID ([^ ()\"{]+))?(?: (BODY\[[^\]\"]*\]) |\))$"
)
_USUAL_NAMES = (b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"X-GUID")
_UNTAGGED = re.compile(rb"\* (?:(\d{1,10}) )?([A-Za-z][A-Za-z0-9.-]{0,30})(?: |$)")
_STATUS = re.compile(rb"(?:\[([A-Za-z][A-Za-z0-9./-]{0,40})(?: ([^\]]*))?\] ?)?")
_DATE = re.compile(rb"([ \d]\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")
_MONTHS = {name: number for number, name in enumerate(b"JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}


class WireError(RetryLater):
    """The server said something that is not IMAP, or more than any limit allows."""

    def __init__(self, what: str) -> None:
        message = f"the server does not speak IMAP as it should: {what}"
        super().__init__("unreachable", message, "look into the server's log; it is tried again")


@dataclass(frozen=True, slots=True)
class Completion:
    """How a command, a greeting or a BYE ended: `status` OK NO BAD BYE PREAUTH, `code` as `[CODE argument]`, upper case."""

    status: str
    code: str
    argument: bytes
    text: str

    @property
    def ok(self) -> bool:
        return self.status == "OK"


def literal_size(line: bytes) -> tuple[bytes, int] | None:
    """(text without the marker, bytes announced) where the line ends in a literal's marker, else None."""
    if not line.endswith(b"}"):
        return None
    match = _LITERAL.search(line)
    return (line[: match.start()], int(match.group(1))) if match else None


def untagged(text: bytes | bytearray) -> tuple[bytes, int, int]:
    """(upper-case name, number before it or -1, offset of what follows) of `* …`; the name is b"" for what is no IMAP."""
    match = _UNTAGGED.match(text)
    if match is None:
        return b"", -1, 0
    number = match.group(1)
    return bytes(match.group(2)).upper(), -1 if number is None else int(number), match.end()


def completion(text: bytes) -> Completion:
    """Read `OK [CODE argument] text`, what follows a tag or `* `."""
    word, _, rest = text.partition(b" ")
    status = word.upper().decode("ascii", "replace")
    if status not in ("OK", "NO", "BAD", "BYE", "PREAUTH"):
        raise WireError(f"no status: {text[:60]!r}")
    match = _STATUS.match(rest)
    code, argument = (match.group(1) or b"", match.group(2) or b"") if match else (b"", b"")
    said = rest[match.end() :] if match else rest
    return Completion(status, code.decode("ascii").upper(), argument, said.decode("utf-8", "replace")[:1000])


def values(pieces: Pieces, start: int = 0) -> list[Value]:
    """The values of a response, from byte `start` of its first text. Raises WireError."""
    current: list[Value] = []
    outer: list[list[Value]] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            current.append(piece)
            continue
        for token in _TOKEN.findall(piece[start:] if start and not index else piece):
            if token == b"(":
                outer.append(current)
                current = []
                if len(outer) > DEPTH_MAX:
                    raise WireError("lists nested too deeply")
            elif token == b")":
                if not outer:
                    raise WireError("a list ends that never began")
                inner, current = current, outer.pop()
                current.append(inner)
            else:
                current.append(_scalar(token))
    if outer:
        raise WireError("a list without an end")
    return current


def _scalar(token: bytes) -> bytes | None:
    if token[:1] == b'"':
        if len(token) == 1:
            raise WireError("a quoted string without an end")
        quoted = token[1:-1]
        return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
    return None if token in (b"NIL", b"nil", b"Nil") else token


def attributes(pieces: Pieces, start: int) -> dict[bytes, Value]:
    """A FETCH response's list as a mapping; names in upper case. `start`: offset of its opening bracket."""
    usual = _USUAL.match(pieces[0], start)
    if usual is not None and (len(pieces) == 1 or (len(pieces) == 3 and pieces[2] == b")")):
        return _usual_attributes(usual, pieces)
    found = values(pieces, start)
    if len(found) != 1 or not isinstance(found[0], list) or len(found[0]) % 2:
        raise WireError("a FETCH response without its list")
    pairs = iter(found[0])
    return {_name(name): next(pairs) for name in pairs}


def _usual_attributes(match: re.Match[bytes], pieces: Pieces) -> dict[bytes, Value]:
    *plain, section = match.groups()
    told: dict[bytes, Value] = {
        name: value for name, value in zip(_USUAL_NAMES, plain, strict=True) if value is not None
    }
    flags = plain[1]
    if flags is not None:
        told[b"FLAGS"] = [*flags.split()]
    if section is not None:
        told[section] = pieces[1]
    return told


def _name(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise WireError("an attribute without a name")
    return value.upper()


class Response:
    """An untagged response. `name` b"" is something that is no IMAP; `number` is -1 where none stands before the name."""

    __slots__ = ("_told", "name", "number", "pieces", "start")

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self.name, self.number, self.start = untagged(pieces[0])
        self._told: dict[bytes, Value] | None = None

    @property
    def size(self) -> int:
        """What it holds in memory, in bytes: its pieces, and what any object costs."""
        return _RESPONSE_BYTES + sum(map(len, self.pieces))

    @property
    def text(self) -> bytes:
        """The first piece, all there is where no literal was."""
        return bytes(self.pieces[0])

    @property
    def told(self) -> dict[bytes, Value]:
        """The attributes of a FETCH response, empty for any other. Raises WireError."""
        if self._told is None:
            self._told = attributes(self.pieces, self.start) if self.name == b"FETCH" else {}
        return self._told

    def values(self) -> list[Value]:
        return values(self.pieces, self.start)


@dataclass(frozen=True, slots=True)
class Claim:
    """Which responses answer a command: FETCH responses with that attribute for these UIDs, or all of another name.

    A server may work on two commands at once and mix their responses (Dovecot does), so order tells nothing.
    """

    name: bytes = b"FETCH"
    attribute: bytes = b""
    uids: Container[int] = ()

    def fits(self, response: Response) -> bool:
        if response.name != self.name:
            return False
        if self.name != b"FETCH":
            return True
        told = response.told
        return self.attribute in told and number(told.get(b"UID")) in self.uids


def number(value: Value) -> int:
    """A number of at most 63 bits. Raises WireError."""
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 19:
        found = int(value)
        if found <= NUMBER_MAX:
            return found
    raise WireError(f"no number: {value!r:.60}")


def text(value: Value) -> bytes:
    """A string, never NIL or a list."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    raise WireError(f"no string: {value!r:.60}")


def words(value: Value) -> list[bytes]:
    """A list of strings, such as flags; what is none in it is left out."""
    if not isinstance(value, list):
        raise WireError(f"no list: {value!r:.60}")
    return [bytes(word) for word in value if isinstance(word, bytes | bytearray)]


def internal_date(value: Value) -> datetime:
    """`"17-Jul-1996 02:44:25 -0700"` in UTC. Raises WireError."""
    match = _DATE.match(text(value))
    if match is None:
        raise WireError(f"no date: {value!r:.60}")
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    try:
        local = datetime(int(year), _MONTHS[month.upper()], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
        if hours == b"00" and minutes == b"00":
            return local
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return local - offset if sign == b"+" else local + offset
    except (ValueError, KeyError, OverflowError) as error:
        raise WireError(f"no date: {value!r:.60}") from error


def uid_ranges(raw: bytes) -> list[tuple[int, int]]:
    """`1:3,7` as [(1, 3), (7, 7)], each in order. Raises WireError (also at `*`, which a response never holds)."""
    ranges = []
    for part in raw.split(b","):
        first, colon, last = part.partition(b":")
        low = number(first)
        high = number(last) if colon else low
        ranges.append((min(low, high), max(low, high)))
    return ranges


def within(ranges: Iterable[tuple[int, int]], low: int, high: int) -> Iterator[int]:
    """Each UID of the ranges that lies from `low` to `high`, once: a range repeated or without end costs no more."""
    next_uid = low
    for first, last in sorted(ranges):
        yield from range(max(first, next_uid), min(last, high) + 1)
        next_uid = max(next_uid, min(last, high) + 1)
