"""Packs: many blobs in one object, in sealed groups.

    16  magic: `mailkeep-pack-c\\n` content, `mailkeep-pack-s\\n` summaries
    32  pack id
        group 0, group 1, …      blobs one after the other, zstd, sealed under (pack key, ordinal)
        footer                   where each blob lies, zstd, sealed under ordinal 2^32 - 1
    16  trailer: u32 the footer's sealed length, `mailkeep-end`

Small blobs share a group of about a MiB, because mail resembles its neighbours: that saves more than a trained
dictionary would (docs/decisions/0001). Reading one blob opens its group. Writing streams: memory holds the open
groups, never the pack.
"""

from __future__ import annotations

import secrets
import struct
import sys
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import zstandard

from mailkeep.archive.crypto import FOOTER, GROUP, ID_BYTES, BadSeal, Buffer, PackSeal
from mailkeep.archive.damage import Damaged
from mailkeep.archive.ports import Location
from mailkeep.store.base import Store

WHOLE, RECIPE, PART = (
    0,
    1,
    2,
)  # a blob's kind: its bytes themselves; what they are rebuilt from; bytes that recipes refer to

GROUP_BYTES = 1 << 20  # a group is closed when it has grown to this
ALONE_BYTES = 1 << 19  # a blob of this size has a group of its own
PACK_BYTES_MAX = 32 << 20  # a pack is closed when it has grown to this
BLOB_BYTES_MAX = 8 << 20  # what a writer may put at once; a reader may rely on it
LEVEL = 2  # of zstd; see docs/decisions/0001
ASIDE_BYTES = 1 << 18  # from this size on a group is worth handing to the other core
ASIDE_MAX = 2  # groups on their way there; more would only take memory

FOOTER_ORDINAL = 2**32 - 1
HEADER_BYTES = 16 + ID_BYTES
TRAILER_BYTES = 16
_MAGIC = {True: b"mailkeep-pack-c\n", False: b"mailkeep-pack-s\n"}
_END = b"mailkeep-end"


def pack_name(pack: bytes) -> str:
    text = pack.hex()
    return f"packs/{text[:2]}/{text}"


@dataclass(slots=True)
class _Group:
    """A group being filled."""

    blobs: list[tuple[bytes, int, int]] = field(default_factory=list)  # id, kind, length
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A group that has been written."""

    length: int  # sealed bytes
    blobs: list[tuple[bytes, int, int]]  # id, kind, length


@dataclass(frozen=True, slots=True)
class Footer:
    """A pack's table of contents, opened."""

    pack: bytes
    size: int  # of the whole object, bytes
    content: bool
    blobs: list[tuple[bytes, Location]]
    groups: list[tuple[int, int, int]]  # offset, sealed length, blobs in it


class PackWriter:
    """Streams one pack into the store.

    Three lanes keep alike beside alike: skeletons, decoded parts, native parts of items. Large groups are compressed, sealed
    and written by a thread of its own, one at a time and in order: zstd and AES run without Python's lock, so the next
    messages are cut meanwhile. What fails there is raised by the next `put`, or by `finish`.
    """

    def __init__(self, store: Store, archive_key: bytes, *, content: bool) -> None:
        self.pack = secrets.token_bytes(ID_BYTES)  # drawn before the first blob; a retry is a new writer
        self.blobs: set[bytes] = set()
        self.content = content
        self._seal = PackSeal(archive_key, self.pack)
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._lanes = [_Group(), _Group(), _Group()]
        self._sealed: list[_Sealed] = []
        self._aside = ThreadPoolExecutor(1, "pack")  # starts its thread with the first group it is given
        self._waiting: deque[Future[None]] = deque()
        self._upload = store.upload(pack_name(self.pack))
        self._upload.write(_MAGIC[content] + self.pack)
        self.size = HEADER_BYTES  # written so far

    def put(self, blob: bytes, kind: int, data: Buffer, lane: int = 0) -> None:
        if len(data) > BLOB_BYTES_MAX:
            raise ValueError(f"a blob of {len(data)} bytes has to be cut first")
        self.blobs.add(blob)
        if len(data) >= ALONE_BYTES:
            self._write(_Group([(blob, kind, len(data))], [bytes(data)], len(data)))
            return
        group = self._lanes[lane]
        group.blobs.append((blob, kind, len(data)))
        group.pieces.append(bytes(data))  # a copy, unless it cannot change
        group.size += len(data)
        if group.size >= GROUP_BYTES:
            self._flush(lane)

    def finish(self) -> Footer:
        """The pack is durable on return. Raises what the store raises; then the pack is gone."""
        for lane in range(len(self._lanes)):
            self._flush(lane)
        self._await(0)
        self._aside.shutdown()
        body = self._compressor.compress(_encode_footer(self.content, self._sealed))
        sealed = self._seal.seal(FOOTER_ORDINAL, FOOTER, body)
        self._upload.write(sealed + struct.pack("<I", len(sealed)) + _END)
        self._upload.commit()
        self.size += len(sealed) + TRAILER_BYTES
        return _footer(self.pack, self.size, self.content, self._sealed)

    def abort(self) -> None:
        self._aside.shutdown(cancel_futures=True)
        self._upload.abort()

    def _flush(self, lane: int) -> None:
        group = self._lanes[lane]
        if group.blobs:
            self._write(group)
            self._lanes[lane] = _Group()

    def _write(self, group: _Group) -> None:
        if group.size >= ASIDE_BYTES:
            self._await(ASIDE_MAX - 1)
            self._waiting.append(self._aside.submit(self._seal_group, group))
        else:
            self._await(0)
            self._seal_group(group)

    def _await(self, left: int) -> None:
        """Until at most so many groups are on their way. Raises what went wrong with one."""
        while len(self._waiting) > left:
            self._waiting.popleft().result()

    def _seal_group(self, group: _Group) -> None:
        raw = group.pieces[0] if len(group.pieces) == 1 else b"".join(group.pieces)
        sealed = self._seal.seal(len(self._sealed), GROUP, self._compressor.compress(raw))
        self._upload.write(sealed)
        self._sealed.append(_Sealed(len(sealed), group.blobs))
        self.size += len(sealed)


def open_group(seal: PackSeal, pack: bytes, ordinal: int, sealed: bytes) -> bytes:
    """A group's blobs, one after the other. Raises Damaged."""
    try:
        return zstandard.ZstdDecompressor().decompress(seal.open(ordinal, GROUP, sealed))
    except BadSeal:
        raise Damaged(pack_name(pack), f"group {ordinal} fails its seal") from None
    except zstandard.ZstdError:
        raise Damaged(pack_name(pack), f"group {ordinal} cannot be decompressed") from None


def read_footer(store: Store, archive_key: bytes, pack: bytes) -> Footer:
    """A pack's footer, checked. Raises Damaged (also for a torn pack) and NotFound."""
    name = pack_name(pack)
    size = store.size(name)
    if size < HEADER_BYTES + TRAILER_BYTES:
        raise Damaged(name, f"torn: only {size} bytes long")
    content = _read_header(store.get(name, 0, HEADER_BYTES), pack)
    trailer = store.get(name, size - TRAILER_BYTES, TRAILER_BYTES)
    length = struct.unpack("<I", trailer[:4])[0] if len(trailer) == TRAILER_BYTES else 0
    if trailer[4:] != _END or length > size - HEADER_BYTES - TRAILER_BYTES:
        raise Damaged(name, "torn: it does not end as a pack ends")
    sealed = store.get(name, size - TRAILER_BYTES - length, length)
    try:
        body = zstandard.ZstdDecompressor().decompress(PackSeal(archive_key, pack).open(FOOTER_ORDINAL, FOOTER, sealed))
    except BadSeal:
        raise Damaged(name, "its footer fails its seal") from None
    footer = _decode_footer(pack, size, content, body)
    end = footer.groups[-1][0] + footer.groups[-1][1] if footer.groups else HEADER_BYTES
    if end != size - TRAILER_BYTES - length:
        raise Damaged(name, "its groups do not fill it")
    return footer


def pack_of(name: str) -> bytes | None:
    """The id of the pack that an object's name says it is; None for a name that no pack has."""
    text = name.rpartition("/")[2]
    if len(text) != 2 * ID_BYTES or not set(text) <= set("0123456789abcdef"):
        return None
    pack = bytes.fromhex(text)
    return pack if name == pack_name(pack) else None


def list_packs(store: Store) -> Iterator[bytes]:
    """Every pack in the store. Other objects among them are passed by: `verify` names them."""
    for info in store.list("packs/"):
        if (pack := pack_of(info.name)) is not None:
            yield pack


def _read_header(header: bytes, pack: bytes) -> bool:
    for content, magic in _MAGIC.items():
        if header == magic + pack:
            return content
    raise Damaged(pack_name(pack), "it does not begin as this pack begins")


def _encode_footer(content: bool, groups: Sequence[_Sealed]) -> bytes:
    """u8 content · u32 groups · u32 blobs; then columns.

    Groups: u32 sealed lengths · u32 counts of blobs. Blobs: 32-byte ids · u8 kinds · u32 lengths.
    """
    blobs = [blob for group in groups for blob in group.blobs]
    return b"".join(
        (
            struct.pack("<BII", content, len(groups), len(blobs)),
            _numbers("I", [group.length for group in groups]),
            _numbers("I", [len(group.blobs) for group in groups]),
            b"".join(blob for blob, _, _ in blobs),
            bytes(kind for _, kind, _ in blobs),
            _numbers("I", [length for _, _, length in blobs]),
        )
    )


def _decode_footer(pack: bytes, size: int, content: bool, body: bytes) -> Footer:
    said, groups, blobs = struct.unpack_from("<BII", body)
    if bool(said) != content or len(body) != 9 + 8 * groups + (ID_BYTES + 5) * blobs:
        raise Damaged(pack_name(pack), "its footer contradicts it")
    lengths = _read_numbers(body, 9, groups)
    counts = _read_numbers(body, 9 + 4 * groups, groups)
    ids = 9 + 8 * groups
    kinds = ids + ID_BYTES * blobs
    sizes = _read_numbers(body, kinds + blobs, blobs)
    sealed, at = [], 0
    for length, count in zip(lengths, counts, strict=True):
        table = [
            (body[ids + ID_BYTES * n : ids + ID_BYTES * (n + 1)], body[kinds + n], sizes[n])
            for n in range(at, at + count)
        ]
        sealed.append(_Sealed(length, table))
        at += count
    return _footer(pack, size, content, sealed)


def _footer(pack: bytes, size: int, content: bool, groups: Sequence[_Sealed]) -> Footer:
    """The tables with everything that follows from them: offsets are sums of lengths."""
    blobs: list[tuple[bytes, Location]] = []
    places: list[tuple[int, int, int]] = []
    offset = HEADER_BYTES
    for ordinal, group in enumerate(groups):
        inside = 0
        for blob, kind, length in group.blobs:
            blobs.append((blob, Location(pack, ordinal, offset, group.length, length, kind, inside)))
            inside += length
        places.append((offset, group.length, len(group.blobs)))
        offset += group.length
    return Footer(pack, size, content, blobs, places)


def _numbers(code: str, values: Sequence[int]) -> bytes:
    column = array(code, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _read_numbers(body: bytes, start: int, count: int) -> array[int]:
    column = array("I", body[start : start + 4 * count])
    if sys.byteorder == "big":
        column.byteswap()
    return column
