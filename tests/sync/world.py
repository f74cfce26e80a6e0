"""A small world for tests of the synchronisation: a memory server, an archive over a memory store, a memory catalog."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailkeep.archive.events import Entry, Head, RunStamp
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.provider import MemoryProvider
from mailkeep.connectors.memory.server import MemoryMailbox, MemoryServer
from mailkeep.mail.items import Folder, NativePart
from mailkeep.store.memory import MemoryStore
from mailkeep.sync.limits import Limits
from mailkeep.sync.memory import MemoryCatalog
from mailkeep.sync.ports import RunResult, Summary
from mailkeep.sync.run import synchronise
from mailkeep.tasks.options import TaskOptions

MAILBOX = "a" * 32
TASK = "b" * 32
ADDRESS = "anna@firma.example"
SMALL = Limits(batch_items=3, group_items=2, sorted_records=4, find_items=3, large_bytes=500, stream_bytes=2_000)


class Killed(BaseException):
    """The process is gone at this point: nobody catches it, nothing is tidied up."""


@dataclass
class Doom:
    """Kills at the nth point it is told of; None: never."""

    countdown: int | None = None
    points: list[str] = field(default_factory=list)

    def at(self, point: str) -> None:
        self.points.append(point)
        if self.countdown is None:
            return
        if self.countdown == 0:
            self.countdown = None
            raise Killed(point)
        self.countdown -= 1


class DoomedCatalog(MemoryCatalog):
    """A catalog that may die before and after each of its writes."""

    def __init__(self, doom: Doom, clock: Callable[[], datetime]) -> None:
        super().__init__(clock=clock)
        self._doom = doom

    def apply(self, entry: Entry, head: Head, folders: dict[int, Folder], summaries: dict[int, Summary]) -> None:
        self._doom.at("before apply")
        super().apply(entry, head, folders, summaries)
        self._doom.at("after apply")

    def finish(self, result: RunResult, checkpoints: dict[str, bytes] | None) -> None:
        self._doom.at("before finish")
        super().finish(result, checkpoints)
        self._doom.at("after finish")


class CountingConnector(MemoryConnector):
    """Counts whose bytes were asked for."""

    fetched: list[str]

    def fetch(self, folder, refs):  # type: ignore[no-untyped-def]
        for got in super().fetch(folder, refs):
            self.fetched.append(got.ref.id)
            yield got


class World:
    """One mailbox on a server, and everything of ours that deals with it."""

    def __init__(self, key_folder: Path, **server: bool) -> None:
        """`server`: what the server does, as `MemoryServer` has it."""
        self.seconds = itertools.count()
        self.doom = Doom()
        self.server = MemoryServer(**server)  # type: ignore[arg-type]
        self.mailbox: MemoryMailbox = self.server.add_mailbox(ADDRESS)
        self.provider = MemoryProvider(self.server)
        self.store = MemoryStore(at=self.doom.at)
        self.repository = Repository.create(self.store, MemoryIndex(), key_folder / f"key-{id(self)}")
        self.doom.points.clear()
        self.catalog = DoomedCatalog(self.doom, self.now)
        self.options = TaskOptions()
        self.revision = 1
        self.limits = SMALL
        self.fetched: list[str] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(self.seconds))

    def change_task(self, **changes: object) -> None:
        self.options = replace(self.options, **changes)  # type: ignore[arg-type]
        self.revision += 1

    def connect(self) -> MemoryConnector:
        self.server.faults.strike("open", ADDRESS)
        session = CountingConnector(self.server, self.mailbox, self.options.sections)
        session.fetched = self.fetched
        return session

    def run(self) -> RunResult:
        """One synchronisation, as a worker does it: catch up first."""
        self.catch_up()
        self.fetched.clear()
        return synchronise(
            mailbox=MAILBOX,
            connect=self.connect,
            repository=self.repository,
            known=self.catalog,
            projection=self.catalog,
            options=self.options,
            stamp=RunStamp("c" * 32, TASK, self.revision, False),
            limits=self.limits,
        )

    def catch_up(self) -> None:
        self.repository.index_orphans()
        self.catalog.catch_up(self.repository, MAILBOX)

    def run_and_die(self, points: int) -> bool:
        """A synchronisation killed after so many points of writing; False where it ended before."""
        self.catch_up()
        self.doom.countdown = points
        try:
            self.run()
        except Killed:
            return True
        finally:
            self.doom.countdown = None
        return False

    def lose_catalog(self) -> None:
        """The database is dropped, and made again from the archive."""
        self.catalog.close()
        self.catalog = DoomedCatalog(self.doom, self.now)
        self.catch_up()

    # --- comparing ---------------------------------------------------------------------------------------------------

    def archived(self, number: int | None = None) -> dict[tuple[str, ...], dict[str, tuple[object, ...]]]:
        """Folder → id → (bytes or reason, flags, received, native parts), as the archive has it."""
        return {
            path: {
                item_id: (
                    shown.left_out or self.repository.read(shown.content),
                    shown.ref.flags,
                    shown.ref.received,
                    tuple(NativePart(native.name, self.repository.read(native.blob)) for native in shown.native),
                )
                for item_id, shown in items.items()
            }
            for path, items in self.catalog.view(number).items()
        }

    def on_server(self) -> dict[tuple[str, ...], dict[str, tuple[object, ...]]]:
        """The same, as the server has it, everything admitted."""
        return {
            folder.path: {
                folder.item_id(uid): (
                    item.content,
                    item.flags,
                    item.received,
                    item.parts if self.server.native else (),
                )
                for uid, item in folder.items.items()
            }
            for folder in self.mailbox.folders
            if folder.section in self.options.sections
        }

    def off(self) -> set[tuple[str, ...]]:
        """Paths of the archived folders whose section the task does not ask for."""
        known = [entry.folder for entry in self.catalog.folders()]
        return {folder.path for folder in known if folder.section not in self.options.sections}
