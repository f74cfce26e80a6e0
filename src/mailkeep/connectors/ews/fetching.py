"""Items fetched in batches bounded by bytes and by number, two requests in flight, results as they come.

    refs ─▶ batch ─▶ line 1: GetItem, ExportItems, attachments and occurrences ─▶ results, in the order of the batches
         └▶ batch ─▶ line 2: the same                                          ─┘

One batch that is poisoned (the server fails over it as a whole) is halved until the item is found that does it; what cannot
be had with its MIME is asked for once more without. Larger items go alone, and nothing else is fetched beside them, so what
is held is two batches or one item.

`ExportItems` is tried once per session; a server without it costs one request, or two where it breaks down over it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from mailkeep.connectors.base import Fetched, Unfetched
from mailkeep.connectors.ews.refusals import ServerFailed
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import Transport
from mailkeep.connectors.ews.whole import EXPORT, Line, whole
from mailkeep.connectors.ews.wire import codes, requests
from mailkeep.connectors.ews.wire.responses import ResponseMessage, SoapFault
from mailkeep.connectors.ews.wire.shapes import WHOLE, WHOLE_MAIL, Shape
from mailkeep.errors import MailkeepError, RetryLater
from mailkeep.mail.items import ItemRef, Kind, NativePart

ITEM_BYTES_MAX = 256 << 20
EXPORT_BYTES_MAX = 48 << 20  # of an item: above, its MIME and properties are its native form
_BATCH_ITEMS = 100
_BATCH_BYTES = 8 << 20
_UNKNOWN_BYTES = 1 << 20  # of an item whose size the server does not say
_IN_FLIGHT = 2
_FAILURES_MAX = 2  # of ExportItems before anything was exported: the server has no such thing
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
    trouble: MailkeepError | None = None


class Exports:
    """Whether this server gives FastTransfer streams: None until it was tried."""

    def __init__(self) -> None:
        self.there: bool | None = None
        self.failed = 0  # how often it broke down over the very first


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
                for result in self._get(done.line, refs, WHOLE_MAIL if mail else WHOLE):
                    done.results.append(result)
            self._add_exports(done.line, done.results)
        except MailkeepError as trouble:
            done.trouble = trouble
        return done

    def _get(self, line: Line, refs: list[ItemRef], shape: Shape) -> Iterator[Result]:
        """GetItem, halved where the server fails over the whole."""
        todo = deque([refs] if refs else [])
        while todo:
            asked = todo.popleft()
            left = deque(asked)
            answered: deque[tuple[ItemRef, ResponseMessage]] = deque()
            failed: SoapFault | None = None
            try:
                for message in line.stream(requests.get_item([ref.id for ref in asked], shape)):
                    if _is_full(message, len(left) < len(asked)):
                        break
                    if left:
                        answered.append((left.popleft(), message))
            except SoapFault as fault:
                if not codes.splits(fault.message.code):
                    raise self._session.error(fault.message, _WHAT) from fault
                failed = fault
            while answered:  # now that the line is free: attachments and occurrences are asked for on it
                yield self._result(line, *answered.popleft(), shape)
            if failed is not None and len(left) == 1:
                yield self._plainer(line, left[0], shape, failed.message)
                continue
            if len(left) == len(asked) and len(left) == 1:
                yield Unfetched(left[0], "unreadable", "the server answers without the item")
            elif left:
                todo.extendleft(reversed(_halves(list(left))))

    def _result(self, line: Line, ref: ItemRef, message: ResponseMessage, shape: Shape) -> Result:
        if message.response_class != "Error":
            return whole(line, ref, message, self._bytes_max)
        problem = codes.item_problem(message)
        if problem is None:
            error = self._session.error(message, _WHAT)
            if error.code != "refused_by_server":
                raise error
            problem = ("unreadable", error.message)  # a code that nobody knows, of this item alone
        if problem[0] == "unreadable":
            return self._plainer(line, ref, shape, message)
        return Unfetched(ref, *problem)

    def _plainer(self, line: Line, ref: ItemRef, shape: Shape, refused: ResponseMessage) -> Result:
        """The item without its MIME, which the server could not make; `refused`: what it said of the item with it."""
        told = codes.item_problem(refused) or (
            "unreadable",
            f"the server cannot read the item: {refused.text or refused.code}",
        )
        if not shape.mime:
            return Unfetched(ref, *told)
        plain = Shape(base=shape.base, body=shape.body, fields=shape.fields)
        try:
            messages = list(line.stream(requests.get_item([ref.id], plain)))
        except SoapFault as fault:
            if not codes.splits(fault.message.code):
                raise self._session.error(fault.message, _WHAT) from fault
            return Unfetched(ref, *told)
        if messages and messages[0].response_class != "Error":
            return whole(line, ref, messages[0], self._bytes_max)
        if messages and (codes.item_problem(messages[0]) or ("",))[0] == "vanished":
            return Unfetched(ref, "vanished", "the item was removed while it was being fetched")
        return Unfetched(ref, *told)

    # --- exports ------------------------------------------------------------------------------------------------------

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
        asked = [results[number].ref for number in small.values()]
        try:
            for item_id, stream in self._streams(line, asked):
                number = small.pop(item_id)
                one = results[number]
                assert isinstance(one, Fetched)
                results[number] = Fetched(one.ref, one.content, (*one.parts, NativePart(EXPORT, stream)))
        except MailkeepError:
            for number in sorted(small.values(), reverse=True):
                del results[number]
            raise

    def _streams(self, line: Line, refs: list[ItemRef]) -> Iterator[tuple[str, bytearray]]:
        todo = deque([refs])
        while todo:
            asked = todo.popleft()
            left = deque(asked)
            try:
                for message in line.stream(requests.export_items([ref.id for ref in asked])):
                    if not left:
                        break
                    ref = left.popleft()
                    found = message.content
                    if message.ok and found is not None and not found.problem and found.content:
                        self._exports.there = True
                        yield ref.id, found.content
                    elif message.response_class == "Error" and codes.item_problem(message) is None:
                        self._refused_export(message)
            except ServerFailed:
                if self._exports.there:
                    raise
                self._exports.failed += 1
                if self._exports.failed >= _FAILURES_MAX:
                    self._exports.there = False
                else:
                    todo.appendleft(asked)
            except SoapFault as fault:
                self._refused_export(fault.message)
                if self._exports.there and len(asked) > 1:
                    todo.extendleft(reversed(_halves(list(left))))
            if self._exports.there is False:
                return

    def _refused_export(self, message: ResponseMessage) -> None:
        """A server without the operation is remembered as such; one in trouble is no reason to do without."""
        error = self._session.error(message, _WHAT)
        if isinstance(error, RetryLater) and error.code in ("throttled", "mailbox_moving"):
            raise error
        if self._exports.there is None or codes.is_missing_operation(message.code):
            self._exports.there = False


def _handed(done: _Done) -> Iterator[Result]:
    while done.results:
        yield done.results.popleft()
    if done.trouble is not None:
        raise done.trouble


def _halves(refs: list[ItemRef]) -> list[list[ItemRef]]:
    middle = (len(refs) + 1) // 2
    return [half for half in (refs[:middle], refs[middle:]) if half]


def _is_full(message: ResponseMessage, some_came: bool) -> bool:
    """The server takes no more items in one request: it says busy to the rest, without asking for a pause."""
    return some_came and message.code == "ErrorServerBusy" and message.back_off_seconds is None
