"""The headers of messages, for servers that give their items no id that survives a move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire import codes, requests
from mailkeep.connectors.ews.wire.responses import SoapFault
from mailkeep.connectors.ews.wire.shapes import MIME
from mailkeep.mail.items import ItemRef, Kind

_AT_ONCE = 20  # EWS has no way to ask for a message's own header alone


def headers(session: Session, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
    """Each message with its header block. What would not come is left out: it cannot be proven the same."""
    mails = (ref for ref in refs if ref.kind is Kind.MAIL)
    while batch := list(islice(mails, _AT_ONCE)):
        try:
            for ref, message in zip(
                batch, session.stream(requests.get_item([ref.id for ref in batch], MIME)), strict=False
            ):
                found = message.content
                if message.ok and found is not None and not found.problem:
                    head, blank, _ = bytes(found.content).partition(b"\r\n\r\n")
                    yield ref, head + blank
        except SoapFault as fault:
            if not codes.splits(fault.message.code):
                raise session.error(fault.message, "read the headers of items") from fault
