"""One folder of the restore's target: what it holds, matched by content, and what came back of what was created."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from mailkeep.connectors.base import Connector, Fetched, Listed
from mailkeep.mail.items import Folder, ItemRef, Kind
from mailkeep.recover.plan import candidate_keys
from mailkeep.recover.ports import SourceItem


class TargetFolder:
    """Lists the folder once when it is first asked: its items' keys stay in memory, never their contents."""

    def __init__(self, connector: Connector, folder: Folder | None, path: tuple[str, ...]) -> None:
        self.connector = connector
        self.folder = folder  # None: it is not there yet
        self._path = path
        self._candidates: dict[tuple[int, int | str], list[ItemRef]] = defaultdict(list)
        self._before: set[str] = set()  # ids that were there first: no restore of ours
        self._checkpoint: bytes | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """Where items go: the server's own path, once the folder is there (it may not allow every name)."""
        return self.folder.path if self.folder else self._path

    def make(self, kind: Kind) -> None:
        """The folder is there from now on."""
        if self.folder is None:
            self.folder = self.connector.create_folder(self._path, kind)

    def matches(self, items: Sequence[SourceItem], same: Callable[[SourceItem, bytes], bool]) -> dict[int, list[str]]:
        """By item, the ids of those that are there with the same content, ascending: the oldest was there first."""
        wanting: dict[str, list[SourceItem]] = defaultdict(list)
        refs: dict[str, ItemRef] = {}
        for item in items:
            for ref in self._alike(item):
                refs[ref.id] = ref
                wanting[ref.id].append(item)
        found: dict[int, list[str]] = defaultdict(list)
        for ref, content in self._fetched(refs.values()):
            for item in wanting[ref.id]:
                if same(item, content):
                    found[item.number].append(ref.id)
        return {number: sorted(ids) for number, ids in found.items()}

    def read_back(self, items: Iterable[tuple[SourceItem, str]]) -> Iterator[tuple[ItemRef, bytes]]:
        """Those of the created items (with their ids) that are there now; an id of "" asks for everything that is new."""
        wanted = {id_ for _, id_ in items}
        known = {ref.id: ref for item, _ in items for ref in self._alike(item)}
        refs = [ref for id_, ref in known.items() if id_ in wanted]
        refs += [ref for ref in self._listed() if ref.id in wanted - known.keys() or self._nameless(ref, wanted)]
        yield from self._fetched(refs)

    def _nameless(self, ref: ItemRef, wanted: set[str]) -> bool:
        return "" in wanted and ref.id not in self._before

    def _alike(self, item: SourceItem) -> list[ItemRef]:
        if self._checkpoint is None:
            for ref in self._listed():
                self._before.add(ref.id)
                for key in candidate_keys(ref):
                    self._candidates[key].append(ref)
        alike = {ref.id: ref for key in candidate_keys(item) for ref in self._candidates.get(key, ())}
        return list(alike.values())

    def _listed(self) -> Iterator[ItemRef]:
        """What was listed since the last time, or all where the server cannot tell."""
        if self.folder is None or not self.folder.selectable:
            return
        listing = self.connector.changes(self.folder, self._checkpoint)
        for change in listing:
            if isinstance(change, Listed):
                yield change.ref
        self._checkpoint = listing.checkpoint

    def _fetched(self, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
        if self.folder is None:
            return
        for got in self.connector.fetch(self.folder, refs):
            if isinstance(got, Fetched):
                yield got.ref, bytes(got.content)
