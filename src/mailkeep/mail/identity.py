"""When are two items the same one? Proof or nothing.

Where a server's ids did not survive (a new UIDVALIDITY, a move on a server without stable ids) an item is the same as
one we hold only if its **complete header block**, its size and its internal date are. Message-IDs repeat and lack in
real mail, so they prove nothing. Two items that share an identity prove nothing either: the engine then downloads.

Line ends after the last header are not part of it: servers disagree about them in messages that have no body.
"""

from __future__ import annotations

from datetime import datetime

from blake3 import blake3

_FIRST_LOOK = 16_384  # bytes: nearly every header ends within, and finding in a copy of them is quicker than a pattern


def header_block(content: bytes | bytearray | memoryview) -> memoryview:
    """The header through its blank line, without copying; all of it where there is no blank line."""
    view = memoryview(content)
    end = _blank_line_end(bytes(view[:_FIRST_LOOK]))
    if end < 0 and len(view) > _FIRST_LOOK:
        end = _blank_line_end(bytes(view))
    return view[:end] if end >= 0 else view


def _blank_line_end(text: bytes) -> int:
    """Behind the first empty line, or -1."""
    if text.startswith((b"\r\n", b"\n")):
        return text.index(b"\n") + 1
    network = text.find(b"\n\r\n")
    plain = text.find(b"\n\n", 0, network if network >= 0 else len(text))
    if plain >= 0:
        return plain + 2
    return network + 3 if network >= 0 else -1


def identity(header: bytes | memoryview, size: int, received: datetime) -> bytes:
    """32 bytes that only one item has: over its header block, its size as listed, and the second of its receipt."""
    text = bytes(header).rstrip(b"\r\n")
    return blake3(b"%d %d\n%b" % (size, int(received.timestamp()), text)).digest()
