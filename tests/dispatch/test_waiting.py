"""A server says "not now": whose mailboxes wait, until when, and that nobody else does. On real rows, with real runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
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
from mailkeep.operations import connections, pauses, synchronise
from mailkeep.progress import Progress
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
    """The clock, put forward for the dispatcher and for who looks whether a pause is over."""
    monkeypatch.setattr(pauses, "_now", lambda: to)
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


# --- a pause is kept to by every process, whoever asks ---------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The mailboxes that were opened: what a server would have seen."""
    addresses: list[str] = []
    original = MemoryProvider.open

    def open_(self: MemoryProvider, endpoint: Endpoint, address: str, *rest: Any) -> Any:
        addresses.append(address)
        return original(self, endpoint, address, *rest)

    monkeypatch.setattr(MemoryProvider, "open", open_)
    return addresses


def busy_for(seconds: float, *, whole_server: bool = False) -> RetryLater:
    return RetryLater("throttled", "left alone", wait_seconds=seconds, whole_server=whole_server)


def silence(_: Progress) -> None:
    pass


@pytest.mark.parametrize("whole_server", [False, True])
def test_a_person_who_asks_does_not_overrule_the_server(office: Office, opened: list[str], whole_server: bool) -> None:
    """It stays asked for, and says how long is left; nobody else waits but for a word to everybody."""
    office.server.faults.fail("folders", busy_for(90, whole_server=whole_server), address=ADDRESSES[1])
    office.turn()
    opened.clear()
    rows = synchronise.ask_and_wait("Everybody", None, "tester", silence)
    waiting = set(ADDRESSES) if whole_server else {ADDRESSES[1]}
    assert set(opened) == set(ADDRESSES) - waiting
    for row in rows:
        if row.mailbox in waiting:
            assert (row.result, row.code) == ("warning", "throttled")
            assert re.search(r"retry in (8[0-9]|90) seconds", row.message)
            assert office.membership(row.mailbox).asked_at is not None
        else:
            assert (row.result, row.requests > 0) == ("ok", True)


def test_a_guess_of_ours_is_overruled(office: Office, opened: list[str]) -> None:
    """Where the server named no time, nothing says that it may not be asked."""
    office.server.faults.fail("folders", RetryLater("mailbox_moving", "it is moving"), address=ADDRESSES[2])
    office.turn()
    opened.clear()
    assert office.turn() == {}
    assert Mailbox.objects.exclude(paused_until=None).count() == 0
    (row,) = synchronise.ask_and_wait("Everybody", ADDRESSES[2], "tester", silence)
    assert (row.result, set(opened)) == ("ok", {ADDRESSES[2]})


def test_a_lease_that_was_given_before_the_pause_sends_nothing(office: Office, opened: list[str]) -> None:
    tokens: list[UUID] = []
    tick(DispatchRows(tokens.append))
    Connection.objects.update(paused_until=timezone.now() + timedelta(seconds=90))
    for token in tokens:
        result = synchronise.run_lease(token)
        assert result is not None
        assert (result.result, result.code) == ("warning", "throttled")
        assert result.retry_seconds == pytest.approx(90, abs=10)
    assert opened == []


def test_work_that_a_person_waits_for_is_refused_inside_a_pause(office: Office) -> None:
    """A restore, its plan and its undoing: short pauses are waited out, long ones named."""
    anna = Mailbox.objects.filter(address=ADDRESSES[0])
    anna.update(paused_until=timezone.now() + timedelta(minutes=5))
    with pytest.raises(RetryLater) as raised, pauses.kept_to(office.connection, ADDRESSES[0].upper()):
        pytest.fail("it went ahead")
    assert raised.value.code == "throttled"
    assert "retry in 5 minutes" in raised.value.message
    with pauses.kept_to(office.connection, ADDRESSES[1]):
        pass
    until = timezone.now() + timedelta(seconds=0.4)
    anna.update(paused_until=until)
    with pauses.kept_to(office.connection, ADDRESSES[0]):
        assert timezone.now() >= until


@pytest.mark.parametrize("whole_server", [False, True])
def test_what_a_restore_is_told_holds_for_the_workers(office: Office, opened: list[str], whole_server: bool) -> None:
    with pytest.raises(RetryLater), pauses.kept_to(office.connection, ADDRESSES[0]):
        raise busy_for(90, whole_server=whole_server)
    assert set(office.turn()) == (set() if whole_server else {ADDRESSES[1], ADDRESSES[2]})
    assert set(opened) == (set() if whole_server else {ADDRESSES[1], ADDRESSES[2]})


def test_nothing_is_noted_of_who_is_not_archived_or_named_no_time(office: Office) -> None:
    for address, error in (
        ("nobody@firma.example", busy_for(90)),
        (ADDRESSES[0], RetryLater("throttled", "busy")),
        (ADDRESSES[0], RetryLater("unreachable", "away", wait_seconds=90)),
    ):
        with pytest.raises(RetryLater), pauses.kept_to(office.connection, address):
            raise error
    assert Mailbox.objects.exclude(paused_until=None).count() == 0
    assert Connection.objects.get(pk=office.connection.pk).paused_until is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 seconds"), (89.1, "90 seconds"), (121, "3 minutes"), (7300, "3 hours")],
)
def test_the_words_never_promise_too_early(seconds: float, said: str) -> None:
    assert pauses.words(seconds).endswith(f"retry in {said}")
