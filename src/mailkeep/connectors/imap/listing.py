"""What changed in a folder since a checkpoint: streamed, two commands in flight, no body ever.

| server          | known items' flags                    | gone                                | `complete`        |
|-----------------|---------------------------------------|-------------------------------------|-------------------|
| QRESYNC         | FETCH … (CHANGEDSINCE m VANISHED)     | the VANISHED of the same answer     | no                |
| CONDSTORE       | FETCH … (CHANGEDSINCE m)              | SEARCH, only where the count differs| only after SEARCH |
| neither         | FETCH … (UID FLAGS) of everything     | what was not in it                  | yes               |

New items (UID ≥ the checkpoint's next UID) come with header fields. The checkpoint holds what EXAMINE said **before** all that, so
mail that arrives meanwhile is left for the next listing. A new UIDVALIDITY makes the listing complete and everything new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import pairwise

from mailkeep.connectors.base import Change, Gone, Listed, Seen
from mailkeep.connectors.imap import checkpoint as checkpoints
from mailkeep.connectors.imap.checkpoint import Checkpoint, item_id
from mailkeep.connectors.imap.command import flags_from
from mailkeep.connectors.imap.opened import Opened, examine, reopen
from mailkeep.connectors.imap.references import ITEMS, PLAIN_ITEMS, reference
from mailkeep.connectors.imap.session import Pending, Session
from mailkeep.connectors.imap.wire import Claim, Response, number, uid_ranges, within, words
from mailkeep.mail.items import Role

_IN_FLIGHT = 2
_WINDOW_ITEMS = 500  # aimed at; a listing that is paused holds at most about two windows
_SEARCH_ITEMS = 50_000  # per command, so that no answer line nears the limit
_VANISHED_MIN = 10_000


@dataclass(slots=True)
class _Windows:
    """Cuts a range of UIDs so that each window holds about 500 items, learning how dense they lie as it goes."""

    low: int
    high: int
    width: int

    def next(self) -> tuple[int, int] | None:
        if self.low > self.high:
            return None
        window = (self.low, min(self.high, self.low + self.width - 1))
        self.low = window[1] + 1
        return window

    def learn(self, found: int) -> None:
        if found < _WINDOW_ITEMS // 4:
            self.width = min(self.width * 4, 1 << 32)
        elif found > _WINDOW_ITEMS * 2:
            self.width = max(self.width // 4, _WINDOW_ITEMS // 2)


class ImapListing:
    """See `connectors.base.Listing`."""

    def __init__(
        self, session: Session, raw: bytes, role: Role | None, stable_item: bytes, since: bytes | None
    ) -> None:
        self.checkpoint = b""
        self.complete = False
        self.count = 0
        self._session = session
        self._raw = raw
        self._role = role
        self._stable_item = stable_item
        self._since = checkpoints.decode(since)

    def __iter__(self) -> Iterator[Change]:
        opened = examine(self._session, self._raw)
        since = self._since
        if since is None or since.validity != opened.validity or since.uid_next > opened.uid_next:
            yield from self._new(opened, 1)
            complete = True
        else:
            complete = yield from self._since_then(opened, since)
        self.complete, self.count = complete, opened.count
        self.checkpoint = Checkpoint(opened.validity, opened.uid_next, opened.mod_sequence, opened.count).encode()

    # --- by what the server can ----------------------------------------------------------------------------------------

    def _since_then(self, opened: Opened, since: Checkpoint) -> Generator[Change, None, bool]:
        if not 0 < since.mod_sequence <= opened.mod_sequence:
            yield from self._new(opened, since.uid_next)
            yield from self._all_flags(opened, since)
            return True
        arrived = 0
        for change in self._new(opened, since.uid_next):
            arrived += 1
            yield change
        if "QRESYNC" in self._session.enabled:
            if since.mod_sequence == opened.mod_sequence:
                return False
            return (yield from self._changed_and_vanished(opened, since))
        searched = opened.count != since.count + arrived
        if searched:
            yield from self._present(opened, since)
        yield from self._changed_flags(opened, since)
        return searched

    def _changed_and_vanished(self, opened: Opened, since: Checkpoint) -> Generator[Change, None, bool]:
        vanished: list[tuple[int, int]] = []
        for response in self._in_chunks(b"(UID FLAGS) (CHANGEDSINCE %d VANISHED)" % since.mod_sequence, opened, since):
            vanished += _vanished(response, since.uid_next)
            yield from self._flags(response, opened)
        size = sum(high - low + 1 for low, high in vanished)
        if size > max(_VANISHED_MIN, 4 * since.count):  # the server has forgotten and names every UID there never was
            yield from self._present(opened, since)
            yield from self._changed_flags(opened, since)
            return True
        for low, high in vanished:
            for uid in range(low, high + 1):
                yield Gone(item_id(opened.validity, uid))
        return False

    def _changed_flags(self, opened: Opened, since: Checkpoint) -> Iterator[Change]:
        if since.mod_sequence == opened.mod_sequence:
            return
        for response in self._in_chunks(b"(UID FLAGS) (CHANGEDSINCE %d)" % since.mod_sequence, opened, since):
            yield from self._flags(response, opened)

    def _all_flags(self, opened: Opened, since: Checkpoint) -> Iterator[Change]:
        for response in self._windows(b"UID FLAGS", b"FLAGS", opened, 1, since.uid_next - 1):
            yield from self._flags(response, opened)

    def _present(self, opened: Opened, since: Checkpoint) -> Iterator[Change]:
        """Every known UID that is still there, by SEARCH."""
        extended = self._session.has("ESEARCH")
        ask = b"UID SEARCH RETURN (ALL) UID %d:%d" if extended else b"UID SEARCH UID %d:%d"
        for low, high in _chunks(since):
            reopen(self._session, self._raw, opened.validity)
            for response in self._session.run("find what is still there", ask % (low, high)):
                for uid in _found(response, low, high):
                    yield Seen(item_id(opened.validity, uid), None)

    # --- new items -----------------------------------------------------------------------------------------------------

    def _new(self, opened: Opened, first: int) -> Iterator[Listed]:
        items = ITEMS + (b" " + self._stable_item if self._stable_item else b"")
        for response in self._windows(items, b"RFC822.SIZE", opened, first, opened.uid_next - 1):
            yield Listed(reference(response.told, opened.validity, self._role))

    # --- commands ------------------------------------------------------------------------------------------------------

    def _windows(self, items: bytes, claimed: bytes, opened: Opened, low: int, high: int) -> Iterator[Response]:
        """The responses to `UID FETCH window (items)` for windows from low to high; each has the `claimed` attribute."""
        dense = max(1, (opened.uid_next - 1) // max(1, opened.count))
        windows = _Windows(low, high, dense * _WINDOW_ITEMS)
        in_flight: deque[tuple[Pending, tuple[int, int]]] = deque()
        try:
            while True:
                while len(in_flight) < _IN_FLIGHT and (window := windows.next()):
                    in_flight.append((self._ask(opened, window, items, claimed), window))
                if not in_flight:
                    return
                pending, window = in_flight[0]
                found = 0
                for response in self._session.responses(pending):
                    found += 1
                    yield response
                in_flight.popleft()
                windows.learn(found)
                if not self._all_given(pending):
                    yield from self._without_headers(opened, window, claimed)
        finally:
            for pending, _ in in_flight:
                pending.abandoned = True

    def _ask(self, opened: Opened, window: tuple[int, int], items: bytes, claimed: bytes) -> Pending:
        reopen(self._session, self._raw, opened.validity)
        claim = Claim(attribute=claimed, uids=range(window[0], window[1] + 1))
        return self._session.send(b"UID FETCH %d:%d (" % window, items, b")", claim=claim)

    def _all_given(self, pending: Pending) -> bool:
        """False where the server refused some of it: one unreadable message must not hide its neighbours."""
        answer = pending.completion
        if (
            answer is not None
            and not answer.ok
            and answer.status == "NO"
            and answer.code not in ("LIMIT", "UNAVAILABLE")
        ):
            return answer.code == "EXPUNGEISSUED"
        self._session.accept(pending, "list the folder")
        return True

    def _without_headers(self, opened: Opened, window: tuple[int, int], claimed: bytes) -> Iterator[Response]:
        """The window once more, asking only for what a server knows without reading a message. Repeats are harmless."""
        pending = self._ask(opened, window, b"UID FLAGS" if claimed == b"FLAGS" else PLAIN_ITEMS, claimed)
        yield from self._session.responses(pending)
        self._session.accept(pending, "list the folder")

    def _in_chunks(self, items: bytes, opened: Opened, since: Checkpoint) -> Iterator[Response]:
        for low, high in _chunks(since):
            reopen(self._session, self._raw, opened.validity)
            pending = self._session.send(b"UID FETCH %d:%d " % (low, high) + items)
            yield from self._session.responses(pending)
            self._session.accept(pending, "list what changed", tolerated=("EXPUNGEISSUED",))

    def _flags(self, response: Response, opened: Opened) -> Iterator[Change]:
        told = response.told
        if b"UID" in told and b"FLAGS" in told:
            yield Seen(item_id(opened.validity, number(told[b"UID"])), flags_from(words(told[b"FLAGS"])))


def _chunks(since: Checkpoint) -> Iterator[tuple[int, int]]:
    """The known UIDs in ranges that hold some 50,000 items each."""
    last = since.uid_next - 1
    width = max(1, -(-last // (since.count // _SEARCH_ITEMS + 1)))
    for low in range(1, last + 1, width):
        yield low, min(last, low + width - 1)


def _vanished(response: Response, below: int) -> list[tuple[int, int]]:
    """UID ranges of a VANISHED response, known ones only."""
    if response.name != b"VANISHED":
        return []
    found = response.values()
    uids = found[-1] if found else None
    if not isinstance(uids, bytes):
        return []
    return [(low, min(high, below - 1)) for low, high in uid_ranges(uids) if low < below]


def _found(response: Response, low: int, high: int) -> Iterator[int]:
    """The UIDs from `low` to `high` of a SEARCH or ESEARCH response, whatever else it claims to hold."""
    ranges: list[tuple[int, int]] = []
    if response.name == b"SEARCH":
        ranges = [(number(value), number(value)) for value in response.values() if not isinstance(value, list)]
    elif response.name == b"ESEARCH":
        told = response.values()
        for key, value in pairwise(told):
            if isinstance(key, bytes) and key.upper() == b"ALL" and isinstance(value, bytes):
                ranges += uid_ranges(value)
    yield from within(ranges, low, high)
