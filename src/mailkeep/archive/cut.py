"""Cuts a message where its MIME parts are, without parsing MIME.

    From: …                                     piece LITERAL   kept in the recipe
    Content-Transfer-Encoding: base64

    JVBERi0xLjQKJeLjz9MKMyAwIG9iago8PC9M…       piece SHARED_BASE64   decoded, a blob of its own
    --boundary--                                piece LITERAL

Base64 is 4/3 of its content and compresses badly; decoded it is smaller, and the same attachment in another message is
the same blob. A run is cut only if encoding it again gives its very bytes, which `_decode` proves before a piece is
made; everything else is a copy of a slice. So the pieces of a message always build it again, whatever the message was.

Only what follows the blank line behind a header field that says "base64" is looked at: one search per message finds
that most have none. A case-blind one would cost ten times as much as everything else here.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pybase64

LITERAL, BASE64, SHARED, SHARED_BASE64 = 0, 1, 2, 3  # the last two are blobs of their own
NO_NEWLINE, LF, CRLF = 0, 1, 2
_NEWLINES = (b"", b"\n", b"\r\n")

PIECE_BYTES_MAX = 4 << 20  # no step holds, compresses or seals more
ATTACHMENT_PIECE_BYTES = PIECE_BYTES_MAX // 76 * 57  # what a piece of base64 in lines of 76 characters decodes to
SHARED_BASE64_MIN = 8 << 10  # decoded bytes from which a part is a blob of its own
SHARED_LITERAL_MIN = 16 << 10  # the same for what lies between parts: one body sent to many has a header for each
BASE64_MIN = 128  # encoded bytes below which a cut costs more than it saves
LINE_MAX = 65_532  # characters; a longer line is taken as one without end
HEADER_REST_MAX = 8 << 10  # bytes that may follow the encoding in a part's header
RUNS_MAX = 20_000  # per message; what comes after is literal

_HEADER = b"ncoding:"  # of `Content-Transfer-Encoding:`, however it is capitalised, but for all capitals
_BASE64 = re.compile(rb"[ \t]*(?:\r?\n[ \t]+)?(?i:base64)")
_BLANK = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a message.

    `data` is decoded for the base64 kinds, whose lines were `line` characters long (0: one endless line).
    """

    kind: int
    data: bytes | bytearray
    line: int = 0
    newline: int = NO_NEWLINE


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch that looks like base64: [start, stop) without its last newline."""

    start: int
    stop: int
    line: int
    newline: int


def cut(content: bytes | bytearray) -> Iterator[Piece]:
    """The pieces of a message, in order; each at most PIECE_BYTES_MAX. Joined by `rebuild` they are the content."""
    done = 0  # everything before has been handed out
    for run in _runs(content):
        at = run.start
        for stop, decoded in _decode(content, run):
            yield from _literal(content, done, at)
            shared = len(decoded) >= SHARED_BASE64_MIN
            yield Piece(SHARED_BASE64 if shared else BASE64, decoded, run.line, run.newline)
            done = stop
            at = min(stop + len(_NEWLINES[run.newline]), run.stop)
    yield from _literal(content, done, len(content))


def encode(decoded: bytes, line: int, newline: int) -> bytes:
    """Base64 in lines, without a newline after the last."""
    if line == 76 and newline:
        text = pybase64.encodebytes(decoded)[:-1]
        return text.replace(b"\n", b"\r\n") if newline == CRLF else text
    text = pybase64.b64encode(decoded)
    if not line or len(text) <= line:
        return text
    return _NEWLINES[newline].join([text[start : start + line] for start in range(0, len(text), line)])


def rebuild(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The bytes the pieces were cut from."""
    for piece in pieces:
        yield (
            encode(bytes(piece.data), piece.line, piece.newline)
            if piece.kind in (BASE64, SHARED_BASE64)
            else bytes(piece.data)
        )


def _literal(content: bytes | bytearray, start: int, stop: int) -> Iterator[Piece]:
    """A copied stretch. A long one is a blob of its own; at the top of a message, its header is kept apart from it."""
    if stop - start < SHARED_LITERAL_MIN:
        if stop > start:
            yield Piece(LITERAL, content[start:stop])
        return
    if start == 0 and (blank := _BLANK.search(content, 0, stop)) and stop - blank.end() >= SHARED_LITERAL_MIN:
        start = blank.end()
        yield from (
            Piece(LITERAL, content[at : min(at + PIECE_BYTES_MAX, start)]) for at in range(0, start, PIECE_BYTES_MAX)
        )
    for at in range(start, stop, PIECE_BYTES_MAX):
        yield Piece(SHARED, content[at : min(at + PIECE_BYTES_MAX, stop)])


class _Finder:
    """`find` that remembers where each needle comes next, so that many parts don't mean many searches to the end."""

    def __init__(self, content: bytes | bytearray) -> None:
        self._content = content
        self._next: dict[bytes, int] = {}

    def find(self, needle: bytes, at: int) -> int:
        """The first place at or behind `at`, or the content's length. `at` never goes back."""
        known = self._next.get(needle, -1)
        if known < at:
            known = self._content.find(needle, at)
            self._next[needle] = known = len(self._content) if known < 0 else known
        return known

    def header(self, at: int) -> int:
        """Behind the next header field that announces base64, or the content's length."""
        while (at := self.find(_HEADER, at) + len(_HEADER)) < len(self._content):
            if match := _BASE64.match(self._content, at):
                return match.end()
        return len(self._content)


def _runs(content: bytes | bytearray) -> Iterator[_Run]:
    """Stretches worth trying to decode."""
    finder = _Finder(content)
    at = 0
    for _ in range(RUNS_MAX):
        word = finder.header(at)
        if word >= len(content):
            return
        start = _behind_blank_line(content, word)
        if start > len(content):
            at = word
            continue
        run = _run_at(content, start, finder.find(b"\n--", start) + 1)
        if run is None:
            at = start
        else:
            yield run
            at = run.stop


def _behind_blank_line(content: bytes | bytearray, at: int) -> int:
    """Where the part's body begins, or more than the content's length. Only so far as a part's header may reach: the end is seldom near."""
    far = at + HEADER_REST_MAX
    ends = [found + len(blank) for blank in (b"\n\r\n", b"\n\n") if (found := content.find(blank, at, far)) >= 0]
    return min(ends, default=len(content) + 1)


def _run_at(content: bytes | bytearray, start: int, boundary: int) -> _Run | None:
    """The stretch that begins here, judged by its first line and by where a boundary may follow."""
    end_of_line = content.find(b"\n", start, start + LINE_MAX + 2)
    if end_of_line < 0:
        line, newline = 0, NO_NEWLINE
    else:
        newline = CRLF if content[end_of_line - 1 : end_of_line] == b"\r" else LF
        line = end_of_line - start - (newline == CRLF)
        if line % 4 or not line:
            return None
    stop = min(boundary, len(content))
    while stop > start and content[stop - 1] in b"\r\n":
        stop -= 1
    return _Run(start, stop, line, newline) if stop - start >= BASE64_MIN else None


def _decode(content: bytes | bytearray, run: _Run) -> Iterator[tuple[int, bytes]]:
    """(where it stops, decoded) of pieces that encode to exactly what stands there.

    Stops at the first that does not.
    """
    line = run.line or PIECE_BYTES_MAX
    newline = _NEWLINES[run.newline]
    step = max(PIECE_BYTES_MAX // line, 1) * (line + len(newline))
    at = run.start
    while at < run.stop:
        stop = min(at + step, run.stop)
        text = content[at : stop - len(newline) if stop == at + step else stop]
        decoded = _decode_exact(text, run)
        if decoded is None:
            stop = at + _regular_bytes(text, line, newline)
            decoded = _decode_exact(content[at:stop], run) if stop - at >= BASE64_MIN else None
            if decoded is not None:
                yield stop, decoded
            return
        yield at + len(text), decoded
        at += len(text) + len(newline)


def _decode_exact(text: bytes | bytearray, run: _Run) -> bytes | None:
    """Its content, or None unless encoding that again gives the very text.

    Proved without encoding, which would cost as much as everything else here: lines end where they must and nowhere else, the alphabet
    is checked by the decoder, and of what is left only the last four characters can be written in more than one way.
    """
    newline = _NEWLINES[run.newline]
    if newline and not _ends_its_lines(text, run.line, newline):
        return None
    bare = text.replace(newline, b"") if newline else text
    try:
        decoded = pybase64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        return None
    tail = len(decoded) % 3 or 3
    whole = len(decoded) + (3 - tail) == len(bare) // 4 * 3 and not len(bare) % 4
    return decoded if whole and pybase64.b64encode(decoded[-tail:]) == bare[-4:] else None


def _ends_its_lines(text: bytes | bytearray, line: int, newline: bytes) -> bool:
    """Whether a newline stands behind every `line` characters, and nowhere else."""
    step = line + len(newline)
    last = text[step - 1 :: step]
    if last.count(b"\n") != len(last) or text.count(b"\n") != len(last):
        return False
    return newline == b"\n" or text[line::step].count(b"\r") == len(range(line, len(text), step))


def _regular_bytes(text: bytes | bytearray, line: int, newline: bytes) -> int:
    """How much of the text is full lines of the alphabet and perhaps a shorter last one.

    A list's footer may follow without a boundary.
    """
    shape = rb"(?:[A-Za-z0-9+/]{%d}%s)*(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?" % (
        line,
        re.escape(newline),
    )
    if not newline or line > 10_000:
        return 0
    match = re.match(shape, text)
    stop = match.end() if match else 0
    while stop and text[stop - 1] in b"\r\n":
        stop -= 1
    return stop
