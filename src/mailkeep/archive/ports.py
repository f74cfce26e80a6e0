"""What the archive needs from the floor above: a table of where blobs lie.

It is filled from pack footers only, so it can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Location:
    """Where a blob lies: in which sealed group of which pack, and where inside that group once it is opened."""

    pack: bytes  # 32 bytes
    ordinal: int  # the group's number in the pack: the nonce
    offset: int  # of the sealed group, bytes from the pack's start
    length: int  # of the sealed group, bytes
    raw_length: int  # of the blob as stored, bytes after decompression
    kind: int  # 0 the bytes themselves, 1 a recipe they are rebuilt from (docs/format.md)
    inside: int = 0  # of the blob, bytes from the start of the opened group


class BlobIndex(Protocol):
    """Safe to call from several threads. A blob counts as held only if its pack is here and not condemned."""

    def held(self, blobs: Sequence[bytes]) -> set[bytes]:
        """Those of the blobs that need not be stored again."""
        ...

    def locate(self, blobs: Sequence[bytes]) -> dict[bytes, Location]:
        """Where each blob lies, condemned packs included; what is unknown is left out of the answer."""
        ...

    def add_pack(self, pack: bytes, size: int, content: bool, blobs: Iterable[tuple[bytes, Location]]) -> None:
        """Record a sealed pack's footer, in one transaction. A blob or pack that is already known is no error."""
        ...

    def packs(self) -> set[bytes]:
        """Every pack that has been recorded."""
        ...
