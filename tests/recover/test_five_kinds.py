"""SPEC E6 for all five kinds: whole on the way back, found again, compared by property, undone; whatever the server can and cannot do."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.archive.events import NativeBlob
from mailkeep.connectors.base import Created, Fetched, Listed, NewItem
from mailkeep.connectors.memory import native
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.server import MemoryMailbox, MemoryServer
from mailkeep.mail.items import Folder, Kind, NativePart, Role, Section
from mailkeep.recover.fidelity import Compared
from mailkeep.recover.ports import Line, SourceItem
from mailkeep.recover.reading import Ways
from mailkeep.recover.run import Restored, run_restore
from mailkeep.recover.survey import plan_restore
from mailkeep.recover.undo import undo_restore
from tests.recover.memory import RECEIVED, MemoryJournal, MemorySource

PRIMARY = frozenset({Section.PRIMARY})
FOLDERS = {
    Kind.MAIL: (("Inbox",), Role.INBOX),
    Kind.EVENT: (("Calendar",), Role.CALENDAR),
    Kind.CONTACT: (("Contacts",), Role.CONTACTS),
    Kind.TASK: (("Tasks",), Role.TASKS),
    Kind.NOTE: (("Notes",), Role.NOTES),
}
CLASSES = {
    Kind.MAIL: "IPM.Note.Custom",
    Kind.EVENT: "IPM.Appointment",
    Kind.CONTACT: "IPM.DistList",
    Kind.TASK: "IPM.Task",
    Kind.NOTE: "IPM.StickyNote",
}


def content_of(kind: Kind, word: str) -> bytes:
    texts = {
        Kind.MAIL: f"Subject: {word}\r\nFrom: a@x\r\nMessage-ID: <{word}@x>\r\n\r\n{word}\r\n",
        Kind.EVENT: f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{word}\r\nSUMMARY:{word}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        Kind.CONTACT: f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{word}\r\nREV:2026-11-23T04:00:00Z\r\nEND:VCARD\r\n",
        Kind.TASK: f"Subject: {word}\r\nContent-Class: urn:content-classes:task\r\n\r\n{word} to do\r\n",
        Kind.NOTE: f"Subject: {word}\r\n\r\n{word} to remember\r\n",
    }
    return texts[kind].encode()


def parts_of(word: str, *files: bytes) -> tuple[NativePart, ...]:
    said = native.properties_part({"Subject": word, "Body": f"the body of {word}", "Categories": word[:1]})
    return (said, *(NativePart(f"memory.attachment.{number}", file) for number, file in enumerate(files)))


class OwnStamps(MemoryConnector):
    """A server that says itself when an item other than mail was received, as Exchange does."""

    def create(self, folder: Folder, item: NewItem) -> Created:
        own = item.received if item.kind is Kind.MAIL else RECEIVED + timedelta(days=1000)
        created = super().create(folder, replace(item, received=own))
        if item.kind is Kind.EVENT:
            held = self._held(folder)
            held.items[held.uid_next - 1].time = RECEIVED  # its start
        return created


def archived(connector: MemoryConnector) -> MemorySource:
    """Everything that the mailbox holds, as the archive would have it."""
    source = MemorySource(more_folders=connector.folders())
    for folder in source.more_folders:
        listed = [change.ref for change in connector.changes(folder, None) if isinstance(change, Listed)]
        for got in connector.fetch(folder, listed):
            assert isinstance(got, Fetched)
            blobs = [(part.name, hashlib.sha256(part.content).digest(), len(part.content)) for part in got.parts]
            item = source.put(
                bytes(got.content),
                folder.path,
                kind=got.ref.kind,
                received=got.ref.received,
                time=got.ref.time,
                flags=got.ref.flags,
                subject=got.ref.subject,
                message_id=got.ref.message_id,
                message_class=got.ref.message_class,
                native=tuple(NativeBlob(name, digest, digest, size) for name, digest, size in blobs),
            )
            source.native[item.number] = got.parts
    return source


@dataclass
class World:
    """A mailbox that is archived, and an empty one, perhaps in another language, on another server."""

    old: MemoryServer = field(default_factory=lambda: MemoryServer(native=True))
    new: MemoryServer = field(default_factory=lambda: MemoryServer(native=True))
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    earlier: list[Line] = field(default_factory=list)
    mailbox: MemoryMailbox = field(init=False)
    target: MemoryMailbox = field(init=False)

    def __post_init__(self) -> None:
        self.mailbox, self.target = self.old.add_mailbox("anna@x"), self.new.add_mailbox("anna@y")
        for kind, (path, role) in FOLDERS.items():
            self.mailbox.add_folder(path, kind=kind, role=role)
            self.target.add_folder((f"{path[0]} auf Deutsch",), kind=kind, role=role)

    def deliver(self, kind: Kind, word: str, parts: tuple[NativePart, ...] = (), path: tuple[str, ...] = ()) -> None:
        folder = self.mailbox.folder(*(path or FOLDERS[kind][0]))
        folder.deliver(
            content_of(kind, word),
            kind=kind,
            message_class=CLASSES[kind],
            received=RECEIVED,
            flags={"seen"},
            parts=parts,
        )

    def source(self) -> MemorySource:
        return archived(MemoryConnector(self.old, self.mailbox, PRIMARY))

    def connect(self) -> MemoryConnector:
        return OwnStamps(self.new, self.target, PRIMARY)

    def ways(self) -> Ways:
        return Ways(properties=native.properties, earlier=self._earlier)

    def _earlier(self, items: Sequence[SourceItem]) -> list[Line]:
        return [line for line in self.earlier if line.item in {item.number for item in items}]

    def run(self, journal: MemoryJournal | None = None) -> Restored:
        return run_restore(self.source(), self.connect, journal or self.journal, (), self.ways())

    def holdings(self) -> Counter[tuple[tuple[str, ...], Kind, str, bytes]]:
        held = ((folder, one) for folder in self.target.folders for one in folder.present())
        return Counter((folder.path, one.kind, one.message_class, one.content) for folder, one in held)


def test_e6_each_kind_goes_to_the_folder_of_its_purpose_with_class_and_parts() -> None:
    world = World()
    for kind in Kind:
        world.deliver(kind, "word", parts_of("word", b"a file"))
    restored = world.run()
    assert (restored.create, restored.restored, restored.cannot) == (5, 5, [])
    for kind, (path, _) in FOLDERS.items():
        (back,) = world.target.folder(f"{path[0]} auf Deutsch").present()
        assert (back.kind, back.message_class, back.content) == (kind, CLASSES[kind], content_of(kind, "word"))
        assert back.parts == parts_of("word", b"a file")


def test_e6_the_report_names_every_property_and_whether_it_is_equal() -> None:
    world = World(new=MemoryServer(native=True, regenerates_content=True))
    world.deliver(Kind.EVENT, "one", parts_of("one", b"plan.pdf"))
    world.deliver(Kind.MAIL, "two", parts_of("two"))
    restored = world.run()
    assert restored.differences == []
    events = {name: (one.equal, one.differs) for (kind, name), one in restored.properties.items() if kind is Kind.EVENT}
    assert events == {
        "Subject": (1, 0),
        "Body": (1, 0),
        "Categories": (1, 0),
        "attachment.0": (1, 0),
        "flags": (1, 0),
        "mime": (0, 1),  # made anew by the server: reported, and no difference
    }
    mail = {name for kind, name in restored.properties if kind is Kind.MAIL}
    assert {"Subject", "text", "attachments", "received", "mime"} <= mail, "its native form holds no body"


def test_e6_a_property_that_did_not_come_back_is_a_difference() -> None:
    world = World()

    class Forgetful(OwnStamps):
        def create(self, folder: Folder, item: NewItem) -> Created:
            return super().create(folder, replace(item, parts=item.parts[:1]))

    world.deliver(Kind.CONTACT, "one", parts_of("one", b"a face"))
    restored = run_restore(
        world.source(), lambda: Forgetful(world.new, world.target, PRIMARY), world.journal, (), world.ways()
    )
    ((number, difference),) = restored.differences
    assert (number, difference.property, difference.is_) == (1, "attachment.0", "")
    assert restored.properties[Kind.CONTACT, "attachment.0"].differs == 1


def test_e6_an_event_that_was_changed_since_is_another_and_mail_that_was_read_is_not() -> None:
    world = World()
    world.deliver(Kind.EVENT, "one", parts_of("one"))
    world.deliver(Kind.MAIL, "two", parts_of("two"))
    world.run()
    for kind in (Kind.EVENT, Kind.MAIL):
        folder = world.target.folder(f"{FOLDERS[kind][0][0]} auf Deutsch")
        (held,) = folder.present()
        folder.replace(held.uid, held.content, parts_of("categorised"))
        folder.set_flags(held.uid, {"flagged"})
    again = world.run(MemoryJournal())
    assert (again.create, again.skip) == (1, 1)


def test_e6_what_an_earlier_restore_made_and_nobody_changed_is_there_though_the_server_altered_it() -> None:
    world = World(new=MemoryServer(native=False, versions=True))

    class Altering(OwnStamps):
        def create(self, folder: Folder, item: NewItem) -> Created:
            return super().create(folder, replace(item, content=item.content + b"altered"))

    def run() -> Restored:
        journal = MemoryJournal()
        connect = lambda: Altering(world.new, world.target, PRIMARY)  # noqa: E731
        done = run_restore(world.source(), connect, journal, (), world.ways())
        world.earlier += [line for line in journal.lines() if line.state in ("verified", "differs")]
        return done

    world.deliver(Kind.NOTE, "one")
    assert len(run().differences) == 1
    assert (run().create, run().skip) == (0, 1)
    notes = world.target.folder("Notes auf Deutsch")
    (held,) = notes.present()
    notes.replace(held.uid, b"anna's own words")
    assert run().create == 1, "it is no longer what the restore made"


def test_e6_empty_folders_come_back_each_of_its_kind_and_parents_are_of_theirs() -> None:
    world = World()
    world.mailbox.add_folder(("Projects",), kind=Kind.MAIL)
    world.mailbox.add_folder(("Projects", "Dates"), kind=Kind.EVENT)
    world.mailbox.add_folder(("Calendar", "Birthdays"), kind=Kind.EVENT)
    assert plan_restore(world.source(), world.connect(), (), world.ways()).create == 0
    assert not [folder for folder in world.target.folders if folder.path[0] == "Projects"], "a plan writes nothing"
    world.run()
    made = {folder.path: folder.kind for folder in world.target.folders}
    assert made["Projects",] is Kind.MAIL
    assert made["Projects", "Dates"] is Kind.EVENT
    assert made["Calendar auf Deutsch", "Birthdays"] is Kind.EVENT, "below the folder of the same purpose"


def test_e6_a_folder_of_another_kind_does_not_take_the_items() -> None:
    world = World()
    world.mailbox.add_folder(("Projects",), kind=Kind.EVENT)
    world.target.add_folder(("Projects",), kind=Kind.MAIL)
    world.deliver(Kind.EVENT, "one", parts_of("one"), path=("Projects",))
    for _ in range(2):
        world.run(MemoryJournal())
    assert world.target.folder("Projects").count() == 0
    assert world.target.folder("Projects (calendar)").kind is Kind.EVENT
    assert world.target.folder("Projects (calendar)").count() == 1


def test_e6_a_mail_server_takes_the_mail_and_says_why_the_rest_cannot() -> None:
    world = World(new=MemoryServer(native=False))

    class MailOnly(OwnStamps):
        def __init__(self) -> None:
            super().__init__(world.new, world.target, PRIMARY)
            self.capabilities = replace(self.capabilities, kinds=frozenset({Kind.MAIL}))

    for kind in Kind:
        world.deliver(kind, "word", parts_of("word"))
    counts = plan_restore(world.source(), MailOnly(), (), world.ways())
    restored = run_restore(world.source(), MailOnly, world.journal, (), world.ways())
    assert (counts.create, len(counts.cannot)) == (restored.create, len(restored.cannot)) == (1, 4)
    assert sorted(no.why.rpartition(" ")[2] for no in restored.cannot) == ["contact", "event", "note", "task"]
    (held,) = world.target.folder("Inbox auf Deutsch").present()
    assert held.content == content_of(Kind.MAIL, "word")
    assert held.parts == ()


def test_e6_undo_goes_by_the_version_that_was_read_back() -> None:
    world = World(new=MemoryServer(native=True, versions=True))
    world.deliver(Kind.TASK, "one", parts_of("one"))
    world.deliver(Kind.TASK, "two", parts_of("two"))
    world.run()
    tasks = world.target.folder("Tasks auf Deutsch")
    first, _ = list(tasks.present())
    tasks.replace(first.uid, first.content, parts_of("anna's"))  # the same bytes, and still changed
    undone = undo_restore(world.source(), world.connect(), world.journal, (), world.ways())
    assert (undone.removed, undone.kept) == (1, 1)
    assert [one.uid for one in tasks.present()] == [first.uid]


ITEMS = st.lists(
    st.tuples(
        st.sampled_from(Kind), st.sampled_from(["a", "b", "cc"]), st.lists(st.sampled_from([b"1", b"2"]), max_size=2)
    ),
    max_size=10,
)


@pytest.mark.parametrize("regenerates", [False, True])
@pytest.mark.parametrize("forms", ["both", "old", "neither"])
@given(items=ITEMS, before=ITEMS)
@settings(max_examples=80, deadline=None)
def test_reliability_any_mailbox_comes_back_is_found_again_and_is_undone(
    regenerates: bool,
    forms: str,
    items: list[tuple[Kind, str, list[bytes]]],
    before: list[tuple[Kind, str, list[bytes]]],
) -> None:
    world = World(
        old=MemoryServer(native=forms != "neither"),
        new=MemoryServer(native=forms == "both", regenerates_content=regenerates, versions=regenerates),
    )
    for kind, word, files in items:
        world.deliver(kind, word, parts_of(word, *files))
    for kind, word, files in before:
        folder = world.target.folder(f"{FOLDERS[kind][0][0]} auf Deutsch")
        parts = parts_of(word, *files)
        folder.deliver(content_of(kind, word), kind=kind, received=RECEIVED, parts=parts, message_class="IPM.There")
    stock = world.holdings()
    counts = plan_restore(world.source(), world.connect(), (), world.ways())
    assert world.holdings() == stock
    restored = world.run()
    assert (counts.create, counts.skip) == (restored.create, restored.skip)
    assert restored.create + restored.skip == len(items)
    assert (restored.differences, restored.cannot) == ([], [])
    _assert_nothing_is_lost(world)
    again = world.run(MemoryJournal())
    assert (again.create, again.skip) == (0, len(items))
    undone = undo_restore(world.source(), world.connect(), world.journal, (), world.ways())
    assert (undone.removed, undone.kept) == (restored.create, 0)
    assert world.holdings() == stock


def _assert_nothing_is_lost(world: World) -> None:
    """Archived again, every item of the source is there: its message for mail, else its native form where it has one."""
    regenerated = b"X-Regenerated: yes\r\n"

    def said(source: MemorySource) -> Counter[tuple[Kind, str]]:
        whole: Counter[tuple[Kind, str]] = Counter()
        for item in source.held:
            properties = (
                native.properties(source.parts(item)) if world.new.native and item.kind is not Kind.MAIL else {}
            )
            content = source.content(item).removeprefix(regenerated)
            whole[item.kind, str(sorted(properties.items())) if properties else content.decode()] += 1
        return whole

    assert said(world.source()) <= said(archived(world.connect()))


def test_e6_the_report_counts_files_and_occurrences_of_an_item_as_one_property() -> None:
    restored = Restored()
    restored.tally(
        Kind.EVENT,
        [
            Compared("Attachments/plan.pdf", "a", "a"),
            Compared("Attachments/map.png", "a", ""),
            Compared("Occurrences/2026-03-01T09:00:00Z/Subject", "a", "a"),
            Compared("Occurrences/2026-03-08T09:00:00Z/Subject", "a", "a"),
            Compared("mime", "a", "b", counts=False),
        ],
    )
    assert {name: (one.equal, one.differs) for (_, name), one in restored.properties.items()} == {
        "Attachments": (0, 1),
        "Occurrences/Subject": (1, 0),
        "mime": (0, 1),
    }
