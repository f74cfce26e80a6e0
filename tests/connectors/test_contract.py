"""What every connector must keep, whatever its server can do: one suite for all (see `connectors.base`)."""

from __future__ import annotations

import email
import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds import RECEIVED, WORLDS, World, make_world, message

from mailkeep.connectors.base import Connector, Fetched, Gone, Listed, Marked, NewItem, Seen, Unfetched
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, ItemRef, Kind, Role, Sensitivity

INBOX = ("INBOX",)


@dataclass
class Copy:
    """What somebody who only heard a connector's listings knows of a folder."""

    checkpoint: bytes | None = None
    refs: dict[str, ItemRef] = field(default_factory=dict)
    flags: dict[str, frozenset[str]] = field(default_factory=dict)
    complete: bool = False
    heard: int = 0

    def follow(self, connector: Connector, folder: Folder) -> Copy:
        """Hear one listing and do what it says."""
        listing = connector.changes(folder, self.checkpoint)
        there = set()
        self.heard = 0
        for change in listing:
            self.heard += 1
            if isinstance(change, Listed):
                self.refs[change.ref.id] = change.ref
                self.flags[change.ref.id] = change.ref.flags
                there.add(change.ref.id)
            elif isinstance(change, Seen):
                assert change.id in self.refs
                if change.flags is not None:
                    self.flags[change.id] = change.flags
                there.add(change.id)
            elif isinstance(change, Marked):
                assert change.id in self.refs
                had = self.flags[change.id]
                self.flags[change.id] = had | {change.flag} if change.on else had - {change.flag}
                there.add(change.id)
            elif isinstance(change, Gone):
                self.refs.pop(change.id, None)
        if listing.complete:
            self.refs = {id_: ref for id_, ref in self.refs.items() if id_ in there}
        self.checkpoint, self.complete = listing.checkpoint, listing.complete
        assert listing.count == len(self.refs)
        return self

    def by_subject(self) -> dict[str, frozenset[str]]:
        return {ref.subject: self.flags[id_] for id_, ref in self.refs.items()}

    def ref(self, subject: str) -> ItemRef:
        return next(ref for ref in self.refs.values() if ref.subject == subject)


@pytest.fixture
def connector(world: World) -> Iterator[Connector]:
    with closing(world.connect()) as connector:
        yield connector


def find(connector: Connector, path: tuple[str, ...] = INBOX) -> Folder:
    return next(folder for folder in connector.folders() if folder.path == path)


def kept(world: World, *flags: str) -> frozenset[str]:
    """Those of the flags that the server can keep."""
    return frozenset(flags) if world.flags is None else frozenset(flags) & world.flags


def same(world: World, came: bytes, went: bytes) -> bool:
    """Byte for byte, or where the server makes its messages anew, in subject and body as far as both are ASCII."""
    if world.exact:
        return came == went
    ours, theirs = email.message_from_bytes(went), email.message_from_bytes(came)
    return (ours["Subject"], ascii_of(ours)) == (theirs["Subject"], ascii_of(theirs))


def ascii_of(message: Message) -> str:
    part = next(part for part in message.walk() if not part.is_multipart())
    body = part.get_payload(decode=True)
    assert isinstance(body, bytes)
    return re.sub(rb"[^\x21-\x7e]", b"", body).decode()


def contents(connector: Connector, folder: Folder, refs: list[ItemRef]) -> dict[str, bytes]:
    found = {}
    for result in connector.fetch(folder, iter(refs)):
        assert isinstance(result, Fetched)
        assert result.ref.id not in found
        found[result.ref.id] = bytes(result.content)
    return found


def test_declares_what_it_is(world: World, connector: Connector) -> None:
    assert Kind.MAIL in connector.capabilities.kinds
    assert connector.capabilities.incremental == world.incremental
    assert connector.capabilities.stable_ids == world.stable_ids


def test_folders_have_their_names_and_come_after_their_parents(world: World, connector: Connector) -> None:
    paths = [("Entwürfe", "Größe & Maß", "日本語"), ("Работа",), ("R&D -&AOQ-",)]
    for path in paths:
        world.add_folder(path)
    found = connector.folders()
    places = [folder.path for folder in found]
    assert set(paths) <= set(places)
    assert len({folder.id for folder in found}) == len(found)
    for folder in found:
        assert len(folder.path) == 1 or places.index(folder.path[:-1]) < places.index(folder.path)
    assert [folder.id for folder in connector.folders()] == [folder.id for folder in found]


def test_a_first_listing_tells_everything_but_the_body(world: World, connector: Connector) -> None:
    content = message("one", extra="Sensitivity: Private\r\n") if not world_is_memory(world) else message("one")
    world.deliver(INBOX, content, kept(world, "seen", "$Forwarded"))
    world.deliver(INBOX, message("two"), received=datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC))
    copy = Copy().follow(connector, find(connector))
    one, two = copy.ref("one"), copy.ref("two")
    assert copy.complete
    assert copy.by_subject() == {"one": kept(world, "seen", "$Forwarded"), "two": frozenset()}
    assert (one.received, one.time) == (RECEIVED, RECEIVED)
    assert one.size == len(content) if world.exact_size else one.size > 0
    assert two.received == datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC)
    assert (one.message_class, one.kind) == ("IPM.Note", Kind.MAIL)
    assert bool(one.version) != world.exact_size
    assert one.sensitivity is (Sensitivity.NORMAL if world_is_memory(world) else Sensitivity.PRIVATE)
    assert one.sender == "Anna <anna@firma.example>"
    assert (one.recipients, one.message_id) == ("bob@firma.example", "<one@firma.example>")
    assert one.id != two.id
    assert bool(one.stable_id) == world.stable_ids


def world_is_memory(world: World) -> bool:
    return type(world).__name__ == "MemoryWorld"


def test_fetch_gives_each_item_once_and_exactly(world: World, connector: Connector) -> None:
    given_ = {f"n{number}": message(f"n{number}", body="x" * number * 700 + "\xff") for number in range(60)}
    given_["big"] = message("big", body="y" * 3_000_000)
    for content in given_.values():
        world.deliver(INBOX, content)
    folder = find(connector)
    copy = Copy().follow(connector, folder)
    got = contents(connector, folder, [copy.ref(subject) for subject in reversed(given_)])
    assert {copy.refs[id_].subject for id_ in got} == set(given_)
    for id_, content in got.items():
        assert same(world, content, given_[copy.refs[id_].subject])
    assert connector.usage.bytes_received >= sum(map(len, given_.values()))


def test_an_empty_folder_and_no_refs(world: World, connector: Connector) -> None:
    folder = find(connector)
    copy = Copy().follow(connector, folder)
    assert copy.refs == {}
    assert list(connector.fetch(folder, [])) == []
    assert list(connector.identify(folder, [])) == []
    assert connector.count(folder) == 0


def test_what_changed_since_a_checkpoint(world: World, connector: Connector) -> None:
    world.add_folder(("Other",))
    for number in range(40):
        world.deliver(INBOX, message(f"n{number}"))
    folder = find(connector)
    copy = Copy().follow(connector, folder)
    world.flag(INBOX, "n3", kept(world, "seen", "flagged", "work"))
    world.expunge(INBOX, "n4")
    world.move(INBOX, "n5", ("Other",))
    world.deliver(INBOX, message("new"), {"draft"})
    copy.follow(connector, folder)
    expected = {f"n{number}": frozenset[str]() for number in range(40) if number not in (4, 5)}
    expected |= {"n3": kept(world, "seen", "flagged", "work"), "new": frozenset({"draft"})}
    assert copy.by_subject() == expected
    world.flag(INBOX, "n3", ())
    copy.follow(connector, folder)
    assert copy.by_subject()["n3"] == frozenset()
    assert copy.heard < 5 or not world.incremental


def test_nothing_changed_is_proved_without_a_listing(world: World, connector: Connector) -> None:
    world.add_folder(("Other",))
    for path in (INBOX, ("Other",)):
        world.deliver(path, message("one"))
    folder, other = find(connector), find(connector, ("Other",))
    copies = {each.id: Copy().follow(connector, each) for each in (folder, other)}
    checkpoints = {id_: copy.checkpoint or b"" for id_, copy in copies.items()}
    before = connector.usage.requests
    proved = connector.unchanged(checkpoints)
    assert proved == ({folder.id: 1, other.id: 1} if world.proves else {}) or world.proves is None
    assert proved.items() <= {folder.id: 1, other.id: 1}.items()
    assert connector.usage.requests - before <= 2
    world.flag(("Other",), "one", {"seen"})
    assert connector.unchanged(checkpoints) == {id_: 1 for id_ in proved if id_ != other.id}
    world.deliver(INBOX, message("two"))
    assert connector.unchanged(checkpoints) == {}
    assert connector.count(folder) == 2


def test_mail_that_arrives_during_a_listing_is_in_the_next(world: World, connector: Connector) -> None:
    """Or in this one, where the server's pages go on to the end: once in all."""
    for number in range(world.many):
        world.deliver(INBOX, message(f"n{number}"))
    folder = find(connector)
    listing = connector.changes(folder, None)
    seen: list[str] = []
    for change in listing:
        assert isinstance(change, Listed)
        if len(seen) in (0, world.many // 2):
            world.deliver(INBOX, message(f"late{len(seen)}"))
        seen.append(change.ref.subject)
    again = connector.changes(folder, listing.checkpoint)
    later = [change.ref.subject for change in again if isinstance(change, Listed)]
    late = ["late0", f"late{world.many // 2}"]
    assert sorted(seen + later) == sorted([f"n{number}" for number in range(world.many)] + late)
    assert listing.count in (len(seen), len(seen) + len(later))
    assert again.count == len(seen) + len(later)


def test_a_listing_and_a_fetch_share_the_session(world: World, connector: Connector) -> None:
    """Items are fetched, also from another folder, while a listing is under way."""
    world.add_folder(("Other",))
    world.deliver(("Other",), message("far away"))
    count = world.many - 100
    for number in range(count):
        world.deliver(INBOX, message(f"n{number}"))
    folder, other = find(connector), find(connector, ("Other",))
    far = Copy().follow(connector, other).ref("far away")
    subjects = []
    for change in connector.changes(folder, None):
        assert isinstance(change, Listed)
        subjects.append(change.ref.subject)
        if len(subjects) % 300 == 1:
            assert same(world, contents(connector, folder, [change.ref])[change.ref.id], message(change.ref.subject))
            assert same(world, contents(connector, other, [far])[far.id], message("far away"))
    assert sorted(subjects) == sorted(f"n{number}" for number in range(count))


def test_a_stable_id_survives_a_move(world: World, connector: Connector) -> None:
    world.add_folder(("Other",))
    world.deliver(INBOX, message("one"))
    before = Copy().follow(connector, find(connector)).ref("one")
    world.move(INBOX, "one", ("Other",))
    after = Copy().follow(connector, find(connector, ("Other",))).ref("one")
    if world.stable_ids:
        assert after.stable_id == before.stable_id != ""
    assert after.received == before.received
    assert after.size == before.size or not world.exact_size
    assert after.version == before.version or world.proves is None  # a server nobody knows may stamp what it moves


def test_new_ids_make_the_listing_complete(world: World, connector: Connector) -> None:
    if not world.renumbers:
        pytest.skip("this server never does that")
    for number in range(5):
        world.deliver(INBOX, message(f"n{number}"))
    folder = find(connector)
    copy = Copy().follow(connector, folder)
    old = dict(copy.refs)
    world.renumber(INBOX)
    copy.follow(connector, folder)
    assert copy.complete
    assert not set(copy.refs) & set(old)
    assert set(copy.by_subject()) == {f"n{number}" for number in range(5)}
    results = list(connector.fetch(folder, iter(old.values())))
    assert {(result.ref.id, result.code) for result in results if isinstance(result, Unfetched)} == {
        (id_, "vanished") for id_ in old
    }


def test_a_checkpoint_of_somebody_else_is_no_error(world: World, connector: Connector) -> None:
    world.deliver(INBOX, message("one"))
    folder = find(connector)
    checkpoint = Copy().follow(connector, folder).checkpoint
    if world.renumbers:
        world.renumber(INBOX)
    else:
        checkpoint = b"of another kind of server"
    copy = Copy(checkpoint).follow(connector, folder)
    assert copy.complete
    assert set(copy.by_subject()) == {"one"}


def test_a_vanished_item_stops_no_other(world: World, connector: Connector) -> None:
    for number in range(30):
        world.deliver(INBOX, message(f"n{number}"))
    folder = find(connector)
    copy = Copy().follow(connector, folder)
    world.expunge(INBOX, "n7")
    results = list(connector.fetch(folder, iter(copy.refs.values())))
    assert len(results) == 30
    left = [(result.ref.subject, result.code) for result in results if isinstance(result, Unfetched)]
    assert left == [("n7", "vanished")]


def test_identify_gives_the_complete_header(world: World, connector: Connector) -> None:
    world.deliver(INBOX, message("one", extra="X-Long: a\r\n b\r\n"))
    folder = find(connector)
    ref = Copy().follow(connector, folder).ref("one")
    head, blank, _ = message("one", extra="X-Long: a\r\n b\r\n").partition(b"\r\n\r\n")
    found = list(connector.identify(folder, iter([ref])))
    if world.exact_size:
        assert found == [(ref, head + blank)]
    else:  # ids that survive are proof enough
        assert [one for one, _ in found] == ([] if ref.stable_id else [ref])


def test_create_and_read_back(world: World, connector: Connector) -> None:
    path = ("Wiederhergestellt", "Größe & 日本")
    folder = connector.create_folder(path, Kind.MAIL)
    assert folder.path == path
    assert connector.create_folder(path, Kind.MAIL).id == folder.id
    item = NewItem(Kind.MAIL, message("back", body="z" * 200_000), kept(world, "seen", "$Label1"), RECEIVED)
    created = connector.create(folder, item)
    assert created.cannot == ()
    copy = Copy().follow(connector, folder)
    ref = copy.ref("back")
    assert created.id == ref.id
    assert (ref.flags, ref.received) == (item.flags, RECEIVED)
    assert same(world, contents(connector, folder, [ref])[ref.id], item.content)


def test_undo_removes_only_what_nobody_changed(world: World, connector: Connector) -> None:
    folder = connector.create_folder(("Back",), Kind.MAIL)
    item = NewItem(Kind.MAIL, message("back"), frozenset(), RECEIVED)
    created = connector.create(folder, item)
    ref = Copy().follow(connector, folder).ref("back")
    content = contents(connector, folder, [ref])[ref.id]
    version = "something else" if ref.version else ""
    assert not connector.remove_created(folder, created.id, hashlib.sha256(b"something else").hexdigest(), version)
    assert connector.count(folder) == 1
    right = hashlib.sha256(content).hexdigest()
    assert connector.remove_created(folder, created.id, right, ref.version)
    assert not connector.remove_created(folder, created.id, right, ref.version)
    assert connector.count(folder) == 0


def test_a_folder_that_is_gone(world: World, connector: Connector) -> None:
    nowhere = Folder("no such id", ("Nowhere",))
    with pytest.raises(GiveUp) as raised:
        list(connector.changes(nowhere, None))
    assert raised.value.code == "folder_not_found"


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["deliver", "expunge", "flag", "move", "renumber", "follow", "reconnect"]),
        st.integers(0, 1000),
        st.frozensets(st.sampled_from(["seen", "flagged", "work"])),
    ),
    max_size=25,
)


@given(operations=OPERATIONS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_follows_the_listings_knows_the_mailbox(
    request: pytest.FixtureRequest, world_name: str, operations: list[tuple[str, int, frozenset[str]]]
) -> None:
    """Any order of changes and listings: afterwards a copy made from listings alone equals the server."""
    world = make_world(world_name, request)  # a fixture would be one world for all examples
    world.add_folder(("Other",))
    mail: dict[tuple[str, ...], dict[str, frozenset[str]]] = {INBOX: {}, ("Other",): {}}
    copies: dict[tuple[str, ...], Copy] = {path: Copy() for path in mail}
    connector = world.connect()
    try:
        for number, (operation, pick, wanted) in enumerate([*operations, ("follow", 0, frozenset())]):
            path = INBOX if pick % 2 else ("Other",)
            subjects = sorted(mail[path])
            flags = kept(world, *wanted)
            if operation == "deliver":
                mail[path][f"n{number}"] = flags
                world.deliver(path, message(f"n{number}"), flags)
            elif operation == "renumber":
                if world.renumbers:
                    world.renumber(path)
            elif operation == "reconnect":
                connector.close()
                connector = world.connect()
            elif operation == "follow":
                for each, copy in copies.items():
                    copy.follow(connector, find(connector, each))
                    assert copy.by_subject() == mail[each]
            elif subjects:
                change_one(world, mail, path, subjects[pick % len(subjects)], operation, flags)
    finally:
        connector.close()


def change_one(
    world: World,
    mail: dict[tuple[str, ...], dict[str, frozenset[str]]],
    path: tuple[str, ...],
    subject: str,
    operation: str,
    flags: frozenset[str],
) -> None:
    had = mail[path].pop(subject)
    if operation == "expunge":
        world.expunge(path, subject)
    elif operation == "flag":
        world.flag(path, subject, flags)
        mail[path][subject] = flags
    else:
        target = INBOX if path != INBOX else ("Other",)
        world.move(path, subject, target)
        mail[target][subject] = had


@pytest.fixture(params=WORLDS)
def world_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_roles_are_known(imap: World) -> None:
    with closing(imap.connect()) as connector:
        roles = {folder.path: folder.role for folder in connector.folders()}
    assert roles[INBOX] is Role.INBOX
    assert roles["Sent",] is Role.SENT
    assert roles["Trash",] is Role.TRASH
