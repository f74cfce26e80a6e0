"""A folder's checkpoint: what its listing covered. Pure, opaque to everybody else.

It holds only what the server said **before** the listing began, so it never claims mail that arrived meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`mod_sequence` 0: the server keeps none for this folder."""

    validity: int
    uid_next: int
    mod_sequence: int
    count: int

    def encode(self) -> bytes:
        return json.dumps(
            [1, self.validity, self.uid_next, self.mod_sequence, self.count], separators=(",", ":")
        ).encode()


def decode(raw: bytes | None) -> Checkpoint | None:
    """None where there is none, or where it is not one of ours: the listing is then complete."""
    if not raw:
        return None
    try:
        version, *numbers = json.loads(raw)
    except (ValueError, TypeError):
        return None
    if version != 1 or len(numbers) != 4 or not all(isinstance(number, int) for number in numbers):
        return None
    return Checkpoint(*numbers)


def item_id(validity: int, uid: int) -> str:
    """`ItemRef.id`: sorts as the UIDs do."""
    return f"{validity:010d}.{uid:010d}"


def uid_of(item: str, validity: int) -> int | None:
    """The UID of an item's id; None where it belongs to another validity or is not ours."""
    said, dot, uid = item.partition(".")
    if not dot or not said.isdigit() or not uid.isdigit() or int(said) != validity:
        return None
    return int(uid)
