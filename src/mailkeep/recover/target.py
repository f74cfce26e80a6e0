"""One folder of the restore's target: what it holds, matched with what would go there, and what came back of what was created."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from mailkeep.connectors.base import Connector, Fetched, Listed
from mailkeep.mail.items import Folder, ItemRef
from mailkeep.recover.fidelity import Held, Print
from mailkeep.recover.plan import Key, listed_keys, wanted_keys
from mailkeep.recover.ports import Line, SourceItem
from mailkeep.recover.routes import told


class TargetFolder:
    """Lists the folder once when it is first asked: its items' keys and prints stay in memory, never their contents."""

    def __init__(self, connector: Connector, folder: Folder | None, path: tuple[str, ...]) -> None:
        self.connector = connector
        self.folder = folder  # None: it is not there yet
        self._path = path
        self._regenerates = connector.capabilities.regenerates_content
        self._candidates: dict[Key, list[ItemRef]] = defaultdict(list)
        self._prints: dict[str, Print] = {}  # of those that were fetched to be compared
        self._before: dict[str, str] = {}  # id → version of what was there first: no restore of ours
        self._checkpoint: bytes | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """Where items go: the server's own path, once the folder is there (it may not allow every name)."""
        return told(self.folder) if self.folder else self._path

    def matches(
        self,
        items: Sequence[SourceItem],
        print_of: Callable[[ItemRef, Held], Print],
        same: Callable[[SourceItem, Print], bool],
        earlier: Iterable[Line],
    ) -> dict[int, list[str]]:
        """By item, the ids of those that are there already: first what an earlier restore made of it, then the oldest."""
        alike = {item.number: self._alike(item) for item in items}
        refs = {ref.id: ref for found in alike.values() for ref in found}
        unseen = [ref for id_, ref in refs.items() if id_ not in self._prints]
        for ref, held in self._fetched(unseen):
            self._prints[ref.id] = print_of(ref, held)
        found = {number: self._ours(lines) for number, lines in _by_item(earlier).items()}
        for item in items:
            candidates = (ref for ref in alike[item.number] if ref.id in self._prints)
            proven = sorted(ref.id for ref in candidates if same(item, self._prints[ref.id]))
            found[item.number] = list(dict.fromkeys([*found.get(item.number, ()), *proven]))
        return found

    def read_back(self, items: Iterable[tuple[SourceItem, str]]) -> Iterator[tuple[ItemRef, Held]]:
        """Those of the created items (with their ids) that are there now; an id of "" asks for everything that is new."""
        wanted = {id_ for _, id_ in items}
        known = {ref.id: ref for item, _ in items for ref in self._alike(item)}
        refs = [ref for id_, ref in known.items() if id_ in wanted]
        refs += [ref for ref in self._listed() if ref.id in wanted - known.keys() or self._nameless(ref, wanted)]
        yield from self._fetched(refs)

    def _ours(self, lines: Iterable[Line]) -> list[str]:
        """Of what earlier restores created here, what is still as it was read back."""
        return [
            line.created_id
            for line in lines
            if line.folder == self.path and line.created_id and self._before.get(line.created_id) == line.version
        ]

    def _nameless(self, ref: ItemRef, wanted: set[str]) -> bool:
        return "" in wanted and ref.id not in self._before

    def _alike(self, item: SourceItem) -> list[ItemRef]:
        if self._checkpoint is None:
            for ref in self._listed():
                self._before[ref.id] = ref.version
                for key in listed_keys(ref):
                    self._candidates[key].append(ref)
        keys = wanted_keys(item, regenerates=self._regenerates)
        alike = {ref.id: ref for key in keys for ref in self._candidates.get(key, ()) if ref.kind is item.kind}
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

    def _fetched(self, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, Held]]:
        if self.folder is None:
            return
        for got in self.connector.fetch(self.folder, refs):
            if isinstance(got, Fetched):
                yield got.ref, Held(bytes(got.content), got.parts)


def _by_item(lines: Iterable[Line]) -> dict[int, list[Line]]:
    found: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.item].append(line)
    return found
