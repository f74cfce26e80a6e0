"""An item, whole: what GetItem gave, and what must be asked for beside it. What is not whole is no result.

| part                    | what                                                                    | of        |
|-------------------------|-------------------------------------------------------------------------|-----------|
| (the content)           | the MIME the server makes: message, iCalendar, vCard; else its own XML  | every one |
| `ews.properties`        | the item's element, verbatim                                            | every one |
| `ews.export`            | its FastTransfer stream, where the server gives one                     | up to 48 MB |
| `ews.occurrence.N`      | the element of a changed occurrence, verbatim                           | series    |
| `ews.attachment.N`      | a file's bytes; N counts the attachments as the item lists them         | all but mail with MIME, which holds them |
| `ews.attachment.N.item` | an attached item: its MIME where there is one, else its element         | likewise  |
| `ews.attachment.N.properties` | an attached item's element, verbatim; a link's, which has no other part | likewise  |
| `ews.occurrence.N.attachment.M` (`.item`, `.properties`) | the same of a changed occurrence       | series    |
| `ews.attachment.N.attachment.M` … | the same of an attached item without MIME                      | likewise  |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from mailkeep.connectors.base import Fetched, Unfetched
from mailkeep.connectors.ews.asking import Line, Refused, RequestOf, ask
from mailkeep.connectors.ews.wire import listing, requests
from mailkeep.connectors.ews.wire.listing import FoundAttachment
from mailkeep.connectors.ews.wire.names import MESSAGES, T
from mailkeep.connectors.ews.wire.responses import Carved, ResponseMessage
from mailkeep.connectors.ews.wire.shapes import OCCURRENCE
from mailkeep.mail.items import ItemRef, Kind, NativePart

PROPERTIES = "ews.properties"
EXPORT = "ews.export"
_TOO_LARGE = "the item has more than {limit:,} bytes, which are not taken"
_ATTACHMENT_BATCH_BYTES = 8 << 20
_OCCURRENCE_BATCH = 50
_NESTED_MAX = 10  # items attached to one another
_EMPTY_FILE_BYTES_MAX = 4096  # of an empty file's size as Exchange tells it, which counts its name and other properties


class Incomplete(Exception):
    """A detail of the item will not come, so the item is not whole."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.sentence)
        self.refused = refused


class Changed(Exception):
    """A detail of the item is not found: the item must be read again, it may have changed since."""


def whole(line: Line, ref: ItemRef, message: ResponseMessage, bytes_max: int) -> Fetched | Unfetched:
    """The item of a GetItem response that holds one. Raises `Incomplete`, `Changed`."""
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
    by_mime = mime is not None and bool(mime.content)
    if ref.kind is not Kind.MAIL or not by_mime:
        parts += _occurrences(line, element)
        parts += _attachments(line, element, "ews")
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


def is_bodiless(message: ResponseMessage) -> bool:
    """An item without MIME, and without a body either (an empty body is one)."""
    mime, element = mime_of(message), message.item
    if element is None or element.find(f"{T}ItemId") is None or (mime is not None and (mime.content or mime.problem)):
        return False
    return element.find(f"{T}Body") is None


def _occurrences(line: Line, element: etree._Element) -> Iterator[NativePart]:
    """Each changed occurrence's element, with its attachments."""
    found = listing.occurrences_of(element)
    for start in range(0, len(found), _OCCURRENCE_BATCH):
        ids = [one.id for one in found[start : start + _OCCURRENCE_BATCH]]
        answers = _details(line, ids, lambda some: requests.get_item(some, OCCURRENCE), "read a changed occurrence")
        for number, message in answers:
            if message.item is None:
                raise _lacking("a changed occurrence comes without its properties")
            name = f"ews.occurrence.{start + number}"
            yield NativePart(name, message.verbatim())
            yield from _attachments(line, message.item, name)


def _attachments(line: Line, element: etree._Element, family: str) -> Iterator[NativePart]:
    """Parts `{family}.attachment.N…`, of an item's element or an occurrence's."""
    listed = element.find(f"{T}Attachments")
    found = list(enumerate(listing.attachments_of(element)))
    if listed is not None and len(found) < len(listed):
        raise _lacking("the server lists an attachment without an id")
    if not found and element.findtext(f"{T}HasAttachments") == "true" and not listing.occurrences_of(element):
        raise _lacking("the server says that there are attachments, and lists none")
    if family.count(".attachment.") > _NESTED_MAX:
        raise _lacking("items are attached to one another too deep")
    held = [(number, one) for number, one in found if not one.is_reference]
    links = () if listed is None else listed.iterchildren(f"{T}ReferenceAttachment")
    for (number, _), link in zip([each for each in found if each[1].is_reference], links, strict=True):
        yield NativePart(f"{family}.attachment.{number}.properties", _standing(link))
    while held:
        batch = [held.pop(0)]
        size = batch[0][1].size
        while held and size + held[0][1].size <= _ATTACHMENT_BATCH_BYTES:
            size += held[0][1].size
            batch.append(held.pop(0))
        yield from _attached(line, batch, family)


def _attached(line: Line, batch: Sequence[tuple[int, FoundAttachment]], family: str) -> Iterator[NativePart]:
    items = any(one.is_item for _, one in batch)
    ids = [one.id for _, one in batch]
    answers = _details(line, ids, lambda some: requests.get_attachment(some, mime=items), "read an attachment")
    for place, message in answers:
        number, one = batch[place]
        name = f"{family}.attachment.{number}"
        carved = message.content
        if carved is not None and carved.problem:
            code = "item_too_large" if carved.problem == "too_large" else "unreadable"
            raise Incomplete(Refused(code, f"the server's {carved.element} of an attachment is damaged or too large"))
        if message.item is None:
            raise _lacking(f"the attachment {one.name} comes without anything")
        if message.item.tag == f"{T}ReferenceAttachment":
            yield NativePart(f"{name}.properties", message.verbatim())
        elif one.is_item:
            yield from _attached_item(line, message, name)
        else:
            yield NativePart(name, _file(message, one))


def _attached_item(line: Line, message: ResponseMessage, name: str) -> Iterator[NativePart]:
    """Its MIME holds what is attached to it in turn; without MIME that is asked for."""
    carved, verbatim = message.content, message.verbatim()
    by_mime = carved is not None and carved.element == "MimeContent" and bool(carved.content)
    yield NativePart(f"{name}.item", carved.content if carved is not None and by_mime else verbatim)
    yield NativePart(f"{name}.properties", verbatim)
    if not by_mime and message.item is not None:
        for inner in message.item:
            if inner.find(f"{T}Attachments") is not None:
                yield from _attachments(line, inner, name)


def _file(message: ResponseMessage, one: FoundAttachment) -> bytes | bytearray:
    """Its bytes. Nothing at all is the content of an empty file only, whose size some servers tell with its properties."""
    carved = message.content
    if carved is not None and carved.content:
        return carved.content
    told = message.item is not None and message.item.find(f"{T}Content") is not None
    if one.size > (_EMPTY_FILE_BYTES_MAX if told else 0):
        raise _lacking(f"the attachment {one.name} has {one.size:,} bytes and comes without any")
    return b""


def _details(line: Line, ids: Sequence[str], request_of: RequestOf, what: str) -> Iterator[tuple[int, ResponseMessage]]:
    """All that were asked for. Raises `Incomplete`, `Changed`, and where the server or the mailbox is in trouble."""
    for number, answer in ask(line, ids, request_of, what):
        if isinstance(answer, Refused):
            if answer.code == "vanished":
                raise Changed
            raise Incomplete(answer)
        if not answer.ok:
            raise _lacking(f"could not {what}: {answer.text or answer.code}")
        yield number, answer


def _lacking(sentence: str) -> Incomplete:
    return Incomplete(Refused("unreadable", sentence))


def _standing(element: etree._Element) -> bytes:
    """As the others: a document of its own, the element within its list's."""
    return b'<m:Attachments xmlns:m="%s">%s</m:Attachments>' % (
        MESSAGES.encode(),
        etree.tostring(element, with_tail=False),
    )
