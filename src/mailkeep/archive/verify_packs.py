"""The part of `verify` that reads every pack: seals opened, hashes taken, recipes followed to their end.

The next group is read and opened by a thread while the blobs of this one are proved: AES, zstd and BLAKE3 run without Python's lock. Most
parts that a recipe refers to lie in its own pack, in groups just opened and proved: they are neither looked up, nor opened, nor hashed
again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, islice

from mailkeep.archive.crypto import PackSeal
from mailkeep.archive.damage import Damaged
from mailkeep.archive.findings import MISSING_BLOB, MISSING_PACK, Findings
from mailkeep.archive.packs import PART, RECIPE, WHOLE, Footer, open_group, pack_name, pack_of, read_footer
from mailkeep.archive.ports import Location
from mailkeep.archive.recipe import BadRecipe, Recipe, decode_recipe, follow
from mailkeep.archive.repository import Repository
from mailkeep.store.base import NotFound

INDEX = "the blob index"
_LOOKUP = 5000  # blobs per question to the index
_AHEAD = 2  # groups being opened while one is proved; more would only take memory

Blobs = list[tuple[bytes, Location]]


class PackCheck:
    """Checks packs one by one and notes what it finds."""

    def __init__(self, repository: Repository, findings: Findings, read: Callable[[int], None]) -> None:
        self._repository = repository
        self._findings = findings
        self._read = read  # called with bytes read and checked
        self.seen: set[bytes] = set()
        self._near: dict[bytes, Location] = {}  # the parts of the pack that is being checked
        self._sound: set[int] = set()  # its groups that have been proved

    def check(self, name: str) -> None:
        """One object under `packs/`."""
        pack = pack_of(name)
        if pack is None:
            self._findings.note(name, "this is no name of a pack")
            return
        try:
            footer = read_footer(self._repository.store, self._repository.archive_key, pack)
        except NotFound:
            return  # pruned while we went round; should anything refer to it, the histories will tell
        except Damaged as damage:
            self.seen.add(pack)
            self._findings.broken_packs[pack] = self._findings.note(damage.object, damage.problem)
            return
        self.seen.add(pack)
        self._compare_index(footer)
        self._check_groups(footer)

    def _check_groups(self, footer: Footer) -> None:
        self._near = {blob: place for blob, place in footer.blobs if place.kind == PART}
        self._sound = set()
        by_group = {ordinal: list(blobs) for ordinal, blobs in groupby(footer.blobs, lambda blob: blob[1].ordinal)}
        for ordinal, opened in self._opened(footer):
            try:
                group = opened.result()
                self._repository.keep_open(footer.pack, ordinal, group)
                self._check_blobs(by_group.get(ordinal, []), group)
            except Damaged as damage:
                key = self._findings.note(damage.object, damage.problem)
                self._findings.broken_groups[footer.pack, ordinal] = key
            except NotFound:
                return
            self._read(footer.groups[ordinal][1])

    def _opened(self, footer: Footer) -> Iterator[tuple[int, Future[bytes]]]:
        """The groups in their order, some of them on their way."""
        seal = PackSeal(self._repository.archive_key, footer.pack)

        def opened(ordinal: int, offset: int, length: int) -> bytes:
            sealed = self._repository.store.get(pack_name(footer.pack), offset, length)
            return open_group(seal, footer.pack, ordinal, sealed)

        waiting: deque[tuple[int, Future[bytes]]] = deque()
        with ThreadPoolExecutor(1, "group") as pool:
            for ordinal, (offset, length, _) in enumerate(footer.groups):
                waiting.append((ordinal, pool.submit(opened, ordinal, offset, length)))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft()
            yield from waiting

    def _check_blobs(self, blobs: Blobs, group: bytes) -> None:
        namer = self._repository.namer
        recipes: list[tuple[bytes, Recipe]] = []
        right_so_far = True
        expected = blobs[-1][1].inside + blobs[-1][1].raw_length if blobs else 0
        if expected != len(group):
            raise Damaged(pack_name(blobs[0][1].pack) if blobs else INDEX, "its footer does not fit its groups")
        for blob, place in blobs:
            data = group[place.inside : place.inside + place.raw_length]
            try:
                if place.kind == RECIPE:
                    recipes.append((blob, decode_recipe(data)))
                    continue
                right = place.kind in (WHOLE, PART) and (namer.part if place.kind == PART else namer.name)(data) == blob
            except BadRecipe:
                right = False
            if not right:
                right_so_far = False
                self._broken(blob, pack_name(place.pack), f"blob {blob.hex()} does not have the bytes it is named by")
        if blobs and right_so_far:
            self._sound.add(blobs[0][1].ordinal)
        self._follow(recipes, blobs)

    def _follow(self, recipes: Sequence[tuple[bytes, Recipe]], blobs: Blobs) -> None:
        """Rebuild each recipe's bytes and take their hash."""
        wanted = {part for _, recipe in recipes for part in (*recipe.parts, *recipe.spills)}
        far = [part for part in wanted if part not in self._near]
        places = self._repository.index.locate(far) if far else {}
        for blob, recipe in recipes:
            digest = self._repository.namer.start()
            pack = blobs[0][1].pack
            try:
                for piece in follow(recipe, lambda part: self._part(part, places)):
                    digest.update(piece)
            except BadRecipe:
                self._broken(blob, pack_name(pack), f"the recipe of blob {blob.hex()} is none")
            except Damaged as damage:
                self._broken(blob, damage.object, damage.problem)
            except NotFound as missing:
                problem = MISSING_PACK if missing.name.startswith("packs/") else MISSING_BLOB
                self._broken(blob, missing.name, problem)
            else:
                if digest.digest() != blob:
                    problem = f"blob {blob.hex()} does not have the bytes it is named by"
                    self._broken(blob, pack_name(pack), problem)

    def _part(self, part: bytes, places: Mapping[bytes, Location]) -> bytes:
        near = self._near.get(part)
        if near is None:
            return self._repository.part(part, places.get(part))
        return self._repository.part(part, near, proved=near.ordinal in self._sound)

    def _broken(self, blob: bytes, name: str, problem: str) -> None:
        self._findings.broken_blobs[blob] = self._findings.note(name, problem)

    def _compare_index(self, footer: Footer) -> None:
        """The index is a projection; a wrong one is no loss, but whoever reads by it would fail."""
        remaining = iter(footer.blobs)
        while some := list(islice(remaining, _LOOKUP)):
            if not self._disagree(some):
                continue
            # Listed between its writer's last two steps: the store has it, the index not yet.
            self._repository.index.add_pack(footer.pack, footer.size, footer.content, footer.blobs)
            if self._disagree(some):
                problem = f"it does not agree with {pack_name(footer.pack)}: run `mailkeep rebuild`"
                self._findings.note(INDEX, problem)
                return

    def _disagree(self, some: Blobs) -> bool:
        places = self._repository.index.locate([blob for blob, _ in some])
        return any(self._disagrees(place, places.get(blob)) for blob, place in some)

    def _disagrees(self, place: Location, said: Location | None) -> bool:
        return said is None or (
            said.pack == place.pack and said.ordinal == place.ordinal and said != place and said.inside == place.inside
        )
