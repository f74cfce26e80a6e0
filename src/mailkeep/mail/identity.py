"""When are two items the same one? Proof or nothing.

Where a server's ids did not survive (a new UIDVALIDITY, a move on a server without stable ids) an item is the same as
one we hold only if its **complete header block**, its size and its internal date are. Message-IDs repeat and lack in
real mail, so they prove nothing. Two items that share an identity prove nothing either: the engine then downloads.

Line ends after the last header are not part of it: servers disagree about them in messages that have no body.
"""

from __future__ import annotations

import re
from datetime import datetime

from blake3 import blake3

_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_HEAD_LENGTH = 65_536  # bytes searched before the whole message is


def header_block(content: bytes | bytearray | memoryview) -> memoryview:
    """The header through its blank line, without copying; all of it where there is no blank line."""
    view = memoryview(content)
    found = _BLANK_LINE.search(view[:_HEAD_LENGTH]) or _BLANK_LINE.search(view)
    return view[: found.end()] if found else view


def identity(header: bytes | memoryview, size: int, received: datetime) -> bytes:
    """32 bytes that only one item has: over its header block, its size as listed, and the second of its receipt."""
    text = bytes(header).rstrip(b"\r\n")
    return blake3(b"%d %d\n%b" % (size, int(received.timestamp()), text)).digest()
