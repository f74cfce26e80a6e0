"""The part of `verify` that reads every pack: seals opened, hashes taken, recipes followed to their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

Blobs = list[tuple[bytes, Location]]


class PackCheck:
    """Checks packs one by one and notes what it finds."""

    def __init__(self, repository: Repository, findings: Findings, read: Callable[[int], None]) -> None:
        self._repository = repository
        self._findings = findings
        self._read = read  # called with bytes read and checked
        self.seen: set[bytes] = set()

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
        seal = PackSeal(self._repository.archive_key, footer.pack)
        by_group = {ordinal: list(blobs) for ordinal, blobs in groupby(footer.blobs, lambda blob: blob[1].ordinal)}
        for ordinal, (offset, length, _) in enumerate(footer.groups):
            try:
                sealed = self._repository.store.get(pack_name(footer.pack), offset, length)
                group = open_group(seal, footer.pack, ordinal, sealed)
                self._check_blobs(by_group.get(ordinal, []), group)
            except Damaged as damage:
                key = self._findings.note(damage.object, damage.problem)
                self._findings.broken_groups[footer.pack, ordinal] = key
            except NotFound:
                return
            self._read(length)

    def _check_blobs(self, blobs: Blobs, group: bytes) -> None:
        namer = self._repository.namer
        recipes: list[tuple[bytes, Recipe]] = []
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
                self._broken(blob, pack_name(place.pack), f"blob {blob.hex()} does not have the bytes it is named by")
        self._follow(recipes, blobs)

    def _follow(self, recipes: Sequence[tuple[bytes, Recipe]], blobs: Blobs) -> None:
        """Rebuild each recipe's bytes and take their hash."""
        wanted = [part for _, recipe in recipes for part in (*recipe.parts, *recipe.spills)]
        places = self._repository.index.locate(wanted) if wanted else {}
        for blob, recipe in recipes:
            digest = self._repository.namer.start()
            pack = blobs[0][1].pack
            try:
                for piece in follow(recipe, lambda part: self._repository.part(part, places.get(part))):
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

    def _broken(self, blob: bytes, name: str, problem: str) -> None:
        self._findings.broken_blobs[blob] = self._findings.note(name, problem)

    def _compare_index(self, footer: Footer) -> None:
        """The index is a projection; a wrong one is no loss, but whoever reads by it would fail."""
        remaining = iter(footer.blobs)
        while some := list(islice(remaining, _LOOKUP)):
            places = self._repository.index.locate([blob for blob, _ in some])
            if any(self._disagrees(place, places.get(blob)) for blob, place in some):
                problem = f"it does not agree with {pack_name(footer.pack)}: run `mailkeep rebuild`"
                self._findings.note(INDEX, problem)
                return

    def _disagrees(self, place: Location, said: Location | None) -> bool:
        return said is None or (
            said.pack == place.pack and said.ordinal == place.ordinal and said != place and said.inside == place.inside
        )
