"""Catching up with the archive: what a crash cost is found again, and another history is not mixed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailkeep.archive.events import FolderPut
from mailkeep.catalog import views
from mailkeep.catalog.known import CatalogKnown
from mailkeep.catalog.models import Blob, Mailbox, Pack
from mailkeep.catalog.replay import catch_up
from mailkeep.errors import GiveUp
from mailkeep.store.memory import MemoryStore
from tests.catalog import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_catching_up_finds_packs_that_a_crash_of_the_database_cost_the_index(tmp_path: Path) -> None:
    repository = world.archive(tmp_path)
    box = world.mailbox(world.connection(), "anna@example.org")
    world.archive_entry(repository, box, [FolderPut(1, b""), world.put(1, 1)], checkpoints={"id-1": b"mark"})
    Blob.objects.all().delete()
    Pack.objects.all().delete()
    assert catch_up(repository, box) == 1
    assert [row.number for row in views.items(box, views.moment(box))] == [1]
    assert CatalogKnown(box.pk).checkpoints() == {"id-1": b"mark"}


def test_catching_up_behind_another_history_is_refused(tmp_path: Path) -> None:
    """The store was brought back from a copy of yesterday, and another catalog went on with it."""
    store = MemoryStore()
    repository = world.archive(tmp_path, store)
    box = world.mailbox(world.connection(), "anna@example.org")
    world.archive_entry(repository, box, [FolderPut(1, b"")])
    catch_up(repository, box)
    Mailbox.objects.filter(pk=box.pk).update(head_hash=bytes(32))
    world.archive_entry(repository, box, [world.put(1, 1)])
    with pytest.raises(GiveUp) as told:
        catch_up(repository, box)
    assert told.value.code == "catalog_diverged"
    assert list(views.items(box, views.moment(box))) == []
