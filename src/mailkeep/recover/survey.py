"""The plan of a restore, met with what the target holds: folder by folder, chunk by chunk. `plan_restore` only counts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailkeep.connectors.base import Connector
from mailkeep.mail.items import Folder
from mailkeep.recover.plan import Action, Counts, in_chunks, obstacle, plan
from mailkeep.recover.ports import Line, Source, SourceItem
from mailkeep.recover.reading import Reading, Ways
from mailkeep.recover.routes import Path, Routes, makes_empty, told
from mailkeep.recover.target import TargetFolder

CHUNK_ITEMS = 200

Taken = defaultdict[Path, set[str]]  # by target folder: ids of items that already are some item's


def taken_by(lines: Mapping[int, Line]) -> Taken:
    taken: Taken = defaultdict(set)
    for line in lines.values():
        taken[line.folder].add(line.created_id)
    return taken


def plan_restore(source: Source, connector: Connector, into: Path = (), ways: Ways | None = None) -> Counts:
    """What a restore would do now; writes nothing."""
    counts = Counts()
    for _, actions in Survey(source, connector, into, ways or Ways()).steps():
        for action in actions:
            counts.add(action)
    return counts


@dataclass(slots=True)
class Survey:
    """One look at a target for one source. `make`: missing folders are made on the way; else nothing is written.

    `lines` is what the journal holds: finished items are not planned again.
    """

    source: Source
    connector: Connector
    into: Path
    ways: Ways
    lines: Mapping[int, Line] = field(default_factory=dict)
    make: bool = False
    reading: Reading = field(init=False)
    taken: Taken = field(init=False)
    _there: dict[Path, Folder] = field(init=False)
    _routes: Routes = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(self.source, self.ways, self.connector.capabilities)
        self.taken = taken_by(self.lines)

    def steps(self) -> Iterator[tuple[TargetFolder, list[Action]]]:
        folders, there = self.source.folders(), self.connector.folders()
        capabilities = self.connector.capabilities
        self._there = {told(folder): folder for folder in there}
        self._routes = Routes(folders, there, self.into, capabilities.kinds)
        for folder in folders:
            target = self._target(folder)
            if self.make and capabilities.creates_folders and makes_empty(folder, capabilities.kinds):
                self._have(target, folder)
            for chunk in in_chunks(self._unfinished(folder), CHUNK_ITEMS):
                yield target, self._planned(target, folder, chunk)

    def _planned(self, target: TargetFolder, folder: Folder, chunk: list[SourceItem]) -> list[Action]:
        capabilities = self.connector.capabilities
        obstacles = {item.number: obstacle(item, target.folder, capabilities) for item in chunk}
        free = [item for item in chunk if not obstacles[item.number]]
        if self.make and free:
            self._have(target, folder)
        reading = self.reading
        matches = target.matches(free, reading.print_of, reading.same, reading.earlier(free))
        return plan(chunk, target.path, obstacles, matches, self.taken[target.path], self.lines)

    def _target(self, folder: Folder) -> TargetFolder:
        path = self._routes.path(folder)
        return TargetFolder(self.connector, self._there.get(path), path)

    def _have(self, target: TargetFolder, folder: Folder) -> None:
        """The target folder is there from now on, its parents before it, each for the kind that the source's is."""
        if target.folder is not None:
            return
        for depth in range(1, len(target.path)):
            above = target.path[:depth]
            if above not in self._there:
                self._known(above, self.connector.create_folder(above, self._routes.kind(above)))
        kinds = self.connector.capabilities.kinds
        kind = folder.kind if folder.kind in kinds else self._routes.kind(target.path)
        asked, made = target.path, self.connector.create_folder(target.path, kind)
        self._known(asked, made)
        target.folder = made

    def _known(self, asked: Path, made: Folder) -> None:
        """The server may not allow every name: it is there under both."""
        self._there[asked] = self._there[told(made)] = made

    def _unfinished(self, folder: Folder) -> Iterator[SourceItem]:
        return (item for item in self.source.items(folder) if not _finished(self.lines.get(item.number)))


def _finished(line: Line | None) -> bool:
    """What was undone may be asked for again."""
    return line is not None and line.state not in ("intended", "created", "undone")
