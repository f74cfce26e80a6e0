"""Items fetched in batches bounded by bytes and by number, two requests in flight, results as they come.

    refs ─▶ batch ─▶ line 1: GetItem, ExportItems, attachments and occurrences ─▶ results, in the order of the batches
         └▶ batch ─▶ line 2: the same                                          ─┘

One batch that is poisoned (the server fails over it as a whole) is halved until the item is found that does it, and that
item is asked for once more (see `asking`). Mail that the server twice could not convert to MIME comes as all its properties,
its body and its attachments; where it has no body either, and no stream, it is `Unfetched`, like everything else that would
not come whole: it is tried again on every run. Larger items go alone, and nothing else is fetched beside them, so what is
held is two batches or one item.

Several items in a row that the server fails over are its own trouble, unless it still gives one that it gave before.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from mailkeep.connectors.base import Fetched, Unfetched
from mailkeep.connectors.ews.asking import Line, Refused, ask, unwell
from mailkeep.connectors.ews.exports import Exports
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import Transport
from mailkeep.connectors.ews.whole import EXPORT, Changed, Incomplete, is_bodiless, whole
from mailkeep.connectors.ews.wire import codes, requests
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.connectors.ews.wire.shapes import PLAIN_MAIL, WHOLE, WHOLE_MAIL, Shape
from mailkeep.errors import MailkeepError
from mailkeep.mail.items import ItemRef, Kind, NativePart

ITEM_BYTES_MAX = 256 << 20
EXPORT_BYTES_MAX = 48 << 20  # of an item: above, its MIME and properties are its native form
_BATCH_ITEMS = 100
_BATCH_BYTES = 8 << 20
_UNKNOWN_BYTES = 1 << 20  # of an item whose size the server does not say
_IN_FLIGHT = 2
_DOUBTS_MAX = 3  # items in a row that the server fails over, before it must prove that it is not itself
_PLAIN = replace(WHOLE, mime=False)
_WHAT = "read items"

Result = Fetched | Unfetched


@dataclass(slots=True)
class _Batch:
    refs: list[ItemRef] = field(default_factory=list)
    bytes: int = 0

    @property
    def alone(self) -> bool:
        return self.bytes > _BATCH_BYTES


@dataclass(slots=True)
class _Done:
    """What a batch came to. `trouble`: what ended it early; the results that came before it stand."""

    line: Line
    results: deque[Result] = field(default_factory=deque)
    doubtful: list[Unfetched] = field(default_factory=list)  # no results until the server has proven to be well
    bodiless: set[str] = field(default_factory=set)  # ids of mail that came without MIME and without a body
    trouble: MailkeepError | None = None


class Fetching:
    """One pass over `refs`. Iterate once."""

    def __init__(
        self, session: Session, refs: Iterable[ItemRef], exports: Exports, bytes_max: int = ITEM_BYTES_MAX
    ) -> None:
        self._session = session
        self._refs = iter(refs)
        self._exports = exports
        self._bytes_max = bytes_max
        self._held: ItemRef | None = None  # pulled, but for the next batch
        self._refused: deque[Unfetched] = deque()
        self._well = ""  # id of an item that came: what the server can give when it is well

    def __iter__(self) -> Iterator[Result]:
        batch, following = self._batch(), None
        if batch is not None and not batch.alone:
            following = self._batch()
        yield from self._refusals()
        if batch is None:
            return
        if following is None and self._held is None:
            yield from _handed(self._here(batch))
            following = self._batch()
            if following is None:
                yield from self._refusals()
                return
            batch, following = following, None
        with ThreadPoolExecutor(_IN_FLIGHT, "ews-fetch") as workers:
            yield from self._piped(workers, [one for one in (batch, following) if one is not None])

    # --- inside -------------------------------------------------------------------------------------------------------

    def _piped(self, workers: ThreadPoolExecutor, ready: list[_Batch]) -> Iterator[Result]:
        lines = deque((self._session.transport, self._session.second()))
        under_way: deque[tuple[_Batch, Transport, Future[_Done]]] = deque()
        waiting = deque(ready)
        try:
            while True:
                while lines and not any(batch.alone for batch, _, _ in under_way):
                    batch = waiting.popleft() if waiting else self._batch()
                    if batch is None:
                        break
                    if batch.alone and under_way:
                        waiting.appendleft(batch)
                        break
                    line = lines.popleft()
                    under_way.append((batch, line, workers.submit(self._work, batch, line)))
                yield from self._refusals()
                if not under_way:
                    return
                _, line, future = under_way[0]
                done = self._awaited(future)
                under_way.popleft()
                lines.append(line)
                del future  # or it would hold a large item while the next one comes
                yield from _handed(done)
        finally:
            for _, _, future in under_way:
                future.cancel()

    def _batch(self) -> _Batch | None:
        """The next refs that fit together; what is too large is put aside with its reason. None: there are no more."""
        batch = _Batch()
        while len(batch.refs) < _BATCH_ITEMS and len(self._refused) < _BATCH_ITEMS:
            ref = self._held or next(self._refs, None)
            self._held = None
            if ref is None:
                break
            if ref.size > self._bytes_max:
                message = f"the item has {ref.size:,} bytes, at most {self._bytes_max:,} are taken"
                self._refused.append(Unfetched(ref, "item_too_large", message))
            elif batch.refs and batch.bytes + (ref.size or _UNKNOWN_BYTES) > _BATCH_BYTES:
                self._held = ref
                break
            else:
                batch.refs.append(ref)
                batch.bytes += ref.size or _UNKNOWN_BYTES
        return batch if batch.refs or self._refused else None

    def _refusals(self) -> Iterator[Unfetched]:
        while self._refused:
            yield self._refused.popleft()

    def _here(self, batch: _Batch) -> _Done:
        """One batch alone needs no second line."""
        done = self._work(batch, self._session.transport)
        self._count(done.line, done.line.usage.seconds_waiting)
        return done

    def _awaited(self, future: Future[_Done]) -> _Done:
        began = time.perf_counter()
        done = future.result()
        self._count(done.line, time.perf_counter() - began)
        return done

    def _count(self, line: Line, seconds: float) -> None:
        usage = self._session.usage
        usage.requests += line.usage.requests
        usage.bytes_received += line.usage.bytes_received
        usage.seconds_waiting += seconds

    def _work(self, batch: _Batch, transport: Transport) -> _Done:
        """In a worker's thread: all of the batch."""
        done = _Done(Line(self._session, transport))
        try:
            for mail in (True, False):
                refs = [ref for ref in batch.refs if (ref.kind is Kind.MAIL) == mail]
                self._get(done, refs, WHOLE_MAIL if mail else WHOLE)
            self._believe(done)
        except MailkeepError as trouble:
            done.trouble = trouble
        try:
            self._add_exports(done.line, done.results)
        except MailkeepError as trouble:
            done.trouble = done.trouble or trouble
        for number, one in enumerate(done.results):
            if isinstance(one, Fetched) and one.ref.id in done.bodiless and one.parts[-1].name != EXPORT:
                done.results[number] = Unfetched(
                    one.ref, "unreadable", "the server gives neither its MIME nor its body"
                )
        return done

    def _get(self, done: _Done, refs: list[ItemRef], shape: Shape) -> None:
        """GetItem, and what belongs to each item beside it."""
        ids = [ref.id for ref in refs]
        for number, answer in ask(done.line, ids, lambda some: requests.get_item(some, shape), _WHAT):
            ref = refs[number]
            if shape.mime and _has_no_mime(answer, ref.kind):
                self._get(done, [ref], PLAIN_MAIL if ref.kind is Kind.MAIL else _PLAIN)
            elif isinstance(answer, Refused):
                self._refuse(done, ref, answer)
            else:
                self._add(done, ref, answer)
            del answer  # or it would hold a large item while the next one comes

    def _add(self, done: _Done, ref: ItemRef, message: ResponseMessage, *, again: bool = False) -> None:
        try:
            result = whole(done.line, ref, message, self._bytes_max)
        except Changed:
            if again:
                self._refuse(done, ref, Refused("unreadable", "the item lists what the server cannot find"))
            else:
                self._reread(done, ref)
            return
        except Incomplete as lacking:
            self._refuse(done, ref, lacking.refused)
            return
        if isinstance(result, Fetched):
            if ref.kind is Kind.MAIL and is_bodiless(message):
                done.bodiless.add(ref.id)
            self._well = ref.id
            done.results.extend(done.doubtful)
            done.doubtful.clear()
        done.results.append(result)

    def _reread(self, done: _Done, ref: ItemRef) -> None:
        """A detail of the item was not found: it may have changed since it was read."""
        shape = PLAIN_MAIL if ref.kind is Kind.MAIL else WHOLE
        for _, answer in ask(done.line, [ref.id], lambda some: requests.get_item(some, shape), _WHAT):
            if isinstance(answer, Refused):
                self._refuse(done, ref, answer)
            else:
                self._add(done, ref, answer, again=True)

    def _refuse(self, done: _Done, ref: ItemRef, refused: Refused) -> None:
        """An item that will not come; believed at once, or when the server has proven to be well."""
        result = Unfetched(ref, refused.code, refused.sentence)
        if not refused.doubtful:
            done.results.append(result)
            return
        done.doubtful.append(result)
        if len(done.doubtful) > _DOUBTS_MAX:
            if not self._well:
                raise unwell(refused.sentence)
            self._believe(done)

    def _believe(self, done: _Done) -> None:
        """What the server failed over is the items' own trouble if it gives others. Raises RetryLater where it does not."""
        if done.doubtful:
            done.line.prove(self._well)
            done.results.extend(done.doubtful)
            done.doubtful.clear()

    def _add_exports(self, line: Line, results: deque[Result]) -> None:
        """Give the results their FastTransfer streams, as far as the server has these.

        What got none because of trouble on the way is no result yet: it is fetched again, or its restore would be poorer.
        """
        small = {
            one.ref.id: number
            for number, one in enumerate(results)
            if isinstance(one, Fetched) and one.size <= EXPORT_BYTES_MAX
        }
        if not small or self._exports.there is False:
            return
        try:
            for item_id, stream in self._exports.streams(line, list(small)):
                number = small.pop(item_id)
                one = results[number]
                assert isinstance(one, Fetched)
                results[number] = Fetched(one.ref, one.content, (*one.parts, NativePart(EXPORT, stream)))
        except MailkeepError:
            for number in sorted(small.values(), reverse=True):
                del results[number]
            raise


def _handed(done: _Done) -> Iterator[Result]:
    while done.results:
        yield done.results.popleft()
    if done.trouble is not None:
        raise done.trouble


def _has_no_mime(answer: ResponseMessage | Refused, kind: Kind) -> bool:
    """The server cannot make any; or gives mail without, which is the body of it."""
    if isinstance(answer, Refused):
        return codes.is_no_conversion(answer.said)
    return kind is Kind.MAIL and answer.response_class != "Error" and is_bodiless(answer)
