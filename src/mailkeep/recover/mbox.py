"""The mbox format (mboxrd): one file, messages parted by "From " lines, such lines within a message quoted by one `>` more. Pure.

Exact: `unquoted(quoted(content), len(content)) == content` for any bytes, line ends as they are. The length is in the manifest; it is
needed where a message does not end with a line end, for the format adds one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_UNQUOTE = re.compile(rb"^>(>*From )", re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def separator(received: datetime) -> bytes:
    """The line before a message, in C's English whatever the locale."""
    at = received.astimezone(UTC)
    return f"From MAILER-DAEMON {_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S} {at.year:04}\n".encode()


def quoted(content: bytes) -> bytes:
    """The message as it stands in the file, with the empty line that ends it."""
    body = (
        _QUOTE.sub(rb">\1", content) if b"From " in content else content
    )  # the search is twice as fast as the pattern
    return body + (b"\n" if body.endswith(b"\n") else b"\n\n")


def unquoted(quoted_content: bytes, size: int) -> bytes:
    """The message back; `size` is its length in bytes."""
    body = _UNQUOTE.sub(rb"\1", quoted_content) if b">From " in quoted_content else quoted_content
    return body[:size]
