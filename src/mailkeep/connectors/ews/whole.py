"""An item, whole: what GetItem gave, and what must be asked for beside it.

| part                    | what                                                                    | of        |
|-------------------------|-------------------------------------------------------------------------|-----------|
| (the content)           | the MIME the server makes: message, iCalendar, vCard; else its own XML  | every one |
| `ews.properties`        | the item's element, verbatim                                            | every one |
| `ews.export`            | its FastTransfer stream, where the server gives one                     | up to 48 MB |
| `ews.occurrence.N`      | the element of a changed occurrence, verbatim                           | series    |
| `ews.attachment.N`      | a file's bytes; N counts the attachments as the item lists them         | all but mail, whose MIME holds them |
| `ews.attachment.N.item` | an attached item: its MIME where there is one, else its element         | likewise  |
| `ews.attachment.N.properties` | an attached item's element, verbatim                              | likewise  |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from mailkeep.connectors.base import Fetched, Unfetched, Usage
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import Transport
from mailkeep.connectors.ews.wire import codes, listing, requests
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.listing import FoundAttachment
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.responses import Carved, ResponseMessage, SoapFault
from mailkeep.connectors.ews.wire.shapes import OCCURRENCE
from mailkeep.mail.items import ItemRef, Kind, NativePart

PROPERTIES = "ews.properties"
EXPORT = "ews.export"
_TOO_LARGE = "the item has more than {limit:,} bytes, which are not taken"
_ATTACHMENT_BATCH_BYTES = 8 << 20
_OCCURRENCE_BATCH = 50


class Line:
    """A line of the session with a count of its own, for a worker's thread."""

    def __init__(self, session: Session, transport: Transport) -> None:
        self.session = session
        self.usage = Usage()
        self._transport = transport

    def stream(self, request: Request) -> Iterator[ResponseMessage]:
        return self.session.stream(request, transport=self._transport, usage=self.usage)


def whole(line: Line, ref: ItemRef, message: ResponseMessage, bytes_max: int) -> Fetched | Unfetched:
    """The item of a GetItem response that holds one."""
    element = message.item
    if element is None:
        return Unfetched(ref, "unreadable", "the server answers without the item")
    if element.find(f"{T}ItemId") is None:  # a shell of what is no longer there
        return Unfetched(ref, "vanished", "the item was removed while it was being fetched")
    mime = mime_of(message)
    if mime is not None and mime.problem:
        return problem_of(ref, mime, bytes_max)
    properties = message.verbatim()
    parts = [NativePart(PROPERTIES, properties)]
    if ref.kind is not Kind.MAIL:
        try:
            parts += _occurrences(line, element)
            parts += _attachments(line, element)
        except _Damaged as damage:
            return problem_of(ref, damage.carved, bytes_max)
    content = mime.content if mime is not None and mime.content else properties
    size = len(content) + sum(len(part.content) for part in parts)
    if size > 2 * bytes_max:
        return Unfetched(ref, "item_too_large", _TOO_LARGE.format(limit=bytes_max))
    return Fetched(ref, content, tuple(parts))


def mime_of(message: ResponseMessage) -> Carved | None:
    """The item's own MIME, not that of something attached."""
    element = message.item
    if element is None or element.find(f"{T}MimeContent") is None:
        return None
    carved = message.content
    return carved if carved is not None and carved.element == "MimeContent" else None


def problem_of(ref: ItemRef, carved: Carved, bytes_max: int) -> Unfetched:
    if carved.problem == "too_large":
        return Unfetched(ref, "item_too_large", _TOO_LARGE.format(limit=bytes_max))
    return Unfetched(ref, "unreadable", f"the server's {carved.element} of the item is damaged")


class _Damaged(Exception):
    def __init__(self, carved: Carved) -> None:
        super().__init__(carved.problem)
        self.carved = carved


def _occurrences(line: Line, element: etree._Element) -> Iterator[NativePart]:
    """Each changed occurrence's element. One that the server cannot give stays in the master's list of them."""
    found = listing.occurrences_of(element)
    for start in range(0, len(found), _OCCURRENCE_BATCH):
        batch = found[start : start + _OCCURRENCE_BATCH]
        request = requests.get_item([one.id for one in batch], OCCURRENCE)
        for number, message in enumerate(_answers(line, request, "read the changed occurrences of a series"), start):
            if message.ok and message.item is not None:
                yield NativePart(f"ews.occurrence.{number}", message.verbatim())


def _attachments(line: Line, element: etree._Element) -> Iterator[NativePart]:
    found = list(enumerate(listing.attachments_of(element)))
    while found:
        batch = [found.pop(0)]
        size = batch[0][1].size
        while found and size + found[0][1].size <= _ATTACHMENT_BATCH_BYTES:
            size += found[0][1].size
            batch.append(found.pop(0))
        yield from _attached(line, batch)


def _attached(line: Line, batch: Sequence[tuple[int, FoundAttachment]]) -> Iterator[NativePart]:
    items = any(one.is_item for _, one in batch)
    request = requests.get_attachment([one.id for _, one in batch], mime=items)
    messages = _answers(line, request, "read the attachments of an item")
    for (number, one), message in zip(batch, messages, strict=False):
        if not message.ok:
            continue
        carved = message.content
        if carved is not None and carved.problem:
            raise _Damaged(carved)
        name = f"ews.attachment.{number}"
        if not one.is_item:
            yield NativePart(name, carved.content if carved is not None else b"")
            continue
        verbatim = message.verbatim()
        yield NativePart(f"{name}.item", carved.content if carved is not None and carved.content else verbatim)
        yield NativePart(f"{name}.properties", verbatim)


def _answers(line: Line, request: Request, what: str) -> list[ResponseMessage]:
    """Raises where the server or the mailbox is in trouble; a refusal of this one item's detail is in its message."""
    try:
        messages = list(line.stream(request))
    except SoapFault as fault:
        if codes.splits(fault.message.code) or codes.is_missing_operation(fault.message.code):
            return []
        raise line.session.error(fault.message, what) from fault
    for message in messages:
        if message.response_class == "Error" and codes.item_problem(message) is None:
            raise line.session.error(message, what)
    return messages
