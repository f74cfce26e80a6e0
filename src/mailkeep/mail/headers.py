"""A message's header block, read without an object parser: names and raw values in order, as many as anybody wants to see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailkeep.mail.charsets import decode_header
from mailkeep.mail.identity import header_block

BLOCK_MAX = 4 << 20  # bytes that are looked at
FIELDS_MAX = 5_000
_FIELD = re.compile(rb"^([!-9;-~]{1,200})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_BOX_LINE = re.compile(rb"\A>?From .*\r?\n")


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # as written
    raw: bytes  # as written, folded; not decoded

    @property
    def text(self) -> str:
        return decode_header(self.raw)


def split(content: bytes) -> tuple[bytes, bytes]:
    """The header block, without an mbox's "From " line before it, and the body."""
    box_line = _BOX_LINE.match(content)
    start = box_line.end() if box_line else 0
    block = header_block(memoryview(content)[start:])
    return bytes(block), content[start + len(block) :]


def fields(block: bytes) -> tuple[Field, ...]:
    """The fields of a header block, in order. Lines that are none are passed over."""
    found: list[Field] = []
    for match in _FIELD.finditer(block[:BLOCK_MAX]):
        found.append(Field(match[1].decode("ascii"), match[2].strip()))
        if len(found) == FIELDS_MAX:
            break
    return tuple(found)


def first(of: Sequence[Field], name: str) -> Field | None:
    """The first field of that name; letter case does not count."""
    return next((field for field in of if field.name.lower() == name), None)
