"""Pacing and bounded retry, wrapped round any connector.

    connector = Throttled(lambda: provider.open(endpoint, address))

| what happens                          | what is done                                                                    |
|---------------------------------------|---------------------------------------------------------------------------------|
| `RetryNow`                            | a new session, and only what is still missing, each item exactly once           |
| the line drops 4 times in a row       | `RetryLater("unreachable")`                                                     |
| it drops whenever one item is asked   | that item is `Unfetched("unreadable")`, the others go on (SPEC C5)              |
| `RetryLater` with a wait of ≤ 20 s    | it is waited here                                                               |
| a longer wait, or none given          | raised: the run commits what it has and comes back                              |

In a row: without an answer in between. Creating and removing items is repeated after a wait only: a server that says
`throttled` has done nothing. In any other case it may have happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from mailkeep.connectors.base import (
    Capabilities,
    Change,
    Connector,
    Created,
    Fetched,
    Gone,
    Listed,
    Listing,
    Marked,
    NewItem,
    Seen,
    Unfetched,
    Usage,
)
from mailkeep.errors import RetryLater, RetryNow
from mailkeep.mail.items import Folder, ItemRef, Kind, Section

T = TypeVar("T")

IN_PLACE_SECONDS_MAX = 20.0
FAILURES_MAX = 4  # in a row
_PAUSES = (0.2, 1.0, 3.0)  # seconds before the 2nd, 3rd, 4th session
_SUSPECTS_MAX = 3  # items in a row that seem to break the line: then it is not the items
_REMEMBERED_MAX = 250_000  # ids of a listing, so that it can begin again …
_REMEMBERED_CHARACTERS_MAX = 16_000_000  # … and all of their characters: Exchange's are long


class Throttled:
    """A `Connector`. `pace_seconds`: at least this long between two calls. `sleep` is replaced by tests."""

    def __init__(
        self,
        connect: Callable[[], Connector],
        *,
        pace_seconds: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect = connect
        self._pace_seconds = pace_seconds
        self._sleep = sleep
        self._last_call = float("-inf")
        self._failures = 0
        self._spent = Usage()
        self._inner: Connector | None = None
        self.capabilities: Capabilities = self._session().capabilities

    @property
    def usage(self) -> Usage:
        """Of all sessions together."""
        now = self._inner.usage if self._inner else Usage()
        return Usage(
            self._spent.requests + now.requests,
            self._spent.bytes_received + now.bytes_received,
            self._spent.seconds_waiting + now.seconds_waiting,
        )

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        return self._session().closed_sections

    def folders(self) -> list[Folder]:
        return self._again(lambda inner: inner.folders())

    def unchanged(self, checkpoints: dict[str, bytes]) -> dict[str, int]:
        return self._again(lambda inner: inner.unchanged(checkpoints))

    def count(self, folder: Folder) -> int:
        return self._again(lambda inner: inner.count(folder))

    def changes(self, folder: Folder, since: bytes | None) -> ThrottledListing:
        return ThrottledListing(self, folder, since)

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:
        missing: dict[str, ItemRef] = {}
        source = iter(refs)
        suspects = 0
        while True:
            before = self._failures
            try:
                for result in self._session().fetch(folder, _feed(missing, source)):
                    missing.pop(result.ref.id, None)
                    self._failures = before = suspects = 0
                    yield result
                    del result  # or this frame would hold a large item while the next one comes
            except (RetryNow, RetryLater) as error:
                if not (isinstance(error, RetryNow) and before and missing):
                    self._recover(error)
                    continue
                self._drop()
            else:
                return
            for result in self._one_by_one(folder, missing):
                suspects = suspects + 1 if isinstance(result, Unfetched) and result.code == "unreadable" else 0
                if suspects > _SUSPECTS_MAX:
                    raise _unreachable(RetryNow("connection_lost", "the server drops the line at every item"))
                self._failures = 0
                yield result
                del result

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
        missing: dict[str, ItemRef] = {}
        source = iter(refs)
        while True:
            try:
                for ref, header in self._session().identify(folder, _feed(missing, source)):
                    missing.pop(ref.id, None)
                    self._failures = 0
                    yield ref, header
            except (RetryNow, RetryLater) as error:
                self._recover(error)
            else:
                return

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:
        return self._again(lambda inner: inner.create_folder(path, kind))

    def create(self, folder: Folder, item: NewItem) -> Created:
        return self._once(lambda inner: inner.create(folder, item))

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:
        return self._once(lambda inner: inner.remove_created(folder, item_id, content_sha256, version))

    def close(self) -> None:
        self._drop()

    # --- inside --------------------------------------------------------------------------------------------------------

    def _session(self) -> Connector:
        """The session, opened where there is none, after the pace's wait."""
        wait = self._last_call + self._pace_seconds - time.monotonic()
        if wait > 0:
            self._sleep(wait)
        self._last_call = time.monotonic()
        while self._inner is None:
            try:
                self._inner = self._connect()
            except (RetryNow, RetryLater) as error:
                self._recover(error)
        return self._inner

    def _again(self, work: Callable[[Connector], T]) -> T:
        while True:
            try:
                done = work(self._session())
            except (RetryNow, RetryLater) as error:
                self._recover(error)
            else:
                self._failures = 0
                return done

    def _once(self, work: Callable[[Connector], T]) -> T:
        """Repeated only where the server, or our own back-off, refused before anything was done (`throttled`)."""
        while True:
            inner = self._session()
            try:
                done = work(inner)
            except RetryNow:
                self._drop()
                raise
            except RetryLater as error:
                if error.code != "throttled":
                    raise
                self._recover(error)
            else:
                self._failures = 0
                return done

    def _recover(self, error: RetryNow | RetryLater) -> None:
        """Wait and make ready for another try, or raise what the caller of ours must know."""
        self._failures += 1
        if isinstance(error, RetryLater):
            wait = error.wait_seconds
            if wait is None or wait > IN_PLACE_SECONDS_MAX or self._failures >= FAILURES_MAX:
                raise error
            self._sleep(wait)
            return
        self._drop()
        if self._failures >= FAILURES_MAX:
            raise _unreachable(error)
        self._sleep(_PAUSES[self._failures - 1])

    def _drop(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            self._spent.requests += inner.usage.requests
            self._spent.bytes_received += inner.usage.bytes_received
            self._spent.seconds_waiting += inner.usage.seconds_waiting
            inner.close()

    def _one_by_one(self, folder: Folder, missing: dict[str, ItemRef]) -> Iterator[Fetched | Unfetched]:
        """The line dropped twice at the same place: find the item that does it. Ends with the first that is found."""
        for ref in list(missing.values()):
            for result in self._alone(folder, ref):
                del missing[ref.id]
                yield result
                if isinstance(result, Unfetched) and result.code == "unreadable":
                    return
                del result

    def _alone(self, folder: Folder, ref: ItemRef) -> Iterator[Fetched | Unfetched]:
        for _ in range(2):
            try:
                yield from self._session().fetch(folder, iter((ref,)))
            except RetryNow:
                self._drop()
            except RetryLater as error:
                self._recover(error)
            else:
                return
        message = "the server drops the line whenever it is asked for this item"
        yield Unfetched(ref, "unreadable", message)


class ThrottledListing:
    """A listing that begins again where the line drops.

    What came the first time and not the second is gone. Only where the listing is of changes alone, an item that was there
    at the checkpoint (`Seen`, `Marked`) would have been said to be gone: it is as it was, the mark has been taken back.
    """

    def __init__(self, connector: Throttled, folder: Folder, since: bytes | None) -> None:
        self._connector = connector
        self._folder = folder
        self._since = since
        self._told: dict[str, bool] | None = {}  # id → it was there at the checkpoint
        self._told_characters = 0
        self.checkpoint = b""
        self.complete = False
        self.count = 0

    def __iter__(self) -> Iterator[Change]:
        earlier: dict[str, bool] = {}
        while True:
            try:
                listing = self._connector._session().changes(self._folder, self._since)
                yield from self._listed(listing, earlier)
            except (RetryNow, RetryLater) as error:
                if self._told is None:
                    raise  # too long to begin again here: the run does
                self._connector._recover(error)
                earlier |= self._told
                self._told = {}
            else:
                break
        for item_id, known in earlier.items():
            yield Seen(item_id, None) if known and not listing.complete else Gone(item_id)
        self._connector._failures = 0
        self.checkpoint, self.complete, self.count = listing.checkpoint, listing.complete, listing.count

    def _listed(self, listing: Listing, earlier: dict[str, bool]) -> Iterator[Change]:
        for change in listing:
            item_id = change.ref.id if isinstance(change, Listed) else change.id
            if self._told is not None:
                self._told[item_id] = isinstance(change, Seen | Marked) and self._told.get(item_id, True)
                self._told_characters += len(item_id)
                if len(self._told) + len(earlier) > _REMEMBERED_MAX or (
                    self._told_characters > _REMEMBERED_CHARACTERS_MAX
                ):
                    self._told = None
            earlier.pop(item_id, None)
            yield change


def _feed(missing: dict[str, ItemRef], source: Iterator[ItemRef]) -> Iterator[ItemRef]:
    """What an earlier session left unanswered, then further ones, each noted as missing before it goes out."""
    yield from list(missing.values())
    for ref in source:
        missing[ref.id] = ref
        yield ref


def _unreachable(error: RetryNow) -> RetryLater:
    message = f"the line to the server dropped {FAILURES_MAX} times in a row: {error.message}"
    return RetryLater("unreachable", message, "it is tried again; look at the server if this lasts")
