"""An archive copied while it grows, in the order that docs/installing.md gives."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

from mailkeep.archive import witness
from mailkeep.archive.verify import verify
from mailkeep.store.memory import MemoryStore

from .small import ALICE, Small, message

TEXT = (Path(__file__).parents[2] / "docs" / "installing.md").read_text(encoding="utf-8")
ADVISED = tuple(re.findall(r"for part in (.+); do", TEXT)[0].split())


def copied(small: Small, parts: tuple[str, ...]) -> list[str]:
    """Copy part by part, with a run and a statement before each; what `verify` finds wrong with the copy."""
    store, copy = small.repository.store, MemoryStore()
    for number, part in enumerate(parts, 20):
        small.put(ALICE, {number: message(number)})
        witness.write(small.repository, small.heads, small.time)
        names = ["format.json"] if part == "format.json" else [one.name for one in store.list(f"{part}/")]
        for name in names:
            copy.put(name, store.get(name))
    repository = small.reopened(copy)
    return [damage.problem for damage in verify(repository, None, witness.latest(repository)).damaged]


def test_the_advised_order_gives_a_sound_copy(small: Small) -> None:
    assert copied(small, ADVISED) == []


@pytest.mark.parametrize("parts", [one for one in permutations(ADVISED[1:]) if one != ADVISED[1:]])
def test_no_other_order_does(small: Small, parts: tuple[str, ...]) -> None:
    assert copied(small, (ADVISED[0], *parts))
