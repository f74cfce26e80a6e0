"""SPEC E6 on a simulated Exchange: a colleague's whole mailbox into an empty one, with FastTransfer streams and without; and across servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from mailkeep.connectors.base import Connector, Endpoint
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.server import MemoryServer
from mailkeep.mail.items import Kind, Role
from mailkeep.recover.ports import Line, SourceItem
from mailkeep.recover.reading import Ways
from mailkeep.recover.run import Restored, run_restore
from mailkeep.recover.survey import plan_restore
from mailkeep.recover.undo import undo_restore
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.server import Settings
from mailkeep.simulator.inhabit_exchange import move_in
from mailkeep.simulator.letters import Volume
from tests.recover.memory import MemoryJournal, MemorySource
from tests.recover.test_five_kinds import PRIMARY, archived
from tests.servers.exchange import PASSWORD, SERVICE, Clock, World, organise, running

SOMEBODY = "noa.ben-ami@halden-moreau.example"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Office:
    """A house with its people, and new empty mailboxes as tests ask for them."""

    server: World
    provider: EwsProvider
    number: int = 0

    def open(self, address: str) -> Connector:
        server = self.server.server
        endpoint = Endpoint(
            "exchange",
            "localhost",
            server.port,
            ca_pem=server.authority,
            user=SERVICE,
            password=PASSWORD,
            impersonate=True,
        )
        return self.provider.open(endpoint, address)

    def empty(self) -> str:
        self.number += 1
        address = f"leer{self.number}@firma.example"
        self.server.organisation.add_mailbox(address, "Leer", language="de")
        return address

    def archived(self, address: str) -> MemorySource:
        return archived(self.open(address))

    def ways(self, *journals: MemoryJournal) -> Ways:
        def earlier(items: Sequence[SourceItem]) -> list[Line]:
            wanted = {item.number for item in items}
            return [line for journal in journals for line in journal.lines() if line.item in wanted]

        return Ways(properties=self.provider.properties, earlier=earlier)


@pytest.fixture(scope="module", params=["whole", "plain"])
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """`plain`: the server makes MIME anew and gives no streams."""
    plain = request.param == "plain"
    organisation = organise()
    organisation.clock = Clock(NOW)
    move_in(organisation, 1, NOW, Volume(threads=1, notices=1, newsletters=1, invitations=0, spam=1))
    settings = Settings(regenerate=plain)
    with running(tmp_path_factory.mktemp("office"), settings, organisation=organisation) as server:
        if plain:
            server.server.faults.add(Fault("no_export"))
        yield Office(server, EwsProvider())


@pytest.fixture(scope="module")
def source(office: Office) -> MemorySource:
    found = office.archived(SOMEBODY)
    assert {item.kind for item in found.held} == set(Kind)
    return found


def kinds(source: MemorySource) -> Counter[Kind]:
    return Counter(item.kind for item in source.held)


def test_e6_a_mailbox_comes_back_is_found_again_and_is_taken_back(office: Office, source: MemorySource) -> None:
    address, journal = office.empty(), MemoryJournal()
    counts = plan_restore(source, office.open(address), (), office.ways())
    done = run_restore(source, lambda: office.open(address), journal, (), office.ways())
    assert (counts.create, counts.cannot) == (done.create, done.cannot) == (len(source.held), [])
    back = office.archived(address)
    assert kinds(back) == kinds(source)
    roles = {folder.role: folder.path for folder in back.folders()}
    assert {item.folder for item in back.held if item.kind is Kind.EVENT} <= {roles[Role.CALENDAR]}, (
        "by role, in German"
    )
    again = run_restore(source, lambda: office.open(address), MemoryJournal(), (), office.ways(journal))
    assert (again.create, again.skip) == (0, len(source.held))
    undone = undo_restore(source, office.open(address), journal, (), office.ways())
    assert (undone.removed, undone.kept) == (len(source.held), 0)
    assert office.archived(address).held == []


def test_e6_the_report_says_of_every_property_whether_it_is_equal(office: Office, source: MemorySource) -> None:
    address = office.empty()
    done = run_restore(source, lambda: office.open(address), MemoryJournal(), (), office.ways())
    differing = {(kind, name) for (kind, name), tally in done.properties.items() if tally.differs} - {
        (kind, "mime") for kind in Kind
    }
    reported = {name for kind, name in done.properties if kind is Kind.EVENT}
    assert {"Subject", "Start", "Recurrence/Interval", "RequiredAttendees", "ReminderIsSet", "Body", "mime"} <= reported
    assert differing == set(), "with the server's own stream, and by properties alone, everything is as it was"
    assert done.differences == []


def test_e6_mail_goes_to_a_server_that_keeps_only_mail_and_comes_from_one(office: Office, source: MemorySource) -> None:
    server = MemoryServer()
    mailbox = server.add_mailbox("noa@imap")
    mailbox.add_folder(("INBOX",), role=Role.INBOX)

    def imap() -> MemoryConnector:
        connector = MemoryConnector(server, mailbox, PRIMARY)
        from_there = connector.capabilities
        connector.capabilities = type(from_there)(kinds=frozenset({Kind.MAIL}))
        return connector

    away: Restored = run_restore(source, imap, MemoryJournal())
    mail = kinds(source)[Kind.MAIL]
    assert (away.create, away.restored) == (mail, mail)
    assert len(away.cannot) == len(source.held) - mail
    home = archived(MemoryConnector(server, mailbox, PRIMARY))
    address, journal = office.empty(), MemoryJournal()
    done = run_restore(home, lambda: office.open(address), journal, (), office.ways())
    assert (done.create, done.cannot) == (mail, [])
    again = run_restore(home, lambda: office.open(address), MemoryJournal(), (), office.ways(journal))
    assert (again.create, again.skip) == (0, mail)
