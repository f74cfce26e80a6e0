"""Large items of one process take turns: however many mailboxes it serves, so many bytes of them are in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mailkeep.sync.limits import MIB


class Budget:
    """So many bytes for all who share it. One that is larger than the whole waits until it is alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken = 0
        self._changed = threading.Condition()

    def take(self, size: int, check: Callable[[], None]) -> None:
        """Waits for its turn; `check` is called about once a second and may raise."""
        with self._changed:
            while self._taken and self._taken + size > self._total:
                self._changed.wait(1.0)
                check()
            self._taken += size

    def add(self, size: int) -> None:
        """Bytes that are in memory already, beyond what was taken: nobody waits for them but those who come after."""
        with self._changed:
            self._taken += size

    def give_back(self, size: int) -> None:
        with self._changed:
            self._taken -= size
            self._changed.notify_all()


LARGE_ITEMS = Budget(160 * MIB)  # shared by every run of this process: one item of 150 MB, or some smaller ones
