"""A synchronisation from end to end, over a real archive and a memory server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from world import ADDRESS, World

from mailkeep.archive.batch import Batch
from mailkeep.archive.events import FolderGone, Moved, Put, Removed
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.connectors.memory.connector import _checkpoint
from mailkeep.errors import GiveUp, RetryLater, RetryNow
from mailkeep.mail.items import Kind, Role, Sensitivity
from mailkeep.store.local import LocalStore
from mailkeep.sync import settle
from mailkeep.sync.limits import Limits


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def mail(number: int, body: str = "") -> bytes:
    return f"Subject: number {number}\r\nMessage-ID: <{number}@x>\r\n\r\nbody {number} {body}\r\n".encode()


def fill(world: World, count: int = 10, path: tuple[str, ...] = ("INBOX",)):  # type: ignore[no-untyped-def]
    folder = world.mailbox.add_folder(path, role=Role.INBOX if path == ("INBOX",) else None)
    for number in range(count):
        folder.deliver(mail(number))
    return folder


def events_of(world: World, kind: type) -> list[object]:
    return [event for entry, _, _ in world.catalog.entries for event in entry.events if isinstance(event, kind)]


def test_first_synchronisation_archives_everything(world: World) -> None:
    fill(world, 10)
    fill(world, 3, ("INBOX", "Müller & Söhne"))
    result = world.run()
    assert (result.result, result.fetched, len(world.fetched)) == ("ok", 13, 13)
    assert world.archived() == world.on_server()
    assert world.catalog.entries[-1][0].run.complete
    assert not any(entry.run.complete for entry, _, _ in world.catalog.entries[:-1])


def test_nothing_changed_writes_nothing_and_asks_twice(world: World) -> None:
    fill(world)
    world.run()
    objects = dict(world.store.objects)
    result = world.run()
    assert (result.result, result.requests) == ("ok", 2)  # the folders, and whether they changed
    assert world.store.objects == objects


@pytest.mark.parametrize("stable_ids", [True, False])
@pytest.mark.parametrize("incremental", [True, False])
def test_moves_are_events_not_downloads(tmp_path: Path, stable_ids: bool, incremental: bool) -> None:
    world = World(tmp_path, stable_ids=stable_ids, incremental=incremental)
    inbox, archive = fill(world), fill(world, 0, ("Archive",))
    world.run()
    for uid in (2, 5, 7):
        world.mailbox.move(inbox, uid, archive)
    archive.set_flags(2, {"seen"})
    result = world.run()
    assert (result.result, result.moved, result.fetched, world.fetched) == ("ok", 3, 0, [])
    assert world.archived() == world.on_server()
    assert len(events_of(world, Put)) == 10


@pytest.mark.parametrize("stable_ids", [True, False])
def test_new_ids_are_reconciled_by_proof(tmp_path: Path, stable_ids: bool) -> None:
    world = World(tmp_path, stable_ids=stable_ids)
    inbox = fill(world)
    world.run()
    numbers = {shown.number for shown in world.catalog.view()["INBOX",].values()}
    inbox.reset()
    result = world.run()
    assert (result.moved, result.fetched, world.fetched) == (10, 0, [])
    assert {shown.number for shown in world.catalog.view()["INBOX",].values()} == numbers
    assert world.archived() == world.on_server()


def test_what_two_candidates_share_is_downloaded(tmp_path: Path) -> None:
    world = World(tmp_path, stable_ids=False)
    inbox = fill(world, 3)
    received = inbox.items[1].received
    inbox.deliver(mail(0), received=received)  # the same message twice: same header, size and date
    world.run()
    inbox.reset()
    result = world.run()
    assert (result.moved, result.fetched, result.removed) == (2, 2, 2)
    assert world.archived() == world.on_server()


def test_another_body_under_the_same_header_is_no_proof(tmp_path: Path) -> None:
    """Size differs, so the identity does: the item is fetched."""
    world = World(tmp_path, stable_ids=False)
    inbox = fill(world, 3)
    world.run()
    item = inbox.items[2]
    inbox.expunge(2)
    inbox.deliver(mail(1, "changed"), received=item.received)
    result = world.run()
    assert (result.moved, result.fetched, result.removed) == (0, 1, 1)


def test_a_renamed_folder_keeps_its_number(world: World) -> None:
    folder = fill(world, 4, ("Projects",))
    world.run()
    before = {shown.number for shown in world.catalog.view()["Projects",].values()}
    world.mailbox.rename_folder(folder, ("Projekte",))
    result = world.run()
    assert (result.result, result.moved, result.fetched) == ("ok", 0, 0)
    assert {shown.number for shown in world.catalog.view()["Projekte",].values()} == before
    assert ("Projects",) not in world.catalog.view()


def test_a_deleted_folder_takes_its_items_along(world: World) -> None:
    fill(world, 3)
    gone = fill(world, 4, ("Old",))
    world.run()
    world.mailbox.remove_folder(gone)
    result = world.run()
    assert (result.result, result.removed, len(events_of(world, FolderGone))) == ("ok", 4, 1)
    assert world.archived() == world.on_server()


def test_left_out_items_come_when_the_task_is_widened(world: World) -> None:
    inbox = fill(world, 3)
    inbox.deliver(mail(10), sensitivity=Sensitivity.PRIVATE)
    first = world.run()
    assert (first.result, first.left_out, first.fetched) == ("ok", 1, 3)
    assert first.ledger[0].left_out == {"sensitive": 1}
    assert world.run().requests == 2
    world.change_task(sensitive=True)
    second = world.run()
    assert (second.fetched, second.left_out, len(world.fetched)) == (1, 0, 1)
    assert world.archived() == world.on_server()


def test_narrowing_removes_nothing(world: World) -> None:
    world.change_task(sensitive=True)
    inbox = fill(world, 2)
    uid = inbox.deliver(mail(10), sensitivity=Sensitivity.PRIVATE)
    world.run()
    world.change_task(sensitive=False)
    assert world.run().removed == 0
    inbox.set_flags(uid, {"seen"})
    world.run()
    assert world.archived() == world.on_server()


def test_a_kind_that_is_off_is_counted_not_listed(world: World) -> None:
    fill(world, 2)
    calendar = world.mailbox.add_folder(("Calendar",), kind=Kind.EVENT, role=Role.CALENDAR)
    for number in range(4):
        calendar.deliver(mail(number), message_class="IPM.Appointment")
    result = world.run()
    assert (result.result, result.fetched) == ("ok", 2)
    by_count = {line.server: line for line in result.ledger}
    assert (by_count[4].archived, by_count[4].left_out, by_count[4].pending) == (0, {"kind": 4}, 0)
    assert ("Calendar",) in world.catalog.view()
    world.change_task(kinds=frozenset({Kind.MAIL, Kind.EVENT}))
    assert world.run().fetched == 4
    world.change_task(kinds=frozenset({Kind.MAIL}))
    calendar.deliver(mail(9), message_class="IPM.Appointment")
    calendar.expunge(1)
    result = world.run()
    assert (result.result, result.fetched, result.removed) == ("ok", 0, 1)
    world.change_task(kinds=frozenset({Kind.MAIL, Kind.EVENT}))
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_virtual_folders_are_shown_and_never_listed(world: World) -> None:
    fill(world, 2)
    everything = world.mailbox.add_folder(("All Mail",), role=Role.ALL)
    for number in range(2):
        everything.deliver(mail(number))
    result = world.run()
    assert (result.fetched, len(result.ledger)) == (2, 1)
    assert world.catalog.view()["All Mail",] == {}


def test_a_failing_item_is_quarantined_and_tried_again(world: World) -> None:
    inbox = fill(world, 3)
    world.server.faults.unreadable.add(inbox.item_id(2))
    first = world.run()
    assert (first.result, first.code, first.fetched) == ("warning", "partial", 2)
    assert first.ledger[0].left_out == {"unreadable": 1}
    entries = len(world.catalog.entries)
    again = world.run()
    assert (again.result, len(world.fetched), len(world.catalog.entries)) == ("warning", 1, entries)
    world.server.faults.clear()
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_an_item_too_large_for_memory_is_left_out_unfetched(world: World) -> None:
    inbox = fill(world, 2)
    inbox.deliver(mail(9, "x" * 5_000))
    world.limits = Limits(item_bytes=4_000)
    result = world.run()
    assert (result.result, result.code, len(world.fetched)) == ("warning", "item_too_large", 2)
    world.limits = Limits()
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_an_item_that_vanishes_is_no_false_alarm(world: World) -> None:
    inbox = fill(world, 5)
    world.server.faults.vanishing.add(inbox.item_id(3))
    original = world.connect

    def connect():  # type: ignore[no-untyped-def]
        session = original()
        fetch = session.fetch

        def fetch_and_lose(folder, refs):  # type: ignore[no-untyped-def]
            yield from fetch(folder, refs)
            if 3 in inbox.items:
                inbox.expunge(3)

        session.fetch = fetch_and_lose
        return session

    world.connect = connect  # type: ignore[method-assign]
    result = world.run()
    assert (result.result, result.fetched) == ("ok", 4)
    assert world.archived() == world.on_server()


def test_a_short_listing_removes_nothing_and_says_so(world: World) -> None:
    inbox = fill(world, 8)
    world.run()
    inbox.forget_checkpoints()
    world.server.faults.truncated_listing[inbox.id] = 3
    result = world.run()
    assert (result.result, result.code, result.removed) == ("warning", "partial", 0)
    world.server.faults.clear()
    assert world.run().result == "ok"


def test_a_mailbox_that_looks_empty_waits_for_a_person(world: World) -> None:
    inbox = fill(world, 60)
    fill(world, 0, ("Archive",))
    world.run()
    world.server.faults.empty.add(ADDRESS)
    for _ in range(2):
        result = world.run()
        assert (result.result, result.code, result.shrink, result.removed) == ("warning", "shrunk", (60, 60), 0)
    assert not events_of(world, Removed)
    world.server.faults.clear()
    assert (world.run().result, world.archived()) == ("ok", world.on_server())
    for uid in list(inbox.items)[:55]:
        inbox.expunge(uid)
    inbox.deliver(mail(100))
    result = world.run()
    assert (result.code, result.fetched, result.removed) == ("shrunk", 1, 0)  # additions are archived meanwhile
    world.catalog.confirmed = True
    result = world.run()
    assert (result.result, result.removed, world.archived()) == ("ok", 55, world.on_server())


def test_half_of_a_small_mailbox_is_no_shrink(world: World) -> None:
    inbox = fill(world, 50)
    world.run()
    for uid in list(inbox.items):
        inbox.expunge(uid)
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


@pytest.mark.parametrize(
    ("error", "result", "code"),
    [
        (RetryLater("throttled", "slow down", wait_seconds=240), "warning", "throttled"),
        (RetryLater("unreachable", "no route"), "error", "unreachable"),
        (RetryNow("connection_lost", "dropped"), "error", "unreachable"),
        (GiveUp("access_denied", "no"), "error", "access_denied"),
        (RetryLater("mailbox_moving", "being moved"), "warning", "mailbox_moving"),
    ],
)
def test_what_was_done_before_an_error_stays(world: World, error: Exception, result: str, code: str) -> None:
    fill(world, 10)
    world.server.faults.fail("fetch", error, after=7)  # type: ignore[arg-type]
    ended = world.run()
    assert (ended.result, ended.code) == (result, code)
    assert ended.retry_seconds == getattr(error, "wait_seconds", None)
    assert ended.fetched == 7
    assert not any(entry.run.complete for entry, _, _ in world.catalog.entries)
    assert not world.catalog.checkpoints()
    after = world.run()
    assert (after.result, after.fetched, world.archived()) == ("ok", 3, world.on_server())


def test_sign_in_refused_is_an_error_with_its_code(world: World) -> None:
    world.server.faults.fail("open", GiveUp("auth_failed", "the server refused", "check the password"))
    result = world.run()
    assert (result.result, result.code, result.hint) == ("error", "auth_failed", "check the password")


def test_a_fault_of_ours_is_logged_and_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    fill(world, 3)
    world.server.faults.fail("fetch", ZeroDivisionError("a fault of ours"))  # type: ignore[arg-type]
    result = world.run()
    assert (result.result, result.code) == ("error", "internal")
    assert "ZeroDivisionError" in caplog.text
    assert "Traceback" in caplog.text


def test_a_lost_lease_ends_the_run_silently(world: World) -> None:
    fill(world, 3)
    world.catalog.lease_lost = True
    result = world.run()
    assert (result.code, world.catalog.results, world.catalog.entries) == ("lease_lost", [], [])


def test_another_writer_in_the_history_ends_the_run(world: World) -> None:
    fill(world, 3)
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.catalog = type(world.catalog)(world.doom, world.now)
    world.catch_up()
    real = world.repository.history

    def raced(mailbox: str):  # type: ignore[no-untyped-def]
        world.repository.history = real  # type: ignore[method-assign]
        history = real(mailbox)
        other.run()  # wins the number
        return history

    world.repository.history = raced  # type: ignore[method-assign]
    world.catalog.catch_up = lambda *_: 0  # type: ignore[method-assign]
    result = world.run()
    assert (result.code, world.catalog.results) == ("fenced", [])


def test_a_run_cut_short_is_completed_even_without_news(world: World) -> None:
    """Its items would otherwise stay invisible: views show completed moments only."""
    inbox = fill(world, 10)
    world.server.faults.fail("fetch", RetryLater("throttled", "slow down"), after=7)
    world.run()
    archived = {shown.ref.id for shown in world.catalog.view()["INBOX",].values()}
    for uid in list(inbox.items):
        if inbox.item_id(uid) not in archived:
            inbox.expunge(uid)
    world.run()
    assert world.catalog.entries[-1][0].run.complete
    assert world.archived() == world.on_server()


def test_a_new_version_replaces_under_the_same_number(world: World) -> None:
    inbox = fill(world, 3)
    world.run()
    before = world.catalog.view()["INBOX",][inbox.item_id(2)].number
    head = world.catalog.head().number
    inbox.replace(2, mail(2, "edited"))
    result = world.run()
    assert (result.fetched, world.catalog.view()["INBOX",][inbox.item_id(2)].number) == (1, before)
    assert world.archived() == world.on_server()
    assert world.archived(head)["INBOX",][inbox.item_id(2)][0] == mail(1)


def test_times_never_go_backwards(world: World) -> None:
    inbox = fill(world, 3)
    world.run()
    last = world.catalog.head().time
    world.catalog._clock = lambda: last.replace(year=2020)  # type: ignore[union-attr]
    inbox.deliver(mail(7))
    world.run()
    assert world.catalog.head().time == last


def test_moved_events_name_the_target(world: World) -> None:
    inbox, archive = fill(world, 2), fill(world, 0, ("Archive",))
    world.run()
    world.mailbox.move(inbox, 1, archive)
    world.run()
    (moved,) = events_of(world, Moved)
    assert moved == Moved(1, 1 if world.catalog._folders[1].path == ("Archive",) else 2, archive.item_id(1))


def test_a_folder_name_that_no_database_takes_is_recorded_once(world: World) -> None:
    fill(world, 2, ("zero \0 half \udc00",))
    assert (world.run().result, world.catalog.folders()[0].folder.path) == ("ok", ("zero \ufffd half \ufffd",))
    entries = len(world.catalog.entries)
    world.run()
    assert len(world.catalog.entries) == entries


def test_a_listing_out_of_order_that_repeats_itself_archives_each_item_once(world: World) -> None:
    inbox = fill(world, 12)
    plain = world.connect

    class Jumbled:
        checkpoint, complete, count = b"", True, 0

        def __init__(self, listing) -> None:  # type: ignore[no-untyped-def]
            self._listing = listing

        def __iter__(self):  # type: ignore[no-untyped-def]
            changes = list(self._listing)
            yield from changes[5:] + changes[:8]
            self.checkpoint, self.count = self._listing.checkpoint, self._listing.count

    def connect():  # type: ignore[no-untyped-def]
        session = plain()
        changes = session.changes
        session.changes = lambda folder, since: Jumbled(changes(folder, since))
        return session

    world.connect = connect  # type: ignore[method-assign]
    result = world.run()
    assert (result.result, result.fetched, len(events_of(world, Put))) == ("ok", 12, 12)
    assert world.archived() == world.on_server()
    inbox.deliver(mail(50))
    assert (world.run().fetched, world.archived()) == (1, world.on_server())


def test_a_server_that_allows_one_session_only(world: World) -> None:
    fill(world, 7)
    plain, opened = world.connect, []

    def connect():  # type: ignore[no-untyped-def]
        if opened:
            raise RetryLater("throttled", "too many connections")
        opened.append(plain())
        return opened[0]

    world.connect = connect  # type: ignore[method-assign]
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_no_session_is_left_open(world: World) -> None:
    fill(world, 7)
    plain, opened = world.connect, []

    def connect():  # type: ignore[no-untyped-def]
        opened.append(plain())
        return opened[-1]

    world.connect = connect  # type: ignore[method-assign]
    world.run()
    world.server.faults.fail("fetch", RetryLater("throttled", "slow down"))
    world.mailbox.folder("INBOX").deliver(mail(30))
    world.run()
    assert len(opened) == 3
    assert all(session.closed for session in opened)


def test_many_left_out_items_are_recorded_in_bounded_entries(world: World) -> None:
    inbox = world.mailbox.add_folder(("INBOX",), role=Role.INBOX)
    for number in range(30):
        inbox.deliver(mail(number), sensitivity=Sensitivity.PRIVATE)
    result = world.run()
    assert (result.result, result.left_out, len(world.fetched)) == ("ok", 30, 0)
    assert max(len(entry.events) for entry, _, _ in world.catalog.entries) <= 5
    assert world.catalog.entries[-1][0].run.complete


@pytest.mark.parametrize("point", range(0, 12, 2))
def test_a_store_that_goes_offline_is_an_error_and_nothing_is_lost(world: World, point: int) -> None:
    fill(world, 10)
    left = point

    def offline(step: str) -> None:
        nonlocal left
        left -= step in ("upload", "write", "commit")
        if left < 0:
            raise RetryLater("store_offline", f"the disk is full at {step}", "make room")

    world.store._at = offline
    result = world.run()
    assert (result.result, result.code) == ("error", "store_offline")
    world.store._at = world.doom.at
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_the_heart_beats_through_a_long_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.sync.session.WAIT_SECONDS", 0.02)
    monkeypatch.setattr("mailkeep.sync.pulse.WAIT_SECONDS", 0.02)
    fill(world, 3)
    release = world.server.faults.hang("fetch")
    threading.Timer(0.3, release.set).start()
    assert world.run().result == "ok"
    assert len([beat for beat in world.catalog.beats if beat.phase == "fetching"]) >= 5


def test_the_heart_beats_through_every_stage_of_a_settlement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a million new ids each stage takes longer than a lease is patient."""
    world = World(tmp_path, stable_ids=False)
    inbox = fill(world, 5)
    world.run()
    inbox.reset()
    monkeypatch.setattr("mailkeep.sync.pulse.WAIT_SECONDS", 0.0)
    monkeypatch.setattr("mailkeep.sync.settle._BEAT_EVERY", 1)
    beaten: dict[str, list[int]] = {}
    for name, stage in (("suspects", settle.suspects), ("pair", settle.pair), ("compare", settle.compare)):

        def watched(*arguments: Any, name: str = name, stage: Any = stage, **named: Any) -> Iterator[Any]:
            for record in stage(*arguments, **named):
                beaten.setdefault(name, []).append(len(world.catalog.beats))
                yield record

        monkeypatch.setattr(settle, name, watched)
    assert world.run().moved == 5
    assert set(beaten) == {"suspects", "pair", "compare"}
    for beats in beaten.values():
        assert beats == sorted(set(beats))  # at least one between any two records


def test_a_widened_task_that_was_killed_still_picks_up_the_rest(world: World) -> None:
    inbox = fill(world, 0)
    for number in range(9):
        inbox.deliver(mail(number), sensitivity=Sensitivity.PRIVATE)
    world.run()
    world.change_task(sensitive=True)
    world.server.faults.fail("fetch", RetryLater("throttled", "slow down"), after=4)
    assert world.run().fetched == 4
    assert world.run().fetched == 5
    assert world.archived() == world.on_server()


def test_an_item_behind_the_checkpoint_is_found_where_the_counts_add_up_by_chance(world: World) -> None:
    """A checkpoint ahead of what is known hides one arrival and one removal: equal counts prove nothing."""
    inbox = fill(world, 5)
    world.run()
    inbox.expunge(3)
    hidden = inbox.deliver(mail(20))
    world.catalog._checkpoints = {inbox.id: _checkpoint(inbox)}
    inbox.set_flags(hidden, {"seen"})
    result = world.run()
    assert (result.result, result.fetched, world.archived()) == ("ok", 1, world.on_server())


def test_a_lost_lease_leaves_no_half_written_pack(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailkeep.sync.pulse.WAIT_SECONDS", 0.0)
    folder = tmp_path / "archive"
    world.repository = Repository.create(LocalStore(folder), MemoryIndex(), tmp_path / "key")  # type: ignore[assignment]
    world.limits = Limits(group_items=1)
    fill(world, 500)
    opened = []
    put = Batch.put_contents

    def put_and_lose(batch, contents, native):  # type: ignore[no-untyped-def]
        stored = put(batch, contents, native)
        opened.append(len(list((folder / ".tmp").iterdir())))
        world.catalog.lease_lost = True
        return stored

    monkeypatch.setattr(Batch, "put_contents", put_and_lose)
    assert world.run().code == "lease_lost"
    assert opened
    assert opened[0] > 0
    assert not list((folder / ".tmp").iterdir())
