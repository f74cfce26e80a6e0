"""Folders and listings of EWS: sections, roles, marks, and states that a server lost or takes for a fresh start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from ews_world import EwsWorld, Mailbox, Simulated, named_places
from worlds import closed_after, message

from mailkeep.connectors.base import Gone, Listed, Marked
from mailkeep.connectors.ews import checkpoint as checkpoints
from mailkeep.connectors.ews.checkpoint import Checkpoint, Marks
from mailkeep.connectors.ews.hierarchy import kind_of
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire import requests
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.names import M
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, Kind, Role, Section
from mailkeep.simulator.ews.faults import Fault

INBOX = ("INBOX",)


@pytest.fixture(params=["exchange", "exchange-plain"])
def exchange(request: pytest.FixtureRequest, exchanges: dict[str, Simulated]) -> Simulated:
    found: Simulated = exchanges[request.param]
    return found


@pytest.fixture
def world(exchange: Simulated, request: pytest.FixtureRequest) -> EwsWorld:
    mailbox = Mailbox(exchange.endpoint(), exchange.new_mailbox(archive=True))
    return closed_after(EwsWorld(mailbox, exact=exchange.exact, stable_ids=True, many=100), request)


@contextmanager
def struck(
    exchange: Simulated, world: EwsWorld, kind: str, times: int | None = None, operation: str = "", after: int = 0
) -> Iterator[None]:
    faults = exchange.server.server.faults
    number = faults.add(Fault(kind, mailbox=world.place.address, operation=operation, after=after, times=times))
    try:
        yield
    finally:
        faults.remove(number)


def inbox(connector: object) -> Folder:
    return next(folder for folder in connector.folders() if folder.path == INBOX)  # type: ignore[attr-defined]


def fill(world: EwsWorld, *numbers: int) -> None:
    for number in numbers:
        world.deliver(INBOX, message(f"n{number}"))


# --- folders ----------------------------------------------------------------------------------------------------------


def test_sections_are_shown_when_they_are_asked_for(exchange: Simulated) -> None:
    address = exchange.new_mailbox(archive=True)
    provider = EwsWorld(Mailbox(exchange.endpoint(), address), exact=True, stable_ids=True, many=1).provider
    for sections in (frozenset({Section.PRIMARY}), frozenset(Section)):
        folders = provider.open(exchange.endpoint(), address, sections).folders()
        assert {folder.section for folder in folders} == sections
    by_section = {section: [folder.path for folder in folders if folder.section is section] for section in Section}
    assert ("Deletions",) in by_section[Section.RECOVERABLE_ITEMS]
    assert len({folder.id for folder in folders}) == len(folders)


def test_a_mailbox_without_an_archive_is_no_error(exchange: Simulated) -> None:
    address = exchange.new_mailbox()
    world = EwsWorld(Mailbox(exchange.endpoint(), address), exact=True, stable_ids=True, many=1)
    folders = world.provider.open(exchange.endpoint(), address, frozenset(Section)).folders()
    assert Section.IN_PLACE_ARCHIVE not in {folder.section for folder in folders}
    assert folders


@pytest.mark.parametrize("kind", ["export_refused", "access_denied"])
def test_a_section_that_is_refused_is_closed_and_not_empty(exchange: Simulated, world: EwsWorld, kind: str) -> None:
    connector = world.provider.open(world.place.endpoint, world.place.address, frozenset(Section))
    before = {folder.section for folder in connector.folders()}
    assert (before, connector.closed_sections) == (set(Section), {})
    with struck(exchange, world, kind, 1, "FindFolder", after=1):
        sections = {folder.section for folder in connector.folders()}
    assert sections == set(Section) - {Section.IN_PLACE_ARCHIVE}
    assert set(connector.closed_sections) == {Section.IN_PLACE_ARCHIVE}
    assert {folder.section for folder in connector.folders()} == set(Section)
    assert connector.closed_sections == {}


def test_folders_go_on_where_the_server_does_not_say_where(world: EwsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = world.connect().inner
    there = connector.folders()
    first = requests.find_folder

    def few(roots, shape, *, offset):  # type: ignore[no-untyped-def]
        return first(roots, shape, offset=offset, count=2)

    one = Session.one

    def silent(session: Session, request: Request, what: str) -> ResponseMessage:
        message = one(session, request, what)
        for root in message.element.iter(f"{M}RootFolder"):
            root.attrib.pop("IndexedPagingOffset", None)
        return message

    monkeypatch.setattr(requests, "find_folder", few)
    monkeypatch.setattr(Session, "one", silent)
    assert {folder.id for folder in connector.folders()} == {folder.id for folder in there}


def test_roles_and_kinds_in_another_language(exchange: Simulated) -> None:
    """By what a folder is for, never by its name."""
    address = "jörg@firma.example".encode("ascii", "ignore").decode() + str(next(exchange.numbers))
    exchange.server.organisation.add_mailbox(address, "Jörg", language="de")
    world = EwsWorld(Mailbox(exchange.endpoint(), address), exact=True, stable_ids=True, many=1)
    folders = world.provider.open(exchange.endpoint(), address).folders()
    by_role = {folder.role: folder for folder in folders if folder.role is not None}
    assert by_role[Role.INBOX].path == ("Posteingang",)
    kinds = {role: by_role[role].kind for role in (Role.CALENDAR, Role.CONTACTS, Role.TASKS, Role.NOTES, Role.SENT)}
    assert list(kinds.values()) == [Kind.EVENT, Kind.CONTACT, Kind.TASK, Kind.NOTE, Kind.MAIL]


@pytest.mark.parametrize(
    ("folder_class", "kind"),
    [
        ("IPF.Note", Kind.MAIL),
        ("", Kind.MAIL),
        ("IPF.Appointment.Birthday", Kind.EVENT),
        ("ipf.contact", Kind.CONTACT),
        ("IPF.Task", Kind.TASK),
        ("IPF.StickyNote", Kind.NOTE),
        ("IPF.Journal", Kind.MAIL),
        ("IPF", Kind.MAIL),
    ],
)
def test_a_folder_class_is_a_kind(folder_class: str, kind: Kind) -> None:
    assert kind_of(folder_class) is kind


def test_the_hierarchy_and_the_proof_are_one_request(world: EwsWorld) -> None:
    fill(world, 1)
    connector = world.connect()
    folder = inbox(connector)
    listing = connector.changes(folder, None)
    list(listing)
    before = connector.usage.requests
    connector.folders()
    assert connector.unchanged({folder.id: listing.checkpoint}) == {folder.id: 1}
    assert connector.usage.requests - before == 1


def test_a_changed_folder_costs_two_requests(world: EwsWorld) -> None:
    fill(world, 1)
    connector = world.connect()
    folder = inbox(connector)
    first = connector.changes(folder, None)
    list(first)
    fill(world, 2)
    connector.folders()
    before = connector.usage.requests
    second = connector.changes(folder, first.checkpoint)
    assert [change.ref.subject for change in second if isinstance(change, Listed)] == ["n2"]
    assert connector.usage.requests - before == 2


# --- a folder that will not be listed ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["item_corrupt", "item_too_large", "internal_fault"])
def test_an_error_over_what_is_in_a_folder_is_that_folder_s_matter(
    exchange: Simulated, world: EwsWorld, kind: str
) -> None:
    fill(world, 1)
    connector = world.connect()
    folder = inbox(connector)
    with struck(exchange, world, kind, 2, "SyncFolderItems"), pytest.raises(GiveUp, match="INBOX") as caught:
        list(connector.changes(folder, None))
    assert caught.value.code == "refused_by_server"


def test_an_internal_error_that_passes_is_waited_out(exchange: Simulated, world: EwsWorld) -> None:
    fill(world, 1)
    connector = world.connect()
    folder = inbox(connector)
    with struck(exchange, world, "internal_fault", 1, "SyncFolderItems"):
        assert len(list(connector.changes(folder, None))) == 1


# --- states -----------------------------------------------------------------------------------------------------------


def test_the_four_things_that_happen(world: EwsWorld) -> None:
    fill(world, 1, 2, 3)
    connector = world.connect()
    folder = inbox(connector)
    first = connector.changes(folder, None)
    ids = {change.ref.subject: change.ref.id for change in first if isinstance(change, Listed)}
    world.flag(INBOX, "n1", {"seen"})
    world.flag(INBOX, "n2", {"flagged"})
    world.expunge(INBOX, "n3")
    fill(world, 4)
    second = connector.changes(folder, first.checkpoint)
    changes = list(second)
    assert Gone(ids["n3"]) in changes
    assert any(change == Marked(ids["n1"], "seen", True) or _is(change, "n1", {"seen"}) for change in changes)
    assert any(_is(change, "n2", {"flagged"}) and change.changed for change in changes if isinstance(change, Listed))
    assert any(_is(change, "n4", set()) for change in changes)
    assert (second.complete, second.count) == (False, 3)


def _is(change: object, subject: str, flags: set[str]) -> bool:
    return isinstance(change, Listed) and (change.ref.subject, set(change.ref.flags)) == (subject, flags)


@pytest.mark.parametrize("kind", ["sync_state_invalid", "sync_state_reset"])
@pytest.mark.parametrize("left", [0, 1, 5])
def test_a_state_the_server_lost_makes_the_listing_complete(
    exchange: Simulated, world: EwsWorld, kind: str, left: int
) -> None:
    """Also where the server begins afresh without saying so: what was deleted meanwhile is known to be gone."""
    fill(world, *range(6))
    connector = world.connect()
    folder = inbox(connector)
    first = connector.changes(folder, None)
    list(first)
    for number in range(6 - left):
        world.expunge(INBOX, f"n{number}")
    with struck(exchange, world, kind):
        second = connector.changes(folder, first.checkpoint)
        told = {change.ref.subject for change in second if isinstance(change, Listed)}
    assert second.complete
    assert told == {f"n{number}" for number in range(6 - left, 6)}
    assert second.count == left
    third = connector.changes(folder, second.checkpoint)
    assert (list(third), third.complete) == ([], False)


def test_a_fresh_start_while_mail_arrives(exchange: Simulated, world: EwsWorld) -> None:
    fill(world, *range(20))
    connector = world.connect()
    folder = inbox(connector)
    first = connector.changes(folder, None)
    list(first)
    world.expunge(INBOX, "n3")
    with struck(exchange, world, "sync_state_reset"):
        second = connector.changes(folder, first.checkpoint)
        told: list[str] = []
        for change in second:
            assert isinstance(change, Listed)
            if not told:
                fill(world, 99)
            told.append(change.ref.subject)
    assert second.complete
    assert set(told) == {f"n{number}" for number in range(20) if number != 3} | {"n99"}


def test_many_arrivals_are_no_fresh_start(world: EwsWorld) -> None:
    """More new than old: the sum still adds up, so the listing is what it is."""
    fill(world, 1)
    connector = world.connect()
    folder = inbox(connector)
    first = connector.changes(folder, None)
    list(first)
    fill(world, *range(2, 40))
    second = connector.changes(folder, first.checkpoint)
    assert len(list(second)) == 38
    assert (second.complete, second.count) == (False, 39)


@pytest.mark.parametrize("kind", ["duplicated_changes", "disordered_changes", "invalid_characters"])
def test_a_page_that_is_a_mess(exchange: Simulated, world: EwsWorld, kind: str) -> None:
    fill(world, *range(5))
    connector = world.connect()
    folder = inbox(connector)
    with struck(exchange, world, kind):
        listing = connector.changes(folder, None)
        ids = {change.ref.id for change in listing if isinstance(change, Listed)}
    assert (len(ids), listing.complete, listing.count) == (5, True, 5)
    assert not any(isinstance(change, Gone) for change in connector.changes(folder, listing.checkpoint))


def test_a_state_that_never_moves_ends(exchange: Simulated, world: EwsWorld) -> None:
    fill(world, *range(3))
    connector = world.connect()
    folder = inbox(connector)
    first = connector.changes(folder, None)
    list(first)
    fill(world, 7)
    with struck(exchange, world, "sync_state_back", times=0):
        second = connector.changes(folder, first.checkpoint)
        assert "n7" in {change.ref.subject for change in second if isinstance(change, Listed)}


def test_a_folder_that_vanishes_is_told(exchange: Simulated, world: EwsWorld) -> None:
    connector = world.connect()
    folder = inbox(connector)
    with struck(exchange, world, "folder_vanishes", times=1), pytest.raises(GiveUp) as raised:
        list(connector.changes(folder, None))
    assert raised.value.code == "folder_not_found"


def test_checkpoints_are_read_back_and_others_are_none() -> None:
    marks = Marks("2026-11-23T04:02:11Z", "17", 240, 3)
    for one in (Checkpoint("state", 5, 6, marks, 99), Checkpoint("", 0, 0)):
        assert checkpoints.decode(one.encode()) == one
    for raw in (None, b"", b"{}", b"[2]", b'[1,"s",1,2,null]', b"\xff", b"[1,5,1,2,null,0]", b'[1,"s",1,2,[1],0]'):
        assert checkpoints.decode(raw) is None


def test_a_named_server_takes_an_unknown_state(request: pytest.FixtureRequest) -> None:
    """Whatever it does with a state it never gave (refuse it, or begin afresh): the listing is complete."""
    place = named_places()[0]
    world = closed_after(EwsWorld(place, exact=False, stable_ids=None, many=5), request)
    fill(world, 1, 2)
    connector = world.connect()
    folder = inbox(connector)
    strange = Checkpoint("H4sIAAAAAAAEAA==", 5, 5, None, int(datetime.now(UTC).timestamp())).encode()
    listing = connector.changes(folder, strange)
    told = {change.ref.subject for change in listing if isinstance(change, Listed)}
    assert (told, listing.complete, listing.count) == ({"n1", "n2"}, True, 2)
