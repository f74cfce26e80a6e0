"""From a list of fetches to archived items.

    session thread    Fetch … ─► connector.fetch ─► Arrived / Failed ─► channel, bounded by bytes
    main thread       channel ─► groups of contents ─► recorder

Ordinary items of a folder flow in one call of `fetch`, so that the connector's pipeline stays full. A large one ends
that call, waits for its turn among all mailboxes of this process (`budget`), travels alone, and the flow goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mailkeep.connectors.base import Connector, Fetched
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, ItemRef
from mailkeep.sync.budget import Budget
from mailkeep.sync.limits import Limits
from mailkeep.sync.plan import Fetch, LeaveOut
from mailkeep.sync.recording import Recorder
from mailkeep.sync.words import cleaned

VANISHED = "vanished"  # gone before it could be fetched: the next listing says so too


@dataclass(slots=True)
class Arrived:
    fetch: Fetch
    fetched: Fetched
    loan: int = 0  # bytes of the large items' budget, given back once it is archived


@dataclass(slots=True)
class Failed:
    fetch: Fetch
    code: str
    message: str


Arrival = Arrived | Failed | LeaveOut


class Loans:
    """What one run holds of the process's budget for large items."""

    def __init__(self, budget: Budget, check: Callable[[], None]) -> None:
        self._budget = budget
        self._check = check
        self._held = 0
        self._lock = threading.Lock()  # taken in the session's thread, given back in the main one

    def take(self, size: int) -> int:
        self._budget.take(size, self._check)
        with self._lock:
            self._held += size
        return size

    def grow(self, loan: int, size: int) -> int:
        """The loan of an item that came with `size` bytes, its native form included: more than its listing said, perhaps."""
        more = max(0, size - loan)
        if more:
            self._budget.add(more)
            with self._lock:
                self._held += more
        return loan + more

    def give_back(self, size: int) -> None:
        if size:
            with self._lock:
                self._held -= size
            self._budget.give_back(size)

    def close(self) -> None:
        self.give_back(self._held)


def fetch_folder(
    connector: Connector, folder: Folder, fetches: Iterable[Fetch], limits: Limits, loans: Loans
) -> Iterator[tuple[Arrival, int]]:
    """Everything asked for, in the session's thread, with the bytes each holds."""
    flow = _Flow(fetches, limits.large_bytes)
    while flow.more():
        large = flow.take_large()
        if large is None:
            yield from _fetch(connector, folder, flow.ordinary(), flow.asked, 0, loans)
        else:
            loan = loans.take(large.ref.size)
            flow.asked[large.ref.id] = large
            arrivals = iter([large.ref])
            for arrival, size in _fetch(connector, folder, arrivals, flow.asked, loan, loans):
                if isinstance(arrival, Failed):
                    loans.give_back(loan)
                yield arrival, size
                del arrival  # or this frame would hold a large item while the next one comes


def _fetch(
    connector: Connector, folder: Folder, refs: Iterator[ItemRef], asked: dict[str, Fetch], loan: int, loans: Loans
) -> Iterator[tuple[Arrival, int]]:
    try:
        for got in connector.fetch(folder, refs):
            fetch = asked.pop(got.ref.id)
            if isinstance(got, Fetched):
                yield Arrived(fetch, got, loan and loans.grow(loan, got.size)), got.size
            else:
                yield Failed(fetch, got.code, got.message), 0
            del got
    except GiveUp as error:
        if error.code != "folder_not_found":
            raise
        yield from _all_vanished(asked, refs)


def _all_vanished(asked: dict[str, Fetch], refs: Iterator[ItemRef]) -> Iterator[tuple[Arrival, int]]:
    """The folder was deleted meanwhile, and everything in it."""
    for _ in refs:
        yield from _drained(asked)
    yield from _drained(asked)


def _drained(asked: dict[str, Fetch]) -> Iterator[tuple[Arrival, int]]:
    while asked:
        _, fetch = asked.popitem()
        yield Failed(fetch, VANISHED, "its folder was deleted meanwhile"), 0


class _Flow:
    """A folder's fetches with the next one in sight. `asked`: pulled by the connector and not answered yet, by id."""

    def __init__(self, fetches: Iterable[Fetch], large_bytes: int) -> None:
        self._rest = iter(fetches)
        self._next = next(self._rest, None)
        self._large_bytes = large_bytes
        self.asked: dict[str, Fetch] = {}

    def more(self) -> bool:
        return self._next is not None

    def take_large(self) -> Fetch | None:
        """The next one if it is large."""
        taken = self._next
        if taken is None or taken.ref.size < self._large_bytes:
            return None
        self._next = next(self._rest, None)
        return taken

    def ordinary(self) -> Iterator[ItemRef]:
        """The refs up to the next large one."""
        while (fetch := self._next) is not None and fetch.ref.size < self._large_bytes:
            self._next = next(self._rest, None)
            self.asked[fetch.ref.id] = fetch
            yield fetch.ref


class Intake:
    """The main thread's end: arrivals are grouped, then recorded."""

    def __init__(self, recorder: Recorder, limits: Limits, loans: Loans, vanished: Callable[[int], None]) -> None:
        self._recorder = recorder
        self._limits = limits
        self._loans = loans
        self._vanished = vanished
        self._group: list[tuple[Fetch, Fetched]] = []
        self._group_bytes = 0
        self._group_blobs = 0
        self._left_out: list[LeaveOut] = []

    def take(self, chunk: list[Arrival]) -> None:
        """Records a chunk, and empties it: no list may hold contents longer than needed."""
        chunk.reverse()
        while chunk:
            arrival = chunk.pop()
            if isinstance(arrival, Arrived):
                self._take_content(arrival)
            elif isinstance(arrival, LeaveOut):
                self._take_left_out(arrival)
            else:
                self._take_failed(arrival)

    def _take_content(self, arrived: Arrived) -> None:
        if arrived.loan:
            self.flush()
        self._group.append((arrived.fetch, arrived.fetched))
        self._group_bytes += arrived.fetched.size
        self._group_blobs += 1 + len(arrived.fetched.parts)
        limits = self._limits
        full = self._group_bytes >= limits.group_bytes or len(self._group) >= limits.group_items
        full = full or self._group_blobs >= limits.group_blobs
        if full or arrived.loan:
            self._flush_contents()
            self._loans.give_back(arrived.loan)

    def _take_failed(self, failed: Failed) -> None:
        fetch, before = failed.fetch, failed.fetch.before
        if failed.code == VANISHED:
            self._vanished(fetch.folder)
        elif before is None or before.left_out != failed.code or before.folder != fetch.folder:
            detail = cleaned(failed.message[: self._limits.word_characters])
            self._take_left_out(LeaveOut(fetch.ref, fetch.folder, failed.code, detail, fetch.number, before))

    def _take_left_out(self, left_out: LeaveOut) -> None:
        self._left_out.append(left_out)
        if len(self._left_out) >= self._limits.group_items:
            self._flush_left_out()

    def flush(self) -> None:
        self._flush_contents()
        self._flush_left_out()

    def _flush_contents(self) -> None:
        if self._group:
            group, self._group, self._group_bytes, self._group_blobs = self._group, [], 0, 0
            self._recorder.put_contents(group)

    def _flush_left_out(self) -> None:
        left_out, self._left_out = self._left_out, []
        self._recorder.leave_out(left_out)
