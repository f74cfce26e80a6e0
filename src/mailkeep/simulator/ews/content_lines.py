"""The lines that iCalendar and vCard are made of: `NAME;PARAMETER=value:text`, escaped, folded, ended by CRLF.

Written by hand, for the library that reads them (`icalendar`) takes milliseconds to write one event, and the simulator is what a
benchmark waits for. Tests read every kind of line back with the library. Source: RFC 5545 3.1 and 3.3.11, RFC 2426 2.6.
"""

from __future__ import annotations

from collections.abc import Iterable

LINE_MAX = 75  # bytes, without the line's end


def escaped(text: str) -> str:
    """A text value: backslash, semicolon, comma and line ends marked by a backslash."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def parameter(value: str) -> str:
    """A parameter's value, in quotes where it needs them; it has no way to say a quote."""
    value = " ".join(value.replace('"', "'").split())
    return f'"{value}"' if any(mark in value for mark in ":;, ") else value


def document(lines: Iterable[str]) -> bytes:
    """All lines, folded, in UTF-8."""
    return b"".join(folded(line) for line in lines)


def folded(line: str) -> bytes:
    """A line with its end; a long one cut between characters, each further piece behind a blank."""
    raw = line.encode()
    if len(raw) <= LINE_MAX:
        return raw + b"\r\n"
    pieces, start = [], 0
    while start < len(raw):
        end = min(len(raw), start + LINE_MAX - bool(start))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(raw[start:end])
        start = end
    return b"\r\n ".join(pieces) + b"\r\n"
