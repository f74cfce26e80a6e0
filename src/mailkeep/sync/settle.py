"""The whole mailbox settled: every folder compared with what is known, then moves found across folders.

    sightings ┐                        ┌ fetches, left-out items, flags
    known     ├─ compare, by folder ─► ┤
    left out  ┘                        └ added × missing ─ by stable id ─ by identity ─► moves
                                                          the rest: fetched, left out, removed

Nothing is written and nothing fetched before this is through; every stage streams, and spills what it holds to disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Generic, TypeVar

from mailkeep.connectors.base import Connector
from mailkeep.mail.identity import identity
from mailkeep.mail.items import Folder, ItemRef
from mailkeep.sync.folders import Branch, Treatment
from mailkeep.sync.ledger import OF_KIND
from mailkeep.sync.limits import Limits
from mailkeep.sync.listing import Heard
from mailkeep.sync.pairing import identity_key, likeness_key, pair, stable_key, suspects
from mailkeep.sync.plan import (
    NOTHING_CUT_SHORT,
    Added,
    Fetch,
    Judge,
    LeaveOut,
    Missing,
    Move,
    Outcome,
    Reflag,
    Remove,
    Sighting,
    Unexplained,
    compare,
    last_words,
    settle_added,
    settle_missing,
    settle_move,
)
from mailkeep.sync.ports import Known, KnownItem
from mailkeep.sync.session import Session
from mailkeep.sync.staging import Key, Sorter, Spool, chunked

T = TypeVar("T")

_BEAT_EVERY = 512  # records


class Settled:
    """The plan of a run: what there is to do, each kind in a spool of its own, and how much of it."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.fetches: Sorter[Fetch] = Sorter(directory, Fetch, lambda fetch: (fetch.folder, fetch.ref.id), limits)
        self.left_out: Spool[LeaveOut] = Spool(directory, LeaveOut, limits)
        self.moves: Spool[Move] = Spool(directory, Move, limits)
        self.reflags: Spool[Reflag] = Spool(directory, Reflag, limits)
        self.removals: Spool[Remove] = Spool(directory, Remove, limits)
        self.unexplained: set[int] = set()  # folders whose checkpoint is ahead of what is known

    def add(self, action: Fetch | LeaveOut | Move | Reflag | Remove) -> None:
        if isinstance(action, Fetch):
            self.fetches.add(action)
        elif isinstance(action, LeaveOut):
            self.left_out.add(action)
        elif isinstance(action, Move):
            self.moves.add(action)
        elif isinstance(action, Reflag):
            self.reflags.add(action)
        else:
            self.removals.add(action)


class Settlement:
    """Makes one `Settled`: reads `known` in the caller's thread, and headers through the session where needed."""

    def __init__(
        self,
        branches: Mapping[int, Branch],
        known: Known,
        judge: Judge,
        session: Session,
        directory: Path,
        limits: Limits,
        beat: Callable[[], None],
        cut_short: Mapping[int, datetime] = NOTHING_CUT_SHORT,
    ) -> None:
        self._branches = branches
        self._cut_short = cut_short
        self._known = known
        self._judge = judge
        self._session = session
        self._directory = directory
        self._limits = limits
        self._beat = beat
        self._added: Spool[Added] = Spool(directory, Added, limits)
        self._missing: Spool[Missing] = Spool(directory, Missing, limits)
        self._stable: set[type] = set()  # which of the two have stable ids: both, or none needs to be sorted by them
        self._settled = Settled(directory, limits)

    def settle(
        self, sightings: Iterable[Sighting], heard: Mapping[int, Heard], left_out: Iterable[KnownItem]
    ) -> Settled:
        """`sightings` sorted by folder and id; `left_out` likewise, empty where nothing asks for another judgement."""
        sighted = ByFolder(self._alive(sightings), lambda sighting: sighting.folder)
        again = ByFolder(self._alive(left_out), lambda item: item.folder)
        for number, branch in sorted(self._branches.items()):
            outcomes = self._compare(branch, heard.get(number), sighted.of(number), again.of(number))
            for outcome in self._alive(outcomes):
                self._sort(outcome, number)
        self._settle_across()
        return self._settled

    def _compare(
        self, branch: Branch, heard: Heard | None, sighted: Iterator[Sighting], left_out: Iterator[KnownItem]
    ) -> Iterator[Outcome]:
        number, folder = branch.number, branch.folder
        if branch.treatment is Treatment.EMPTY:
            return compare(folder, number, (), self._alive(self._known.items(number)), self._judge, complete=True)
        if branch.treatment is not Treatment.LISTED:
            return iter(())
        if heard is not None and heard.complete and heard.trusted:
            known = self._alive(self._known.items(number))
            return compare(folder, number, sighted, known, self._judge, complete=True, cut_short=self._cut_short)
        return self._compare_changes(branch, sighted, left_out if branch.kind_on else iter(()))

    def _compare_changes(
        self, branch: Branch, sighted: Iterator[Sighting], left_out: Iterator[KnownItem]
    ) -> Iterator[Outcome]:
        """What changed, against those of its items that are known, asked for in chunks; left-out items in between."""
        number, waiting = branch.number, Ahead(left_out)
        words = last_words(sighted)
        while chunk := list(islice(words, self._limits.find_items)):
            found = self._known.find(number, [sighting.id for sighting in chunk])
            due = [item for item in waiting.up_to(chunk[-1].id) if item.ref.id not in found]
            known = sorted([*found.values(), *due], key=lambda item: item.ref.id)
            cut_short = self._cut_short
            yield from compare(branch.folder, number, chunk, known, self._judge, complete=False, cut_short=cut_short)
        yield from compare(branch.folder, number, (), waiting.rest(), self._judge, complete=False)

    def _alive(self, records: Iterable[T]) -> Iterator[T]:
        """The records; the heart beats on the way, also where nothing follows from any of them."""
        for count, record in enumerate(records):
            if count % _BEAT_EVERY == 0:
                self._beat()
            yield record

    def _sort(self, outcome: Outcome, folder: int) -> None:
        if isinstance(outcome, Added):
            self._added.add(outcome)
            if outcome.ref.stable_id:
                self._stable.add(Added)
        elif isinstance(outcome, Missing):
            self._missing.add(outcome)
            if outcome.stable_id:
                self._stable.add(Missing)
        elif isinstance(outcome, Unexplained):
            self._settled.unexplained.add(folder)
        else:
            self._settled.add(outcome)

    # --- across folders --------------------------------------------------------------------------------------------

    def _settle_across(self) -> None:
        if not self._added or not self._missing:
            self._settle_alone(self._added, self._missing)
            return
        added, missing = self._added, self._missing
        if self._stable == {Added, Missing}:
            added, missing = self._pair(added, missing, stable_key)
        suspected, proofless = self._suspects(added, missing)
        self._settle_alone(proofless, ())
        self._settle_alone(*self._pair(self._identified(suspected), missing, identity_key))

    def _settle_alone(self, added: Iterable[Added], missing: Iterable[Missing]) -> None:
        for addition in self._alive(added):
            self._settle_added(addition)
        for lack in self._alive(missing):
            self._settled.add(settle_missing(lack))

    def _pair(
        self, added: Iterable[Added], missing: Iterable[Missing], key: Callable[[Added | Missing], Key]
    ) -> tuple[Spool[Added], Spool[Missing]]:
        """Settle as moves what that key proves; give back the rest."""
        left = self._sorted(added, Added, key)
        right = self._sorted(missing, Missing, key)
        rest_added: Spool[Added] = Spool(self._directory, Added, self._limits)
        rest_missing: Spool[Missing] = Spool(self._directory, Missing, self._limits)
        for addition, lack in self._alive(pair(left, right, key)):
            if addition is not None and lack is not None:
                folder = self._branches[addition.folder].folder
                for action in settle_move(addition, lack, folder, self._judge):
                    self._settled.add(action)
            elif addition is not None:
                rest_added.add(addition)
            elif lack is not None:
                rest_missing.add(lack)
        return rest_added, rest_missing

    def _sorted(self, records: Iterable[T], record: type[T], key: Callable[[T], Key]) -> Sorter[T]:
        sorter: Sorter[T] = Sorter(self._directory, record, key, self._limits)
        for each in self._alive(records):
            sorter.add(each)
        return sorter

    def _suspects(self, added: Spool[Added], missing: Spool[Missing]) -> tuple[Sorter[Added], Spool[Added]]:
        """Additions whose header is worth asking for, by folder; and those that no missing item is like."""
        suspected: Sorter[Added] = Sorter(
            self._directory, Added, lambda added: (added.folder, added.ref.id), self._limits
        )
        proofless: Spool[Added] = Spool(self._directory, Added, self._limits)
        left = self._sorted(added, Added, likeness_key)
        right = self._sorted(missing, Missing, likeness_key)
        for addition, alike in self._alive(suspects(left, right)):
            (suspected if alike else proofless).add(addition)
        return suspected, proofless

    def _identified(self, suspected: Sorter[Added]) -> Iterator[Added]:
        """The suspected additions with their identities, of complete headers. What vanished meanwhile has none."""
        for number, group in groupby(suspected, key=lambda added: added.folder):
            folder = self._branches[number].folder
            for chunk in chunked((added.ref for added in group), self._limits.find_items):
                asked = {ref.id: ref for ref in chunk}
                for ref_id, proof in self._session.call(partial(_identities, folder=folder, refs=chunk)):
                    yield Added(number, asked.pop(ref_id), proof)
                for ref in asked.values():
                    yield Added(number, ref)

    def _settle_added(self, added: Added) -> None:
        branch = self._branches[added.folder]
        action = settle_added(added, branch.folder, self._judge)
        counted = isinstance(action, LeaveOut) and action.reason == OF_KIND and not branch.kind_on
        if not counted:  # a folder whose kind is off is counted, not recorded item by item
            self._settled.add(action)


def _identities(connector: Connector, folder: Folder, refs: Sequence[ItemRef]) -> list[tuple[str, bytes]]:
    """In the session's thread: of each that is still there its id and its identity."""
    headers = connector.identify(folder, refs)
    return [(ref.id, identity(header, ref.size, ref.received)) for ref, header in headers]


class ByFolder(Generic[T]):
    """Records sorted by folder number, handed out folder by folder, ascending; what is not asked for is passed over."""

    def __init__(self, records: Iterable[T], folder: Callable[[T], int]) -> None:
        self._records = iter(records)
        self._folder = folder
        self._next = next(self._records, None)

    def of(self, number: int) -> Iterator[T]:
        while self._next is not None and self._folder(self._next) < number:
            self._next = next(self._records, None)
        while self._next is not None and self._folder(self._next) == number:
            record = self._next
            self._next = next(self._records, None)
            yield record


class Ahead:
    """Sorted items, taken as far as an id reaches."""

    def __init__(self, items: Iterator[KnownItem]) -> None:
        self._items = items
        self._next = next(items, None)

    def up_to(self, last: str) -> Iterator[KnownItem]:
        while self._next is not None and self._next.ref.id <= last:
            item = self._next
            self._next = next(self._items, None)
            yield item

    def rest(self) -> Iterator[KnownItem]:
        while (item := self._next) is not None:
            self._next = next(self._items, None)
            yield item
