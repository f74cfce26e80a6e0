"""Operations × faults × crashes against a model: whatever a mailbox's owner, its server and our power supply do, in any order,

- the live view equals the server after a run without faults, and the ledger adds up;
- what stands in a section of the mailbox that is off is what it was when it was last on;
- every moment that was ever completed is still what it was, also after the catalog was lost and made again;
- nothing is archived twice, and nothing is downloaded that was already there.

The server itself is the model: its state is noted whenever an entry completes a run.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from world import World

from mailkeep.connectors.memory.native import properties_part
from mailkeep.connectors.memory.server import MemoryFolder
from mailkeep.errors import GiveUp, RetryLater, RetryNow
from mailkeep.mail.items import Folder, ItemRef, NativePart, Role, Section, Sensitivity
from mailkeep.sync.ports import RunResult
from mailkeep.tasks.admit import admit

PICK = st.integers(0, 1_000_000)
BODIES = st.sampled_from(["a", "b", "b" * 800])  # few, so that items resemble one another; the last is a large one
PARTS = st.integers(0, 2)
FLAGS = st.sets(st.sampled_from(["seen", "flagged", "work"]), max_size=2)
SERVERS = st.fixed_dictionaries(
    {name: st.booleans() for name in ("stable_ids", "incremental", "native", "versions", "marks", "shuffled_ids")}
)
ERRORS = st.sampled_from(
    [
        RetryLater("throttled", "slow down", wait_seconds=60),
        RetryNow("connection_lost", "the line dropped"),
        GiveUp("access_denied", "not yours any more"),
    ]
)


class Mailbox(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="mailkeep-machine-")
        self.moments: dict[int, dict] = {}
        self.serial = 0

    @initialize(server=SERVERS)
    def start(self, server: dict[str, bool]) -> None:
        self.world = World(Path(self.directory.name), **server)
        self.world.mailbox.add_folder(("INBOX",), role=Role.INBOX)
        self.world.mailbox.add_folder(("Archive",))
        self.world.mailbox.add_folder(("Other mailbox",), section=Section.IN_PLACE_ARCHIVE)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.every_earlier_moment_is_what_it_was()
            self.world.catalog.close()
        self.directory.cleanup()

    # --- what the owner and the server do ----------------------------------------------------------------------------

    def folder(self, pick: int) -> MemoryFolder:
        return self.world.mailbox.folders[pick % len(self.world.mailbox.folders)]

    def uid(self, folder: MemoryFolder, pick: int) -> int | None:
        uids = sorted(folder.items)
        return uids[pick % len(uids)] if uids else None

    def parts(self, count: int) -> list[NativePart]:
        """New ones: of some items the larger part of their bytes."""
        told = properties_part({"Category": str(self.serial)})
        return [told, NativePart("memory.attachment.0", f"{self.serial % 3} ".encode() * 300)][:count]

    @rule(where=PICK, body=BODIES, flags=FLAGS, private=st.booleans(), count=st.integers(1, 4), parts=PARTS)
    def deliver(self, where: int, body: str, flags: set[str], private: bool, count: int, parts: int) -> None:
        for _ in range(count):
            self.serial += 1
            sensitivity = Sensitivity.PRIVATE if private else Sensitivity.NORMAL
            content = f"Subject: {self.serial}\r\n\r\n{body}\r\n".encode()
            self.folder(where).deliver(content, flags=flags, sensitivity=sensitivity, parts=self.parts(parts))

    @rule(where=PICK, which=PICK, to=PICK)
    def move(self, where: int, which: int, to: int) -> None:
        source = self.folder(where)
        if (uid := self.uid(source, which)) is not None:
            self.world.mailbox.move(source, uid, self.folder(to))

    @rule(where=PICK, which=PICK, to=PICK)
    def copy(self, where: int, which: int, to: int) -> None:
        source = self.folder(where)
        if (uid := self.uid(source, which)) is not None:
            self.world.mailbox.copy(source, uid, self.folder(to))

    @rule(where=PICK, which=PICK)
    def expunge(self, where: int, which: int) -> None:
        folder = self.folder(where)
        if (uid := self.uid(folder, which)) is not None:
            folder.expunge(uid)

    @rule(where=PICK, which=PICK, flags=FLAGS)
    def set_flags(self, where: int, which: int, flags: set[str]) -> None:
        folder = self.folder(where)
        if (uid := self.uid(folder, which)) is not None:
            folder.set_flags(uid, flags)

    @rule(where=PICK, which=PICK, body=BODIES)
    def edit(self, where: int, which: int, body: str) -> None:
        folder = self.folder(where)
        if (uid := self.uid(folder, which)) is not None:
            self.serial += 1
            folder.replace(uid, f"Subject: edited {self.serial}\r\n\r\n{body}\r\n".encode())

    @rule(where=PICK, which=PICK, parts=PARTS)
    def edit_properties(self, where: int, which: int, parts: int) -> None:
        """The item changes, its content does not."""
        folder = self.folder(where)
        if (uid := self.uid(folder, which)) is not None:
            self.serial += 1
            folder.replace(uid, folder.items[uid].content, self.parts(parts))

    @rule(below=PICK)
    def add_folder(self, below: int) -> None:
        if len(self.world.mailbox.folders) < 6:
            self.serial += 1
            above = self.folder(below)
            self.world.mailbox.add_folder((*above.path, f"folder {self.serial}"), section=above.section)

    @rule(where=PICK)
    def rename_folder(self, where: int) -> None:
        folder = self.folder(where)
        if folder.role is None:
            self.serial += 1
            self.world.mailbox.rename_folder(folder, (*folder.path[:-1], f"renamed {self.serial}"))

    @rule(where=PICK)
    def remove_folder(self, where: int) -> None:
        folder = self.folder(where)
        if folder.role is None:
            self.world.mailbox.remove_folder(folder)

    @rule(where=PICK)
    def reset_ids(self, where: int) -> None:
        self.folder(where).reset()

    @rule(where=PICK)
    def forget_checkpoints(self, where: int) -> None:
        self.folder(where).forget_checkpoints()

    @rule(sensitive=st.booleans())
    def change_task(self, sensitive: bool) -> None:
        if self.world.options.sensitive != sensitive:
            self.world.change_task(sensitive=sensitive)

    @rule(archive=st.booleans())
    def change_sections(self, archive: bool) -> None:
        sections = frozenset({Section.PRIMARY, *([Section.IN_PLACE_ARCHIVE] if archive else [])})
        if self.world.options.sections != sections:
            self.world.change_task(sections=sections)

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    @rule(points=st.integers(0, 60))
    def run_and_die(self, points: int) -> None:
        self.world.run_and_die(points)
        self.world.catch_up()
        self.note_moment()

    @rule(
        operation=st.sampled_from(["folders", "unchanged", "changes", "fetch", "identify"]),
        after=st.integers(0, 6),
        error=ERRORS,
    )
    def run_with_an_error(self, operation: str, after: int, error: Exception) -> None:
        self.world.server.faults.fail(operation, error, after=after)  # type: ignore[arg-type]
        result = self.world.run()
        self.world.server.faults.clear()
        self.note_moment(level=result.code != "partial")  # a folder that would not open is as it was

    @rule(where=PICK, which=PICK, short=st.integers(0, 3))
    def run_with_a_short_listing(self, where: int, which: int, short: int) -> None:
        """A complete listing that breaks off. (Of changes alone, what a server keeps to itself nobody can miss.)"""
        folder = self.folder(where)
        folder.forget_checkpoints()
        self.world.catch_up()
        if folder.section not in self.world.options.sections:
            return
        there = {(path, item_id) for path, items in self.world.on_server().items() for item_id in items}
        held = {(path, item_id) for path, items in self.world.catalog.view().items() for item_id in items} & there
        self.world.server.faults.truncated_listing[folder.id] = short
        result = self.world.run()
        self.world.server.faults.clear()
        assert result.result in ("ok", "warning"), result
        after = {(path, item_id) for path, items in self.world.catalog.view().items() for item_id in items}
        assert held <= after, "an item that is still there was taken for gone"
        if result.result == "ok":
            self.note_moment()
        else:
            self.moments.setdefault(self.world.catalog.head().number, self.world.archived())

    @rule(where=PICK, which=PICK)
    def run_with_a_failing_item(self, where: int, which: int) -> None:
        folder = self.folder(where)
        if (uid := self.uid(folder, which)) is not None:
            self.world.server.faults.unreadable.add(folder.item_id(uid))
            result = self.world.run()
            assert result.result in ("ok", "warning"), result
            assert not any(line.pending for line in result.ledger)
            self.world.server.faults.clear()
            self.moments.setdefault(self.world.catalog.head().number, self.world.archived())

    @rule()
    def lose_catalog(self) -> None:
        self.world.lose_catalog()

    # --- what must hold ----------------------------------------------------------------------------------------------

    @rule()
    def run(self) -> None:
        self.world.catch_up()
        expected, kept = self.to_fetch(), self.kept()
        result = self.world.run()
        assert self.kept() == kept, "a folder of a section that is off was touched"
        assert (result.result, result.message) == ("ok", "")
        if expected is not None:
            assert result.fetched == len(self.world.fetched) == expected
        self.note_moment()
        self.ledger_adds_up(result)
        again = self.world.run()
        assert (again.result, again.fetched, again.moved, again.removed, again.reflagged) == ("ok", 0, 0, 0, 0)

    def note_moment(self, level: bool = True) -> None:
        """After a run: if the newest entry completed one, the view is the server's state, now and for ever.

        Not `level`: the run said that it is not; for ever it stays all the same.
        """
        entries = self.world.catalog.entries
        if entries and entries[-1][0].run.complete:
            number = entries[-1][0].number
            if number not in self.moments:
                self.moments[number] = self.world.archived()
                if level:
                    self.live_view_is_the_server()

    def live_view_is_the_server(self) -> None:
        shown, there, off = self.world.archived(), self.world.on_server(), self.world.off()
        shown = {path: items for path, items in shown.items() if path not in off}
        assert {path: set(items) for path, items in shown.items()} == {
            path: set(items) for path, items in there.items()
        }
        for path, items in there.items():
            for item_id, (content, flags, received, parts) in items.items():
                found, its_flags, its_received, its_parts = shown[path][item_id]
                assert (its_flags, its_received) == (flags, received)
                assert (found, its_parts) in ((content, parts), (self.reason(path, item_id), ()))

    def kept(self) -> dict:
        off, shown = self.world.off(), self.world.catalog.view()
        return {path: {item_id: item.content for item_id, item in shown[path].items()} for path in off}

    def reason(self, path: tuple[str, ...], item_id: str) -> str | None:
        """Why the task leaves that item out, None where it does not."""
        folder = self.world.mailbox.folder(*path)
        verdict = admit(self.world.options, self.ref(folder, item_id), folder.as_folder())
        return verdict.reason if verdict else None

    def ref(self, folder: MemoryFolder, item_id: str) -> ItemRef:
        session = self.world.connect()
        listing = session.changes(Folder(folder.id, folder.path), None)
        return next(change.ref for change in listing if change.ref.id == item_id)  # type: ignore[union-attr]

    def to_fetch(self) -> int | None:
        """How many downloads the next run is allowed: what is admitted and not held. None where likeness proves nothing."""
        held = Counter(
            self.proof(shown.ref)
            for path, items in self.world.catalog.view().items()
            for shown in items.values()
            if not shown.left_out and path not in self.world.off()
        )
        there = Counter()
        for folder in self.on():
            for change in self.world.connect().changes(folder.as_folder(), None):
                if admit(self.world.options, change.ref, folder.as_folder()) is None:  # type: ignore[union-attr]
                    there[self.proof(change.ref)] += 1  # type: ignore[union-attr]
        if self.ambiguous(held) or self.ambiguous(there):
            return None
        return sum((there - held).values())

    def ambiguous(self, proofs: Counter) -> bool:
        """Two of them are alike: a version tells them apart for us, and is no part of what the run goes by."""
        alike = Counter(proof[:-1] for proof in proofs.elements())
        return max(alike.values(), default=0) > 1

    def proof(self, ref: ItemRef) -> tuple[object, ...]:
        if self.world.server.stable_ids:
            return (ref.stable_id, ref.version)
        return (ref.subject, ref.size, ref.received, ref.version)

    def on(self) -> list[MemoryFolder]:
        return [folder for folder in self.world.mailbox.folders if folder.section in self.world.options.sections]

    def ledger_adds_up(self, result: RunResult) -> None:
        counts = {folder.path: folder.count() for folder in self.on()}
        assert sorted(line.server for line in result.ledger) == sorted(counts.values())
        for line in result.ledger:
            assert line.pending == 0
            assert line.server == line.archived + sum(line.left_out.values())

    def every_earlier_moment_is_what_it_was(self) -> None:
        self.world.lose_catalog()
        for number, then in self.moments.items():
            assert self.world.archived(number) == then


TestMailbox = Mailbox.TestCase
TestMailbox.settings = settings(
    max_examples=int(os.environ.get("MAILKEEP_EXAMPLES", "60")),
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
