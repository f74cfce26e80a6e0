"""What was asked and what was answered, for tests that want to look: a hook, and a short memory of requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One SOAP request: whose mailbox, what, how it ended. Times by the server's clock."""

    account: str
    mailbox: str
    operation: str
    status: int
    started: float
    seconds: float
    bytes_in: int
    bytes_out: int
    anchor: str  # X-AnchorMailbox
    cookies: str
    faults: tuple[str, ...] = ()


Listener = Callable[[str, str, bytes], None]  # "request" or "response", operation, the whole envelope


@dataclass(slots=True)
class Recorder:
    """`listeners` get every envelope as bytes, before faults touch the answer."""

    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=_KEPT))
    listeners: list[Listener] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # tracebacks of what went wrong inside the server itself
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, seen: Seen) -> None:
        self.seen.append(seen)

    def hear(self, kind: str, operation: str, envelope: bytes) -> None:
        with self._lock:  # listeners need not be thread-safe
            for listener in self.listeners:
                listener(kind, operation, envelope)

    def fail(self, trace: str) -> None:
        self.errors.append(trace)

    def counts(self) -> Mapping[str, int]:
        """How many requests of each operation."""
        counts: dict[str, int] = {}
        for seen in tuple(self.seen):
            counts[seen.operation] = counts.get(seen.operation, 0) + 1
        return counts
