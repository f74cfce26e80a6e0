"""More records than memory holds: kept in order of arrival (`Spool`), or sorted (`Sorter`).

Both take and give back one type of record, keep a bounded part in memory, and put the rest as MessagePack into files
of a folder that the caller owns and removes. A `Sorter` writes sorted runs and merges them as it is read:

    add add add … ─► 10,000 sorted ─► run 1 ┐
    add add add … ─► 10,000 sorted ─► run 2 ├─ merge ─► in order of key, equal keys in order of arrival
    add …         ─► the rest      ─► run 3 ┘
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from mailkeep.sync.limits import Limits

T = TypeVar("T")
Key = tuple[int | str, ...]
_Row = tuple[Key, int, msgspec.Raw]  # key, number of arrival, encoded record

_BLOCK = 256  # records to a frame: one decode for many, and little held per run
_names = itertools.count(1)
_rows = msgspec.msgpack.Decoder(list[_Row])
_encoder = msgspec.msgpack.Encoder()


class Spool(Generic[T]):
    """Records in order of arrival. May be read any number of times, after the last `add`."""

    def __init__(self, directory: Path, record: type[T], limits: Limits) -> None:
        self._directory = directory
        self._decode = msgspec.msgpack.Decoder(list[record]).decode  # type: ignore[valid-type]
        self._records_max = limits.sorted_records
        self._held: list[T] = []  # encoded only when they go to disk: most listings are short
        self._file: Path | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, record: T) -> None:
        self._held.append(record)
        self._count += 1
        if len(self._held) >= self._records_max:
            self._file = self._file or _new_file(self._directory)
            _write_blocks(self._file, self._held)
            self._held = []

    def __iter__(self) -> Iterator[T]:
        if self._file is not None:
            for frame in _frames(self._file):
                yield from self._decode(frame)
        yield from self._held


class Sorter(Generic[T]):
    """Records in order of their key. May be read any number of times, after the last `add`."""

    def __init__(self, directory: Path, record: type[T], key: Callable[[T], Key], limits: Limits) -> None:
        self._directory = directory
        self._decode = msgspec.msgpack.Decoder(record).decode
        self._key = key
        self._records_max = limits.sorted_records
        self._held: list[tuple[Key, int, T]] = []
        self._runs: list[Path] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, record: T) -> None:
        self._held.append((self._key(record), self._count, record))
        self._count += 1
        if len(self._held) >= self._records_max:
            self._spill()

    def _spill(self) -> None:
        self._held.sort()
        run = _new_file(self._directory)
        _write_blocks(run, self._held)
        self._runs.append(run)
        self._held = []

    def __iter__(self) -> Iterator[T]:
        self._held.sort()
        if not self._runs:
            return (row[2] for row in self._held)
        if self._held:
            self._spill()
        rows = heapq.merge(*map(_read_run, self._runs))
        return (self._decode(row[2]) for row in rows)


def _new_file(directory: Path) -> Path:
    return directory / f"run-{next(_names):08d}"


def _write_blocks(path: Path, records: Sequence[object]) -> None:
    with path.open("ab") as file:
        for start in range(0, len(records), _BLOCK):
            frame = _encoder.encode(records[start : start + _BLOCK])
            file.write(len(frame).to_bytes(4, "big"))
            file.write(frame)


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while prefix := file.read(4):
            yield file.read(int.from_bytes(prefix, "big"))


def _read_run(path: Path) -> Iterator[_Row]:
    for frame in _frames(path):
        yield from _rows.decode(frame)


def chunked(records: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` records, the last one shorter."""
    rest = iter(records)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
