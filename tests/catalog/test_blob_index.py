"""The blob index's contract, on the table and on memory; and what only the table can get wrong."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.ports import BlobIndex, Location
from mailkeep.catalog.blob_index import REMEMBERED_SECONDS, Remembered, TableIndex
from mailkeep.catalog.models import Blob, Pack

pytestmark = pytest.mark.django_db
EITHER = pytest.mark.parametrize("make", [MemoryIndex, TableIndex])


def names(count: int) -> list[bytes]:
    return [secrets.token_bytes(32) for _ in range(count)]


def footer(pack: bytes, blobs: list[bytes]) -> list[tuple[bytes, Location]]:
    return [(blob, Location(pack, n, 1000 * n, 900, 1800, n % 2, 10 * n)) for n, blob in enumerate(blobs)]


def add(index: BlobIndex, blobs: list[bytes]) -> bytes:
    pack = secrets.token_bytes(32)
    index.add_pack(pack, 1 << 20, True, footer(pack, blobs))
    return pack


@EITHER
def test_what_was_added_is_held_and_lies_where_the_footer_says(make: Callable[[], BlobIndex]) -> None:
    index, blobs, strangers = make(), names(5), names(3)
    assert index.held(blobs) == set()
    pack = add(index, blobs)
    assert index.held([*strangers, *blobs, blobs[0]]) == set(blobs)
    assert index.locate([*blobs, *strangers]) == dict(footer(pack, blobs))
    assert index.packs() == {pack}


@EITHER
def test_a_pack_or_blob_that_is_known_is_no_error(make: Callable[[], BlobIndex]) -> None:
    index, blobs = make(), names(4)
    first = add(index, blobs)
    index.add_pack(first, 1 << 20, True, footer(first, blobs))
    second = add(index, [*blobs[2:], *names(2)])
    assert index.packs() == {first, second}
    assert {place.pack for place in index.locate(blobs).values()} == {first}


def test_more_blobs_than_one_lookup_takes_are_all_found() -> None:
    index, blobs = TableIndex(), names(2500)
    add(index, blobs)
    assert TableIndex().held(blobs) == set(blobs)
    assert len(index.locate(blobs)) == 2500


def test_a_condemned_pack_holds_nothing_and_its_blobs_move_when_stored_again() -> None:
    blobs = names(3)
    old = add(TableIndex(), blobs)
    Pack.objects.filter(name=old).update(condemned_at=datetime.now(UTC))
    index = TableIndex()
    assert index.held(blobs) == set()
    assert {place.pack for place in index.locate(blobs).values()} == {old}, "still readable"
    new = add(index, blobs[:2])
    assert TableIndex().held(blobs) == set(blobs[:2])
    assert [index.locate(blobs)[blob].pack for blob in blobs] == [new, new, old]


def test_what_was_rolled_back_is_not_remembered() -> None:
    index, blobs = TableIndex(), names(3)
    with transaction.atomic():
        add(index, blobs)
        transaction.set_rollback(True)
    assert index.held(blobs) == set()


def test_remembered_blobs_age() -> None:
    now = [0.0]
    remembered, blobs = Remembered(lambda: now[0]), names(2)
    remembered.add(blobs)
    now[0] += REMEMBERED_SECONDS / 2 - 1
    assert remembered.among(blobs) == set(blobs)
    now[0] += REMEMBERED_SECONDS
    assert remembered.among(blobs) == set()


@pytest.mark.django_db(transaction=True)
def test_threads_that_store_the_same_blobs_neither_wait_in_a_circle_nor_fail() -> None:
    index, blobs, failures = TableIndex(), names(400), []

    def store(seed: int) -> None:
        try:
            for turn in range(5):
                add(index, blobs[:: -1 if (seed + turn) % 2 else 1])
        except Exception as failure:  # noqa: BLE001 - reported by the assertion below
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=store, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (Pack.objects.count(), Blob.objects.count()) == (20, 400)
