"""Exchange's ids: base64 of up to 512 characters in which only a letter's case may differ. Sorted as Python sorts, each found alone."""

from __future__ import annotations

import base64
import random
from dataclasses import replace

import pytest

from mailkeep.archive.events import FolderPut, Moved, Put
from mailkeep.catalog.known import CatalogKnown
from mailkeep.sync.plan import Added, Missing, Sighting, compare
from tests.catalog import world

pytestmark = pytest.mark.django_db


def ids(count: int) -> list[str]:
    drawn = random.Random(5)
    made = [base64.b64encode(drawn.randbytes(384)).decode() for _ in range(count)]
    for text in made[:20]:
        at = next(n for n in range(500, 0, -1) if text[n].isalpha())
        made.append(text[:at] + text[at].swapcase() + text[at + 1 :])
    return [*made, "+/" * 256, "//" * 256, "AA==", "Aa==", "aA==", "aa==", "a+==", "a/=="]


def test_long_ids_are_sorted_and_found_as_python_does() -> None:
    of, box = world.organisation()
    writer = world.Writer.of(of, box)
    names = ids(100)
    puts = [replace(world.put(n, 1), server_id=name, version=name, stable_id=name) for n, name in enumerate(names, 1)]
    writer.write([FolderPut(1, bytes(32)), *puts])
    known = CatalogKnown(box.pk)
    held = list(known.items(1))
    assert [item.ref.id for item in held] == sorted(names)
    assert {item.ref.id: item.number for item in held} == {name: n for n, name in enumerate(names, 1)}
    found = known.find(1, names)
    assert {name: item.number for name, item in found.items()} == {name: n for n, name in enumerate(names, 1)}
    assert all((item.ref.version, item.ref.stable_id) == (name, name) for name, item in found.items())
    sightings = [Sighting(1, name) for name in sorted(names)]
    outcomes = compare(world.folder(1), 1, sightings, known.items(1), lambda *_: None, complete=True)
    assert [each for each in outcomes if isinstance(each, Added | Missing)] == []


def test_a_long_id_is_moved_to() -> None:
    of, box = world.organisation()
    writer = world.Writer.of(of, box)
    first, second = ids(2)[:2]
    put = replace(world.put(1, 1), server_id=first)
    assert isinstance(put, Put)
    writer.write([FolderPut(1, bytes(32)), FolderPut(2, bytes(32)), put])
    writer.write([Moved(1, 2, second)])
    (item,) = CatalogKnown(box.pk).items(2)
    assert (item.ref.id, item.since) == (second, 2)
    assert CatalogKnown(box.pk).find(2, [second.swapcase()]) == {}
    assert CatalogKnown(box.pk).completed() == 2
