"""The headers of messages, for servers that give their items no id that survives a move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from mailkeep.connectors.ews.asking import Line, Refused, ask
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire import requests
from mailkeep.connectors.ews.wire.shapes import MIME
from mailkeep.mail.items import ItemRef, Kind

_AT_ONCE = 20  # EWS has no way to ask for a message's own header alone


def headers(session: Session, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
    """Each message with its header block. What will not come is left out: it cannot be proven the same."""
    mails = (ref for ref in refs if ref.kind is Kind.MAIL)
    while batch := list(islice(mails, _AT_ONCE)):
        yield from _heads(session, batch)


def _heads(session: Session, batch: list[ItemRef]) -> list[tuple[ItemRef, bytes]]:
    """All of a batch: the line is free again before anything is handed out."""
    line = Line(session, session.transport, session.usage)
    ids = [ref.id for ref in batch]
    found = []
    for number, answer in ask(line, ids, lambda some: requests.get_item(some, MIME), "read the headers of items"):
        held = None if isinstance(answer, Refused) else answer.content
        if held is not None and not held.problem:
            head, blank, _ = bytes(held.content).partition(b"\r\n\r\n")
            found.append((batch[number], head + blank))
    return found
