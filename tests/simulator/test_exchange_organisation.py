"""The organisation without a face: its store, what happens to deleted things, series, synchronisation, many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from mailkeep.simulator.ews.ids import folder_id, item_at, item_id, read_folder_id, read_item_id
from mailkeep.simulator.exchange.errors import (
    Distinguished,
    FolderExists,
    InvalidMove,
    InvalidSyncState,
    NotFound,
    OccurrenceDeleted,
)
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.recurrence import Recurrence, dates, read_recurrence
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence
from tests.simulator.exchange_world import Clock, house, letter, mailbox_of, meeting, refused, weekly


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    with house() as made:
        yield made


# The store


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "house.sqlite"
    with house(path) as before:
        bob = mailbox_of(before, "bob")
        inbox = bob.well_known("inbox")
        item = bob.add(inbox, letter("kept"), [Attachment("a.bin", b"\0\1", content_id="x", contact_photo=True)])
        [_] = bob.changes(inbox).changes
        state, hierarchy = bob.changes(inbox).state, bob.hierarchy_changes(bob.well_known("root")).state
        bob.keeps_versions = True
    with house(path, seed=99) as after:
        bob = mailbox_of(after, "BOB")
        inbox = bob.well_known("inbox")
        assert (after.guid, after.seed, bob.keeps_versions) == (before.guid, 7, True)
        [again] = bob.items(inbox)
        assert (item_id(again), again.mime, again.properties) == (item_id(item), item.mime, item.properties)
        [attachment] = bob.attachments(again)
        assert (attachment.content, attachment.content_id, attachment.contact_photo, attachment.size) == (
            b"\0\1",
            "x",
            True,
            2,
        )
        assert bob.changes(inbox, state).changes == []
        assert bob.hierarchy_changes(bob.well_known("root"), hierarchy).changes == []
        bob.add(inbox, letter("later"))
        assert [change.kind for change in bob.changes(inbox, state).changes] == ["create"]


def test_the_same_seed_makes_the_same_ids() -> None:
    def ids(seed: int) -> list[object]:
        with house(seed=seed) as made:
            bob = mailbox_of(made, "bob")
            item = bob.add(bob.well_known("inbox"), letter("x"))
            return [item_id(item), item.search_key, bob.guid, made.guid, bob.changes(bob.well_known("inbox")).state]

    assert ids(3) == ids(3)
    assert not set(map(str, ids(3)[1:])) & set(map(str, ids(4)[1:]))


def test_a_transaction_that_fails_leaves_nothing(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    inbox = bob.well_known("inbox")

    def half() -> None:
        with organisation.writing():
            bob.add(inbox, letter("never"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert bob.count(inbox) == 0
    assert bob.add(inbox, letter("then")).id > 0


def test_what_fails_within_a_transaction_is_undone_alone(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    inbox = bob.well_known("inbox")

    def half() -> None:
        with organisation.writing():
            bob.add(inbox, letter("never"))
            raise RuntimeError

    with organisation.writing():
        bob.add(inbox, letter("kept"))
        with pytest.raises(RuntimeError):
            half()
    assert [item.properties["Subject"] for item in bob.items(inbox)] == ["kept"]


def test_a_mailbox_removed_is_nobodys(organisation: Organisation) -> None:
    anna = mailbox_of(organisation, "anna")
    item = anna.add(anna.well_known("inbox"), letter("x"), [Attachment("a", b"b")])
    organisation.remove_mailbox(anna)
    assert organisation.mailbox("anna@house.example") is organisation.mailbox("av@house.example") is None
    assert refused(lambda: item_at(organisation, item_id(item)[0])) == "ErrorNonExistentMailbox"
    assert organisation.resolve("anna") == []


def test_several_threads_at_once(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    inbox, drafts = bob.well_known("inbox"), bob.well_known("drafts")
    failures: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(40):
                bob.move(bob.add(inbox, letter(f"{name} {number}")), drafts)
                sum(len(item.mime) for item in bob.items(drafts))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (bob.count(inbox), bob.count(drafts)) == (0, 160)
    assert len({item.id for item in bob.items(drafts)}) == 160


def test_content_that_is_the_same_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "house.sqlite"
    with house(path) as made:
        bob = mailbox_of(made, "bob")
        for _ in range(20):
            bob.copy(
                bob.add(bob.well_known("inbox"), letter("x"), [Attachment("same", bytes(1_000_000))]),
                bob.well_known("drafts"),
            )
    assert path.stat().st_size < 2_500_000


# Items within items


def test_an_item_within_an_item_keeps_what_it_holds(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    deep = Attachment("deep", item=letter("deep"), attachments=(Attachment("file", b"bytes"),))
    outer = bob.add(
        bob.well_known("inbox"), letter("outer"), [Attachment("in", item=letter("inner"), attachments=(deep,))]
    )
    moved = bob.move(outer, bob.well_known("drafts"))
    copied = bob.copy(moved, bob.well_known("inbox"))
    for item in (moved, copied):
        [inner] = bob.attachments(item)
        assert inner.item is not None
        assert inner.item.properties["Subject"] == "inner"
        [deepest] = bob.attachments(inner.item)
        assert [each.content for each in deepest.attachments] == [b"bytes"]
        found = bob.attachment(deepest.id)
        assert found is not None
        assert found[0].id == inner.item.id
    assert bob.count(bob.well_known("inbox")) == 1
    held = [bob.attachments(moved)[0].id, bob.attachments(copied)[0].id]
    assert bob.delete(bob.delete(moved, "hard") or moved, "hard") is None
    assert [bob.attachment(number) is None for number in held] == [True, False]


def test_attachments_come_and_go(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    item = bob.add(bob.well_known("inbox"), letter("x"))
    before, size = item.change, item.size
    added = bob.add_attachment(item, Attachment("a", bytes(1000)))
    assert (item.change > before, item.size) == (True, size + 1000)
    bob.remove_attachment(item, added.id)
    assert (bob.attachments(item), item.size) == ([], size)
    assert bob.attachment(added.id) is None


# Deleting


def test_where_deleted_things_go(organisation: Organisation) -> None:
    anna = mailbox_of(organisation, "anna")
    archive = anna.add_folder(anna.well_known("archivemsgfolderroot"), "2019")
    for place, prefix in ((anna.well_known("inbox"), ""), (archive, "archive")):
        item = anna.add(place, letter("x"))
        path = []
        for kind in ("trash", "trash", "soft"):
            item = anna.delete(item, kind) or item
            home = anna.folder(item.folder)
            assert home is not None
            path.append(home.distinguished)
        assert path == [
            prefix + name for name in ("deleteditems", "recoverableitemsdeletions", "recoverableitemspurges")
        ]
        assert anna.delete(item, "soft") is None
        assert anna.item(item.id) is None


def test_a_hold_keeps_former_versions(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    bob.keeps_versions = True
    item = bob.add(bob.well_known("inbox"), letter("first"))
    item.properties["Subject"] = "second"
    bob.save(item)
    [version] = bob.items(bob.well_known("recoverableitemsversions"))
    assert version.properties["Subject"] == "first"
    assert version.search_key == item.search_key


def test_folders_that_go(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    inbox, trash = bob.well_known("inbox"), bob.well_known("deleteditems")
    for _ in range(2):
        folder = bob.add_folder(inbox, "Projects")
        bob.add(bob.add_folder(folder, "Secret"), letter("x"))
        bob.delete_folder(folder, "trash")
    assert [each.name for each in bob.children(trash)] == ["Projects", "Projects1"]
    assert bob.count(bob.folders(trash)[2]) == 1
    bob.delete_folder(bob.children(trash)[0], "trash")
    assert [each.name for each in bob.children(trash)] == ["Projects1"]
    assert bob.count(bob.well_known("recoverableitemsdeletions")) == 1
    for refusal, run in (
        (Distinguished, lambda: bob.delete_folder(inbox, "hard")),
        (Distinguished, lambda: bob.rename_folder(bob.well_known("inbox"), "Mine")),
        (Distinguished, lambda: bob.move_folder(inbox, trash)),
        (FolderExists, lambda: bob.add_folder(bob.well_known("msgfolderroot"), "INBOX")),
        (InvalidMove, lambda: bob.move_folder(bob.children(trash)[0], bob.folders(trash)[1])),
        (NotFound, lambda: bob.well_known("syncissues")),
    ):
        with pytest.raises(refusal):
            run()


# Series


def _rule(pattern: str, start: str, **settings: str) -> Recurrence:
    return Recurrence(pattern, settings, date.fromisoformat(start))


_week, _month, _year = (
    partial(_rule, name) for name in ("WeeklyRecurrence", "RelativeMonthlyRecurrence", "RelativeYearlyRecurrence")
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (_rule("DailyRecurrence", "2026-02-27", Interval="2"), ["2026-02-27", "2026-03-01", "2026-03-03"]),
        (_week( "2026-03-04", Interval="2", DaysOfWeek="Monday Wednesday"), ["2026-03-04", "2026-03-16", "2026-03-18"]),
        (_week( "2026-03-01", Interval="2", DaysOfWeek="Sunday Monday", FirstDayOfWeek="Monday"), ["2026-03-01", "2026-03-09", "2026-03-15"]),
        (_week( "2026-03-06", Interval="1", DaysOfWeek="Weekday"), ["2026-03-06", "2026-03-09", "2026-03-10"]),
        (_rule("AbsoluteMonthlyRecurrence", "2026-01-31", Interval="1", DayOfMonth="31"), ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (_month( "2026-03-10", Interval="1", DaysOfWeek="Tuesday", DayOfWeekIndex="Second"), ["2026-03-10", "2026-04-14", "2026-05-12"]),
        (_month( "2026-01-30", Interval="1", DaysOfWeek="Weekday", DayOfWeekIndex="Last"), ["2026-01-30", "2026-02-27", "2026-03-31"]),
        (_rule("AbsoluteYearlyRecurrence", "2024-02-29", DayOfMonth="29", Month="February"), ["2024-02-29", "2025-02-28", "2026-02-28"]),
        (_year( "2026-11-26", DaysOfWeek="Thursday", DayOfWeekIndex="Fourth", Month="November"), ["2026-11-26", "2027-11-25", "2028-11-23"]),
    ],
)  # fmt: skip
def test_when_a_series_happens(rule: Recurrence, expected: list[str]) -> None:
    assert [day.isoformat() for day in islice(dates(rule), 3)] == expected


@given(st.integers(1, 40), st.integers(1, 4))
def test_a_numbered_series_has_that_many(times: int, interval: int) -> None:
    rule = Recurrence(
        "WeeklyRecurrence", {"Interval": str(interval), "DaysOfWeek": "Tuesday Friday"}, date(2026, 3, 4), times=times
    )
    days = list(dates(rule))
    assert len(days) == times
    assert days == sorted(set(days))
    assert dates(Recurrence(rule.pattern, rule.settings, rule.start, end=days[-1])).__next__() == days[0]
    assert list(dates(Recurrence(rule.pattern, rule.settings, rule.start, end=days[-1]))) == days


def test_recurrence_is_read_as_ews_writes_it() -> None:
    read = read_recurrence(
        "<t:RelativeMonthlyRecurrence><t:Interval>3</t:Interval><t:DaysOfWeek>Friday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex>"
        "</t:RelativeMonthlyRecurrence><t:EndDateRecurrence><t:StartDate>2026-01-30+01:00</t:StartDate><t:EndDate>2026-07-31Z</t:EndDate>"
        "</t:EndDateRecurrence>"
    )
    assert read is not None
    assert [day.isoformat() for day in dates(read)] == ["2026-01-30", "2026-04-24", "2026-07-31"]
    assert read_recurrence("") is None


def test_a_series_keeps_its_hour_when_the_clocks_change(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    series = meeting("s", "2026-03-23T08:00:00Z", "2026-03-23T09:30:00Z", weekly("2026-03-23", 3))
    moved = Occurrence(
        datetime(2026, 4, 6, 7, tzinfo=UTC), {"Start": "2026-04-07T07:00:00Z", "End": "2026-04-07T08:00:00Z"}
    )
    gone = datetime(2026, 3, 30, 7, tzinfo=UTC)
    master = bob.add(bob.well_known("calendar"), series, (), [moved], [gone])
    first, second, third = bob.instances(master)
    assert (first.start.hour, second.original_start.hour, second.deleted, third.start.day) == (8, 7, True, 7)
    assert third.end - third.start == timedelta(hours=1)
    shown = bob.instance(master, third.original_start)
    assert shown.properties["CalendarItemType"] == "Exception"
    assert shown.properties["RecurrenceId"] == "2026-04-06T07:00:00Z"
    assert "Recurrence" not in shown.properties
    assert read_item_id(item_id(shown)[0]).occurrence == third.original_start
    with pytest.raises(OccurrenceDeleted):
        bob.instance(master, gone)
    with pytest.raises(NotFound):
        bob.instance(master, gone + timedelta(days=1))


def test_an_occurrence_gets_attachments_of_its_own(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    master = bob.add(
        bob.well_known("calendar"),
        meeting("s", "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", weekly("2026-03-02")),
        [Attachment("agenda", b"of all")],
    )
    start = datetime(2026, 3, 9, 8, tzinfo=UTC)
    second = bob.instance(master, start)
    assert [each.name for each in bob.attachments(second)] == ["agenda"]
    bob.add_attachment(second, Attachment("minutes", b"of one"))
    assert [each.name for each in bob.attachments(second)] == ["agenda", "minutes"]
    assert [each.name for each in bob.attachments(master)] == ["agenda"]


# Ids


@given(st.text(max_size=80))
def test_a_made_up_id_is_refused(text: str) -> None:
    assert refused(lambda: read_item_id(text)) in ("ErrorInvalidIdMalformed", "ErrorInvalidIdEmpty")


def test_ids_say_what_they_are_of(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    inbox = bob.well_known("inbox")
    item = bob.add(inbox, letter("x"))
    assert refused(lambda: read_item_id(folder_id(inbox)[0])) == "ErrorCannotUseFolderIdForItemId"
    assert refused(lambda: read_folder_id(item_id(item)[0])) == "ErrorCannotUseItemIdForFolderId"
    before = item_id(item)
    bob.mark_read(item, True)
    assert item_id(item)[0] == before[0]
    assert item_id(item)[1] != before[1]


# Synchronisation, whatever happens between two pages


class Synchronising(RuleBasedStateMachine):
    """A client that pages through a folder while others change it knows, at every end of a round, what is there."""

    items = Bundle("items")

    def __init__(self) -> None:
        super().__init__()
        self.organisation = Organisation(None, clock=Clock())
        self.mailbox = self.organisation.add_mailbox("bob@house.example", "Bob")
        self.inbox, self.drafts = self.mailbox.well_known("inbox"), self.mailbox.well_known("drafts")
        self.state = ""
        self.known: dict[int, tuple[int, bool]] = {}  # id → change, read
        self.settled = False

    def teardown(self) -> None:
        self.organisation.close()

    @rule(target=items)
    def add(self) -> Item:
        self.settled = False
        return self.mailbox.add(self.inbox, letter("x"))

    @rule(item=items)
    def change(self, item: Item) -> None:
        self.settled = False
        self.mailbox.save(item)

    @rule(item=items, on=st.booleans())
    def mark(self, item: Item, on: bool) -> None:
        self.settled = False
        self.mailbox.mark_read(item, on)

    @rule(item=consumes(items))
    def take_away(self, item: Item) -> None:
        self.settled = False
        self.mailbox.move(item, self.drafts)

    @rule(limit=st.integers(1, 4))
    def page(self, limit: int) -> None:
        page = self.mailbox.changes(self.inbox, self.state, limit)
        assert len(page.changes) <= limit
        self.state = page.state
        for change in page.changes:
            item = self.mailbox.item(change.item)
            if change.kind == "delete" or item is None:
                self.known.pop(change.item, None)
                continue
            assert change.kind == "create" or change.item in self.known
            if change.kind == "read":
                assert self.known[item.id][0] == item.change
            self.known[item.id] = (item.change, item.read)
        self.settled = page.last

    @invariant()
    def knows_all_when_nothing_is_left(self) -> None:
        if self.settled:
            assert self.known == {item.id: (item.change, item.read) for item in self.mailbox.items(self.inbox)}


TestSynchronising = Synchronising.TestCase


def test_a_round_left_half_way_can_be_gone_on_with_later(organisation: Organisation) -> None:
    bob = mailbox_of(organisation, "bob")
    inbox = bob.well_known("inbox")
    items = [bob.add(inbox, letter(str(n))) for n in range(4)]
    half = bob.changes(inbox, limit=2)
    bob.move(items[0], bob.well_known("drafts"))
    bob.move(items[3], bob.well_known("drafts"))
    rest = bob.changes(inbox, half.state, 10)
    assert rest.last
    told = [(change.kind, change.item) for change in rest.changes]
    assert ("create", items[2].id) in told
    assert [kind for kind, _ in told].count("delete") == 2
    assert bob.changes(inbox, rest.state).changes == []
    with pytest.raises(InvalidSyncState):
        bob.changes(bob.well_known("drafts"), rest.state)
