"""Retry and pacing round the memory connector: each item exactly once, bounded attempts, and a diagnosis at the end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import message

from mailkeep.connectors.base import Endpoint, Fetched, Gone, Listed, Marked, NewItem, Seen, Unfetched
from mailkeep.connectors.memory.provider import MemoryProvider
from mailkeep.connectors.memory.server import MemoryFolder, MemoryServer, reference
from mailkeep.connectors.throttle import FAILURES_MAX, IN_PLACE_SECONDS_MAX, Throttled
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow
from mailkeep.mail.items import ItemRef, Kind

ANNA = "anna@firma.example"


class Bench:
    """A throttled session on a mailbox of `count` items, and the seconds it slept."""

    def __init__(self, count: int = 10) -> None:
        self.server = MemoryServer()
        self.mailbox = self.server.add_mailbox(ANNA)
        self.inbox: MemoryFolder = self.mailbox.add_folder(("INBOX",))
        for number in range(count):
            self.inbox.deliver(message(f"n{number}"))
        self.provider = MemoryProvider(self.server)
        self.slept: list[float] = []

    def throttled(self, pace_seconds: float = 0.0) -> Throttled:
        endpoint = Endpoint("memory", "localhost")
        return Throttled(lambda: self.provider.open(endpoint, ANNA), pace_seconds=pace_seconds, sleep=self.slept.append)

    def refs(self) -> list[ItemRef]:
        connector = self.provider.open(Endpoint("memory", "localhost"), ANNA)
        changes = connector.changes(self.inbox.as_folder(), None)
        return [change.ref for change in changes if isinstance(change, Listed)]


def dropped() -> RetryNow:
    return RetryNow("connection_lost", "the line dropped", "again")


def busy(wait: float | None) -> RetryLater:
    return RetryLater("throttled", "too much", "wait", wait)


@given(
    faults=st.lists(
        st.tuples(st.sampled_from(["fetch", "open"]), st.integers(0, 12), st.sampled_from(["drop", "busy"])), max_size=6
    ),
    count=st.integers(0, 12),
)
@settings(max_examples=200, deadline=None)
def test_each_item_comes_at_most_once_and_all_come_in_the_end(faults: list[tuple[str, int, str]], count: int) -> None:
    bench = Bench(count)
    refs = bench.refs()
    for operation, after, kind in faults:
        bench.server.faults.fail(operation, dropped() if kind == "drop" else busy(1.0), after=after)
    got: list[Fetched | Unfetched] = []
    try:
        got.extend(bench.throttled().fetch(bench.inbox.as_folder(), iter(refs)))
    except RetryLater:
        assert len(faults) >= FAILURES_MAX - 1
    else:
        assert sorted(result.ref.id for result in got) == [ref.id for ref in refs]
    assert len({result.ref.id for result in got}) == len(got)
    for result in got:
        if isinstance(result, Fetched):
            assert result.content == message(result.ref.subject)


def test_a_line_that_keeps_dropping_is_unreachable() -> None:
    bench = Bench()
    connector = bench.throttled()
    bench.server.faults.fail("folders", dropped(), times=20)
    with pytest.raises(RetryLater) as raised:
        connector.folders()
    assert raised.value.code == "unreachable"
    assert len(bench.slept) == FAILURES_MAX - 1
    assert len(bench.provider.sessions) == FAILURES_MAX


def test_short_waits_stay_in_place_and_long_ones_go_up() -> None:
    bench = Bench()
    connector = bench.throttled()
    bench.server.faults.fail("fetch", busy(7.5), after=4)
    assert len(list(connector.fetch(bench.inbox.as_folder(), iter(bench.refs())))) == 10
    assert bench.slept == [7.5]
    for wait in (IN_PLACE_SECONDS_MAX + 1, None):
        bench.server.faults.clear()
        bench.server.faults.fail("fetch", busy(wait), after=4)
        got = []
        with pytest.raises(RetryLater) as raised:
            got.extend(connector.fetch(bench.inbox.as_folder(), iter(bench.refs())))
        assert raised.value.wait_seconds == wait
    assert bench.slept == [7.5]


def test_what_a_person_must_mend_is_raised_at_once() -> None:
    bench = Bench()
    bench.server.faults.fail("open", GiveUp("auth_failed", "no", "mend it"))
    with pytest.raises(GiveUp):
        bench.throttled()
    assert bench.slept == []


def test_a_listing_begins_again_and_takes_back_what_is_gone() -> None:
    bench = Bench(3)
    bench.server.faults.fail("changes", dropped(), after=3)
    connector = bench.throttled()
    listing = connector.changes(bench.inbox.as_folder(), None)
    changes = []
    for change in listing:
        changes.append(change)
        if len(changes) == 2:
            bench.inbox.expunge(1)
    there: set[str] = set()
    for change in changes:
        if isinstance(change, Listed):
            there.add(change.ref.id)
        elif isinstance(change, Gone):
            there.discard(change.id)
    assert there == {bench.inbox.item_id(2), bench.inbox.item_id(3)}
    assert (listing.complete, listing.count) == (True, 2)


def test_a_creation_is_never_repeated() -> None:
    bench = Bench(0)
    connector = bench.throttled()
    bench.server.faults.fail("create", dropped())
    item = NewItem(Kind.MAIL, message("x"), frozenset(), bench.server.tick())
    with pytest.raises(RetryNow):
        connector.create(bench.inbox.as_folder(), item)
    assert bench.inbox.count() == 0
    connector.create(bench.inbox.as_folder(), item)
    assert bench.inbox.count() == 1


def test_a_creation_that_was_told_to_wait_is_asked_for_again() -> None:
    """Nothing was done: not so where the server gives no time, or is away."""
    bench = Bench(0)
    connector = bench.throttled()
    item = NewItem(Kind.MAIL, message("x"), frozenset(), bench.server.tick())
    bench.server.faults.fail("create", busy(2.5))
    connector.create(bench.inbox.as_folder(), item)
    assert (bench.slept, bench.inbox.count()) == ([2.5], 1)
    for error in (busy(None), busy(IN_PLACE_SECONDS_MAX + 1), RetryLater("unreachable", "away", "", 1.0)):
        bench.server.faults.fail("create", error)
        with pytest.raises(RetryLater):
            connector.create(bench.inbox.as_folder(), item)
    assert (bench.slept, bench.inbox.count()) == ([2.5], 1)


def test_pace_and_usage() -> None:
    bench = Bench()
    connector = bench.throttled(pace_seconds=60)
    for _ in range(3):
        connector.folders()
    assert len(bench.slept) == 3
    assert all(50 < seconds <= 60 for seconds in bench.slept)
    before = connector.usage.requests
    bench.server.faults.fail("folders", dropped())
    connector.folders()
    assert connector.usage.requests == before + 2  # the lost session's are not forgotten
    connector.close()


def test_the_memory_servers_other_faults() -> None:
    bench = Bench(3)
    refs = bench.refs()
    faults, folder = bench.server.faults, bench.inbox.as_folder()
    faults.unreadable.add(refs[0].id)
    faults.vanishing.add(refs[1].id)
    results = {result.ref.subject: result for result in bench.throttled().fetch(folder, iter(refs))}
    codes = {subject: result.code for subject, result in results.items() if isinstance(result, Unfetched)}
    assert codes == {"n0": "unreadable", "n1": "vanished"}
    faults.truncated_listing[folder.id] = 1
    listing = bench.throttled().changes(folder, None)
    assert (len(list(listing)), listing.complete, listing.count) == (1, True, 3)
    faults.clear()
    faults.empty.add(ANNA)
    listing = bench.throttled().changes(folder, None)
    assert (list(listing), listing.complete, listing.count) == ([], True, 0)
    faults.clear()
    faults.hang_seconds_max = 0.01
    faults.hang("fetch")
    assert len(list(bench.throttled().fetch(folder, iter(refs)))) == 3
    with pytest.raises(MailkeepError):
        bench.provider.open(Endpoint("memory", "localhost"), "nobody@firma.example")


def test_a_million_items_are_listed_without_being_held() -> None:
    server = MemoryServer()
    folder = server.add_mailbox(ANNA).add_generated_folder(("Big",), 1_000_000, size=200)
    connector = MemoryProvider(server).open(Endpoint("memory", "localhost"), ANNA)
    listing = connector.changes(folder.as_folder(), None)
    assert sum(1 for _ in zip(listing, range(50_000), strict=False)) == 50_000
    last = folder.present()
    assert sum(item.uid for item in (next(last), next(last))) == 3
    (got,) = connector.fetch(folder.as_folder(), iter([folder_ref(folder)]))
    assert isinstance(got, Fetched)
    assert len(got.content) == 200


def folder_ref(folder: MemoryFolder) -> ItemRef:
    item = folder.find(999_999)
    assert item is not None
    return reference(folder.server, folder, item)


def test_a_mark_that_was_taken_back_before_the_second_try_is_no_sign_that_the_item_is_gone() -> None:
    """A listing of changes alone says so of an item that went; one it says nothing of is as it was at the checkpoint."""
    bench = Bench(3)
    bench.server.marks = True
    connector = bench.throttled()
    first = connector.changes(bench.inbox.as_folder(), None)
    assert len(list(first)) == 3
    bench.inbox.set_flags(1, {"seen"})
    bench.inbox.set_flags(2, {"seen"})
    bench.server.faults.fail("changes", dropped(), after=2)
    listing = connector.changes(bench.inbox.as_folder(), first.checkpoint)
    words = iter(listing)
    one, two = bench.inbox.item_id(1), bench.inbox.item_id(2)
    assert next(words) == Marked(one, "seen", True)
    bench.inbox.items[1].marked.clear()  # the server forgets that it ever was
    bench.inbox.items[1].flags = frozenset()
    assert list(words) == [Marked(two, "seen", True), Seen(one, None)]


def test_a_complete_listing_that_begins_again_says_what_went_meanwhile() -> None:
    bench = Bench(3)
    bench.server.incremental = False
    connector = bench.throttled()
    first = connector.changes(bench.inbox.as_folder(), None)
    list(first)
    bench.server.faults.fail("changes", dropped(), after=2)
    words = iter(connector.changes(bench.inbox.as_folder(), first.checkpoint))
    assert next(words) == Seen(bench.inbox.item_id(1), None)
    bench.inbox.expunge(1)
    assert list(words)[-1] == Gone(bench.inbox.item_id(1))


def test_an_item_that_is_changed_for_good_is_told_again() -> None:
    bench = Bench(3)
    connector = bench.throttled()
    first = connector.changes(bench.inbox.as_folder(), None)
    list(first)
    bench.inbox.replace(2, message("edited"))
    bench.server.faults.fail("changes", dropped(), after=2)
    told = list(connector.changes(bench.inbox.as_folder(), first.checkpoint))
    assert [(each.changed, each.ref.subject) for each in told if isinstance(each, Listed)] == [(True, "edited")] * len(
        told
    )


def test_a_wait_for_the_whole_server_is_passed_on_as_such() -> None:
    bench = Bench()
    connector = bench.throttled()
    bench.server.faults.fail("folders", RetryLater("throttled", "503", wait_seconds=90, whole_server=True))
    with pytest.raises(RetryLater) as raised:
        connector.folders()
    assert (raised.value.whole_server, raised.value.wait_seconds) == (True, 90)
