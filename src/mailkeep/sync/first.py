"""The first synchronisation: nothing is known, so everything listed is an addition, and is fetched while the listing goes on.

    lister, a session of its own   changes of folder 1, 2, 3 …   ─► channel, bounded ─┐
    session                        fetch of folder 1, 2, 3 …  ◄── what is admitted ◄──┘

Nothing is staged but what is left out, and what comes `late`: what repeats an id, or might. That is settled afterwards like
any other change. A server that lists in order of its ids (IMAP) shows by that alone that none is repeated; of one that does not
(Exchange), so many ids of a folder are remembered, and a longer folder loses the overlap, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailkeep.connectors.base import Connector
from mailkeep.errors import GiveUp
from mailkeep.sync.fetching import Arrival, Loans, fetch_folder
from mailkeep.sync.folders import Branch
from mailkeep.sync.limits import Limits
from mailkeep.sync.listing import Check, Heard, sighting_key, sightings_of
from mailkeep.sync.plan import Added, Fetch, Judge, LeaveOut, Sighting, settle_added
from mailkeep.sync.refused import Refused, refusal
from mailkeep.sync.session import ITEM_BYTES, Session
from mailkeep.sync.staging import Sorter, Spool

_REMEMBERED_MAX = 50_000  # ids of one folder, by their hashes: some 4 MB
_AHEAD_BYTES = 4_096 * ITEM_BYTES  # how far the lister may be ahead


@dataclass(frozen=True, slots=True)
class Ended:
    """A folder's listing has come to its end. `heard` None: the folder was deleted meanwhile."""

    folder: int
    heard: Heard | Refused | None


class FirstPass:
    """Lists and fetches every folder once. `heard` and `late` are whole when `arrivals` is exhausted."""

    def __init__(
        self, lister: Session, branches: Sequence[Branch], judge: Judge, directory: Path, limits: Limits, loans: Loans
    ) -> None:
        self._lister = lister
        self._branches = branches
        self._judge = judge
        self._directory = directory
        self._limits = limits
        self._loans = loans
        self.heard: dict[int, Heard | Refused] = {}
        self.late: Sorter[Sighting] = Sorter(directory, Sighting, sighting_key, limits)

    def arrivals(
        self, connector: Connector, listed: Check, admitted: Callable[[int], None]
    ) -> Iterator[tuple[Arrival, int]]:
        """In the session's thread. `listed` is told how many were listed, `admitted` how many are going to be fetched."""
        words = self._words(listed)
        for branch in self._branches:
            left_out: Spool[LeaveOut] = Spool(self._directory, LeaveOut, self._limits)
            fetches = self._additions(branch, words, left_out, admitted)
            yield from fetch_folder(connector, branch.folder, fetches, self._limits, self._loans)
            for _ in fetches:
                pass  # the fetch gave up on its folder: the listing is read to its end all the same
            for each in left_out:
                yield each, 0

    def _words(self, listed: Check) -> Iterator[Sighting | Ended]:
        """All folders' sightings one after the other, as the lister gets them."""
        for chunk in self._lister.stream(lambda connector: self._listing(connector, listed), _AHEAD_BYTES):
            yield from chunk

    def _listing(self, connector: Connector, listed: Check) -> Iterator[tuple[Sighting | Ended, int]]:
        """In the lister's thread."""
        for branch in self._branches:
            heard: Heard | Refused | None = None
            try:
                listing = connector.changes(branch.folder, None)
                for sighting in sightings_of(listing, branch.number, self._limits.word_characters, listed):
                    yield sighting, 0
                heard = Heard(listing.checkpoint, listing.count, listing.complete)
            except GiveUp as error:
                heard = refusal(connector, branch, error)
            yield Ended(branch.number, heard), 0

    def _additions(
        self,
        branch: Branch,
        words: Iterable[Sighting | Ended],
        left_out: Spool[LeaveOut],
        admitted: Callable[[int], None],
    ) -> Iterator[Fetch]:
        """One folder's, up to its end."""
        told = _Told()
        for word in words:
            if isinstance(word, Ended):
                if word.heard is not None:
                    self.heard[word.folder] = word.heard
                return
            if told.maybe(word.id):
                self.late.add(word)
                continue
            if word.ref is None:
                continue
            action = settle_added(Added(branch.number, word.ref), branch.folder, self._judge)
            if isinstance(action, Fetch):
                admitted(1)
                yield action
            else:
                left_out.add(action)


class _Told:
    """The ids that a folder's listing has told."""

    def __init__(self) -> None:
        self._highest = ""
        self._hashes: set[int] = set()

    def maybe(self, item_id: str) -> bool:
        """Whether the id may have been told before. From now on it has."""
        if item_id > self._highest:
            self._highest, repeated = item_id, False
        else:
            repeated = len(self._hashes) >= _REMEMBERED_MAX or hash(item_id) in self._hashes
        if len(self._hashes) < _REMEMBERED_MAX:
            self._hashes.add(hash(item_id))
        return repeated
