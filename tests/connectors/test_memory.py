"""What the memory connector can be asked to do beside IMAP: native parts, versions, marks, sections, ids in no order."""

from __future__ import annotations

import hashlib

import pytest
from worlds import message

from mailkeep.connectors.base import Change, Endpoint, Fetched, Listed, Marked, NewItem, Seen
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.native import properties_part
from mailkeep.connectors.memory.provider import MemoryProvider
from mailkeep.connectors.memory.server import MemoryFolder, MemoryServer, reference
from mailkeep.mail.items import ItemRef, Kind, NativePart, Section

ANNA = "anna@firma.example"
ENDPOINT = Endpoint("memory", "localhost")
PARTS = (properties_part({"Subject": "Lunch", "Body": "at noon"}), NativePart("memory.attachment.0", b"menu"))


@pytest.fixture
def server() -> MemoryServer:
    server = MemoryServer(native=True, versions=True, marks=True, shuffled_ids=True)
    server.add_mailbox(ANNA).add_folder(("INBOX",))
    return server


@pytest.fixture
def inbox(server: MemoryServer) -> MemoryFolder:
    return server.mailboxes[ANNA].folder("INBOX")


@pytest.fixture
def session(server: MemoryServer) -> MemoryConnector:
    return MemoryProvider(server).open(ENDPOINT, ANNA)


def changes(session: MemoryConnector, inbox: MemoryFolder, since: bytes | None) -> tuple[list[Change], bytes]:
    listing = session.changes(inbox.as_folder(), since)
    return list(listing), listing.checkpoint


def fetched(session: MemoryConnector, inbox: MemoryFolder, uid: int) -> Fetched:
    item = inbox.items[uid]
    (got,) = session.fetch(inbox.as_folder(), [reference(inbox.server, inbox, item)])
    assert isinstance(got, Fetched)
    return got


def test_native_parts_come_with_the_bytes_and_go_back(session: MemoryConnector, inbox: MemoryFolder) -> None:
    uid = inbox.deliver(message("lunch"), parts=PARTS)
    got = fetched(session, inbox, uid)
    assert got.parts == PARTS
    assert got.size == len(message("lunch")) + sum(len(part.content) for part in PARTS)
    new = NewItem(Kind.EVENT, b"BEGIN:VCALENDAR", frozenset(), inbox.items[uid].received, got.parts, "IPM.Appointment")
    made = session.create(inbox.as_folder(), new)
    item = inbox.items[inbox.uid_of(made.id) or 0]
    assert (item.parts, item.message_class, item.kind) == (PARTS, "IPM.Appointment", Kind.EVENT)


def test_a_server_without_the_form_takes_the_content_alone(server: MemoryServer, inbox: MemoryFolder) -> None:
    server.native = False
    session = MemoryProvider(server).open(ENDPOINT, ANNA)
    assert session.capabilities.native_forms == frozenset()
    made = session.create(inbox.as_folder(), NewItem(Kind.MAIL, b"x", frozenset(), server.tick(), PARTS))
    assert inbox.items[inbox.uid_of(made.id) or 0].parts == ()


def test_a_version_says_that_the_item_changed_and_survives_a_move(
    server: MemoryServer, session: MemoryConnector, inbox: MemoryFolder
) -> None:
    uid = inbox.deliver(message("a"), parts=PARTS)
    first, since = changes(session, inbox, None)
    inbox.replace(uid, message("a"), PARTS[:1])
    (again,), _ = changes(session, inbox, since)
    assert isinstance(first[0], Listed)
    assert isinstance(again, Listed)
    assert (first[0].changed, again.changed) == (False, True)
    assert first[0].ref.version not in ("", again.ref.version)
    target = server.mailboxes[ANNA].add_folder(("Other",))
    moved = target.items[server.mailboxes[ANNA].move(inbox, uid, target)]
    assert moved.version == again.ref.version


def test_each_flag_that_changed_is_marked(session: MemoryConnector, inbox: MemoryFolder) -> None:
    uid = inbox.deliver(message("a"), flags={"seen", "work"})
    _, since = changes(session, inbox, None)
    inbox.set_flags(uid, {"work", "flagged"})
    item_id = inbox.item_id(uid)
    told, since = changes(session, inbox, since)
    assert told == [Marked(item_id, "flagged", True), Marked(item_id, "seen", False)]
    assert changes(session, inbox, since)[0] == []
    inbox.server.marks = False
    inbox.set_flags(uid, ())
    assert changes(session, inbox, since)[0] == [Seen(item_id, frozenset())]


def test_folders_of_the_sections_that_were_asked_for(server: MemoryServer) -> None:
    server.mailboxes[ANNA].add_folder(("Old",), section=Section.IN_PLACE_ARCHIVE)
    server.mailboxes[ANNA].add_folder(("Purges",), section=Section.RECOVERABLE_ITEMS)
    provider = MemoryProvider(server)
    asked = frozenset({Section.PRIMARY, Section.RECOVERABLE_ITEMS})
    assert [folder.path for folder in provider.open(ENDPOINT, ANNA).folders()] == [("INBOX",)]
    shown = provider.open(ENDPOINT, ANNA, asked).folders()
    assert [(folder.path, folder.section) for folder in shown] == [
        (("INBOX",), Section.PRIMARY),
        (("Purges",), Section.RECOVERABLE_ITEMS),
    ]


def test_an_item_of_another_version_is_not_removed(session: MemoryConnector, inbox: MemoryFolder) -> None:
    """Its bytes are those that were created; its properties somebody changed."""
    uid = inbox.deliver(message("a"), parts=PARTS)
    version, item_id = inbox.items[uid].version, inbox.item_id(uid)
    digest = hashlib.sha256(message("a")).hexdigest()
    inbox.replace(uid, message("a"), PARTS[:1])
    assert not session.remove_created(inbox.as_folder(), item_id, digest, version)
    assert session.remove_created(inbox.as_folder(), item_id, "another", inbox.items[uid].version)
    assert inbox.items == {}


def test_properties_and_description() -> None:
    provider = MemoryProvider(MemoryServer())
    assert provider.properties(PARTS) == {
        "Subject": "Lunch",
        "Body": "at noon",
        "attachment.0": f"4 bytes, {hashlib.sha256(b'menu').hexdigest()}",
    }
    described = provider.describe(PARTS)
    assert described is not None
    assert (described.rows, described.text) == ((("Subject", "Lunch"),), "at noon")
    other = (NativePart("ews.properties", b"<Message/>"),)
    assert (provider.properties(other), provider.describe(other)) == ({}, None)
    assert provider.properties((NativePart("memory.properties", b"\xff"),)) == {}


def test_ids_in_no_order_are_found_again(session: MemoryConnector, inbox: MemoryFolder) -> None:
    for number in range(12):
        inbox.deliver(message(f"n{number}"))
    listed, _ = changes(session, inbox, None)
    refs: list[ItemRef] = [each.ref for each in listed if isinstance(each, Listed)]
    assert sorted(refs, key=lambda ref: ref.id) != refs
    got = {each.ref.subject for each in session.fetch(inbox.as_folder(), refs) if isinstance(each, Fetched)}
    assert got == {f"n{number}" for number in range(12)}
