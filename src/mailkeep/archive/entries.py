"""Entries of a mailbox's history as JSON, column by column, since 20,000 Puts repeat most of what they say.

    {"number": 7, "previous": "…", "time": 1763856000000000, "run": {…}, "checkpoint": "…",
     "order": [["put", 20000], ["flagged", 3]], "put": {"item": [1, 2, 3 …], "folder": {"all": 1}, …}, "flagged": {…}}

A column is a list, or `{"all": value}` where every value is the same. Times are microseconds since 1970 in UTC; hashes
one base64 text for the whole column, 32 bytes each, zeros for none. The columns of native parts have a list for each
Put, their hashes one after the other, and are absent where no Put of the entry has any. Pure.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Any

import msgspec

from mailkeep.archive.crypto import ID_BYTES
from mailkeep.archive.events import (
    Entry,
    Event,
    Flagged,
    FolderGone,
    FolderPut,
    Moved,
    NativeBlob,
    Purged,
    Put,
    Removed,
    RunStamp,
)
from mailkeep.mail.items import Kind, Sensitivity

EVENTS_MAX = 100_000
DOCUMENT_BYTES_MAX = 64 << 20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NONE = bytes(ID_BYTES)
_NAMES: dict[type, str] = {
    FolderPut: "folder_put",
    FolderGone: "folder_gone",
    Put: "put",
    Moved: "moved",
    Flagged: "flagged",
    Removed: "removed",
    Purged: "purged",
}
_KINDS = {kind.value: kind for kind in Kind}
_SENSITIVITIES = {sensitivity.value: sensitivity for sensitivity in Sensitivity}


class BadEntry(ValueError):
    """A document that is no entry, or an entry that cannot be written."""


def encode_entry(entry: Entry) -> bytes:
    """Raises BadEntry for too many events or bytes, and for an id that is not 32 bytes."""
    if len(entry.events) > EVENTS_MAX:
        raise BadEntry(f"an entry of {len(entry.events)} events; at most {EVENTS_MAX}")
    document: dict[str, Any] = {
        "number": entry.number,
        "previous": entry.previous.hex(),
        "time": to_microseconds(entry.time),
        "run": {
            "run": entry.run.run,
            "task": entry.run.task,
            "revision": entry.run.revision,
            "complete": entry.run.complete,
        },
        "checkpoint": entry.checkpoint.hex(),
        "order": [[name, len(list(same))] for name, same in groupby(_NAMES[type(event)] for event in entry.events)],
    }
    for kind, name in _NAMES.items():
        events = [event for event in entry.events if type(event) is kind]
        if events:
            document[name] = _ENCODERS[name](events)
    encoded = msgspec.json.encode(document)
    if len(encoded) > DOCUMENT_BYTES_MAX:
        raise BadEntry(f"an entry of {len(encoded)} bytes; at most {DOCUMENT_BYTES_MAX}")
    return encoded


def decode_entry(mailbox: str, data: bytes) -> Entry:
    """Raises BadEntry."""
    try:
        document = msgspec.json.decode(data)
        streams: dict[str, Iterator[Event]] = {
            name: _DECODERS[name](document[name]) for name in _DECODERS if name in document
        }
        events = tuple(next(streams[name]) for name, count in document["order"] for _ in range(count))
        run = document["run"]
        return Entry(
            mailbox=mailbox,
            number=document["number"],
            previous=bytes.fromhex(document["previous"]),
            time=from_microseconds(document["time"]),
            run=RunStamp(run["run"], run["task"], run["revision"], run["complete"]),
            events=events,
            checkpoint=bytes.fromhex(document["checkpoint"]),
        )
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadEntry(f"no entry: {error}") from error


def to_microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def _column(values: Sequence[Any]) -> Any:
    return {"all": values[0]} if all(value == values[0] for value in values) else list(values)


def _hashes(values: Sequence[bytes]) -> str:
    column = b"".join(value or _NONE for value in values)
    if len(column) != ID_BYTES * len(values):
        raise BadEntry("an id that is not 32 bytes")
    return b64encode(column).decode()


def _encode_puts(puts: Sequence[Any]) -> dict[str, Any]:
    received = [to_microseconds(put.received) for put in puts]
    times = [to_microseconds(put.time) for put in puts]
    return {
        "count": len(puts),
        "item": _column([put.item for put in puts]),
        "folder": _column([put.folder for put in puts]),
        "server_id": _column([put.server_id for put in puts]),
        "kind": _column([put.kind.value for put in puts]),
        "class": _column([put.message_class for put in puts]),
        "size": _column([put.size for put in puts]),
        "received": _column(received),
        "time_after_received": _column([time - base for time, base in zip(times, received, strict=True)]),
        "version": _column([put.version for put in puts]),
        "stable_id": _column([put.stable_id for put in puts]),
        "sensitivity": _column([put.sensitivity.value for put in puts]),
        "flags": _column([sorted(put.flags) for put in puts]),
        "left_out": _column([put.left_out for put in puts]),
        "summary": _hashes([put.summary for put in puts]),
        "content": _hashes([put.content for put in puts]),
        "sha256": _hashes([put.sha256 for put in puts]),
        "identity": _hashes([put.identity for put in puts]),
    } | _encode_native(puts)


def _encode_native(puts: Sequence[Any]) -> dict[str, Any]:
    parts = [part for put in puts for part in put.native]
    if not parts:
        return {}
    return {
        "native": _column([[part.name for part in put.native] for put in puts]),
        "native_size": _column([[part.size for part in put.native] for put in puts]),
        "native_blob": _hashes([part.blob for part in parts]),
        "native_sha256": _hashes([part.sha256 for part in parts]),
    }


def _encode_folder_puts(events: Sequence[Any]) -> dict[str, Any]:
    return {
        "count": len(events),
        "folder": _column([event.folder for event in events]),
        "description": _hashes([event.description for event in events]),
    }


def _encode_purged(events: Sequence[Any]) -> dict[str, Any]:
    return {
        "count": len(events),
        "blobs": [_hashes(event.blobs) for event in events],
        "policy": _column([event.policy for event in events]),
        "actor": _column([event.actor for event in events]),
    }


def _encode_plain(*fields: str) -> Callable[[Sequence[Any]], dict[str, Any]]:
    def encode(events: Sequence[Any]) -> dict[str, Any]:
        return {"count": len(events)} | {name: _column([getattr(event, name) for event in events]) for name in fields}

    return encode


def _encode_flagged(events: Sequence[Any]) -> dict[str, Any]:
    return {
        "count": len(events),
        "item": _column([event.item for event in events]),
        "flags": _column([sorted(event.flags) for event in events]),
    }


class _Columns:
    """One kind's columns, read back."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.count: int = document["count"]
        if not 0 < self.count <= EVENTS_MAX:
            raise BadEntry("a count of events out of bounds")

    def __call__(self, name: str) -> list[Any]:
        column = self._document[name]
        values = [column["all"]] * self.count if isinstance(column, dict) else column
        if len(values) != self.count:
            raise BadEntry(f"column {name} has another length")
        return list(values)

    def hashes(self, name: str) -> list[bytes]:
        values = _split_hashes(self._document[name])
        if len(values) != self.count:
            raise BadEntry(f"column {name} has another length")
        return values

    def native(self) -> list[tuple[NativeBlob, ...]]:
        """Each event's native parts."""
        if "native" not in self._document:
            return [()] * self.count
        names, sizes = self("native"), self("native_size")
        blobs, digests = _split_hashes(self._document["native_blob"]), _split_hashes(self._document["native_sha256"])
        flat = ((name, size) for each in zip(names, sizes, strict=True) for name, size in zip(*each, strict=True))
        parts = (
            NativeBlob(name, blob, digest, size)
            for (name, size), blob, digest in zip(flat, blobs, digests, strict=True)
        )
        native = [tuple(islice(parts, len(each))) for each in names]
        if next(parts, None) is not None:
            raise BadEntry("more native parts than names")
        return native

    def flags(self, name: str) -> list[frozenset[str]]:
        made: dict[tuple[str, ...], frozenset[str]] = {}
        return [made.setdefault(tuple(flags), frozenset(flags)) for flags in self(name)]


def _split_hashes(text: str) -> list[bytes]:
    column = b64decode(text, validate=True)
    if len(column) % ID_BYTES:
        raise BadEntry("a column of ids that is torn")
    ids = [column[at : at + ID_BYTES] for at in range(0, len(column), ID_BYTES)]
    return [b"" if value == _NONE else value for value in ids]


def _decode_puts(document: dict[str, Any]) -> Iterator[Event]:
    columns = _Columns(document)
    received = columns("received")
    times = [base + after for base, after in zip(received, columns("time_after_received"), strict=True)]
    return map(
        Put,
        columns("item"),
        columns("folder"),
        columns("server_id"),
        [_KINDS[kind] for kind in columns("kind")],
        columns("class"),
        columns("size"),
        [from_microseconds(time) for time in times],
        [from_microseconds(time) for time in received],
        columns.hashes("summary"),
        columns("version"),
        columns("stable_id"),
        [_SENSITIVITIES[value] for value in columns("sensitivity")],
        columns.flags("flags"),
        columns.hashes("content"),
        columns.hashes("sha256"),
        columns.hashes("identity"),
        columns("left_out"),
        columns.native(),
    )


def _decode_folder_puts(document: dict[str, Any]) -> Iterator[Event]:
    columns = _Columns(document)
    return map(FolderPut, columns("folder"), columns.hashes("description"))


def _decode_folders_gone(document: dict[str, Any]) -> Iterator[Event]:
    return map(FolderGone, _Columns(document)("folder"))


def _decode_moved(document: dict[str, Any]) -> Iterator[Event]:
    columns = _Columns(document)
    return map(Moved, columns("item"), columns("folder"), columns("server_id"))


def _decode_flagged(document: dict[str, Any]) -> Iterator[Event]:
    columns = _Columns(document)
    return map(Flagged, columns("item"), columns.flags("flags"))


def _decode_removed(document: dict[str, Any]) -> Iterator[Event]:
    return map(Removed, _Columns(document)("item"))


def _decode_purged(document: dict[str, Any]) -> Iterator[Event]:
    columns = _Columns(document)
    blobs = [tuple(_split_hashes(text)) for text in columns("blobs")]
    return map(Purged, blobs, columns("policy"), columns("actor"))


_ENCODERS: dict[str, Callable[[Sequence[Any]], dict[str, Any]]] = {
    "folder_put": _encode_folder_puts,
    "folder_gone": _encode_plain("folder"),
    "put": _encode_puts,
    "moved": _encode_plain("item", "folder", "server_id"),
    "flagged": _encode_flagged,
    "removed": _encode_plain("item"),
    "purged": _encode_purged,
}
_DECODERS: dict[str, Callable[[dict[str, Any]], Iterator[Event]]] = {
    "folder_put": _decode_folder_puts,
    "folder_gone": _decode_folders_gone,
    "put": _decode_puts,
    "moved": _decode_moved,
    "flagged": _decode_flagged,
    "removed": _decode_removed,
    "purged": _decode_purged,
}
