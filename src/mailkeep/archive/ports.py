"""What the archive needs from the floor above: a table of where blobs lie. It is filled from pack footers only, so it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Location:
    """Where a blob's sealed bytes lie."""

    pack: bytes  # 32 bytes
    ordinal: int  # its number in the pack: the nonce
    offset: int  # bytes from the pack's start
    length: int  # sealed bytes
    raw_length: int  # bytes after decompression
    kind: int


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
