"""The completeness ledger (SPEC C6): per folder, what the server has against what the archive has of it.

    server == archived + left out by reason + pending

`Tally` keeps the archive's side up to date while events are recorded: what the catalog counted at the start, and what
the run has changed since. No item is read again for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mailkeep.sync.plan import Place
from mailkeep.sync.ports import FolderCount, LedgerLine

OF_KIND = "kind"


class Tally:
    """Counts of a run. `held` is what the catalog had at its start, by folder number."""

    def __init__(self, held: Mapping[int, FolderCount]) -> None:
        self._archived: Counter[int] = Counter()
        self._left_out: dict[int, Counter[str]] = {}
        for folder, count in held.items():
            self._archived[folder] = count.archived
            self._left_out[folder] = Counter(count.left_out)
        self.known = sum(self._archived.values()) + sum(map(Counter.total, self._left_out.values()))
        self.listed = 0
        self.fetched = 0
        self.bytes = 0
        self.moved = 0
        self.reflagged = 0
        self.removed = 0
        self.vanished: Counter[int] = Counter()  # by folder: listed, and gone before it could be fetched

    def put(self, folder: int, left_out: str, before: Place | None) -> None:
        if before is not None:
            self._count(before.folder, before.left_out, -1)
        self._count(folder, left_out, 1)
        self.fetched += not left_out

    def move(self, before: Place, folder: int) -> None:
        self._count(before.folder, before.left_out, -1)
        self._count(folder, before.left_out, 1)
        self.moved += 1

    def remove(self, before: Place) -> None:
        self._count(before.folder, before.left_out, -1)
        self.removed += 1

    def _count(self, folder: int, left_out: str, by: int) -> None:
        if left_out:
            self._left_out.setdefault(folder, Counter())[left_out] += by
        else:
            self._archived[folder] += by

    def left_out(self, folder: int) -> dict[str, int]:
        return {reason: count for reason, count in self._left_out.get(folder, Counter()).items() if count}

    def held(self, folder: int) -> int:
        """Known items of the folder, with content or without."""
        return self._archived[folder] + sum(self.left_out(folder).values())

    def archived(self, folder: int) -> int:
        return self._archived[folder]


def line(tally: Tally, folder: int, server: int, *, kind_on: bool) -> LedgerLine:
    """One folder's line. Of a folder whose kind is off, whatever is not held is left out by kind."""
    left_out = tally.left_out(folder)
    rest = server - tally.held(folder)
    if not kind_on and rest > 0:
        left_out[OF_KIND] = left_out.get(OF_KIND, 0) + rest
        rest = 0
    return LedgerLine(folder, server, tally.archived(folder), left_out, rest)


def differing(lines: Iterable[LedgerLine]) -> list[LedgerLine]:
    """Lines that do not add up: something is pending, or (`pending` is negative) more is held than the server has."""
    return [each for each in lines if each.pending]
