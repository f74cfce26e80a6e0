"""A server as Exchange is: native parts beside the bytes, versions, marks, sections, throttling, ids in no order."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from world import World

from mailkeep.archive.batch import Batch
from mailkeep.archive.events import Flagged, Put
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.verify import verify
from mailkeep.connectors.base import Listed, Marked
from mailkeep.connectors.memory.native import properties_part
from mailkeep.connectors.memory.server import MemoryFolder, MemoryServer
from mailkeep.errors import GiveUp, RetryLater
from mailkeep.mail.items import Kind, NativePart, Role, Section
from mailkeep.sync.limits import Limits
from mailkeep.tasks.options import TaskOptions

BOTH = frozenset({Section.PRIMARY, Section.IN_PLACE_ARCHIVE})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, native=True, versions=True, marks=True, shuffled_ids=True)


def parts(number: int, word: str = "") -> list[NativePart]:
    return [properties_part({"Number": f"{number}{word}"}), NativePart("memory.export", bytes([number % 256]) * 40)]


def fill(world: World, count: int = 10, name: str = "INBOX", section: Section = Section.PRIMARY) -> MemoryFolder:
    folder = world.mailbox.add_folder((name,), role=Role.INBOX if name == "INBOX" else None, section=section)
    for number in range(count):
        folder.deliver(f"Subject: {number}\r\n\r\n{name}\r\n".encode(), parts=parts(number))
    return folder


def events_of(world: World, kind: type) -> list[object]:
    return [event for entry, _, _ in world.catalog.entries for event in entry.events if isinstance(event, kind)]


# --- native parts ------------------------------------------------------------------------------------------------------


def test_native_parts_are_archived_beside_the_content(world: World) -> None:
    fill(world, 10)
    result = world.run()
    assert (result.result, result.fetched) == ("ok", 10)
    assert world.archived() == world.on_server()
    contents = sum(len(item.content) for item in world.mailbox.folder("INBOX").items.values())
    native = sum(len(part.content) for n in range(10) for part in parts(n))
    assert result.bytes == contents + native
    assert verify(world.repository, {}, None).ok


def test_a_group_of_items_is_one_call_of_the_archive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world, 25)
    world.limits = Limits(group_items=10)
    calls: list[tuple[int, int]] = []
    put = Batch.put_contents

    def counted(batch, contents, native=()):  # type: ignore[no-untyped-def]
        calls.append((len(contents), len(native)))
        return put(batch, contents, native)

    monkeypatch.setattr(Batch, "put_contents", counted)
    world.run()
    assert calls == [(10, 20), (10, 20), (5, 10)]
    calls.clear()
    fill(world, 9, "Other")
    world.limits = Limits(group_items=10, group_blobs=9)
    world.run()
    assert calls == [(3, 6)] * 3


def test_an_entry_is_closed_before_it_holds_too_many_parts(world: World) -> None:
    fill(world, 9)
    world.limits = Limits(group_items=1, batch_parts=6)
    assert world.run().result == "ok"
    counts = [sum(len(event.native) for event in events_of_entry(entry)) for entry, _, _ in world.catalog.entries]
    assert counts == [6, 6, 6]
    assert world.archived() == world.on_server()


def events_of_entry(entry) -> list[Put]:  # type: ignore[no-untyped-def]
    return [event for event in entry.events if isinstance(event, Put)]


def test_properties_that_change_are_fetched_and_the_content_is_not_stored_again(world: World) -> None:
    inbox = fill(world, 5)
    world.run()
    moment = world.catalog.head().number
    before = world.archived(moment)
    inbox.replace(3, inbox.items[3].content, parts(3, " changed"))
    result = world.run()
    assert (result.result, result.fetched, result.reflagged) == ("ok", 1, 0)
    assert world.archived() == world.on_server()
    assert world.archived(moment) == before


def test_a_rebuilt_catalog_has_the_same_parts(world: World) -> None:
    inbox = fill(world, 8)
    world.run()
    inbox.replace(2, b"Subject: x\r\n\r\n", parts(200))
    inbox.set_flags(4, {"seen"})
    world.run()
    before = world.catalog.view()
    world.repository.index = MemoryIndex()
    world.lose_catalog()
    assert world.catalog.view() == before
    assert world.archived() == world.on_server()


def test_an_item_with_many_parts_is_no_danger_to_memory_or_entry(world: World) -> None:
    many = [NativePart(f"memory.attachment.{n}", bytes([n % 251]) * (n % 40)) for n in range(500)]
    fill(world, 3).deliver(b"Subject: many\r\n\r\n", parts=many)
    assert world.run().result == "ok"
    assert world.archived() == world.on_server()


# --- versions and marks ------------------------------------------------------------------------------------------------


def test_a_mark_becomes_the_set_of_flags(world: World) -> None:
    inbox = fill(world, 4)
    inbox.set_flags(1, {"work"})
    world.run()
    inbox.set_flags(1, {"work", "seen"})
    inbox.set_flags(2, {"flagged"})
    inbox.set_flags(2, ())
    result = world.run()
    assert (result.result, result.fetched, result.reflagged) == ("ok", 0, 1)
    (flagged,) = events_of(world, Flagged)[-1:]
    assert flagged.flags == frozenset({"work", "seen"})  # type: ignore[attr-defined]
    assert world.archived() == world.on_server()


def test_a_mark_of_an_item_nobody_told_us_of_lists_the_folder_anew(world: World) -> None:
    inbox = fill(world, 4)
    world.run()
    lost = inbox.item_id(2)
    world.catalog._database.execute("DELETE FROM item WHERE id = ?", (lost,))
    inbox.set_flags(2, {"seen"})
    result = world.run()
    assert (result.result, result.fetched) == ("ok", 1)
    assert world.catalog.find(1, [lost])[lost].ref.flags == frozenset({"seen"})


def test_a_server_that_cuts_every_run_short_is_done_with_in_the_end(world: World) -> None:
    """All 20 items changed. Each run gets 6 before the server stops it: none of them is asked for twice."""
    inbox = fill(world, 20)
    world.run()
    for uid in inbox.items:
        inbox.replace(uid, inbox.items[uid].content, parts(uid, " changed"))
    fetched = []
    for _ in range(5):
        world.server.faults.fail("fetch", RetryLater("throttled", "slow down", wait_seconds=60), after=6)
        result = world.run()
        fetched += list(world.fetched)
        world.server.faults.clear()
        if result.result == "ok":
            break
    assert result.result == "ok"
    assert len(fetched) == len(set(fetched)) == 20
    assert world.archived() == world.on_server()


def test_ids_in_no_order_are_fetched_while_they_are_listed(world: World) -> None:
    """The fetch begins before the listing has ended, though hardly an id is higher than those before it."""
    fill(world, 300)
    world.limits = Limits()
    begun = threading.Event()
    original = world.connect

    def connect():  # type: ignore[no-untyped-def]
        session = original()
        fetch, changes = session.fetch, session.changes

        def fetch_and_tell(folder, refs):  # type: ignore[no-untyped-def]
            def told():  # type: ignore[no-untyped-def]
                for number, ref in enumerate(refs):
                    if number == 30:
                        begun.set()
                    yield ref

            return fetch(folder, told())

        def changes_that_wait(folder, since):  # type: ignore[no-untyped-def]
            listing = changes(folder, since)
            each = listing.__class__.__iter__

            class Slow(listing.__class__):  # type: ignore[name-defined, misc]
                def __iter__(self):  # type: ignore[no-untyped-def]
                    for number, change in enumerate(each(self)):
                        if number == 250:
                            assert begun.wait(10), "nothing is fetched before everything is listed"
                        yield change

            listing.__class__ = Slow
            return listing

        session.fetch, session.changes = fetch_and_tell, changes_that_wait
        return session

    world.connect = connect  # type: ignore[method-assign]
    assert world.run().result == "ok"
    assert world.archived() == world.on_server()


def test_a_first_listing_that_repeats_and_marks_what_it_told_is_settled(world: World) -> None:
    inbox = fill(world, 6)
    original = world.connect

    def connect():  # type: ignore[no-untyped-def]
        session = original()
        changes = session.changes

        def repeating(folder, since):  # type: ignore[no-untyped-def]
            listing = changes(folder, since)
            if since is not None:
                return listing
            each = listing.__class__.__iter__

            class Repeating(listing.__class__):  # type: ignore[name-defined, misc]
                def __iter__(self):  # type: ignore[no-untyped-def]
                    told = []
                    for change in each(self):
                        told.append(change)
                        yield change
                    inbox.set_flags(2, {"seen"})
                    yield next(word for word in told if isinstance(word, Listed) and word.ref.id == inbox.item_id(1))
                    yield Marked(inbox.item_id(2), "seen", True)

            listing.__class__ = Repeating
            return listing

        session.changes = repeating
        return session

    world.connect = connect  # type: ignore[method-assign]
    result = world.run()
    assert (result.result, result.fetched, result.reflagged) == ("ok", 6, 1)
    assert world.archived() == world.on_server()


# --- sections ----------------------------------------------------------------------------------------------------------


def test_a_section_is_archived_while_the_task_asks_for_it(world: World) -> None:
    fill(world, 3)
    old = fill(world, 4, "Old", Section.IN_PLACE_ARCHIVE)
    assert world.run().fetched == 3
    assert set(world.archived()) == {("INBOX",)}
    world.change_task(sections=BOTH)
    assert world.run().fetched == 4
    assert world.archived() == world.on_server()

    world.change_task(sections=frozenset({Section.PRIMARY}))
    kept = world.archived()["Old",]
    old.expunge(1)
    old.deliver(b"Subject: new\r\n\r\n", parts=parts(9))
    result = world.run()
    assert (result.result, result.removed, result.fetched) == ("ok", 0, 0)
    assert [line.folder for line in result.ledger] == [1]
    assert world.archived()["Old",] == kept

    world.change_task(sections=BOTH)
    listings = count_listed(world)
    result = world.run()
    assert (result.result, result.removed, result.fetched) == ("ok", 1, 1)
    assert listings == [("INBOX", True), ("Old", True)] or listings == [("Old", True)]  # from its checkpoint
    assert world.archived() == world.on_server()


def count_listed(world: World) -> list[tuple[str, bool]]:
    """(folder, whether from a checkpoint) of each listing from here on."""
    told: list[tuple[str, bool]] = []
    original = world.connect

    def connect():  # type: ignore[no-untyped-def]
        session = original()
        changes = session.changes

        def noted(folder, since):  # type: ignore[no-untyped-def]
            told.append((folder.path[-1], since is not None))
            return changes(folder, since)

        session.changes = noted
        return session

    world.connect = connect  # type: ignore[method-assign]
    return told


def test_what_moves_into_a_section_that_is_on_is_a_move(world: World) -> None:
    inbox, old = fill(world, 3), fill(world, 1, "Old", Section.IN_PLACE_ARCHIVE)
    world.change_task(sections=BOTH)
    world.run()
    world.mailbox.move(inbox, 2, old)
    result = world.run()
    assert (result.moved, result.fetched, result.removed) == (1, 0, 0)


def test_a_folder_of_a_section_is_named_with_it(world: World) -> None:
    fill(world, 2)
    fill(world, 2, "Old", Section.IN_PLACE_ARCHIVE)
    world.change_task(sections=BOTH)
    world.server.faults.fail("changes", GiveUp("refused_by_server", "no"), after=2)
    result = world.run()
    assert (result.code, result.message) == ("partial", "not to be read: In-place archive: Old (no)")


# --- throttling and trouble --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["open", "folders", "unchanged", "changes", "fetch"])
@pytest.mark.parametrize("whole_server", [False, True])
def test_a_throttled_mailbox_is_a_warning_with_its_wait(world: World, operation: str, whole_server: bool) -> None:
    inbox = fill(world, 5)
    world.run()
    inbox.deliver(b"Subject: new\r\n\r\n", parts=parts(9))
    busy = RetryLater("throttled", "busy", wait_seconds=90, whole_server=whole_server)
    world.server.faults.fail(operation, busy)
    result = world.run()
    assert (result.result, result.code, result.retry_seconds) == ("warning", "throttled", 90)
    assert result.whole_server == whole_server
    assert result.hint == "nothing to do: it goes on by itself"
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_a_mailbox_that_is_being_moved_is_a_warning(world: World) -> None:
    fill(world, 2)
    world.server.faults.fail("open", RetryLater("mailbox_moving", "it is being moved to another database"))
    result = world.run()
    assert (result.result, result.code, result.retry_seconds) == ("warning", "mailbox_moving", None)
    assert "by itself" in result.hint


def test_a_poisoned_item_is_in_quarantine_with_its_reason_and_its_earlier_version_stays(world: World) -> None:
    inbox = fill(world, 4)
    world.run()
    moment = world.catalog.head().number
    inbox.replace(2, b"Subject: poison\r\n\r\n", parts(66))
    world.server.faults.unreadable.add(inbox.item_id(2))
    result = world.run()
    assert (result.result, result.code, result.fetched) == ("warning", "partial", 0)
    assert result.message == "1 item is not to be had from the server: 1 unreadable"
    assert world.archived(moment)["INBOX",][inbox.item_id(2)][0] == b"Subject: 1\r\n\r\nINBOX\r\n"
    world.server.faults.clear()
    assert (world.run().fetched, world.archived()) == (1, world.on_server())


def test_too_large_items_alone_have_their_own_words(world: World) -> None:
    inbox = fill(world, 3)
    world.server.faults.too_large.update({inbox.item_id(1), inbox.item_id(2)})
    result = world.run()
    assert (result.code, result.message) == ("item_too_large", "2 items are too large to be archived")
    world.server.faults.unreadable.add(inbox.item_id(3))
    inbox.replace(3, b"Subject: poison\r\n\r\n")
    result = world.run()
    assert result.message == "3 items are not to be had from the server: 2 item_too_large, 1 unreadable"


def test_every_kind_of_item_is_archived_with_its_parts(world: World) -> None:
    kinds = {
        Kind.EVENT: "IPM.Appointment",
        Kind.CONTACT: "IPM.Contact",
        Kind.TASK: "IPM.Task",
        Kind.NOTE: "IPM.StickyNote",
    }
    for kind, message_class in kinds.items():
        folder = world.mailbox.add_folder((kind.value,), kind=kind)
        folder.deliver(b"BEGIN:X", message_class=message_class, parts=parts(1))
    world.change_task(kinds=frozenset(Kind))
    assert (world.run().result, world.archived()) == ("ok", world.on_server())
    assert {event.kind for event in events_of(world, Put)} == set(kinds)  # type: ignore[attr-defined]


def test_defaults_ask_for_the_mailbox_itself() -> None:
    assert TaskOptions().sections == frozenset({Section.PRIMARY})
    assert not MemoryServer().native
