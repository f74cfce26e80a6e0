"""Where folders go: by purpose and kind, across languages, servers and the sections of a mailbox."""

from __future__ import annotations

from mailkeep.mail.items import Folder, Kind, Role, Section
from mailkeep.recover.routes import Routes, makes_empty

GERMAN = [
    Folder("1", ("Posteingang",), role=Role.INBOX),
    Folder("2", ("Gesendete Elemente",), role=Role.SENT),
    Folder("3", ("Kalender",), Kind.EVENT, Role.CALENDAR),
    Folder("4", ("Projekte",)),
]
IMAP = [Folder("1", ("INBOX",), role=Role.INBOX), Folder("2", ("Sent",), role=Role.SENT)]


def route(folder: Folder, there: list[Folder], *others: Folder, into: tuple[str, ...] = ()) -> tuple[str, ...]:
    return Routes([folder, *others], there, into).path(folder)


def test_a_role_goes_before_a_name() -> None:
    assert route(Folder("", ("Sent",), role=Role.SENT), [*GERMAN, Folder("5", ("Sent",))]) == ("Gesendete Elemente",)
    assert route(Folder("", ("Sent Items",), role=Role.SENT), IMAP) == ("Sent",)
    assert route(Folder("", ("Sent Items",), role=Role.SENT), [Folder("1", ("INBOX",))]) == ("Sent Items",)


def test_what_is_below_a_folder_with_a_role_goes_with_it() -> None:
    inbox = Folder("", ("Inbox",), role=Role.INBOX)
    below = Folder("", ("Inbox", "Projects", "2024"))
    assert route(below, GERMAN, inbox, Folder("", ("Inbox", "Projects"))) == ("Posteingang", "Projects", "2024")
    assert route(below, GERMAN) == ("Posteingang", "Projects", "2024"), "the inbox was not selected, and is known"
    assert route(below, [*IMAP, Folder("3", ("Inbox", "Projects", "2024"))]) == ("Inbox", "Projects", "2024")


def test_a_chosen_folder_takes_all_below_it_under_its_own_name() -> None:
    assert route(Folder("", ("Sent",), role=Role.SENT), GERMAN, into=("Back",)) == ("Back", "Sent")


def test_kinds_do_not_mix() -> None:
    assert route(Folder("", ("Projekte",), Kind.EVENT), GERMAN) == ("Projekte (calendar)",)
    assert route(Folder("", ("Projekte",)), GERMAN) == ("Projekte",)
    only_mail = Routes([], IMAP, kinds=frozenset({Kind.MAIL}))
    assert only_mail.path(Folder("", ("Sent",), Kind.EVENT)) == ("Sent",), "nothing of it can be restored anyway"


def test_sections_do_not_mix() -> None:
    archive = Section.IN_PLACE_ARCHIVE
    old = Folder("", ("In-Place Archive", "Inbox"), role=Role.INBOX, section=archive)
    there = [*GERMAN, Folder("9", ("Posteingang",), role=Role.INBOX, section=archive)]
    assert route(old, there) == ("In-Place Archive", "Posteingang")
    assert route(old, GERMAN) == ("In-Place Archive", "Inbox"), "never into the primary inbox"
    purged = Folder("", ("Recoverable Items", "Purges"), section=Section.RECOVERABLE_ITEMS)
    assert route(purged, there) == ("Recoverable Items", "Purges")
    assert not makes_empty(purged, frozenset(Kind))


def test_parents_are_made_for_what_the_source_has_them_for() -> None:
    routes = Routes([Folder("", ("A",), Kind.TASK), Folder("", ("A", "B"), Kind.TASK)], GERMAN, ("Back",))
    assert (routes.kind(("Back",)), routes.kind(("Back", "A"))) == (Kind.MAIL, Kind.TASK)
