"""Faults on request: what a bad server does, said in advance by a test."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from mailkeep.errors import MailkeepError, RetryNow


@dataclass(slots=True)
class _Planned:
    operation: str
    after: int
    error: MailkeepError | None
    release: threading.Event | None
    address: str


@dataclass(slots=True)
class Faults:
    """Operations: `open folders unchanged count changes fetch identify create create_folder remove_created`.

    An operation that streams (`changes`, `fetch`, `identify`) counts the items it is about to give, others count calls.
    Item sets hold `ItemRef.id`s; they stay until the test empties them.
    """

    unreadable: set[str] = field(default_factory=set)  # comes as Unfetched "unreadable"
    vanishing: set[str] = field(default_factory=set)  # listed, but gone when fetched
    too_large: set[str] = field(default_factory=set)  # comes as Unfetched "item_too_large"
    truncated_listing: dict[str, int] = field(default_factory=dict)  # folder id → the listing ends after so many
    empty: set[str] = field(default_factory=set)  # addresses whose folders all look empty, checkpoints not honoured
    hang_seconds_max: float = 30.0
    _planned: list[_Planned] = field(default_factory=list)

    def fail(self, operation: str, error: MailkeepError, *, after: int = 0, times: int = 1, address: str = "") -> None:
        """Raise `error` once `after` have gone well, `times` in a row; on that mailbox only, where one is named."""
        for turn in range(times):
            self._planned.append(_Planned(operation, after if turn == 0 else 0, error, None, address))

    def hang(self, operation: str, *, after: int = 0, address: str = "") -> threading.Event:
        """Say nothing until the event is set; after `hang_seconds_max` the line is dropped."""
        release = threading.Event()
        self._planned.append(_Planned(operation, after, None, release, address))
        return release

    def clear(self) -> None:
        """Be good again."""
        self._planned.clear()
        for held in (self.unreadable, self.vanishing, self.too_large, self.truncated_listing, self.empty):
            held.clear()

    def strike(self, operation: str, address: str) -> None:
        """Called by the connector before each step: the first planned fault that fits counts down, then strikes."""
        for planned in self._planned:
            if planned.operation == operation and planned.address in ("", address):
                if planned.after > 0:
                    planned.after -= 1
                    return
                self._planned.remove(planned)
                self._do(planned)
                return

    def _do(self, planned: _Planned) -> None:
        if planned.error is not None:
            raise planned.error
        if planned.release is not None and not planned.release.wait(self.hang_seconds_max):
            raise RetryNow("connection_lost", "the server stopped answering", "nothing to do: it is tried again")
