"""The bytes of many items: two FETCH commands in flight, each of at most 500 items and some 8 MB.

What the server leaves out is asked for again, one by one: gone meanwhile, or unreadable. Neither stops the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mailkeep.connectors.base import Fetched, Unfetched
from mailkeep.connectors.imap import refusals
from mailkeep.connectors.imap.checkpoint import uid_of
from mailkeep.connectors.imap.command import uid_set
from mailkeep.connectors.imap.opened import examine
from mailkeep.connectors.imap.session import Pending, Session
from mailkeep.connectors.imap.wire import Claim, Response, number
from mailkeep.mail.items import ItemRef

ITEM_BYTES_MAX = 256 << 20
_IN_FLIGHT = 2
_BATCH_ITEMS = 500
_BATCH_BYTES = 8 << 20

CONTENT = b"BODY.PEEK[]"
HEADER = b"BODY.PEEK[HEADER]"


@dataclass(slots=True)
class _Batch:
    refs: dict[int, ItemRef] = field(default_factory=dict)  # by UID; what has come is taken out
    bytes: int = 0
    pending: Pending | None = None


class Fetching:
    """One pass over `refs`. `section`: what to fetch of each. Iterate once."""

    def __init__(
        self,
        session: Session,
        raw: bytes,
        refs: Iterable[ItemRef],
        section: bytes = CONTENT,
        bytes_max: int = ITEM_BYTES_MAX,
    ) -> None:
        self._session = session
        self._raw = raw
        self._refs = iter(refs)
        self._section = section
        self._answered = section.replace(b".PEEK", b"")
        self._bytes_max = bytes_max
        self._validity = 0
        self._exhausted = False  # `refs` has no more
        self._held: ItemRef | None = None  # pulled, but for the next batch
        self._refused: deque[Unfetched] = deque()

    def __iter__(self) -> Iterator[Fetched | Unfetched]:
        in_flight: deque[_Batch] = deque()
        try:
            while True:
                while len(in_flight) < _IN_FLIGHT and not self._exhausted and len(self._refused) < _BATCH_ITEMS:
                    batch = self._batch()
                    self._send(batch)
                    in_flight.append(batch)
                while self._refused:
                    yield self._refused.popleft()
                if in_flight:
                    yield from self._receive(in_flight[0])
                    in_flight.popleft()
                elif self._exhausted and not self._refused:
                    return
        finally:
            for batch in in_flight:
                if batch.pending is not None:
                    batch.pending.abandoned = True

    def _batch(self) -> _Batch:
        """The next refs that fit together; what can't be fetched is put aside with its reason."""
        batch = _Batch()
        while len(batch.refs) < _BATCH_ITEMS and len(self._refused) < _BATCH_ITEMS:
            ref = self._held or next(self._refs, None)
            self._held = None
            if ref is None:
                self._exhausted = True
                break
            if not self._validity:
                self._open()
            uid = uid_of(ref.id, self._validity)
            if uid is None:
                self._refused.append(_vanished(ref))
            elif ref.size > self._bytes_max and self._section == CONTENT:
                message = f"the item has {ref.size:,} bytes, at most {self._bytes_max:,} are taken"
                self._refused.append(Unfetched(ref, "item_too_large", message))
            elif batch.refs and (batch.bytes + ref.size > _BATCH_BYTES or uid in batch.refs):
                self._held = ref
                break
            else:
                batch.refs[uid] = ref
                batch.bytes += ref.size
        return batch

    def _open(self) -> None:
        selected = self._session.selected
        if selected is not None and selected[0] == self._raw:
            self._validity = selected[1]
        else:
            self._validity = examine(self._session, self._raw).validity

    def _send(self, batch: _Batch) -> None:
        if batch.refs and not self._still_open():
            self._refused.extend(_vanished(ref) for ref in batch.refs.values())
            batch.refs.clear()
        batch.pending = self._ask(frozenset(batch.refs)) if batch.refs else None

    def _ask(self, uids: frozenset[int]) -> Pending:
        claim = Claim(attribute=self._answered, uids=uids)
        return self._session.send(b"UID FETCH ", uid_set(uids), b" (UID ", self._section, b")", claim=claim)

    def _receive(self, batch: _Batch) -> Iterator[Fetched | Unfetched]:
        if batch.pending is None:
            return
        for response in self._session.responses(batch.pending):
            fetched = self._fetched(response, batch.refs)
            del response  # or this frame would hold a large item while the next one comes
            if fetched is not None:
                yield fetched
            del fetched
        answer = batch.pending.completion
        if answer is not None and (busy := refusals.throttled(answer)):
            raise busy
        if batch.refs:
            yield from self._one_by_one(batch.refs)

    def _fetched(self, response: Response, refs: dict[int, ItemRef]) -> Fetched | None:
        content = response.told.get(self._answered)
        if not isinstance(content, bytes | bytearray):
            return None  # NIL: asked for again on its own
        ref = refs.pop(number(response.told.get(b"UID")), None)
        return None if ref is None else Fetched(ref, content)

    def _one_by_one(self, refs: dict[int, ItemRef]) -> Iterator[Fetched | Unfetched]:
        """What did not come with the others: still there, or gone?"""
        if not self._still_open():
            yield from (_vanished(ref) for ref in refs.values())
            return
        there: set[int] = set()
        claim = Claim(attribute=b"UID", uids=frozenset(refs))
        asked = self._session.send(b"UID FETCH ", uid_set(refs), b" (UID)", claim=claim)
        for response in self._session.responses(asked):
            there.add(number(response.told.get(b"UID")))
        for uid, ref in list(refs.items()):
            if uid in there and self._still_open():
                yield self._alone(uid, ref)
            else:
                yield _vanished(ref)

    def _alone(self, uid: int, ref: ItemRef) -> Fetched | Unfetched:
        pending = self._ask(frozenset((uid,)))
        fetched = None
        for response in self._session.responses(pending):
            fetched = self._fetched(response, {uid: ref}) or fetched
        if fetched is not None:
            return fetched
        answer = pending.completion
        if answer is None or answer.ok:
            return Unfetched(ref, "unreadable", "the server lists the item but gives no content")
        if busy := refusals.throttled(answer):
            raise busy
        return Unfetched(ref, "unreadable", f"the server cannot read the item: {answer.text or answer.status}")

    def _still_open(self) -> bool:
        """The folder is open, opened again where another was; False where its UIDs now mean other items."""
        if self._session.selected == (self._raw, self._validity):
            return True
        return examine(self._session, self._raw).validity == self._validity


def _vanished(ref: ItemRef) -> Unfetched:
    return Unfetched(ref, "vanished", "the item was removed while it was being fetched")
