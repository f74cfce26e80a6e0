"""A restore: planned, journalled, created, read back, compared; and its undoing (SPEC E6).

    for each folder, for each chunk of its items
      1  match with what the target has          → actions; `plan_restore` stops here
      2  journal the intent of each create
      3  create, journal the new ids             killed between these two: the next attempt finds the items and adopts them
      4  read back, compare, journal the outcome

Nothing is ever overwritten or deleted. Running the same restore again creates nothing: everything is found. An interrupted one is
gone on with by running it with its journal; an item that was only intended is looked for before it is created again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mailkeep.connectors.base import Connector, NewItem
from mailkeep.errors import GiveUp, MailkeepError, RetryNow
from mailkeep.mail.items import Folder, ItemRef
from mailkeep.mail.parse import parse
from mailkeep.progress import Progress, Report, silent
from mailkeep.recover import fidelity
from mailkeep.recover.places import target_path
from mailkeep.recover.plan import Action, Counts, NotRestored, Step, in_chunks, obstacle, plan
from mailkeep.recover.ports import Difference, Journal, Line, Source, SourceItem
from mailkeep.recover.target import TargetFolder

CHUNK_ITEMS = 200
CHUNK_BYTES = 32 << 20  # read back together
ATTEMPTS = 4  # in a row without progress, when the line drops
_THIS_ITEM_ONLY = frozenset({"cannot_create", "item_too_large", "damaged", "not_found"})  # the others go on


@dataclass(slots=True)
class Restored:
    """What a restore did. `create` and `skip` are the plan's; `restored` those that came back as they were."""

    create: int = 0
    skip: int = 0
    restored: int = 0
    cannot: list[NotRestored] = field(default_factory=list)
    differences: list[tuple[int, Difference]] = field(default_factory=list)  # (item, what)


@dataclass(frozen=True, slots=True)
class Undone:
    removed: int
    kept: int  # changed, moved or gone since


@dataclass(frozen=True, slots=True)
class Reading:
    """How contents are compared: `read` parses them where a server regenerates; give `mail.cell.Cell.parse` for mail of strangers."""

    source: Source
    regenerates: bool
    read: fidelity.Read

    def same(self, item: SourceItem, content: bytes) -> bool:
        if hashlib.sha256(content).digest() == item.sha256:
            return True
        return self.regenerates and fidelity.same_content(
            self.source.content(item), content, regenerates=True, read=self.read
        )

    def differences(self, item: SourceItem, ref: ItemRef, content: bytes) -> tuple[Difference, ...]:
        own = content if hashlib.sha256(content).digest() == item.sha256 else self.source.content(item)
        return fidelity.differences(item, own, ref, content, regenerates=self.regenerates, read=self.read)


Taken = defaultdict[tuple[str, ...], set[str]]  # by target folder: ids of items that already are some item's


def _taken(lines: Mapping[int, Line]) -> Taken:
    taken: Taken = defaultdict(set)
    for line in lines.values():
        taken[line.folder].add(line.created_id)
    return taken


def plan_restore(
    source: Source, connector: Connector, into: tuple[str, ...] = (), read: fidelity.Read = parse
) -> Counts:
    """What a restore would do now; writes nothing."""
    counts = Counts()
    reading = Reading(source, connector.capabilities.regenerates_content, read)
    for _, actions in _planned(reading, connector, into, {}, _taken({}), make=False):
        for action in actions:
            counts.add(action)
    return counts


def run_restore(
    source: Source,
    connect: Callable[[], Connector],
    journal: Journal,
    into: tuple[str, ...] = (),
    *,
    read: fidelity.Read = parse,
    total: int | None = None,
    report: Report = silent,
) -> Restored:
    """Put the items back. A dropped line is taken up again; other `MailkeepError`s end it, and the journal keeps its place."""
    attempts, progress = 0, -1
    while True:
        connector = connect()
        try:
            reading = Reading(source, connector.capabilities.regenerates_content, read)
            return _Attempt(reading, connector, journal, total, report).run(into)
        except RetryNow:
            done = sum(line.state not in ("intended", "undone") for line in journal.lines())
            attempts = 1 if done > progress else attempts + 1
            progress = max(done, progress)
            if attempts >= ATTEMPTS:
                raise
        finally:
            connector.close()


def undo_restore(
    source: Source,
    connector: Connector,
    journal: Journal,
    into: tuple[str, ...] = (),
    report: Report = silent,
    *,
    read: fidelity.Read = parse,
) -> Undone:
    """Remove exactly what the restore created and nobody has changed since. Running it again changes nothing.

    `source` and `into` are the restore's own: what a killed attempt created before it could journal the id is found first.
    """
    _adopt(source, connector, journal, into, read)
    folders = {folder.path: folder for folder in connector.folders()}
    lines = [line for line in journal.lines() if line.state in ("created", "verified", "differs")]
    removed = 0
    for number, line in enumerate(lines, 1):
        folder, stored = folders.get(line.folder), (line.stored_sha256 or line.sha256).hex()
        gone = bool(folder and line.created_id and connector.remove_created(folder, line.created_id, stored))
        journal.update([replace(line, state="undone" if gone else "kept")])
        removed += gone
        report(Progress("undoing", number, len(lines)))
    return Undone(removed, len(lines) - removed)


def _adopt(source: Source, connector: Connector, journal: Journal, into: tuple[str, ...], read: fidelity.Read) -> None:
    lines = {line.item: line for line in journal.lines()}
    if not any(line.state == "intended" for line in lines.values()):
        return
    reading = Reading(source, connector.capabilities.regenerates_content, read)
    for target, actions in _planned(reading, connector, into, lines, _taken(lines), make=False):
        journal.update([_created(target, action) for action in actions if action.ours])


def _planned(
    reading: Reading,
    connector: Connector,
    into: tuple[str, ...],
    lines: Mapping[int, Line],
    taken: Taken,
    *,
    make: bool,
) -> Iterator[tuple[TargetFolder, list[Action]]]:
    """The plan, folder by folder and chunk by chunk. Items that the journal has finished are not planned again."""
    there = connector.folders()
    by_path = {folder.path: folder for folder in there}
    for folder in reading.source.folders():
        path = target_path(folder, into, there)
        target = TargetFolder(connector, by_path.get(path), path)
        items = (item for item in reading.source.items(folder) if not _finished(lines.get(item.number)))
        for chunk in in_chunks(items, CHUNK_ITEMS):
            obstacles = {item.number: obstacle(item, target.folder, connector.capabilities) for item in chunk}
            free = [item for item in chunk if not obstacles[item.number]]
            if make and free:
                target.make(folder.kind)
            matches = target.matches(free, reading.same)
            yield target, plan(chunk, target.path, obstacles, matches, taken[target.path], lines)


def _finished(line: Line | None) -> bool:
    return line is not None and line.state not in (
        "intended",
        "created",
        "undone",
    )  # what was undone may be asked for again


def _created(target: TargetFolder, action: Action, created_id: str | None = None) -> Line:
    id_ = action.there if created_id is None else created_id
    return Line(action.item.number, target.path, action.item.sha256, id_, "created")


class _Attempt:
    """One go on one connection: takes up what the journal holds, and goes on to the end or an error."""

    def __init__(
        self, reading: Reading, connector: Connector, journal: Journal, total: int | None, report: Report
    ) -> None:
        self._reading = reading
        self._connector = connector
        self._journal = journal
        self._total = total
        self._report = report
        self._lines = {line.item: line for line in journal.lines()}
        self._undone = {line.item for line in self._lines.values() if line.state == "undone"}
        self._taken = _taken(self._lines)
        self._result = _earlier(self._lines.values())
        self._done, self._bytes = self._result.create, 0

    def run(self, into: tuple[str, ...]) -> Restored:
        for target, actions in _planned(self._reading, self._connector, into, self._lines, self._taken, make=True):
            for action in actions:
                if action.step is Step.CANNOT:
                    self._refuse(action, action.why)
                elif action.step is Step.SKIP and not action.ours:
                    self._result.skip += 1
            ours = [action for action in actions if action.ours]
            self._compare(target, self._journalled([(action, _created(target, action)) for action in ours]))
            for batch in _batches([action for action in actions if action.step is Step.CREATE]):
                self._compare(target, self._create(target, batch))
            self._done += len(actions)
            self._report(Progress("restoring", self._done, self._total, self._bytes, "/".join(target.path)))
        return self._result

    def _create(self, target: TargetFolder, batch: list[Action]) -> list[tuple[Action, Line]]:
        """Create the batch. An item that the server or the archive refuses is told, and the others go on."""
        intents = [Line(action.item.number, target.path, action.item.sha256) for action in batch]
        if again := [line for line in intents if line.item in self._undone]:
            self._journal.update(again)
        self._journal.intend(intents)
        made: list[tuple[Action, Line]] = []
        try:
            for action in batch:
                created_id = self._create_one(target, action)
                if created_id is not None:
                    made.append((action, _created(target, action, created_id)))
        except MailkeepError:
            self._journalled(made)
            raise
        return self._journalled(made)

    def _journalled(self, made: list[tuple[Action, Line]]) -> list[tuple[Action, Line]]:
        if made:
            self._journal.update([line for _, line in made])
        return made

    def _create_one(self, target: TargetFolder, action: Action) -> str | None:
        """The new id, or None for an item that is refused by itself."""
        item = action.item
        try:
            new = NewItem(item.kind, self._reading.source.content(item), item.flags, item.received)
            created = self._connector.create(_there(target), new)
        except GiveUp as error:
            if error.code not in _THIS_ITEM_ONLY:
                raise
            self._refuse(action, error.message)
            return None
        self._bytes += item.size
        return created.id

    def _compare(self, target: TargetFolder, created: list[tuple[Action, Line]]) -> None:
        """Read back and journal the outcome."""
        if not created:
            return
        open_ = dict(enumerate(created))
        outcomes: list[Line] = []
        for ref, content in target.read_back([(action.item, line.created_id) for action, line in created]):
            number = self._whose(ref.id, content, open_)
            if number is not None:
                action, line = open_.pop(number)
                self._taken[target.path].add(ref.id)
                found = self._reading.differences(action.item, ref, content)
                outcomes.append(_outcome(replace(line, created_id=ref.id), found, hashlib.sha256(content).digest()))
        outcomes += [_outcome(line, (fidelity.MISSING,), b"") for _, line in open_.values()]
        self._journal.update(outcomes)
        _count(self._result, outcomes)

    def _whose(self, id_: str, content: bytes, open_: dict[int, tuple[Action, Line]]) -> int | None:
        """Which created item came back: by its id, else by its content where the server gave none."""
        by_id = next((number for number, (_, line) in open_.items() if line.created_id == id_), None)
        if by_id is not None:
            return by_id
        nameless = ((number, action) for number, (action, line) in open_.items() if not line.created_id)
        return next((number for number, action in nameless if self._reading.same(action.item, content)), None)

    def _refuse(self, action: Action, why: str) -> None:
        item = action.item
        self._result.cannot.append(NotRestored(item.number, action.folder, item.subject, why))


def _there(target: TargetFolder) -> Folder:
    if target.folder is None:
        raise GiveUp("folder_not_found", f"the folder {'/'.join(target.path)} could not be made", "make it by hand")
    return target.folder


def _outcome(line: Line, found: tuple[Difference, ...], stored_sha256: bytes) -> Line:
    state = "differs" if found else "verified"
    return replace(line, state=state, stored_sha256=stored_sha256, differences=found)


def _count(result: Restored, outcomes: Iterable[Line]) -> None:
    for line in outcomes:
        result.create += 1
        result.restored += line.state == "verified"
        result.differences += [(line.item, one) for one in line.differences]


def _earlier(lines: Iterable[Line]) -> Restored:
    """What earlier attempts of this restore have finished."""
    result = Restored()
    _count(result, (line for line in lines if line.state in ("verified", "differs")))
    return result


def _batches(creates: list[Action]) -> Iterator[list[Action]]:
    """So many that reading them back holds a bounded number of bytes."""
    batch: list[Action] = []
    for action in creates:
        if batch and sum(one.item.size for one in batch) + action.item.size > CHUNK_BYTES:
            yield batch
            batch = []
        batch.append(action)
    if batch:
        yield batch
