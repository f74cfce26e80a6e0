"""SPEC E6: planned, met, idempotent, taken up again, undone; nothing of the target is ever touched."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.connectors.base import Capabilities, Connector, Created, NewItem
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.server import MemoryMailbox, MemoryServer
from mailkeep.errors import GiveUp, RetryNow
from mailkeep.mail.items import Folder, Kind, Role, Section
from mailkeep.mail.parse import Parsed, parse
from mailkeep.recover.plan import Counts
from mailkeep.recover.ports import Line
from mailkeep.recover.reading import Ways
from mailkeep.recover.run import Restored, run_restore
from mailkeep.recover.survey import plan_restore
from mailkeep.recover.undo import undo_restore
from tests.recover.memory import RECEIVED, MemoryJournal, MemorySource

PRIMARY = frozenset({Section.PRIMARY})


@dataclass
class World:
    """A source, a target server with one mailbox, a journal."""

    source: MemorySource = field(default_factory=MemorySource)
    server: MemoryServer = field(default_factory=MemoryServer)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    mailbox: MemoryMailbox = field(init=False)

    def __post_init__(self) -> None:
        self.mailbox = self.server.add_mailbox("bob@x")
        self.mailbox.add_folder(("INBOX",), role=Role.INBOX)

    def connect(self) -> MemoryConnector:
        return MemoryConnector(self.server, self.mailbox, PRIMARY)

    def plan(self, into: tuple[str, ...] = ()) -> Counts:
        return plan_restore(self.source, self.connect(), into)

    def run(self, into: tuple[str, ...] = (), journal: MemoryJournal | None = None) -> Restored:
        return run_restore(self.source, self.connect, journal or self.journal, into)

    def undo(self, into: tuple[str, ...] = ()) -> tuple[int, int]:
        undone = undo_restore(self.source, self.connect(), self.journal, into)
        return undone.removed, undone.kept

    def contents(self) -> Counter[tuple[tuple[str, ...], bytes]]:
        return Counter((folder.path, one.content) for folder in self.mailbox.folders for one in folder.present())


def test_e6_items_come_back_with_bytes_flags_and_date() -> None:
    world = World()
    world.source.put(b"Subject: a\r\n\r\na", flags=frozenset({"seen", "$work"}), received=RECEIVED - timedelta(days=9))
    world.source.put(b"Subject: b\n\nno CRLF, \x00 and no end", ("Sent", "2024"))
    counts = world.plan()
    assert (counts.create, counts.skip, counts.cannot) == (2, 0, [])
    restored = world.run()
    assert (restored.create, restored.restored, restored.skip, restored.differences) == (2, 2, 0, [])
    (back,) = world.mailbox.folder("INBOX").present()
    assert (back.content, back.flags, back.received) == (
        b"Subject: a\r\n\r\na",
        frozenset({"seen", "$work"}),
        RECEIVED - timedelta(days=9),
    )
    assert {line.state for line in world.journal.lines()} == {"verified"}


def test_e6_a_dry_run_writes_nothing() -> None:
    world = World()
    world.source.put(b"a", ("New",))
    world.plan()
    assert [folder.path for folder in world.mailbox.folders] == [("INBOX",)]


def test_e6_what_is_there_is_skipped_and_what_only_looks_alike_is_not() -> None:
    world = World()
    inbox = world.mailbox.folder("INBOX")
    inbox.deliver(b"same", received=RECEIVED)
    inbox.deliver(b"diff", received=RECEIVED)  # same size and second, other bytes
    world.source.put(b"same")
    world.source.put(b"else")
    restored = world.run()
    assert (restored.create, restored.skip) == (1, 1)
    assert world.contents() == Counter({(("INBOX",), b"same"): 1, (("INBOX",), b"diff"): 1, (("INBOX",), b"else"): 1})


def test_e6_an_item_that_the_folder_holds_twice_is_restored_twice() -> None:
    world = World()
    world.mailbox.folder("INBOX").deliver(b"twin", received=RECEIVED)
    world.source.put(b"twin")
    world.source.put(b"twin")
    assert world.plan().create == 1
    world.run()
    assert world.contents()[("INBOX",), b"twin"] == 2


def test_e6_into_a_folder_named_for_the_moment() -> None:
    world = World()
    world.source.put(b"a", ("Sent", "2024"))
    world.run(into=("Restored 2026-11-23",))
    assert world.contents() == Counter({(("Restored 2026-11-23", "Sent", "2024"), b"a"): 1})


def test_e6_original_places_go_by_purpose_where_names_differ() -> None:
    world = World()
    world.mailbox.add_folder(("Gesendet",), role=Role.SENT)
    world.source.more_folders = [Folder("s", ("Sent Items",), role=Role.SENT)]
    world.source.put(b"a", ("Sent Items",))
    world.run()
    assert world.contents() == Counter({(("Gesendet",), b"a"): 1})


def test_e6_two_folders_that_meet_in_one_place_lose_nothing() -> None:
    world = World()
    world.mailbox.add_folder(("Gesendet",), role=Role.SENT)
    world.source.more_folders = [Folder("1", ("Sent",), role=Role.SENT), Folder("2", ("Sent Items",), role=Role.SENT)]
    world.source.put(b"a", ("Sent",))
    world.source.put(b"a", ("Sent Items",))
    assert world.plan().create == 2
    assert world.run().restored == 2
    assert world.contents() == Counter({(("Gesendet",), b"a"): 2})
    assert world.run(journal=MemoryJournal()).skip == 2


def test_e6_what_cannot_be_restored_says_why_and_the_others_go_on() -> None:
    world = World()
    world.source.put(b"", left_out="sensitive", sha256=b"")
    world.source.put(b"damaged")
    world.source.put(b"fine")
    world.source.damaged = {2}
    assert [(no.item, "sensitive" in no.why) for no in world.plan().cannot] == [(1, True)]
    restored = world.run()
    assert [no.item for no in restored.cannot] == [1, 2]
    assert (restored.create, restored.restored) == (1, 1)


def test_e6_a_kind_the_server_does_not_keep() -> None:
    world = World()
    world.source.put(b"BEGIN:VCARD", kind=Kind.CONTACT)
    connector = world.connect()
    connector.capabilities = Capabilities(frozenset({Kind.MAIL}))
    assert "contact" in plan_restore(world.source, connector).cannot[0].why


def test_e6_undo_removes_exactly_what_was_added_and_unchanged() -> None:
    world = World()
    inbox = world.mailbox.folder("INBOX")
    inbox.deliver(b"was there", received=RECEIVED)
    for content in (b"was there", b"kept", b"changed", b"moved"):
        world.source.put(content)
    world.run()
    ids = {one.content: one.uid for one in inbox.present()}
    inbox.replace(ids[b"changed"], b"changed by bob")
    inbox.deliver(b"kept", received=RECEIVED)  # bob's own copy
    world.mailbox.move(inbox, ids[b"moved"], world.mailbox.add_folder(("Elsewhere",)))
    assert world.undo() == (1, 2)
    assert world.contents() == Counter(
        {
            (("INBOX",), b"was there"): 1,
            (("INBOX",), b"changed by bob"): 1,
            (("INBOX",), b"kept"): 1,
            (("Elsewhere",), b"moved"): 1,
        }
    )
    assert world.undo() == (0, 0)


def test_e6_what_was_undone_can_be_restored_again_on_the_same_journal() -> None:
    world = World()
    for content in (b"one", b"two", b"three"):
        world.source.put(content)
    world.run()
    assert world.undo() == (3, 0)
    world.mailbox.folder("INBOX").deliver(b"two", received=RECEIVED)  # bob's own copy
    again = world.run()
    assert (again.create, again.restored, again.skip) == (2, 2, 1)
    assert {one.state for one in world.journal.held.values()} == {"verified", "undone"}
    assert world.undo() == (2, 0)
    assert world.contents() == Counter({(("INBOX",), b"two"): 1}), "bob's own is not undone"


def test_e6_an_item_restored_again_is_journalled_before_it_is_created() -> None:
    world = World()
    world.source.put(b"one")
    world.run()
    world.undo()
    states = []

    class Watching(MemoryConnector):
        def create(self, folder: Folder, new: NewItem) -> Created:
            states.append(world.journal.held[1].state)
            return super().create(folder, new)

    run_restore(world.source, lambda: Watching(world.server, world.mailbox, PRIMARY), world.journal)
    assert states == ["intended"], "killed after creating, it would be a stranger's"


def test_e6_undoing_reads_mail_where_it_is_told_to() -> None:
    """What a killed attempt created is looked for first; on a server that regenerates, that means reading both."""
    world = World(server=MemoryServer(regenerates_content=True))
    item = world.source.put(b"Subject: s\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n", message_id="<1@x>")
    world.run()
    killed, read = MemoryJournal(), list[bytes]()
    killed.intend([Line(item.number, ("INBOX",), item.sha256)])

    def reading(content: bytes) -> Parsed:
        read.append(content)
        return parse(content)

    undo_restore(world.source, world.connect(), killed, ways=Ways(read=reading))
    assert world.source.contents[item.number] in read
    assert killed.held[item.number].state != "intended"


def test_e6_a_changed_flag_or_date_is_reported() -> None:
    world = World()

    class Careless(MemoryConnector):
        def create(self, folder: Folder, new: NewItem) -> Created:
            return super().create(folder, replace(new, flags=frozenset(), received=RECEIVED + timedelta(hours=1)))

    world.source.put(b"a", flags=frozenset({"seen"}))
    restored = run_restore(world.source, lambda: Careless(world.server, world.mailbox, PRIMARY), world.journal)
    assert [(number, one.property, one.was) for number, one in restored.differences] == [
        (1, "flags", "seen"),
        (1, "received", RECEIVED.isoformat()),
    ]
    assert restored.restored == 0


def test_e6_an_altered_content_is_reported_and_still_undone() -> None:
    world = World()

    class Altering(MemoryConnector):
        def create(self, folder: Folder, new: NewItem) -> Created:
            return super().create(folder, replace(new, content=new.content + b"!"))

    world.source.put(b"a")
    restored = run_restore(world.source, lambda: Altering(world.server, world.mailbox, PRIMARY), world.journal)
    assert [one.property for _, one in restored.differences] == ["bytes"]
    assert world.undo() == (1, 0)


def test_e6_a_server_that_regenerates_content_is_compared_by_what_it_says() -> None:
    world = World(server=MemoryServer(regenerates_content=True))
    mail = b"Subject: s\r\nFrom: a@x\r\nMessage-ID: <1@x>\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    world.source.put(mail, message_id="<1@x>")
    restored = world.run()
    assert (restored.restored, restored.differences) == (1, [])
    again = world.run(journal=MemoryJournal())
    assert (again.create, again.skip) == (0, 1), "found by its Message-ID, proven by its decoded parts"
    assert world.undo() == (1, 0)


def test_e6_a_server_that_does_not_say_the_new_id() -> None:
    world = World()

    class Silent(MemoryConnector):
        def create(self, folder: Folder, new: NewItem) -> Created:
            super().create(folder, new)
            return Created("")

    world.mailbox.folder("INBOX").deliver(b"twin", received=RECEIVED)
    for content in (b"a", b"b", b"twin", b"twin"):
        world.source.put(content)
    restored = run_restore(world.source, lambda: Silent(world.server, world.mailbox, PRIMARY), world.journal)
    assert (restored.create, restored.restored, restored.skip) == (3, 3, 1)
    assert world.undo() == (3, 0)
    assert world.contents() == Counter({(("INBOX",), b"twin"): 1})


def test_e6_a_connection_that_keeps_dropping_is_given_up_with_its_place_kept() -> None:
    world = World()
    for number in range(5):
        world.source.put(b"%d" % number)
    world.server.faults.fail("create", RetryNow("connection_lost", "dropped"), after=2, times=100)
    with pytest.raises(RetryNow):
        world.run()
    world.server.faults.clear()
    restored = world.run()
    assert (restored.create, restored.restored) == (5, 5)
    assert all(count == 1 for count in world.contents().values())


class Killed(BaseException):
    """SIGKILL, as far as Python can say it."""


class Fragile:
    """A connector or journal that dies before or after its nth call, the call done or not."""

    def __init__(self, inner: object, fuse: list[int], before: bool) -> None:
        self._inner, self._fuse, self._before = inner, fuse, before

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._inner, name)
        if name not in ("create", "create_folder", "intend", "update", "fetch", "remove_created"):
            return attribute

        def fragile(*args: object) -> object:
            self._fuse[0] -= 1
            if self._fuse[0] == 0 and self._before:
                raise Killed
            answer = attribute(*args)
            if self._fuse[0] == 0:
                raise Killed
            return answer

        return fragile


CONTENTS = st.lists(st.sampled_from([b"a", b"b", b"cc", b"dd", b"dd"]), max_size=5)
PLACES = st.sampled_from([("INBOX",), ("Sent",), ("Sent", "2024")])
STOCK = st.lists(st.tuples(PLACES, st.sampled_from([b"a", b"b", b"cc", b"dd"])), max_size=7)


def filled(source: list[tuple[tuple[str, ...], bytes]], target: list[tuple[tuple[str, ...], bytes]]) -> World:
    world = World()
    for path in {path for path, _ in target} - {("INBOX",)}:
        world.connect().create_folder(path, Kind.MAIL)
    for path, content in target:
        world.mailbox.folder(*path).deliver(content, received=RECEIVED)
    for path, content in source:
        world.source.put(content, path)
    return world


@given(STOCK, STOCK)
@settings(max_examples=1000, deadline=None)
def test_reliability_the_run_does_what_the_plan_said_and_can_be_undone(
    source: list[tuple[tuple[str, ...], bytes]], target: list[tuple[tuple[str, ...], bytes]]
) -> None:
    world = filled(source, target)
    before, wanted = world.contents(), Counter(source)
    counts = world.plan()
    assert world.contents() == before
    restored = world.run()
    assert (counts.create, counts.skip, len(counts.cannot)) == (restored.create, restored.skip, len(restored.cannot))
    assert restored.differences == []
    assert world.contents() == before | wanted, "of each content as many as either had"
    again = world.run(journal=MemoryJournal())
    assert (again.create, again.skip) == (0, len(source))
    assert world.undo() == (counts.create, 0)
    assert world.contents() == before


@given(STOCK, STOCK, st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=4), st.booleans())
@settings(max_examples=500, deadline=None)
def test_reliability_killed_anywhere_a_restore_goes_on_without_doubling(
    source: list[tuple[tuple[str, ...], bytes]],
    target: list[tuple[tuple[str, ...], bytes]],
    kills: list[tuple[int, bool]],
    finish: bool,
) -> None:
    world = filled(source, target)
    before = world.contents()
    for nth, early in kills:
        fuse = [nth]
        journal = Fragile(world.journal, fuse, early)
        try:
            run_restore(world.source, lambda: _as_connector(Fragile(world.connect(), fuse, early)), journal)  # type: ignore[arg-type]  # noqa: B023
        except Killed:
            continue
    if finish:
        restored = world.run()
        assert restored.differences == []
        assert world.contents() == before | Counter(source)
    world.undo()
    assert world.contents() == before, "undo removes what was created, whether or not its id was ever journalled"


def _as_connector(fragile: Fragile) -> Connector:
    return fragile  # type: ignore[return-value]


def test_reliability_the_journal_knows_what_it_needs() -> None:
    world = World()
    world.source.put(b"a")
    world.run()
    (line,) = world.journal.lines()
    assert line.sha256 == hashlib.sha256(b"a").digest()
    assert line.created_id
    assert line.folder == ("INBOX",)


def test_e6_a_refusal_that_concerns_all_ends_the_run() -> None:
    world = World()
    world.source.put(b"a")
    world.server.faults.fail("create", GiveUp("access_denied", "no"))
    with pytest.raises(GiveUp, match="no"):
        world.run()
