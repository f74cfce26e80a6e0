"""A store in memory: the whole contract, nothing kept. For tests, with a hook that may raise at any step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from mailkeep.store.base import AlreadyExists, NotFound, ObjectInfo
from mailkeep.store.names import check_name, check_prefix


def _nowhere(point: str) -> None:
    """The hook nobody set."""


class MemoryStore:
    """`at` is called with `upload`, `write`, `commit`, `committed`, `get`, `list` or `delete` and may raise a fault."""

    def __init__(self, at: Callable[[str], None] = _nowhere) -> None:
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._at = at

    def upload(self, name: str) -> MemoryUpload:
        self._at("upload")
        return MemoryUpload(self, check_name(name), self._at)

    def put(self, name: str, data: bytes) -> None:
        upload = self.upload(name)
        upload.write(data)
        upload.commit()

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._at("get")
        data = self._object(name)
        return data[start:] if length is None else data[start : start + length]

    def size(self, name: str) -> int:
        return len(self._object(name))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._at("list")
        check_prefix(prefix)
        with self._lock:
            found = [ObjectInfo(name, len(data)) for name, data in self.objects.items() if name.startswith(prefix)]
        yield from sorted(found, key=lambda info: info.name)

    def delete(self, name: str) -> None:
        self._at("delete")
        with self._lock:
            self.objects.pop(check_name(name), None)

    def insert(self, name: str, data: bytes) -> None:
        """The put-once step itself: exactly one writer wins."""
        with self._lock:
            if name in self.objects:
                raise AlreadyExists(name)
            self.objects[name] = data

    def _object(self, name: str) -> bytes:
        try:
            return self.objects[check_name(name)]
        except KeyError:
            raise NotFound(name) from None


class MemoryUpload:
    """Pieces gathered until `commit`."""

    def __init__(self, store: MemoryStore, name: str, at: Callable[[str], None]) -> None:
        self._store = store
        self._name = name
        self._pieces: list[bytes] = []
        self._at = at

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self._at("write")
        self._pieces.append(bytes(data))

    def commit(self) -> None:
        self._at("commit")
        pieces, self._pieces = self._pieces, []
        self._store.insert(self._name, b"".join(pieces))
        self._at("committed")

    def abort(self) -> None:
        self._pieces = []
