"""The session's thread: errors and results come over, the main thread keeps beating, bytes are bounded, nothing is left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mailkeep.connectors.base import Fetched, Unfetched
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.server import MemoryServer
from mailkeep.errors import RetryLater
from mailkeep.mail.items import Folder, ItemRef, Kind
from mailkeep.sync import session as sessions
from mailkeep.sync.budget import Budget
from mailkeep.sync.fetching import Arrived, Failed, Loans, fetch_folder
from mailkeep.sync.limits import Limits
from mailkeep.sync.plan import Fetch
from mailkeep.sync.session import Session, Stopped

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def connector() -> MemoryConnector:
    server = MemoryServer()
    return MemoryConnector(server, server.add_mailbox("a@x.example"))


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr(sessions, "WAIT_SECONDS", 0.01)
    return []


def open_session(beats: list[float]) -> Session:
    return Session(connector, lambda: beats.append(time.monotonic()))


def test_calls_run_elsewhere_and_the_heart_beats_meanwhile(beats: list[float]) -> None:
    session = open_session(beats)
    thread = session.call(lambda _: time.sleep(0.1) or threading.current_thread())
    assert thread is not threading.current_thread()
    assert len(beats) >= 3
    session.close()
    assert not thread.is_alive()


def test_an_error_comes_after_what_came_before_it(beats: list[float]) -> None:
    session = open_session(beats)
    error = RetryLater("throttled", "slow down")

    def produce(_: object) -> Iterator[tuple[int, int]]:
        yield from ((number, 1) for number in range(100))
        raise error

    got: list[int] = []

    def read() -> None:
        for chunk in session.stream(produce, 1_000):
            got.extend(chunk)

    with pytest.raises(RetryLater):
        read()
    assert got == list(range(100))
    assert session.error is error
    session.close()


def test_a_slow_reader_holds_the_server_back(beats: list[float]) -> None:
    session = open_session(beats)
    produced = 0

    def produce(_: object) -> Iterator[tuple[int, int]]:
        nonlocal produced
        for number in range(1_000):
            produced += 1
            yield number, 600 * 1024  # more than a chunk each

    for _ in session.stream(produce, 3 * 1024 * 1024):
        time.sleep(0.05)
        assert produced < 12
        break
    session.close()  # and the producer, which waits for room, ends
    assert produced < 20


def test_ten_thousand_empty_items_are_not_free(beats: list[float]) -> None:
    """Tiny messages, and items left out unread, have words and numbers all the same."""
    session = open_session(beats)
    produced = 0

    def produce(_: object) -> Iterator[tuple[int, int]]:
        nonlocal produced
        for number in range(10_000):
            produced += 1
            yield number, 0

    for _ in session.stream(produce, 200 * sessions.ITEM_BYTES):
        time.sleep(0.05)
        assert produced < 400
        break
    session.close()


def test_a_stopped_session_takes_no_more_work(beats: list[float]) -> None:
    session = open_session(beats)
    session._stopping.set()
    with pytest.raises(Stopped):
        session.call(lambda _: None)
    session.close()


# --- fetching ------------------------------------------------------------------------------------------------------


class Recorded:
    """A connector that answers from a table, and notes what it was asked for together."""

    def __init__(self, failing: frozenset[str] = frozenset()) -> None:
        self.calls: list[list[str]] = []
        self._failing = failing

    def fetch(self, folder: Folder, refs: Iterator[ItemRef]) -> Iterator[Fetched | Unfetched]:
        asked: list[str] = []
        self.calls.append(asked)
        for ref in refs:
            asked.append(ref.id)
            yield Unfetched(ref, "unreadable", "no") if ref.id in self._failing else Fetched(ref, b"x" * ref.size)


def fetches(*sizes: int) -> list[Fetch]:
    return [Fetch(ItemRef(str(n), Kind.MAIL, "IPM.Note", size, WHEN, WHEN), 1) for n, size in enumerate(sizes)]


def test_large_items_travel_alone_and_in_their_turn() -> None:
    server = Recorded()
    budget = Budget(1_000)
    loans = Loans(budget, lambda: None)
    stream = fetch_folder(server, Folder("f", ("F",)), fetches(1, 2, 900, 3, 800, 4), Limits(large_bytes=500), loans)  # type: ignore[arg-type]
    loaned = []
    for arrival, _ in stream:
        assert isinstance(arrival, Arrived)
        loaned.append(arrival.loan)
        loans.give_back(arrival.loan)
    assert server.calls == [["0", "1"], ["2"], ["3"], ["4"], ["5"]]
    assert loaned == [0, 0, 900, 0, 800, 0]
    assert budget._taken == 0


def test_a_large_item_that_fails_gives_its_turn_back() -> None:
    loans = Loans(budget := Budget(1_000), lambda: None)
    stream = fetch_folder(Recorded(frozenset("0")), Folder("f", ("F",)), fetches(900), Limits(large_bytes=500), loans)  # type: ignore[arg-type]
    ((arrival, _),) = stream
    assert isinstance(arrival, Failed)
    assert budget._taken == 0


def test_mailboxes_share_the_budget() -> None:
    budget = Budget(1_000)
    first, second = Loans(budget, lambda: None), Loans(budget, lambda: None)
    first.take(900)
    waiting = threading.Thread(target=second.take, args=(800,))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    first.close()
    waiting.join(5)
    assert not waiting.is_alive()
    second.close()
    assert budget._taken == 0


def test_one_larger_than_the_budget_goes_when_it_is_alone() -> None:
    loans = Loans(budget := Budget(10), lambda: None)
    loans.take(50)
    loans.close()
    assert budget._taken == 0
