"""The plan's table, line by line: what is listed × what is known → action."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailkeep.mail.items import Folder, ItemRef, Kind, Role, Section
from mailkeep.sync.folders import Treatment, plan_tree
from mailkeep.sync.plan import (
    Added,
    Fetch,
    LeaveOut,
    Missing,
    Move,
    Place,
    Reflag,
    Sighting,
    Unexplained,
    compare,
    last_words,
    missing,
    settle_added,
    settle_move,
)
from mailkeep.sync.ports import FolderCount, KnownFolder, KnownItem
from mailkeep.tasks.admit import LeftOut
from mailkeep.tasks.options import TaskOptions

INBOX = Folder("f1", ("INBOX",), role=Role.INBOX)
THEN = datetime(2026, 1, 1, tzinfo=UTC)
SEEN, WORK = frozenset({"seen"}), frozenset({"work"})
ON, OFF = (("seen", True),), (("seen", False),)


def ref(name: str, *, version: str = "", stable: str = "", flags: frozenset[str] = frozenset()) -> ItemRef:
    return ItemRef(name, Kind.MAIL, "IPM.Note", 100, THEN, THEN, version=version, stable_id=stable, flags=flags)


def known(item: ItemRef, left_out: str = "", number: int = 7) -> KnownItem:
    return KnownItem(number, 1, item, b"", left_out)


def keep(_ref: ItemRef, _folder: Folder) -> LeftOut | None:
    return None


def refuse(_ref: ItemRef, _folder: Folder) -> LeftOut | None:
    return LeftOut("class", "not wanted")


HERE = Place(1, "")
TABLE = [
    # sighting, known, judge, complete, outcomes
    (Sighting(1, "a", ref("a")), None, keep, True, [Added(1, ref("a"))]),
    (Sighting(1, "a", ref("a")), known(ref("a")), keep, True, []),
    (Sighting(1, "a", ref("a", flags=SEEN)), known(ref("a")), keep, True, [Reflag(7, SEEN)]),
    (Sighting(1, "a", ref("a")), known(ref("a")), refuse, True, []),  # narrowed options change nothing
    (Sighting(1, "a", ref("a", version="2")), known(ref("a")), keep, True, [Fetch(ref("a", version="2"), 1, 7, HERE)]),
    (
        Sighting(1, "a", ref("a", version="2")),
        known(ref("a")),
        refuse,
        True,
        [LeaveOut(ref("a", version="2"), 1, "class", "not wanted", 7, HERE)],
    ),
    (
        Sighting(1, "a", ref("a", stable="s2")),  # another item under the old id: against the rules, and not believed
        known(ref("a", stable="s1")),
        keep,
        True,
        [Fetch(ref("a", stable="s2"), 1, 7, HERE)],
    ),
    (Sighting(1, "a", ref("a")), known(ref("a"), "class"), refuse, True, []),
    (Sighting(1, "a", ref("a")), known(ref("a"), "class"), keep, True, [Fetch(ref("a"), 1, 7, Place(1, "class"))]),
    (
        Sighting(1, "a", ref("a")),
        known(ref("a"), "sensitive"),
        refuse,
        True,
        [LeaveOut(ref("a"), 1, "class", "not wanted", 7, Place(1, "sensitive"))],
    ),
    (Sighting(1, "a"), known(ref("a")), keep, True, []),
    (Sighting(1, "a", None, SEEN), known(ref("a")), keep, True, [Reflag(7, SEEN)]),
    (Sighting(1, "a", ref("a"), changed=True), known(ref("a")), keep, False, [Fetch(ref("a"), 1, 7, HERE)]),
    (
        Sighting(1, "a", ref("a"), changed=True),
        known(ref("a")),
        refuse,
        False,
        [LeaveOut(ref("a"), 1, "class", "not wanted", 7, HERE)],
    ),
    (Sighting(1, "a", marks=ON), known(ref("a")), keep, False, [Reflag(7, SEEN)]),
    (Sighting(1, "a", marks=ON), known(ref("a", flags=WORK)), keep, False, [Reflag(7, SEEN | WORK)]),
    (Sighting(1, "a", marks=OFF), known(ref("a", flags=SEEN | WORK)), keep, False, [Reflag(7, WORK)]),
    (Sighting(1, "a", marks=ON), known(ref("a", flags=SEEN)), keep, False, []),
    (Sighting(1, "a", marks=ON), None, keep, False, [Unexplained("a")]),
    (
        Sighting(1, "a", marks=ON),
        known(ref("a"), "class"),
        keep,
        False,
        [Fetch(ref("a"), 1, 7, Place(1, "class")), Reflag(7, SEEN)],
    ),
    (Sighting(1, "a"), known(ref("a"), "class"), keep, True, [Fetch(ref("a"), 1, 7, Place(1, "class"))]),
    (Sighting(1, "a"), None, keep, True, [Unexplained("a")]),
    (Sighting(1, "a", gone=True), None, keep, False, []),
    (Sighting(1, "a", gone=True), known(ref("a")), keep, False, [missing(known(ref("a")))]),
    (None, known(ref("a")), keep, True, [missing(known(ref("a")))]),
    (None, known(ref("a")), keep, False, []),
    (None, known(ref("a"), "class"), keep, False, [Fetch(ref("a"), 1, 7, Place(1, "class"))]),
    (None, known(ref("a"), "class"), refuse, False, []),
]


@pytest.mark.parametrize(("sighting", "item", "judge", "complete", "expected"), TABLE)
def test_compare(sighting, item, judge, complete, expected) -> None:  # type: ignore[no-untyped-def]
    sightings = [] if sighting is None else [sighting]
    items = [] if item is None else [item]
    assert list(compare(INBOX, 1, sightings, items, judge, complete=complete)) == expected


def test_the_last_word_of_a_repeated_id_counts() -> None:
    words = [Sighting(1, "a", ref("a")), Sighting(1, "a", gone=True), Sighting(1, "b", ref("b"))]
    assert list(compare(INBOX, 1, words, [], keep, complete=False)) == [Added(1, ref("b"))]


MERGED = [
    # what one listing says of one item, and what counts
    ([Sighting(1, "a", ref("a")), Sighting(1, "a", marks=ON)], Sighting(1, "a", ref("a", flags=SEEN))),
    (
        [Sighting(1, "a", ref("a", flags=SEEN), changed=True), Sighting(1, "a", marks=OFF)],
        Sighting(1, "a", ref("a"), changed=True),
    ),
    ([Sighting(1, "a", None, WORK), Sighting(1, "a", marks=ON)], Sighting(1, "a", None, WORK | SEEN)),
    ([Sighting(1, "a"), Sighting(1, "a", marks=ON)], Sighting(1, "a", marks=ON)),
    ([Sighting(1, "a", marks=ON), Sighting(1, "a", marks=OFF)], Sighting(1, "a", marks=ON + OFF)),
    ([Sighting(1, "a", marks=ON), Sighting(1, "a", ref("a"))], Sighting(1, "a", ref("a"))),
    ([Sighting(1, "a", marks=ON), Sighting(1, "a")], Sighting(1, "a")),
    ([Sighting(1, "a", marks=ON), Sighting(1, "a", gone=True)], Sighting(1, "a", gone=True)),
    ([Sighting(1, "a", gone=True), Sighting(1, "a", marks=ON)], Sighting(1, "a", marks=ON)),
]


@pytest.mark.parametrize(("words", "counts"), MERGED)
def test_a_mark_leaves_standing_what_was_said_before_it(words: list[Sighting], counts: Sighting) -> None:
    other = Sighting(1, "b", marks=ON)
    assert list(last_words([*words, other])) == [counts, other]


def test_the_last_of_marks_counts() -> None:
    words = [Sighting(1, "a", marks=ON), Sighting(1, "a", marks=(("work", True),)), Sighting(1, "a", marks=OFF)]
    item = known(ref("a", flags=SEEN))
    assert list(compare(INBOX, 1, words, [item], keep, complete=False)) == [Reflag(7, WORK)]


CUT_SHORT = {
    5: datetime(2026, 3, 4, 12, 0, tzinfo=UTC),
    6: datetime(2026, 3, 4, 13, 0, tzinfo=UTC),
}  # entries, and when


@pytest.mark.parametrize(
    ("now", "version", "since", "fetched"),
    [
        ("2", "2", 5, False),  # a run that was cut short has it in this version
        ("2", "2", 4, True),  # archived before the checkpoint: the server's word counts
        ("2", "2", 7, True),  # by this very run, which listed once more
        ("3", "2", 5, True),
        ("", "", 5, True),  # without versions nothing tells which change was fetched
        ("2026-03-04T11:20:00Z", "2026-03-04T11:20:00Z", 5, False),
        ("2026-03-04T11:59:59Z", "2026-03-04T11:59:59Z", 5, True),  # fetched maybe in the second in which it changed
        ("2026-03-04T11:59:59Z", "2026-03-04T11:59:59Z", 6, False),  # and fetched again by the next run, later
    ],
)
def test_what_a_run_that_was_cut_short_has_fetched_is_not_fetched_again(
    now: str, version: str, since: int, fetched: bool
) -> None:
    item = replace(known(ref("a", version=version)), since=since)
    sighting = Sighting(1, "a", ref("a", version=now), changed=True)
    outcomes = list(compare(INBOX, 1, [sighting], [item], keep, complete=False, cut_short=CUT_SHORT))
    assert bool(outcomes) == fetched


@pytest.mark.parametrize(("version", "fetched"), [("2026-03-04T11:20:00Z", False), ("2026-03-04T11:59:59Z", True)])
def test_nor_is_it_when_the_folder_is_listed_from_the_start(version: str, fetched: bool) -> None:
    item = replace(known(ref("a", version=version)), since=5)
    sighting = Sighting(1, "a", ref("a", version=version))
    outcomes = list(compare(INBOX, 1, [sighting], [item], keep, complete=True, cut_short=CUT_SHORT))
    assert bool(outcomes) == fetched


def test_both_sides_are_walked_in_order() -> None:
    sightings = [Sighting(1, name, ref(name)) for name in "abdf"]
    items = [known(ref(name), number=ord(name)) for name in "bcdeg"]
    outcomes = list(compare(INBOX, 1, sightings, items, keep, complete=True))
    assert [each.ref.id for each in outcomes if isinstance(each, Added)] == ["a", "f"]
    assert [chr(each.number) for each in outcomes if isinstance(each, Missing)] == ["c", "e", "g"]


TARGET = Folder("f2", ("Archive",))
MOVES = [
    # addition, item, judge, actions
    (ref("x"), known(ref("a")), keep, [Move(7, 2, "x", HERE)]),
    (ref("x"), known(ref("a")), refuse, [Move(7, 2, "x", HERE)]),  # a move of what is archived is always recorded
    (ref("x", flags=SEEN), known(ref("a")), keep, [Move(7, 2, "x", HERE), Reflag(7, SEEN)]),
    (ref("x", version="2"), known(ref("a")), keep, [Fetch(ref("x", version="2"), 2, 7, HERE)]),
    (ref("x"), known(ref("a"), "class"), refuse, [Move(7, 2, "x", Place(1, "class"))]),
    (ref("x"), known(ref("a"), "class"), keep, [Fetch(ref("x"), 2, 7, Place(1, "class"))]),
]


@pytest.mark.parametrize(("addition", "item", "judge", "expected"), MOVES)
def test_moves(addition, item, judge, expected) -> None:  # type: ignore[no-untyped-def]
    assert list(settle_move(Added(2, addition), missing(item), TARGET, judge)) == expected


def test_additions_are_judged() -> None:
    assert settle_added(Added(1, ref("a")), INBOX, keep) == Fetch(ref("a"), 1)
    assert settle_added(Added(1, ref("a")), INBOX, refuse) == LeaveOut(ref("a"), 1, "class", "not wanted")


MAIL_ONLY = TaskOptions()
CALENDAR = Folder("f3", ("Calendar",), Kind.EVENT, Role.CALENDAR)


@pytest.mark.parametrize(
    ("folder", "archived", "treatment"),
    [
        (INBOX, 0, Treatment.LISTED),
        (Folder("f", ("All Mail",), role=Role.ALL), 0, Treatment.SHOWN),
        (Folder("f", ("Starred",), role=Role.FLAGGED), 0, Treatment.SHOWN),
        (Folder("f", ("Shared",), selectable=False), 0, Treatment.EMPTY),
        (CALENDAR, 0, Treatment.COUNTED),
        (CALENDAR, 3, Treatment.LISTED),  # its archived items are still followed
    ],
)
def test_treatment_of_folders(folder: Folder, archived: int, treatment: Treatment) -> None:
    tree = plan_tree([folder], [KnownFolder(4, folder)], {4: FolderCount(archived, {})}, MAIL_ONLY, lambda: 9)
    assert [(branch.number, branch.treatment) for branch in tree.branches] == [(4, treatment)]
    assert (tree.puts, tree.gone) == ((), ())


ARCHIVE = Folder("f4", ("INBOX",), section=Section.IN_PLACE_ARCHIVE)
BOTH = TaskOptions(sections=frozenset({Section.PRIMARY, Section.IN_PLACE_ARCHIVE}))


def test_folders_of_a_section_that_is_off_are_neither_listed_nor_gone_nor_new() -> None:
    old = [KnownFolder(1, INBOX), KnownFolder(2, ARCHIVE)]
    new = Folder("f9", ("New",), section=Section.IN_PLACE_ARCHIVE)
    for shown in ([INBOX], [INBOX, ARCHIVE, new]):
        tree = plan_tree(shown, old, {2: FolderCount(3, {})}, MAIL_ONLY, lambda: 9)
        assert [(each.number, each.treatment) for each in tree.branches] == [(1, Treatment.LISTED), (2, Treatment.KEPT)]
        assert (tree.puts, tree.gone) == ((), ())


def test_a_section_that_is_on_again_is_taken_up() -> None:
    old = [KnownFolder(1, INBOX), KnownFolder(2, ARCHIVE)]
    new = Folder("f9", ("New",), section=Section.IN_PLACE_ARCHIVE)
    tree = plan_tree([INBOX, ARCHIVE, new], old, {}, BOTH, lambda: 9)
    assert {each.number: each.treatment for each in tree.branches} == dict.fromkeys([1, 2, 9], Treatment.LISTED)
    assert [each.folder for each in tree.puts] == [new]
    assert plan_tree([INBOX], old, {}, BOTH, lambda: 9).gone == (2,)


def test_a_folder_that_changes_its_section_keeps_its_number() -> None:
    back = replace(ARCHIVE, section=Section.PRIMARY)
    tree = plan_tree([INBOX, back], [KnownFolder(1, INBOX), KnownFolder(2, ARCHIVE)], {}, MAIL_ONLY, lambda: 9)
    assert [(each.number, each.folder) for each in tree.puts] == [(2, back)]
    assert tree.gone == ()


def test_new_renamed_and_vanished_folders() -> None:
    renamed = Folder("f2", ("Projekte",))
    old = [KnownFolder(1, INBOX), KnownFolder(2, Folder("f2", ("Projects",))), KnownFolder(3, CALENDAR)]
    tree = plan_tree([INBOX, renamed, Folder("f9", ("New",)), INBOX], old, {}, MAIL_ONLY, lambda: 9)
    assert [(branch.number, branch.folder.path) for branch in tree.puts] == [(9, ("New",)), (2, ("Projekte",))]
    assert tree.gone == (3,)
    assert [branch.number for branch in tree.branches] == [1, 2, 3, 9]


def test_the_folders_of_a_section_that_the_server_would_not_show_are_kept() -> None:
    archived = Folder("f7", ("Posteingang",), section=Section.IN_PLACE_ARCHIVE)
    old = [KnownFolder(1, INBOX), KnownFolder(2, archived)]
    tree = plan_tree([INBOX], old, {}, BOTH, lambda: 9, {Section.IN_PLACE_ARCHIVE})
    assert tree.gone == ()
    assert tree.by_number()[2].treatment is Treatment.KEPT
    assert plan_tree([INBOX], old, {}, BOTH, lambda: 9).gone == (2,)
