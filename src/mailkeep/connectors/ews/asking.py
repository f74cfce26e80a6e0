"""Asking for many things in one request, and finding out which of them will not come, and whether that lasts.

    ask(line, ids, request_of, "read items")  ─▶  (0, answer)  (2, answer)  (1, Refused("unreadable", …))

| the server                                           | what is done                                                       |
|------------------------------------------------------|--------------------------------------------------------------------|
| fails over a batch as a whole (a fault, HTTP 500)    | the batch is halved until it is known over what                    |
| answers fewer than were asked, or is busy for the rest | the rest is asked for again, in halves                           |
| refuses one of them in a way that may pass           | that one is asked for once more, alone; then it is `Refused`       |
| is in trouble, or the mailbox is                     | raised: RetryNow, RetryLater, GiveUp                               |

A server that fails over everything looks like one that fails over each. So a refusal that may be trouble of the server's
is `doubtful`, and whoever asked has the server `prove` that it is well before believing it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailkeep.connectors.base import Usage
from mailkeep.connectors.ews.refusals import ServerFailed
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import Transport
from mailkeep.connectors.ews.wire import codes, requests
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.responses import ResponseMessage, SoapFault
from mailkeep.connectors.ews.wire.shapes import ID_ONLY
from mailkeep.errors import RetryLater, RetryNow

RequestOf = Callable[[Sequence[str]], Request]
_PROOF = "see whether the server is well"


class Line:
    """A line of the session, for a worker's thread. `usage`: of its own unless given."""

    def __init__(self, session: Session, transport: Transport, usage: Usage | None = None) -> None:
        self.session = session
        self.usage = usage or Usage()
        self._transport = transport

    def stream(self, request: Request) -> Iterator[ResponseMessage]:
        return self.session.stream(request, transport=self._transport, usage=self.usage)

    def prove(self, item_id: str = "") -> None:
        """Raises RetryLater where the server gives not even this item's id, or (without one) the mailbox's root."""
        root = self.session.known("msgfolderroot")
        request = requests.get_item([item_id], ID_ONLY) if item_id else requests.get_folder([root], ID_ONLY)
        try:
            messages = list(self.stream(request))
        except SoapFault as fault:
            raise self.session.error(fault.message, _PROOF) from fault
        if not messages or (messages[0].response_class == "Error" and not _is_vanished(messages[0])):
            raise unwell("it gives nothing else either")


@dataclass(frozen=True, slots=True)
class Refused:
    """What will not come. `code` and `sentence` as in `Unfetched`; `said`: the server's own code, "" without any.

    `doubtful`: it may be the server that is in trouble, not this.
    """

    code: str
    sentence: str
    said: str = ""
    doubtful: bool = False


def unwell(why: str) -> RetryLater:
    message = f"the server fails over one item after another: {why}"
    return RetryLater("unreachable", message, "it is tried again; look into the server's log if this lasts")


def ask(
    line: Line, ids: Sequence[str], request_of: RequestOf, what: str
) -> Iterator[tuple[int, ResponseMessage | Refused]]:
    """Each id's answer by its place in `ids`, each exactly once, in any order. The line is free at each of them."""
    todo = deque([(list(range(len(ids))), False)] if ids else [])
    while todo:
        asked, again = todo.popleft()
        left = deque(asked)
        answered: deque[tuple[int, ResponseMessage]] = deque()
        failed = _asked(line, request_of([ids[number] for number in asked]), left, answered, what)
        while answered:
            number, message = answered.popleft()
            refused = _refused(line, message, what) if message.response_class == "Error" else None
            if refused is None:
                yield number, message
            elif again or not _may_pass(refused):
                yield number, refused
            else:
                todo.append(([number], True))
            del message  # or it would hold a large item while the next one comes
        if len(asked) > 1:
            todo.extendleft((half, False) for half in reversed(_halves(list(left))))
        elif left and (again or (failed is not None and codes.is_missing_operation(failed.code))):
            yield left[0], _over_one(line, failed, what)
        elif left:
            todo.appendleft((asked, True))


def _asked(
    line: Line, request: Request, left: deque[int], answered: deque[tuple[int, ResponseMessage]], what: str
) -> ResponseMessage | None:
    """Moves what is answered from `left` to `answered`; returns the fault that the rest met, if one did."""
    total = len(left)
    try:
        for message in line.stream(request):
            if not left or _is_full(message, len(left) < total):
                break
            answered.append((left.popleft(), message))
    except SoapFault as fault:
        if not codes.splits(fault.message.code):
            raise line.session.error(fault.message, what) from fault
        return fault.message
    except ServerFailed:
        if total > 1:
            line.prove()
    return None


def _refused(line: Line, message: ResponseMessage, what: str) -> Refused:
    """Raises where the answer is of the server or the mailbox, not of this one thing."""
    problem = codes.item_problem(message)
    if problem is not None:
        return Refused(*problem, message.code, codes.is_server_trouble(message.code))
    error = line.session.error(message, what)
    if error.code != "refused_by_server":
        raise error
    return Refused("unreadable", error.message, message.code)  # a code that nobody knows, of this thing alone


def _over_one(line: Line, failed: ResponseMessage | None, what: str) -> Refused:
    """The server answered without it, or failed, twice. Raises RetryNow where it says itself that this passes."""
    if failed is None:
        return Refused("unreadable", f"the server does not answer: could not {what}", "", True)
    error = line.session.error(failed, what)
    if isinstance(error, RetryNow):
        raise error
    code, sentence = codes.item_problem(failed) or ("unreadable", f"the server cannot {what}: {failed.text}")
    return Refused(code, sentence, failed.code, code == "unreadable")


def _may_pass(refused: Refused) -> bool:
    return refused.code == "unreadable"


def _halves(numbers: list[int]) -> list[list[int]]:
    middle = (len(numbers) + 1) // 2
    return [half for half in (numbers[:middle], numbers[middle:]) if half]


def _is_full(message: ResponseMessage, some_came: bool) -> bool:
    """The server takes no more in one request: it says busy to the rest, without asking for a pause."""
    return some_came and message.code == "ErrorServerBusy" and message.back_off_seconds is None


def _is_vanished(message: ResponseMessage) -> bool:
    return (codes.item_problem(message) or ("",))[0] == "vanished"
