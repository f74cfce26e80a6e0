"""Chains: the fence, the links, the folded form, and entries that come back as they were."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.archive.chain import FOLD
from mailkeep.archive.damage import Damaged
from mailkeep.archive.entries import EVENTS_MAX, BadEntry, decode_entry, encode_entry
from mailkeep.archive.events import (
    EMPTY_HEAD,
    Entry,
    Event,
    Flagged,
    FolderGone,
    FolderPut,
    Head,
    Moved,
    NativeBlob,
    Purged,
    Put,
    Removed,
)
from mailkeep.archive.history import Fenced, OrganisationEvent
from mailkeep.archive.repository import Repository
from mailkeep.errors import RetryLater
from mailkeep.mail.items import Kind, Sensitivity
from mailkeep.store.memory import MemoryStore

from .small import ALICE, BOB, NOON, Small, stamp


def entry(before: Head, *events: Event, time: datetime = NOON, mailbox: str = ALICE) -> Entry:
    return Entry(mailbox, before.number + 1, before.hash, time, stamp(), events)


def objects(repository: Repository) -> dict[str, bytes]:
    assert isinstance(repository.store, MemoryStore)
    return repository.store.objects


def fill(repository: Repository, count: int, mailbox: str = ALICE) -> Head:
    history, head = repository.history(mailbox), EMPTY_HEAD
    for number in range(count):
        head = history.append(entry(head, Removed(number), mailbox=mailbox))
    return head


def test_entries_come_back_in_order(small: Small) -> None:
    history = small.repository.history(ALICE)
    read = list(history.read())
    assert [each.number for each, _ in read] == list(range(1, len(read) + 1))
    assert read[-1][1] == history.head() == small.heads[ALICE]
    assert list(history.read(after=2)) == read[2:]
    assert list(history.read(after=len(read))) == []
    assert sorted(small.repository.mailboxes()) == sorted([ALICE, BOB])


def test_a_mailbox_without_history(repository: Repository) -> None:
    assert repository.history(ALICE).head() == EMPTY_HEAD
    assert list(repository.history(ALICE).read()) == []
    assert list(repository.mailboxes()) == []


def test_of_two_writers_one_is_fenced(repository: Repository) -> None:
    one, two = repository.history(ALICE), repository.history(ALICE)
    one.append(entry(EMPTY_HEAD, Removed(1)))
    with pytest.raises(Fenced) as fenced:
        two.append(entry(EMPTY_HEAD, Removed(2)))
    assert fenced.value.code == "fenced"
    assert [each.events for each, _ in repository.history(ALICE).read()] == [(Removed(1),)]


def test_an_own_put_that_had_landed_is_recognised(repository: Repository) -> None:
    store = repository.store
    assert isinstance(store, MemoryStore)
    failing = [True]

    def fault(point: str) -> None:
        if point == "committed" and failing:
            failing.pop()
            raise RetryLater("store_offline", "the line went down after the put")

    store._at = fault
    history = repository.history(ALICE)
    first = entry(EMPTY_HEAD, Removed(1))
    with pytest.raises(RetryLater):
        history.append(first)
    head = history.append(first)
    assert head == repository.history(ALICE).head()


def test_an_entry_has_to_follow_what_is_there(repository: Repository) -> None:
    head = fill(repository, 2)
    history = repository.history(ALICE)
    with pytest.raises(Fenced):
        history.append(entry(Head(2, bytes(32), NOON), Removed(1)))
    with pytest.raises(ValueError, match="earlier"):
        history.append(entry(head, Removed(1), time=NOON - timedelta(microseconds=1)))
    with pytest.raises(Damaged):
        history.append(entry(Head(7, bytes(32), NOON), Removed(1)))
    with pytest.raises(ValueError, match="in the history of"):
        history.append(entry(head, Removed(1), mailbox=BOB))
    with pytest.raises(ValueError, match="no name"):
        repository.history("../x")


def test_a_removed_middle_and_a_replaced_entry_stop_the_reader(repository: Repository) -> None:
    fill(repository, 5)
    names = sorted(name for name in objects(repository) if name.startswith("history/"))
    third = objects(repository).pop(names[2])
    with pytest.raises(Damaged, match=names[2]):
        list(repository.history(ALICE).read())
    objects(repository)[names[2]] = objects(repository)[names[1]]  # another entry under its name
    with pytest.raises(Damaged, match=names[2]):
        list(repository.history(ALICE).read())
    objects(repository)[names[2]] = third
    assert len(list(repository.history(ALICE).read())) == 5


def test_an_entry_of_another_mailbox_does_not_fit(repository: Repository) -> None:
    fill(repository, 1)
    fill(repository, 1, BOB)
    objects(repository)[f"history/{ALICE}/000000000001"] = objects(repository)[f"history/{BOB}/000000000001"]
    with pytest.raises(Damaged, match="seal"):
        list(repository.history(ALICE).read())


def test_folding_keeps_every_hash(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 10)
    head = fill(repository, 25)
    read = list(repository.history(ALICE).read())
    history = repository.history(ALICE)
    assert history.chain.fold() == 2
    assert history.chain.fold() == 0
    assert list(repository.history(ALICE).read()) == read  # both forms are there
    history.chain.fold(remove=True)
    assert len([name for name in objects(repository) if name.startswith("history/")]) == 5
    for after in (0, 3, 10, 15, 20, 24, 25):
        assert list(repository.history(ALICE).read(after)) == read[after:]
    assert repository.history(ALICE).head() == head
    repository.history(ALICE).append(entry(head, Removed(99)))
    assert list(repository.mailboxes()) == [ALICE]


def test_a_number_that_was_folded_away_is_not_free(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 10)
    fill(repository, 10)
    heads = [head for _, head in repository.history(ALICE).read()]
    repository.history(ALICE).chain.fold(remove=True)
    with pytest.raises(Fenced):
        repository.history(ALICE).append(entry(heads[3], Removed(99)))
    assert repository.history(ALICE).head() == heads[-1]


def test_a_chain_that_ends_in_a_segment_goes_on(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 10)
    head = fill(repository, 10)
    repository.history(ALICE).chain.fold(remove=True)
    assert repository.history(ALICE).head() == head
    repository.history(ALICE).append(entry(head, Removed(99)))
    assert len(list(repository.history(ALICE).read())) == 11


def test_a_torn_segment_is_named(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 10)
    fill(repository, 10)
    repository.history(ALICE).chain.fold(remove=True)
    (name,) = [name for name in objects(repository) if name.startswith("segments/")]
    objects(repository)[name] = objects(repository)[name][:-1]
    with pytest.raises(Damaged, match="segments/"):
        list(repository.history(ALICE).read())


def test_a_thousand_entries_make_a_segment() -> None:
    assert FOLD == 1000  # docs/format.md says so


def test_the_organisation_has_a_history_of_its_own(small: Small) -> None:
    organisation = small.repository.organisation()
    read = list(organisation.read())
    assert [each.events[0].kind for each, _ in read] == ["task.created", "task.deleted"]
    assert read[0][0].events[0].document == {"name": "All mail", "n": [1, None]}
    assert read[1][0].events[0].document is None
    assert organisation.head() == read[-1][1]
    with pytest.raises(Fenced):
        organisation.append(read[0][1], [OrganisationEvent(NOON, "x", "y", "z", None)], small.time)
    with pytest.raises(ValueError, match="0 events"):
        organisation.append(organisation.head(), [], small.time)


def test_nothing_personal_stands_in_the_organisations_chain(small: Small) -> None:
    chain = small.repository.organisation().chain
    for link in chain.read():
        assert b"admin" not in link.document
        assert b"task-1" not in link.document


def test_limits(repository: Repository) -> None:
    with pytest.raises(BadEntry, match="events"):
        encode_entry(entry(EMPTY_HEAD, *([Removed(1)] * (EVENTS_MAX + 1))))
    with pytest.raises(BadEntry, match="32 bytes"):
        encode_entry(entry(EMPTY_HEAD, FolderPut(1, b"short")))


def test_a_put_costs_few_bytes_beside_its_hashes(repository: Repository) -> None:
    ids = [number.to_bytes(4, "big") * 8 for number in range(5000)]
    puts = [
        Put(n, 1, f"1700000000.{n:010d}", Kind.MAIL, "IPM.Note", 5000 + n % 999, NOON, NOON, ids[n], identity=ids[n])
        for n in range(5000)
    ]
    repository.history(ALICE).append(entry(EMPTY_HEAD, *puts))
    assert len(objects(repository)[f"history/{ALICE}/000000000001"]) < 16 * 5000


def test_native_parts_cost_their_hashes_and_nothing_where_there_are_none(repository: Repository) -> None:
    def put(n: int, names: tuple[str, ...]) -> Put:
        blobs = [hashlib.sha256(f"{n} {name}".encode()).digest() for name in names]
        native = tuple(
            NativeBlob(name, blob, blob[::-1], 6000 + n % 977) for name, blob in zip(names, blobs, strict=True)
        )
        return Put(n, 1, f"{n:08d}", Kind.EVENT, "IPM.Note", 5000, NOON, NOON, bytes([1]) * 32, native=native)

    plain = [put(n, ()) for n in range(2000)]
    assert b"native" not in encode_entry(entry(EMPTY_HEAD, *plain))
    repository.history(ALICE).append(entry(EMPTY_HEAD, *plain))
    names = ("some.properties", "some.export")
    repository.history(BOB).append(entry(EMPTY_HEAD, *(put(n, names) for n in range(2000)), mailbox=BOB))
    sizes = [len(objects(repository)[f"history/{mailbox}/000000000001"]) for mailbox in (ALICE, BOB)]
    assert sizes[1] - sizes[0] < 2000 * 2 * (64 + 6)


@pytest.mark.parametrize("column", ["native", "native_size", "native_blob", "native_sha256"])
def test_native_columns_that_disagree_are_a_bad_entry(column: str) -> None:
    native = tuple(NativeBlob(f"some.{n}", bytes([n]) * 32, bytes([n]) * 32, n) for n in (1, 2))
    put = Put(1, 1, "1", Kind.EVENT, "IPM.Note", 5, NOON, NOON, bytes([1]) * 32, native=native)
    document = json.loads(encode_entry(entry(EMPTY_HEAD, put)))
    if column in ("native", "native_size"):
        document["put"][column]["all"].pop()
    else:
        document["put"][column] = base64.b64encode(bytes([1]) * 32).decode()
    with pytest.raises(BadEntry):
        decode_entry(ALICE, json.dumps(document).encode())


ids = st.binary(min_size=32, max_size=32).filter(any)
numbers = st.integers(0, 2**40)
times = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
words = st.text(st.characters(codec="utf-8"), max_size=20)
flags = st.frozensets(words, max_size=4)
natives = st.builds(NativeBlob, words, ids, ids, numbers)
puts = st.builds(
    Put,
    item=numbers, folder=numbers, server_id=words, kind=st.sampled_from(Kind), message_class=words, size=numbers,
    time=times, received=times, summary=ids, version=words, stable_id=words,
    sensitivity=st.sampled_from(Sensitivity), flags=flags, content=ids | st.just(b""), sha256=ids | st.just(b""),
    identity=ids | st.just(b""), left_out=words, native=st.just(()) | st.lists(natives, max_size=3).map(tuple),
)  # fmt: skip
events = st.one_of(
    puts,
    st.builds(FolderPut, numbers, ids),
    st.builds(FolderGone, numbers),
    st.builds(Moved, numbers, numbers, words),
    st.builds(Flagged, numbers, flags),
    st.builds(Removed, numbers),
    st.builds(Purged, st.lists(ids, max_size=3).map(tuple), words, words),
)


@given(st.lists(events, max_size=30), times, ids | st.just(b""), st.booleans())
def test_any_entry_comes_back(some: list[Event], time: datetime, checkpoint: bytes, complete: bool) -> None:
    before = Entry(ALICE, 7, bytes(32), time, stamp(complete), tuple(some), checkpoint)
    assert decode_entry(ALICE, encode_entry(before)) == before


@given(st.lists(events, min_size=1, max_size=5), st.data())
def test_a_broken_document_is_a_bad_entry_or_an_entry(some: list[Event], data: st.DataObject) -> None:
    encoded = encode_entry(dataclasses.replace(entry(EMPTY_HEAD), events=tuple(some)))
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(BadEntry):
        decode_entry(ALICE, encoded[:cut])
