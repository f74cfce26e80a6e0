"""The catalog's side of a synchronisation without a catalog: `Known` and `Projection` for tests and benchmarks.

What is live is kept in a SQLite database, in memory or, for a mailbox of a million items, in a file: then nothing of it
counts as memory of the process but SQLite's cache. With `remember`, entries are kept too, and `view` shows the mailbox
as of any of them; a benchmark leaves that off.

    catalog = MemoryCatalog(); catalog.catch_up(repository, mailbox)
    synchronise(…, known=catalog, projection=catalog, …)
    catalog.view()["INBOX",]["0000000001.0000000007"].subject
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mailkeep.archive.documents import decode_checkpoints, decode_folder, decode_summary
from mailkeep.archive.events import (
    EMPTY_HEAD,
    Entry,
    Flagged,
    FolderGone,
    FolderPut,
    Head,
    Moved,
    NativeBlob,
    Put,
    Removed,
)
from mailkeep.archive.repository import Repository
from mailkeep.mail.items import Folder, ItemRef
from mailkeep.progress import Progress
from mailkeep.sync.ports import FolderCount, KnownFolder, KnownItem, LeaseLost, RunResult, Summary

_SCHEMA = """
CREATE TABLE item (folder INTEGER, id TEXT, number INTEGER, left_out TEXT, record BLOB,
                   PRIMARY KEY (folder, id, number)) WITHOUT ROWID;
CREATE UNIQUE INDEX item_number ON item (number);
CREATE INDEX item_left_out ON item (folder, left_out);
"""
_encode = msgspec.msgpack.Encoder().encode


class LiveItem(msgspec.Struct, frozen=True, array_like=True):
    """An item as the catalog holds it: what `KnownItem` says, and where its bytes are."""

    known: KnownItem
    content: bytes
    sha256: bytes
    native: tuple[NativeBlob, ...] = ()


_decode = msgspec.msgpack.Decoder(LiveItem).decode


@dataclass(frozen=True, slots=True)
class Shown:
    """One item of a view."""

    number: int
    ref: ItemRef
    left_out: str
    content: bytes
    sha256: bytes
    native: tuple[NativeBlob, ...] = ()


class MemoryCatalog:
    """One mailbox. Tests may set `lease_lost` and `confirmed`, and read `results`, `beats` and `entries`."""

    def __init__(
        self, path: Path | None = None, *, remember: bool = True, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._database = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )  # one at a time
        self._database.executescript(_SCHEMA)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._remember = remember
        self._head = EMPTY_HEAD
        self._completed = 0
        self._next_item = self._next_folder = 1
        self._folders: dict[int, Folder] = {}
        self._checkpoints: dict[str, bytes] = {}
        self.entries: list[tuple[Entry, Mapping[int, Folder], Mapping[int, Summary]]] = []
        self.results: list[RunResult] = []
        self.beats: list[Progress] = []
        self.lease_lost = False
        self.confirmed = False

    def close(self) -> None:
        self._database.close()

    # --- Known -----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        return self._head

    def completed(self) -> int:
        return self._completed

    def next_numbers(self) -> tuple[int, int]:
        return self._next_item, self._next_folder

    def checkpoints(self) -> dict[str, bytes]:
        return dict(self._checkpoints)

    def folders(self) -> list[KnownFolder]:
        return [KnownFolder(number, folder) for number, folder in sorted(self._folders.items())]

    def count(self, folder: int) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM item WHERE folder = ?", (folder,)).fetchone()
        return int(count)

    def items(self, folder: int) -> Iterator[KnownItem]:
        return self._known("WHERE folder = ? ORDER BY id, number", (folder,))

    def find(self, folder: int, ids: Sequence[str]) -> dict[str, KnownItem]:
        marks = ",".join("?" * len(ids))
        return {item.ref.id: item for item in self._known(f"WHERE folder = ? AND id IN ({marks})", (folder, *ids))}

    def left_out(self) -> Iterator[KnownItem]:
        return self._known("WHERE left_out > '' ORDER BY folder, id", ())

    def ledger(self) -> dict[int, FolderCount]:
        archived: Counter[int] = Counter()
        left_out: dict[int, dict[str, int]] = {number: {} for number in self._folders}
        rows = self._database.execute("SELECT folder, left_out, count(*) FROM item GROUP BY folder, left_out")
        for folder, reason, count in rows:
            if reason:
                left_out.setdefault(folder, {})[reason] = count
            else:
                archived[folder] = count
        return {folder: FolderCount(archived[folder], reasons) for folder, reasons in left_out.items()}

    def _known(self, where: str, values: Sequence[object]) -> Iterator[KnownItem]:
        rows = self._database.execute(f"SELECT record FROM item {where}", values)  # noqa: S608 - of constants above
        return (_decode(record).known for (record,) in rows)

    # --- Projection ------------------------------------------------------------------------------------------------

    def apply(self, entry: Entry, head: Head, folders: Mapping[int, Folder], summaries: Mapping[int, Summary]) -> None:
        self._check_lease()
        if entry.number <= self._head.number:
            return
        if entry.number != self._head.number + 1:
            raise ValueError(f"entry {entry.number} does not follow {self._head.number}")
        live = dict(self._folders)
        self._database.execute("BEGIN")
        try:
            for event in entry.events:
                self._apply_event(entry.number, event, live, folders, summaries)
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
        self._head, self._folders = head, live
        self._completed = entry.number if entry.run.complete else self._completed
        self._count_numbers(entry)
        if self._remember:
            self.entries.append((entry, dict(folders), dict(summaries)))

    def finish(self, result: RunResult, checkpoints: Mapping[str, bytes] | None) -> None:
        self._check_lease()
        self.results.append(result)
        if checkpoints is not None:
            self._checkpoints = dict(checkpoints)
        if result.result != "error" and result.shrink is None:
            self.confirmed = False

    def heartbeat(self, progress: Progress) -> None:
        self._check_lease()
        self.beats.append(progress)

    def shrink_confirmed(self) -> bool:
        return self.confirmed

    def now(self) -> datetime:
        return self._clock()

    def _check_lease(self) -> None:
        if self.lease_lost:
            raise LeaseLost

    # --- events ----------------------------------------------------------------------------------------------------

    def _apply_event(
        self,
        number: int,
        event: object,
        live: dict[int, Folder],
        folders: Mapping[int, Folder],
        summaries: Mapping[int, Summary],
    ) -> None:
        if isinstance(event, FolderPut):
            live[event.folder] = folders[event.folder]
        elif isinstance(event, FolderGone):
            del live[event.folder]
        elif isinstance(event, Put):
            self._write(item_of(event, summaries[event.item], number))
        elif isinstance(event, Moved):
            self._change(event.item, lambda known: _moved(known, event.folder, event.server_id, number))
        elif isinstance(event, Flagged):
            self._change(event.item, lambda known: replace(known, ref=replace(known.ref, flags=event.flags)))
        elif isinstance(event, Removed):
            self._database.execute("DELETE FROM item WHERE number = ?", (event.item,))

    def _change(self, number: int, change: Callable[[KnownItem], KnownItem]) -> None:
        (record,) = self._database.execute("SELECT record FROM item WHERE number = ?", (number,)).fetchone()
        item = _decode(record)
        self._write(LiveItem(change(item.known), item.content, item.sha256, item.native))

    def _write(self, item: LiveItem) -> None:
        known = item.known
        row = (known.folder, known.ref.id, known.number, known.left_out, _encode(item))
        self._database.execute("DELETE FROM item WHERE number = ?", (known.number,))
        self._database.execute("INSERT INTO item VALUES (?, ?, ?, ?, ?)", row)

    def _count_numbers(self, entry: Entry) -> None:
        for event in entry.events:
            if isinstance(event, Put):
                self._next_item = max(self._next_item, event.item + 1)
            elif isinstance(event, FolderPut):
                self._next_folder = max(self._next_folder, event.folder + 1)

    # --- after a crash ---------------------------------------------------------------------------------------------

    def catch_up(self, repository: Repository, mailbox: str) -> int:
        """Project what the history has and the catalog has not. How many entries."""
        count = 0
        for entry, head in repository.history(mailbox).read(self._head.number):
            folders = {
                event.folder: decode_folder(repository.read(event.description))
                for event in entry.events
                if isinstance(event, FolderPut)
            }
            summaries = {
                event.item: Summary(**decode_summary(repository.read(event.summary)))
                for event in entry.events
                if isinstance(event, Put)
            }
            self.apply(entry, head, folders, summaries)
            if entry.checkpoint:
                self._checkpoints = decode_checkpoints(repository.read(entry.checkpoint))
            count += 1
        return count

    # --- views -----------------------------------------------------------------------------------------------------

    def view(self, number: int | None = None) -> dict[tuple[str, ...], dict[str, Shown]]:
        """Folder path → server id → item, as of an entry (None: the head). Needs `remember`."""
        last = self._head.number if number is None else number
        earlier = MemoryCatalog(clock=self._clock)
        for entry, folders, summaries in self.entries:
            if entry.number <= last:
                earlier.apply(entry, Head(entry.number, b"", entry.time), folders, summaries)
        shown = earlier._live()
        earlier.close()
        return shown

    def _live(self) -> dict[tuple[str, ...], dict[str, Shown]]:
        shown: dict[tuple[str, ...], dict[str, Shown]] = {folder.path: {} for folder in self._folders.values()}
        for (record,) in self._database.execute("SELECT record FROM item ORDER BY folder, id"):
            item = _decode(record)
            known = item.known
            place = shown[self._folders[known.folder].path]
            if known.ref.id in place:
                raise ValueError(f"two live items are {known.ref.id} in folder {known.folder}")
            place[known.ref.id] = Shown(known.number, known.ref, known.left_out, item.content, item.sha256, item.native)
        return shown


def item_of(put: Put, summary: Summary, entry: int) -> LiveItem:
    """The item that a Put of that entry describes."""
    ref = ItemRef(
        id=put.server_id,
        kind=put.kind,
        message_class=put.message_class,
        size=put.size,
        time=put.time,
        received=put.received,
        version=put.version,
        stable_id=put.stable_id,
        sensitivity=put.sensitivity,
        flags=put.flags,
        subject=summary.subject,
        sender=summary.sender,
        recipients=summary.recipients,
        message_id=summary.message_id,
    )
    known = KnownItem(put.item, put.folder, ref, put.identity, put.left_out, entry)
    return LiveItem(known, put.content, put.sha256, put.native)


def _moved(known: KnownItem, folder: int, server_id: str, entry: int) -> KnownItem:
    return replace(known, folder=folder, ref=replace(known.ref, id=server_id), since=entry)
