"""Locks that end with the process that holds them (flock on a file of the home folder), however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

POLL_SECONDS = 0.05


class FileLock:
    """One lock file. `exclusive` and `shared` answer at once; `wait_exclusive` polls, so that signals and time-outs
    get through.

    Each instance has a descriptor of its own: two in one process exclude each other like two processes do.
    Descriptors are not inherited by programs that the process starts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def exclusive(self) -> bool:
        return self._take(fcntl.LOCK_EX)

    def shared(self) -> bool:
        return self._take(fcntl.LOCK_SH)

    def wait_exclusive(self, seconds: float | None = None) -> bool:
        """False when `seconds` have passed."""
        return self._wait(fcntl.LOCK_EX, seconds)

    def wait_shared(self, seconds: float | None = None) -> bool:
        return self._wait(fcntl.LOCK_SH, seconds)

    def write(self, text: str) -> None:
        """Leave a word for those who find the lock taken (a pid). Only while it is held."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def read(self) -> str:
        """What the holder wrote; "" if nothing."""
        try:
            return self.path.read_text().strip()
        except FileNotFoundError:
            return ""

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _wait(self, kind: int, seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while not self._take(kind):
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _take(self, kind: int) -> bool:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        return True
