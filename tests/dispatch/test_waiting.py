"""A server says "not now": whose mailboxes wait, until when, and that nobody else does. On real rows, with real runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.utils import timezone

from mailkeep.catalog.dispatch_rows import DispatchRows
from mailkeep.catalog.models import Connection, Mailbox, Membership, Task
from mailkeep.connectors.base import Endpoint
from mailkeep.connectors.memory.provider import MemoryProvider
from mailkeep.connectors.memory.server import MemoryServer
from mailkeep.dispatch.tick import tick
from mailkeep.errors import RetryLater
from mailkeep.operations import connections, synchronise
from mailkeep.sync.ports import RunResult
from tests.catalog import world

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESSES = ("anna@firma.example", "bob@firma.example", "cleo@firma.example")


class Office:
    """Three mailboxes of one connection, on a memory server."""

    def __init__(self) -> None:
        self.server = MemoryServer(native=True)
        for address in ADDRESSES:
            self.server.add_mailbox(address).add_folder(("INBOX",)).deliver(b"Subject: x\r\n\r\n")
        self.connection = world.connection()
        self.task = world.task("Everybody", self.connection, world.group("All", *ADDRESSES))
        for address in ADDRESSES:
            world.member(self.task, world.mailbox(self.connection, address))

    def turn(self) -> dict[str, RunResult]:
        """One turn of the dispatcher, and every lease it gives is run. By address, how that ended."""
        tokens: list[UUID] = []
        tick(DispatchRows(tokens.append))
        ended = {}
        for token in tokens:
            address = Mailbox.objects.get(lease__token=token).address
            result = synchronise.run_lease(token)
            assert result is not None
            ended[address] = result
        return ended

    def membership(self, address: str) -> Membership:
        return Membership.objects.get(mailbox__address=address)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest) -> Office:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    archive = world.archive(tmp_path)
    office = Office()
    provider = MemoryProvider(office.server)
    monkeypatch.setattr(synchronise, "repository", lambda: archive)
    monkeypatch.setattr(connections, "provider", lambda _kind: provider)
    monkeypatch.setattr(connections, "endpoint_of", lambda _row: Endpoint("memory", "localhost"))
    return office


def forward(monkeypatch: pytest.MonkeyPatch, to: datetime) -> None:
    """The dispatcher's clock, put forward."""
    original = DispatchRows.turn

    @contextmanager
    def turn(self: DispatchRows) -> Iterator[datetime]:
        with original(self):
            yield to

    monkeypatch.setattr(DispatchRows, "turn", turn)


def test_one_throttled_mailbox_waits_and_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = RetryLater("throttled", "this mailbox is over its budget", wait_seconds=90)
    office.server.faults.fail("folders", busy, address=ADDRESSES[1])
    ended = office.turn()
    assert {address: each.code for address, each in ended.items()} == dict.fromkeys(ADDRESSES, "") | {
        ADDRESSES[1]: "throttled"
    }
    row = office.membership(ADDRESSES[1])
    assert (row.result, row.code) == ("warning", "throttled")
    assert row.retry_at is not None
    assert timedelta(seconds=80) < row.retry_at - timezone.now() <= timedelta(seconds=90)
    assert row.next_slot == row.retry_at, "due again when the wait is over, not at its next slot"
    assert Connection.objects.get(pk=office.connection.pk).paused_until is None
    assert office.turn() == {}

    forward(monkeypatch, row.retry_at)
    assert {address: each.code for address, each in office.turn().items()} == {ADDRESSES[1]: ""}
    assert office.membership(ADDRESSES[1]).result == "ok"


def test_a_server_that_speaks_to_everybody_pauses_the_connection(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = RetryLater("throttled", "HTTP 503", wait_seconds=60, whole_server=True)
    office.server.faults.fail("folders", busy, address=ADDRESSES[0])
    office.turn()
    row = Connection.objects.get(pk=office.connection.pk)
    assert row.pause_reason == "HTTP 503"
    assert row.paused_until == office.membership(ADDRESSES[0]).retry_at
    Membership.objects.update(next_slot=None)  # all are due
    assert office.turn() == {}
    assert row.paused_until is not None
    forward(monkeypatch, row.paused_until)
    assert set(office.turn()) == set(ADDRESSES)


def test_another_connection_is_not_paused(office: Office) -> None:
    other = world.connection("Other")
    address = "dora@other.example"
    office.server.add_mailbox(address).add_folder(("INBOX",))
    world.member(world.task("Others", other, world.group("Rest", address)), world.mailbox(other, address))
    busy = RetryLater("throttled", "HTTP 503", wait_seconds=60, whole_server=True)
    office.server.faults.fail("folders", busy, address=ADDRESSES[0])
    assert office.turn()[address].result == "ok"


def test_without_a_word_of_the_server_the_wait_doubles(office: Office) -> None:
    waits = []
    for _ in range(3):
        office.server.faults.fail("folders", RetryLater("mailbox_moving", "it is moving"), address=ADDRESSES[2])
        assert office.turn()[ADDRESSES[2]].code == "mailbox_moving"
        row = office.membership(ADDRESSES[2])
        assert (row.result, row.code) == ("warning", "mailbox_moving")
        assert row.retry_at is not None
        waits.append(round((row.retry_at - timezone.now()).total_seconds() / 60))
        Mailbox.objects.update(paused_until=None)
        Membership.objects.filter(pk=row.pk).update(next_slot=None)
    assert waits == [1, 2, 4]


def test_sections_of_the_task_are_asked_of_the_server(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = MemoryProvider.open

    def opened(self, endpoint, address, sections=None):  # type: ignore[no-untyped-def]
        asked.append(sections)
        return original(self, endpoint, address, sections)

    monkeypatch.setattr(MemoryProvider, "open", opened)
    revision = Task.objects.get(pk=office.task.pk).revisions.get(number=1)
    revision.options = {**revision.options, "sections": ["recoverable_items"]}
    revision.save()
    office.turn()
    assert {frozenset(each) for each in asked} == {frozenset({"primary", "recoverable_items"})}
