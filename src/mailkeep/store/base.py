"""The store's port.

A store keeps immutable objects under names like `packs/ab/abcd…` or `history/<mailbox>/000000000042`: lower-case
letters, digits, `-`, `.` and `_` in segments parted by `/`, at most 200 characters, no segment that starts with a dot.

**Put once** is the contract everything above leans on: of any number of writers racing for a name exactly one wins, the
others get `AlreadyExists`, and a reader sees the whole object or none. A committed object survives a power cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mailkeep.errors import GiveUp


class AlreadyExists(GiveUp):
    """Somebody put that name before: a fence, seldom an error."""

    def __init__(self, name: str) -> None:
        super().__init__("already_exists", f"the store already holds {name}")
        self.name = name


class NotFound(GiveUp):
    """No object of that name."""

    def __init__(self, name: str) -> None:
        super().__init__("not_found", f"the store holds no {name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    name: str
    size: int  # bytes


class Upload(Protocol):
    """An object on its way: nothing is visible under its name before `commit`, and nothing stays after `abort`."""

    def write(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def commit(self) -> None:
        """Durable and visible on return, or `AlreadyExists`."""
        ...

    def abort(self) -> None: ...


class Store(Protocol):
    """Raises `RetryLater('store_offline', …)` when the place itself cannot be reached, is full or fails to write."""

    def upload(self, name: str) -> Upload: ...
    def put(self, name: str, data: bytes) -> None: ...
    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes: ...
    def size(self, name: str) -> int: ...
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose name starts with `prefix`, sorted by name."""
        ...

    def delete(self, name: str) -> None:
        """Deleting what is not there is no error."""
        ...
