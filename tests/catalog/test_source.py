"""A mailbox at a moment as recovery reads it: items with their native parts, contents and parts byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailkeep.archive.events import Event, FolderPut, Moved, Put
from mailkeep.archive.repository import Repository
from mailkeep.catalog import source as sources
from mailkeep.catalog import views
from mailkeep.catalog.models import Item
from mailkeep.catalog.projecting import project
from mailkeep.catalog.replay import documents
from mailkeep.catalog.source import MailboxSource
from mailkeep.mail.items import Folder, Section
from mailkeep.recover.ports import Source, SourceItem
from tests.catalog import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return world.archive(tmp_path)


def write(repository: Repository, box: sources.Mailbox, events: list[Event]) -> list[Put]:
    entry, head = world.archive_entry(repository, box, events)
    project(box.pk, entry, head, *documents(repository, entry))
    box.refresh_from_db()
    return [event for event in entry.events if isinstance(event, Put)]


def read(source: Source) -> dict[int, tuple[Folder, SourceItem]]:
    return {item.number: (folder, item) for folder in source.folders() for item in source.items(folder)}


def test_items_come_with_their_native_parts(repository: Repository) -> None:
    _, box = world.organisation()
    puts = write(
        repository, box, [FolderPut(1, b""), FolderPut(3, b""), *(world.put(n, 1 + 2 * (n > 5)) for n in range(1, 10))]
    )
    source = MailboxSource(repository, box, views.moment(box))
    found = read(source)
    assert sorted(found) == list(range(1, 10))
    for put in puts:
        folder, item = found[put.item]
        assert (item.native, item.message_class, item.time) == (put.native, put.message_class, put.time)
        assert source.parts(item) == world.parts(put)
        assert source.content(item) == f"message {put.item} 1".encode()
        assert folder.section is (Section.IN_PLACE_ARCHIVE if put.item > 5 else Section.PRIMARY)
    assert {folder.section for folder in source.folders()} == {Section.PRIMARY, Section.IN_PLACE_ARCHIVE}


def test_parts_cost_two_questions_for_hundreds_of_items(
    repository: Repository, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    _, box = world.organisation()
    write(repository, box, [FolderPut(1, b""), *(world.put(n, 1) for n in range(1, 200))])
    source = MailboxSource(repository, box, views.moment(box))
    items = [item for _, item in read(source).values()]
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        for item in items:
            assert len(source.parts(item)) == len(item.native)
    earlier = items[3]  # out of order: asked for on its own
    assert [part.name for part in source.parts(earlier)] == [native.name for native in earlier.native]


def test_an_item_without_parts_has_none_and_costs_no_column(repository: Repository) -> None:
    _, box = world.organisation()
    write(repository, box, [FolderPut(1, b""), world.put(1, 1), world.put(2, 1)])
    source = MailboxSource(repository, box, views.moment(box))
    assert source.parts(read(source)[1][1]) == ()
    assert list(Item.objects.filter(native__isnull=True).values_list("number", flat=True)) == [1]


def test_parts_are_those_of_the_moment_and_go_along_when_the_item_moves(repository: Repository) -> None:
    _, box = world.organisation()
    write(repository, box, [FolderPut(1, b""), FolderPut(2, b""), world.put(2, 1)])
    (second,) = write(repository, box, [world.put(2, 1, version=2)])
    write(repository, box, [Moved(2, 2, "8.2")])
    first_moment, *_ = views.moments(box)
    then = MailboxSource(repository, box, first_moment)
    now = MailboxSource(repository, box, views.moment(box))
    assert then.parts(read(then)[2][1])[0].content == b"properties 2 1"
    folder, item = read(now)[2]
    assert (folder.id, item.native) == ("2", second.native)
    assert now.parts(item)[0].content == b"properties 2 2"
    events = [step.event for step in views.item_history(f"{box.uid.hex}-2")]
    assert events == ["archived", "archived", "moved"]


def test_other_properties_of_the_same_content_are_a_version_of_their_own(repository: Repository) -> None:
    """An appointment that was given a category: its iCalendar is what it was."""
    _, box = world.organisation()
    (first,) = write(repository, box, [FolderPut(1, b""), world.put(2, 1)])
    entry, head = world.archive_entry(repository, box, [world.put(2, 1, version=2)])
    (put,) = [event for event in entry.events if isinstance(event, Put)]
    same = replace(entry, events=(replace(put, sha256=first.sha256),))
    project(box.pk, same, head, *documents(repository, same))
    assert [step.event for step in views.item_history(f"{box.uid.hex}-2")] == ["archived", "archived"]
