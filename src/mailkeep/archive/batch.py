"""A batch: what one history entry will refer to, on its way into packs.

**Parts before recipes**: a blob's parts are always put before it, in the same pack or one sealed earlier. So a pack
that reached the store is complete whatever became of its batch, and may be indexed when it is found.

**Like beside like**: native parts of one sort (`ews.properties` of every item) lie one after the other, in groups of
their own, since each says what its neighbour says. A numbered one (`ews.attachment.0`) is a file more often than not,
and is cut as a message's attachments are decoded: what is in both an invitation and its appointment is kept once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailkeep.archive.crypto import Buffer, Namer
from mailkeep.archive.cut import (
    ATTACHMENT_PIECE_BYTES,
    LITERAL,
    PIECE_BYTES_MAX,
    SHARED,
    SHARED_BASE64,
    SHARED_BASE64_MIN,
    Piece,
    cut,
)
from mailkeep.archive.packs import PACK_BYTES_MAX, PART, RECIPE, WHOLE, PackWriter
from mailkeep.archive.ports import BlobIndex
from mailkeep.archive.recipe import RecipeBuilder
from mailkeep.mail.items import NativePart
from mailkeep.store.base import Store

WAITING_BYTES_MAX = 8 << 20  # parts and recipes gathered before the index is asked which parts it holds
_SKELETONS, _PARTS, _NATIVE = 0, 1, 2  # the lanes of a content pack


@dataclass(frozen=True, slots=True)
class Stored:
    """A content that is, or will be once the batch is sealed, in the archive."""

    blob: bytes
    sha256: bytes  # of the content as the server gave it
    size: int  # bytes


class Batch:
    """One content pack and one summary pack, opened when first needed, followed by further ones at 32 MiB.

    For one thread.
    """

    def __init__(self, store: Store, index: BlobIndex, archive_key: bytes, namer: Namer) -> None:
        self._store = store
        self._index = index
        self._archive_key = archive_key
        self._namer = namer
        self._writers: dict[bool, PackWriter] = {}  # by content or not
        self._parts: dict[bytes, tuple[Buffer, int]] = {}  # waiting: data, lane
        self._recipes: list[tuple[bytes, int, Buffer, int]] = []  # waiting: blob, kind, data, lane
        self._waiting = 0
        self._sealed_bytes = 0
        self._done = False

    @property
    def stored_bytes(self) -> int:
        """Bytes written so far, compressed and sealed; what waits in open groups is not in it."""
        return self._sealed_bytes + sum(writer.size for writer in self._writers.values())

    def put_contents(self, contents: Sequence[Buffer], native: Sequence[NativePart] = ()) -> list[Stored]:
        """Exactly these bytes will come back under the blob ids returned: the contents' first, then the native parts'.

        Give 100 to 500 items at once: the index is asked per call. Writable contents may be reused on return.
        """
        self._open_for_work()
        stored = [self._named(content) for content in contents]
        stored_native = [self._named(part.content) for part in native]
        held = self._index.held([each.blob for each in (*stored, *stored_native)])
        for content, each in zip(contents, stored, strict=True):
            if each.blob not in held and not self._mine(each.blob):
                held.add(each.blob)
                self._put_content(each.blob, _plain(content))
        for part, each in sorted(zip(native, stored_native, strict=True), key=lambda pair: _sort_of(pair[0].name)):
            if each.blob not in held and not self._mine(each.blob):
                held.add(each.blob)
                self._put_native(each.blob, part.name, _plain(part.content))
        self._flush()
        return stored + stored_native

    def put_documents(self, documents: Sequence[bytes]) -> list[bytes]:
        """Summaries, folder descriptions, checkpoints: blobs of a summary pack, stored as they are. Their ids."""
        self._open_for_work()
        ids = [self._namer.name(document) for document in documents]
        held = self._index.held(ids)
        for blob, document in zip(ids, documents, strict=True):
            if blob not in held and not self._mine(blob):
                held.add(blob)
                self._put_document(blob, document)
        return ids

    def seal(self) -> None:
        """On return every blob is durable and indexed; the batch is done. Raises what the store and the index raise."""
        self._open_for_work()
        try:
            for content in sorted(self._writers, reverse=True):
                self._close(content)
        finally:
            self.abort()

    def abort(self) -> None:
        """Throw away what is not sealed yet. Calling it on a batch that is done is no error."""
        self._done = True
        for writer in self._writers.values():
            writer.abort()
        self._writers.clear()

    def _open_for_work(self) -> None:
        if self._done:
            raise ValueError("this batch is done")

    def _mine(self, blob: bytes) -> bool:
        return any(blob in writer.blobs for writer in self._writers.values())

    def _named(self, content: Buffer) -> Stored:
        return Stored(self._namer.name(content), hashlib.sha256(content).digest(), len(content))

    def _put_content(self, blob: bytes, content: bytes | bytearray) -> None:
        builder = RecipeBuilder()
        pieces = cut(content)
        first = next(pieces, None)
        if first is None or (first.kind == LITERAL and len(first.data) == len(content)):
            self._wait(blob, WHOLE, content, _SKELETONS)
            return
        while first is not None:
            self._add(builder, first)
            first = next(pieces, None)
        self._wait(blob, RECIPE, builder.encoded(), _SKELETONS)

    def _put_native(self, blob: bytes, name: str, content: bytes | bytearray) -> None:
        file = _sort_of(name) != name and len(content) >= SHARED_BASE64_MIN
        if not file and len(content) <= PIECE_BYTES_MAX:
            self._wait(blob, WHOLE, content, _NATIVE)
            return
        step, lane = (ATTACHMENT_PIECE_BYTES, _PARTS) if file else (PIECE_BYTES_MAX, _NATIVE)
        builder = RecipeBuilder()
        for at in range(0, len(content), step):
            piece = Piece(SHARED, content[at : at + step])
            builder.part(piece, self._put_part(piece.data, lane))
        self._wait(blob, RECIPE, builder.encoded(), _NATIVE)

    def _add(self, builder: RecipeBuilder, piece: Piece) -> None:
        if piece.kind in (SHARED, SHARED_BASE64):
            builder.part(piece, self._put_part(piece.data, _SKELETONS if piece.kind == SHARED else _PARTS))
            return
        builder.inline_piece(piece)
        while len(builder.inline) >= PIECE_BYTES_MAX:
            builder.spill(self._put_part(bytes(builder.inline[:PIECE_BYTES_MAX]), _SKELETONS), PIECE_BYTES_MAX)

    def _put_part(self, data: Buffer, lane: int) -> bytes:
        blob = self._namer.part(data)
        if blob not in self._parts and not self._mine(blob):
            self._parts[blob] = (data, lane)
            self._count(len(data))
        return blob

    def _wait(self, blob: bytes, kind: int, data: Buffer, lane: int) -> None:
        self._recipes.append((blob, kind, data, lane))
        self._count(len(data))

    def _count(self, size: int) -> None:
        self._waiting += size
        if self._waiting >= WAITING_BYTES_MAX:
            self._flush()

    def _flush(self) -> None:
        """Parts that the archive lacks, then the recipes that name them."""
        held = self._index.held(list(self._parts)) if self._parts else set()
        for blob, (data, lane) in self._parts.items():
            if blob not in held:
                self._put(True, blob, PART, data, lane)
        for blob, kind, data, lane in self._recipes:
            self._put(True, blob, kind, data, lane)
        self._parts.clear()
        self._recipes.clear()
        self._waiting = 0

    def _put_document(self, blob: bytes, document: bytes) -> None:
        if len(document) <= PIECE_BYTES_MAX:
            self._put(False, blob, WHOLE, document, _SKELETONS)
            return
        builder = RecipeBuilder()
        for at in range(0, len(document), PIECE_BYTES_MAX):
            piece = Piece(SHARED, document[at : at + PIECE_BYTES_MAX])
            part = self._namer.part(piece.data)
            self._put(False, part, PART, piece.data, _SKELETONS)
            builder.part(piece, part)
        self._put(False, blob, RECIPE, builder.encoded(), _SKELETONS)

    def _put(self, content: bool, blob: bytes, kind: int, data: Buffer, lane: int) -> None:
        writer = self._writers.get(content)
        if writer is None:
            writer = self._writers[content] = PackWriter(self._store, self._archive_key, content=content)
        writer.put(blob, kind, data, lane)
        if writer.size >= PACK_BYTES_MAX:
            self._close(content)

    def _close(self, content: bool) -> None:
        footer = self._writers[content].finish()
        del self._writers[content]
        self._sealed_bytes += footer.size
        self._index.add_pack(footer.pack, footer.size, content, footer.blobs)


def _sort_of(name: str) -> str:
    """What a native part is one of: its name without the number at its end."""
    return name.rstrip("0123456789").rstrip(".")


def _plain(content: Buffer) -> bytes | bytearray:
    """Something with `find`. A view of a whole buffer is that buffer, without a copy."""
    if isinstance(content, memoryview):
        whole = content.obj
        return whole if isinstance(whole, bytes | bytearray) and len(whole) == content.nbytes else bytes(content)
    return content
