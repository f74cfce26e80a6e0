"""The archive as its users see it: put batches, read blobs, follow histories.

Reading goes index -> pack -> group -> blob; the last groups opened are kept, because neighbours in a mailbox are
neighbours in a pack. Every byte handed out has passed its group's seal and its own keyed hash.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from mailkeep.archive.batch import Batch, Stored
from mailkeep.archive.chain import ORGANISATION
from mailkeep.archive.crypto import Namer, PackSeal, derive
from mailkeep.archive.damage import Damaged
from mailkeep.archive.history import History
from mailkeep.archive.keys import (
    FORMAT_NAME,
    ArchiveKeys,
    create_format,
    make_key_file,
    open_format,
    read_key_file,
    require_format,
    settle_key_file,
)
from mailkeep.archive.organisation import OrganisationHistory
from mailkeep.archive.packs import PART, RECIPE, list_packs, open_group, pack_name, read_footer
from mailkeep.archive.ports import BlobIndex, Location
from mailkeep.archive.recipe import BadRecipe, Recipe, decode_recipe, follow
from mailkeep.store.base import NotFound, Store

__all__ = ["Batch", "Prepared", "Repository", "Stored"]

OPEN_GROUPS_BYTES_MAX = 24 << 20
PREPARED_BLOBS_MAX = 500
PREPARED_BYTES_MAX = 8 << 20  # of recipes, held until their blobs are read
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A blob that is about to be read: what the index had to say of it, and of the parts of its recipe."""

    place: Location
    recipe: Recipe | None = None  # None: not looked at yet, or the bytes themselves
    parts: Mapping[bytes, Location] = field(default_factory=dict)  # shared by those that were prepared together


class Repository:
    """Safe for threads; a `Batch` or `History` taken from it is for one."""

    def __init__(self, store: Store, index: BlobIndex, keys: ArchiveKeys) -> None:
        self.store = store
        self.index = index
        self.archive_id = keys.archive_id
        self._format = keys.document
        self.witness_public = keys.witness_public
        self.archive_key = keys.archive_key
        self.namer = Namer(keys.archive_key)
        self._groups: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._groups_bytes = 0
        self._lock = threading.Lock()
        self._seal = lru_cache(maxsize=256)(lambda pack: PackSeal(keys.archive_key, pack))

    @classmethod
    def create(cls, store: Store, index: BlobIndex, key_file: Path) -> Repository:
        """A new archive. `GiveUp`: already_an_archive, key_exposed, key_wrong."""
        keys = create_format(store, make_key_file(key_file))
        settle_key_file(key_file)
        return cls(store, index, keys)

    @classmethod
    def open(cls, store: Store, index: BlobIndex, key_file: Path) -> Repository:
        """`GiveUp`: not_an_archive, key_missing, key_exposed, key_wrong."""
        require_format(store)
        settle_key_file(key_file)  # should the process that made the archive have been killed just then
        return cls(store, index, open_format(store, read_key_file(key_file)))

    def batch(self) -> Batch:
        return Batch(self.store, self.index, self.archive_key, self.namer)

    def history(self, mailbox: str) -> History:
        """`mailbox`: 32 hex digits."""
        return History(self.store, self.archive_key, mailbox)

    def organisation(self) -> OrganisationHistory:
        return OrganisationHistory(self.store, self.archive_key, self.batch, self.read)

    def mailboxes(self) -> Iterator[str]:
        """Every mailbox with a history, sorted."""
        found = {info.name.split("/")[1] for place in ("history/", "segments/") for info in self.store.list(place)}
        yield from sorted(found - {ORGANISATION})

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for something kept outside the archive, the same whenever asked for."""
        return derive(self.archive_key, f"use/{purpose}")

    def read(self, blob: bytes, prepared: Prepared | None = None) -> bytes:
        """A content or document, byte for byte. Raises Damaged, and NotFound for a blob nobody knows."""
        return b"".join(self._rebuilt(blob, prepared or Prepared(self._locate(blob))))

    def stream(self, blob: bytes) -> Iterator[bytes]:
        """The same in pieces of at most about 6 MiB.

        The last piece is handed out only after the whole has proved right.
        """
        return self._rebuilt(blob, Prepared(self._locate(blob)))

    def read_many(self, blobs: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """(blob, its bytes) in the given order, with two looks into the index for some hundreds. Raises as `read`."""
        ready: dict[bytes, Prepared] = {}
        for number, blob in enumerate(blobs):
            if blob not in ready:
                ready = self.prepare(blobs[number : number + PREPARED_BLOBS_MAX])
            yield blob, self.read(blob, ready.get(blob))

    def prepare(self, blobs: Sequence[bytes]) -> dict[bytes, Prepared]:
        """What `read` then needs no look into the index for: the blobs themselves, and the parts of their recipes.

        As many of the first blobs as memory allows, one at least. Those that are unknown or damaged are left out: `read`
        says what is wrong.
        """
        places = self.index.locate(blobs)
        found: dict[bytes, Recipe | None] = {}
        size = 0
        for blob in blobs:
            if blob not in places or blob in found:
                continue
            if places[blob].kind == RECIPE:
                size += places[blob].raw_length
                if found and size > PREPARED_BYTES_MAX:
                    break
                try:
                    found[blob] = decode_recipe(self._stored(blob, places[blob]))
                except (BadRecipe, Damaged, NotFound):
                    continue
            else:
                found[blob] = None
        wanted = {part for recipe in found.values() if recipe for part in (*recipe.parts, *recipe.spills)}
        parts = self.index.locate(list(wanted)) if wanted else {}
        return {blob: Prepared(places[blob], recipe, parts) for blob, recipe in found.items()}

    def index_orphans(self) -> int:
        """Index packs that are in the store and not in the index: after a crash, or all of them for a rebuild.

        How many they were.
        """
        known = self.index.packs()
        count = 0
        for pack in list_packs(self.store):
            if pack in known:
                continue
            try:
                footer = read_footer(self.store, self.archive_key, pack)
            except Damaged as damage:
                _log.warning("pack left out of the index: %s", damage.message)  # `verify` names it and what it hits
                continue
            self.index.add_pack(pack, footer.size, footer.content, footer.blobs)
            count += 1
        return count

    def check_format(self) -> int:
        """Prove that `format.json` is still this archive's; its size. Raises Damaged.

        The key file is not at hand any more: the wrapped key cannot be opened, so the file is compared with what was
        opened.
        """
        try:
            data = self.store.get(FORMAT_NAME)
        except NotFound:
            raise Damaged(
                FORMAT_NAME, "it is missing: without it the archive key cannot be had from the key file"
            ) from None
        if data != self._format:
            raise Damaged(FORMAT_NAME, "it was changed since the archive was opened")
        return len(data)

    def _locate(self, blob: bytes) -> Location:
        place = self.index.locate([blob]).get(blob)
        if place is None:
            raise NotFound(f"blob {blob.hex()}")
        return place

    def _rebuilt(self, blob: bytes, prepared: Prepared) -> Iterator[bytes]:
        """The pieces of a blob, held back by one so that the last comes after the proof."""
        digest = self.namer.start()
        waiting: bytes | None = None
        pack = prepared.place.pack
        try:
            for piece in self._pieces(blob, prepared):
                digest.update(piece)
                if waiting is not None:
                    yield waiting
                waiting = piece
        except BadRecipe:
            raise Damaged(pack_name(pack), f"the recipe of blob {blob.hex()} is none") from None
        if digest.digest() != blob:
            raise Damaged(pack_name(pack), f"blob {blob.hex()} does not have the bytes it is named by")
        if waiting is not None:
            yield waiting

    def _pieces(self, blob: bytes, prepared: Prepared) -> Iterator[bytes]:
        recipe, places = prepared.recipe, prepared.parts
        if recipe is None:
            data = self._stored(blob, prepared.place)
            if prepared.place.kind != RECIPE:
                yield data
                return
            recipe = decode_recipe(data)
            places = self.index.locate([*recipe.parts, *recipe.spills]) if recipe.parts or recipe.spills else {}
        yield from follow(recipe, lambda part: self.part(part, places.get(part)))

    def part(self, part: bytes, place: Location | None, *, proved: bool = False) -> bytes:
        """A part that recipes refer to, checked; `place` as the index said. Raises Damaged and NotFound.

        `proved`: whoever asks has just checked the group it lies in, and all its names.
        """
        if place is None:
            place = self._locate(part)
        data = self._stored(part, place)
        if place.kind != PART or not (proved or self.namer.part(data) == part):
            raise Damaged(pack_name(place.pack), f"part {part.hex()} does not have the bytes it is named by")
        return data

    def _stored(self, blob: bytes, place: Location) -> bytes:
        """A blob's bytes as stored.

        Where its pack has gone the index is asked once more: it may have been merged into another.
        """
        try:
            group = self._group(place)
        except NotFound:
            again = self._locate(blob)
            if again == place:
                raise
            group, place = self._group(again), again
        data = group[place.inside : place.inside + place.raw_length]
        if len(data) != place.raw_length:
            raise Damaged(pack_name(place.pack), f"group {place.ordinal} is shorter than the index says")
        return data

    def _group(self, place: Location) -> bytes:
        key = (place.pack, place.ordinal)
        with self._lock:
            if (group := self._groups.get(key)) is not None:
                self._groups.move_to_end(key)
                return group
        sealed = self.store.get(pack_name(place.pack), place.offset, place.length)
        group = open_group(self._seal(place.pack), place.pack, place.ordinal, sealed)
        self.keep_open(place.pack, place.ordinal, group)
        return group

    def keep_open(self, pack: bytes, ordinal: int, group: bytes) -> None:
        """The group as it is in the store now: its blobs are about to be read."""
        key = (pack, ordinal)
        with self._lock:
            self._groups_bytes += len(group) - len(self._groups.pop(key, b""))
            self._groups[key] = group
            while self._groups_bytes > OPEN_GROUPS_BYTES_MAX:
                self._groups_bytes -= len(self._groups.popitem(last=False)[1])
