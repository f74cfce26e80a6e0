"""A blob index in memory, for tests and for tools that work without a database."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from mailkeep.archive.ports import Location


class MemoryIndex:
    """`condemned` packs still answer `locate`, their blobs no longer count as held. Safe for threads."""

    def __init__(self) -> None:
        self.condemned: set[bytes] = set()
        self._packs: dict[bytes, tuple[int, bool]] = {}
        self._blobs: dict[bytes, Location] = {}
        self._lock = threading.Lock()

    def held(self, blobs: Sequence[bytes]) -> set[bytes]:
        with self._lock:
            return {blob for blob in blobs if blob in self._blobs and self._blobs[blob].pack not in self.condemned}

    def locate(self, blobs: Sequence[bytes]) -> dict[bytes, Location]:
        with self._lock:
            return {blob: self._blobs[blob] for blob in blobs if blob in self._blobs}

    def add_pack(self, pack: bytes, size: int, content: bool, blobs: Iterable[tuple[bytes, Location]]) -> None:
        with self._lock:
            if pack in self._packs:
                return
            self._packs[pack] = (size, content)
            for blob, location in blobs:
                before = self._blobs.get(blob)
                if before is None or before.pack in self.condemned:
                    self._blobs[blob] = location

    def packs(self) -> set[bytes]:
        with self._lock:
            return set(self._packs)
