"""Every view of every moment equals the model's, after any history (Hypothesis prints what it takes to repeat a failure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailkeep.archive.events import Flagged, FolderPut, Moved, Put, Removed
from mailkeep.catalog import views
from mailkeep.catalog.item_rows import public_id
from mailkeep.catalog.known import CatalogKnown
from mailkeep.catalog.models import Mailbox
from mailkeep.errors import GiveUp
from mailkeep.mail.items import whole_path
from mailkeep.sync.ports import FolderCount
from tests.catalog import world
from tests.catalog.model import Draw, Item, Model, State

pytestmark = pytest.mark.django_db


def shown(item: Item) -> tuple[object, ...]:
    put = item.put
    facts = (
        put.item,
        item.place,
        tuple(sorted(item.flags)),
        put.size,
        put.time,
        put.sha256.hex(),
        put.left_out,
        put.native,
    )
    return (*facts, world.summary(put.item).subject)


def row_shown(row: views.ItemRow) -> tuple[object, ...]:
    facts = (row.number, row.folder, row.flags, row.size, row.time, row.sha256, row.left_out, row.native)
    return (*facts, row.subject)


def newest_first(items: dict[int, Item]) -> list[Item]:
    archived = [item for item in items.values() if not item.put.left_out]
    return sorted(archived, key=lambda item: (item.put.time, item.put.item), reverse=True)


def walked(mailbox: Mailbox, at: views.Moment, folder: int | None, limit: int, subtree: bool = False) -> list[int]:
    found, after = [], None
    while True:
        page = views.page(mailbox, at, folder, subtree=subtree, after=after, limit=limit)
        found += [row.number for row in page.items]
        after = page.next
        if after is None:
            return found


def path_of(state: State, number: int) -> tuple[str, ...]:
    """As views tell it: a folder of another section stands below that section's name."""
    folder = world.folder(number, state.folders[number])
    return whole_path(folder.path, folder.section)


def check_moment(mailbox: Mailbox, at: views.Moment, state: State) -> None:
    expected = newest_first(state.items)
    rows = list(views.items(mailbox, at))
    assert [row_shown(row) for row in rows] == [shown(item) for item in expected]
    assert [row.since for row in rows] == [item.began for item in expected]
    assert [row.path for row in rows] == [path_of(state, item.place) for item in expected]
    assert walked(mailbox, at, None, 3) == [item.put.item for item in expected]
    counts = Counter(item.place for item in expected)
    tree = {row.id: (row.path, row.items) for row in views.folders(mailbox, at)}
    assert tree == {number: (path_of(state, number), counts[number]) for number in state.folders}
    for number in state.folders:
        inside = [item.put.item for item in expected if item.place == number]
        assert [row.number for row in views.items(mailbox, at, number)] == inside
        assert walked(mailbox, at, number, 2) == inside


def check_head(mailbox: Mailbox, state: State) -> None:
    """What the engine is told is known: live items with place, id and flags, left-out ones included; counts and ledger."""
    known = CatalogKnown(mailbox.pk)
    assert {one.number: one.folder.path[1] for one in known.folders()} == state.folders
    ledger = {}
    for folder in state.folders:
        inside = [item for item in state.items.values() if item.place == folder]
        rows = list(known.items(folder))
        assert [row.ref.id for row in rows] == sorted(item.server_id for item in inside)
        assert {(row.number, row.ref.flags, row.ref.version, row.identity, row.left_out) for row in rows} == {
            (item.put.item, item.flags, item.put.version, item.put.identity, item.put.left_out) for item in inside
        }
        assert known.find(folder, [row.ref.id for row in rows] + ["none"]) == {row.ref.id: row for row in rows}
        assert known.count(folder) == len(inside)
        reasons = Counter(item.put.left_out for item in inside)
        ledger[folder] = FolderCount(reasons.pop("", 0), dict(reasons))
    assert known.ledger() == ledger
    left_out = [item for item in state.items.values() if item.put.left_out]
    in_order = [item.put.item for item in sorted(left_out, key=lambda item: (item.place, item.server_id))]
    assert [row.number for row in known.left_out()] == in_order
    assert [(row.id, row.reason) for row in views.left_out(mailbox)] == [
        (f"{mailbox.uid.hex}-{number}", state.items[number].put.left_out) for number in in_order
    ]
    mailbox.refresh_from_db()
    assert mailbox.counts.get("mail", 0) == len(newest_first(state.items))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_every_moment_of_any_history(data: st.DataObject) -> None:
    task, mailbox = world.organisation()
    writer, model, draw = world.Writer.of(task, mailbox), Model(), Draw(data)
    for _ in range(data.draw(st.integers(1, 7), label="entries")):
        events, names = draw.entry(model.last)
        complete = data.draw(st.booleans(), label="complete")
        entry, head = writer.entry(events, complete=complete)
        writer.head = head
        for _ in range(data.draw(st.sampled_from([1, 1, 2]), label="times applied")):
            world.apply(writer.projection, entry, head, names)
        model.write(events, names, complete)
    check_head(mailbox, model.last)
    live = views.moment(mailbox)
    assert (live.number, live.complete) == (len(model.states) - 1, model.last.complete)
    check_moment(mailbox, live, model.last)
    for number, as_of in past(model):
        moment = views.moment(mailbox, as_of)
        assert moment.number == number
        check_moment(mailbox, moment, model.states[number])
    check_archive(mailbox, model)


def past(model: Model) -> Iterator[tuple[int, object]]:
    """Of moments at and between entries, which entry the view must show: the last that completed a run."""
    for number in range(len(model.states)):
        completed = max(n for n in range(number + 1) if n == 0 or model.states[n].complete)
        yield completed, world.START + timedelta(hours=number)
        yield completed, world.START + timedelta(hours=number, minutes=59)


def check_archive(mailbox: Mailbox, model: Model) -> None:
    at = views.everything(mailbox)
    expected = newest_first(model.ever)
    assert [row_shown(row) for row in views.items(mailbox, at)] == [shown(item) for item in expected]
    assert walked(mailbox, at, None, 4) == [item.put.item for item in expected]
    counts = Counter(item.place for item in expected)
    assert {row.id: row.items for row in views.folders(mailbox, at)} == {n: counts[n] for n in model.names}
    for item in expected:
        assert row_shown(views.item(public_id(mailbox, item.put.item))) == shown(item)


def test_an_items_history_tells_each_thing_that_happened_to_it() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    unread, read = frozenset[str](), frozenset({"seen"})
    writer.write(
        [FolderPut(1, bytes(32)), FolderPut(2, bytes(32)), world.put(1, 1, flags=unread)], {1: "In", 2: "Kept"}
    )
    writer.write([Flagged(1, read)])
    writer.write([Moved(1, 2, "8.1")])
    writer.write([world.put(1, 2, version=2, left_out="sensitive")])
    writer.write([Removed(1)])
    steps = views.item_history(f"{mailbox.uid.hex}-1")
    assert [(step.entry, step.event, step.path[1], step.flags) for step in steps] == [
        (1, "archived", "In", ()),
        (2, "flagged", "In", ("seen",)),
        (3, "moved", "Kept", ("seen",)),
        (4, "left_out", "Kept", ()),
        (5, "removed", "Kept", ()),
    ]
    last = views.item(f"{mailbox.uid.hex}-1")
    assert (last.since, last.until, last.flags) == (3, 4, ("seen",)), "its last archived form"
    with pytest.raises(GiveUp) as refused:
        views.item(f"{mailbox.uid.hex}-1", views.moment(mailbox))
    assert refused.value.code == "item_not_found"


def test_a_subtree_holds_the_folders_below_and_no_namesakes() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    puts: list[Put] = [world.put(n, n) for n in (1, 2, 3)]
    entry, head = writer.entry([FolderPut(n, bytes(32)) for n in (1, 2, 3)] + puts)
    paths = {1: ("Work",), 2: ("Work", "Old"), 3: ("Workshop",)}
    folders = {n: world.Folder(str(n), path) for n, path in paths.items()}
    writer.projection.apply(entry, head, folders, {n: world.summary(n) for n in (1, 2, 3)})
    at = views.moment(mailbox)
    assert sorted(row.number for row in views.items(mailbox, at, 1, subtree=True)) == [1, 2]
    assert sorted(walked(mailbox, at, 1, 1, subtree=True)) == [1, 2]


@pytest.mark.parametrize("text", ["", "nothing", "0" * 32 + "-1", "0" * 32 + "-x"])
def test_an_id_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(GiveUp) as refused:
        views.item(text)
    assert refused.value.code == "item_not_found"
