"""The run's heartbeat: how far it is, told to the catalog and to whoever listens, about once a second."""

from __future__ import annotations

import time

from mailkeep.progress import Progress, Report
from mailkeep.sync.ports import Projection
from mailkeep.sync.session import WAIT_SECONDS


class Pulse:
    """Counters that either thread may raise, and `beat` for the main thread alone."""

    def __init__(self, projection: Projection, report: Report) -> None:
        self._projection = projection
        self._report = report
        self._last = float("-inf")
        self.phase = "connecting"
        self.done = 0
        self.total: int | None = None
        self.bytes = 0

    def enter(self, phase: str, total: int | None = None) -> None:
        self.phase, self.done, self.total = phase, 0, total
        self.beat()

    def expect(self, more: int) -> None:
        """So many more are to be done than was known."""
        self.total = (self.total or 0) + more

    def beat(self) -> None:
        """Cheap between beats. Raises `LeaseLost` when this run is no longer the mailbox's."""
        now = time.monotonic()
        if now - self._last < WAIT_SECONDS:
            return
        self._last = now
        progress = Progress(self.phase, self.done, self.total, self.bytes)
        self._projection.heartbeat(progress)
        self._report(progress)
