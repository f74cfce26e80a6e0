"""What a long operation tells while it runs: plain numbers, no terminal, no page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of an operation. `total` is None while it is not known; `rate` and ETA are the reader's to compute."""

    phase: str  # "listing", "fetching", "verifying" …
    done: int
    total: int | None
    bytes_done: int = 0
    note: str = ""  # "waiting for the server, retry in 4:12"


class Report(Protocol):
    """Called often and cheaply; must not raise."""

    def __call__(self, progress: Progress, /) -> None: ...


def silent(progress: Progress, /) -> None:
    """A report nobody reads."""
