"""Chains: numbered, sealed, hash-linked objects, put once. A mailbox's history is one, the organisation's another.

    history/<chain>/000000000042
        16 magic `mailkeep-hist-1\\n` · 32 salt · sealed zstd of a JSON document with `number`, `previous`, `time`
    segments/<chain>/000000000001-000000001000
        16 magic `mailkeep-fold-1\\n`, then each entry's bytes as they were: u32 length, bytes

The name of an entry is the fence: whoever puts it first has written it. An entry's hash is BLAKE3 over the bytes as
stored; the next entry names it. Readers take either form.
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import zstandard
from blake3 import blake3

from mailkeep.archive.crypto import ID_BYTES, BadSeal, derive, open_once, seal_once
from mailkeep.archive.damage import Damaged
from mailkeep.archive.entries import from_microseconds
from mailkeep.archive.events import EMPTY_HEAD, Head
from mailkeep.errors import GiveUp
from mailkeep.store.base import AlreadyExists, NotFound, Store

ORGANISATION = "organisation"  # the one chain that is no mailbox's
FOLD = 1000  # entries in a segment
_MAGIC = b"mailkeep-hist-1\n"
_FOLD_MAGIC = b"mailkeep-fold-1\n"
_CHAIN = re.compile(r"[0-9a-f]{32}|organisation")
HISTORY_NAME = re.compile(r"history/(?:[0-9a-f]{32}|organisation)/(\d{12})")
SEGMENT_NAME = re.compile(r"segments/(?:[0-9a-f]{32}|organisation)/(\d{12})-(\d{12})")


class Fenced(GiveUp):
    """Another writer owns this history now: that number is taken by an entry that is not ours."""

    def __init__(self, chain: str, number: int) -> None:
        super().__init__(
            "fenced", f"another run has written entry {number} of {chain}", "nothing to do: that run goes on"
        )
        self.chain = chain
        self.number = number


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the chain sees it."""

    number: int
    previous: bytes
    time: datetime
    document: bytes  # JSON
    hash: bytes

    @property
    def head(self) -> Head:
        return Head(self.number, self.hash, self.time)


class Chain:
    """Appends to and reads one chain. For one thread."""

    def __init__(self, store: Store, archive_key: bytes, name: str) -> None:
        if not _CHAIN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a chain")
        self.name = name
        self._store = store
        self._archive_key = archive_key
        self._last: Head | None = None  # as far as this object has read or written
        self._folded: int | None = None  # the last entry that a segment held when first asked
        self._sent: tuple[bytes, bytes] = (b"", b"")  # the last document tried, and its sealed bytes

    def object_name(self, number: int) -> str:
        return f"history/{self.name}/{number:012d}"

    def append(self, number: int, previous: bytes, time: datetime, document: bytes) -> Head:
        """Put the entry. Fenced where somebody else's stands there; ValueError if it does not follow what is there."""
        before = self.head_at(number - 1)
        if before.hash != previous:
            raise Fenced(self.name, number - 1)
        if before.time is not None and time < before.time:
            raise ValueError(f"entry {number} would be earlier than its predecessor")
        self._refuse_folded(number)
        stored = self._sealed(number, document)
        name = self.object_name(number)
        try:
            self._store.put(name, stored)
        except AlreadyExists:
            if self._store.get(name) != stored:
                raise Fenced(self.name, number) from None
        self._last = Head(number, blake3(stored).digest(), time)
        return self._last

    def head(self) -> Head:
        """The last entry there is. Reads that one alone: `read` is what checks a chain."""
        number = max((last for _, last in self.units()), default=0)
        self._last = self.head_at(number)
        return self._last

    def read(self, after: int = 0) -> Iterator[Link]:
        """Every link behind entry `after`, in order, the chain checked as it goes. Raises Damaged."""
        before = self.head_at(after)
        for number, stored in self._stored_after(after):
            if number != before.number + 1:
                raise Damaged(self.object_name(before.number + 1), "the entry is missing, though later ones are there")
            link = self.open(number, stored)
            if link.previous != before.hash:
                raise Damaged(
                    self.object_name(number), f"it does not follow entry {before.number}: one of the two was replaced"
                )
            if before.time is not None and link.time < before.time:
                raise Damaged(self.object_name(number), "it is earlier than its predecessor")
            yield link
            before = link.head
        self._last = before

    def open(self, number: int, stored: bytes) -> Link:
        """An entry from its bytes in the store. Raises Damaged."""
        name = self.object_name(number)
        start = len(_MAGIC) + ID_BYTES
        if stored[: len(_MAGIC)] != _MAGIC or len(stored) <= start:
            raise Damaged(name, "it does not begin as an entry begins")
        try:
            packed = open_once(self._key(stored[len(_MAGIC) : start]), self._context(number), stored[start:])
            document = zstandard.ZstdDecompressor().decompress(packed)
            top = msgspec.json.decode(document, type=_Top)
            previous = bytes.fromhex(top.previous)
        except BadSeal:
            raise Damaged(name, "it fails its seal") from None
        except (zstandard.ZstdError, msgspec.MsgspecError, ValueError):
            raise Damaged(name, "it cannot be read") from None
        if top.number != number:
            raise Damaged(name, f"it says it is entry {top.number}")
        return Link(number, previous, from_microseconds(top.time), document, blake3(stored).digest())

    def singles(self) -> list[int]:
        """Numbers of the entries that stand alone, sorted."""
        names = (info.name for info in self._store.list(f"history/{self.name}/"))
        return [int(match[1]) for name in names if (match := HISTORY_NAME.fullmatch(name))]

    def segments(self) -> list[tuple[int, int]]:
        """(first, last) of every segment, sorted."""
        names = (info.name for info in self._store.list(f"segments/{self.name}/"))
        return [(int(match[1]), int(match[2])) for name in names if (match := SEGMENT_NAME.fullmatch(name))]

    def segment(self, first: int, last: int) -> list[bytes]:
        """The stored bytes of each entry in a segment. Raises Damaged."""
        name = self.segment_name(first, last)
        return _unfold(name, last - first + 1, self._store.get(name))

    def fold(self, remove: bool = False) -> int:
        """Put every full thousand of single entries into a segment; how many segments were made.

        `remove` deletes singles that a segment holds; a reader that listed them before finds them in the segment.
        """
        made = 0
        singles, folded = set(self.singles()), dict(self.segments())
        for first in range(1, max(singles, default=0) + 1, FOLD):
            last = first + FOLD - 1
            if first in folded:
                continue
            if not singles.issuperset(range(first, last + 1)):
                break
            self._fold(first, last)
            folded[first] = last
            made += 1
        if remove:
            for first, last in folded.items():
                self._remove_singles(first, last, singles)
        return made

    def _refuse_folded(self, number: int) -> None:
        """Where the single has gone into a segment its name is free again: somebody far behind must not take it.

        Asked once: nobody folds what is younger than the longest run.
        """
        if self._folded is None:
            self._folded = max((last for _, last in self.segments()), default=0)
        if number <= self._folded:
            raise Fenced(self.name, number)

    def _fold(self, first: int, last: int) -> None:
        entries = [self._store.get(self.object_name(number)) for number in range(first, last + 1)]
        data = _FOLD_MAGIC + b"".join(struct.pack("<I", len(stored)) + stored for stored in entries)
        name = self.segment_name(first, last)
        try:
            self._store.put(name, data)
        except AlreadyExists:
            if self._store.get(name) != data:
                raise Damaged(name, "it does not hold the entries it is named for") from None

    def _remove_singles(self, first: int, last: int, singles: set[int]) -> None:
        present = sorted(singles.intersection(range(first, last + 1)))
        if not present:
            return
        held = self.segment(first, last)
        for number in present:
            if self._store.get(self.object_name(number)) != held[number - first]:
                raise Damaged(self.object_name(number), "it differs from its copy in the segment")
            self._store.delete(self.object_name(number))

    def units(self) -> list[tuple[int, int]]:
        """(first, last) of every segment, and (n, n) of every entry that no segment holds; sorted."""
        segments = self.segments()
        folded = {number for first, last in segments for number in range(first, last + 1)}
        return sorted([*segments, *((number, number) for number in self.singles() if number not in folded)])

    def unit(self, first: int, last: int) -> list[bytes]:
        """The stored bytes of a unit's entries. Raises Damaged and NotFound."""
        return [self._store.get(self.object_name(first))] if first == last else self.segment(first, last)

    def _stored_after(self, after: int) -> Iterator[tuple[int, bytes]]:
        """(number, stored bytes) behind `after`, from whichever form is there."""
        for first, last in self.units():
            if last > after:
                try:
                    held = self.unit(first, last)
                except NotFound:  # folded since we listed
                    held = [self._stored(number) for number in range(first, last + 1)]
                yield from ((number, stored) for number, stored in enumerate(held, first) if number > after)

    def head_at(self, number: int) -> Head:
        """The head that the chain had at that entry. Raises Damaged, also where it is missing."""
        if number <= 0:
            return EMPTY_HEAD
        if self._last is not None and self._last.number == number:
            return self._last
        self._last = self.open(number, self._stored(number)).head
        return self._last

    def _stored(self, number: int) -> bytes:
        try:
            return self._store.get(self.object_name(number))
        except NotFound:
            for first, last in self.segments():
                if first <= number <= last:
                    return self.segment(first, last)[number - first]
            raise Damaged(self.object_name(number), "the entry is missing") from None

    def segment_name(self, first: int, last: int) -> str:
        return f"segments/{self.name}/{first:012d}-{last:012d}"

    def _sealed(self, number: int, document: bytes) -> bytes:
        """The object's bytes.

        The same document tried again gives the same bytes, so that a put that had landed is recognised.
        """
        if self._sent[0] != document:
            salt = secrets.token_bytes(ID_BYTES)
            packed = zstandard.ZstdCompressor(level=6).compress(document)
            self._sent = (document, _MAGIC + salt + seal_once(self._key(salt), self._context(number), packed))
        return self._sent[1]

    def _key(self, salt: bytes) -> bytes:
        return derive(self._archive_key, "history", salt=salt)

    def _context(self, number: int) -> bytes:
        return self.object_name(number).encode()


class _Top(msgspec.Struct):
    """What every chain's documents have."""

    number: int
    previous: str
    time: int


def _unfold(name: str, count: int, data: bytes) -> list[bytes]:
    entries, at = [], len(_FOLD_MAGIC)
    if data[:at] != _FOLD_MAGIC:
        raise Damaged(name, "it does not begin as a segment begins")
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        entries.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    if at != len(data) or len(entries) != count:
        raise Damaged(name, "torn: it does not hold the entries it is named for")
    return entries
