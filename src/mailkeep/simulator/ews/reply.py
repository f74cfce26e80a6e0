"""A request as it was understood, an answer as it will be sent, and how the sending may go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml import etree


@dataclass(slots=True)
class Asked:
    """One SOAP request. `mailbox`: the address it is for (impersonated, else X-AnchorMailbox, else the account's own)."""

    account: str
    mailbox: str
    operation: str  # "GetItem"
    envelope: etree._Element
    body: etree._Element  # the operation's element
    scheme: str = ""  # "Basic", "NTLM", "Bearer"


@dataclass(frozen=True, slots=True)
class Sending:
    """How the answer goes over the line. The default: whole and at once."""

    hang_seconds: float = 0.0  # say nothing for so long first
    answer: bool = True  # False: then close without a byte
    cut_share: float | None = None  # announce the whole body, send this share of it and close
    reset: bool = False  # close by RST instead of FIN
    end_early: bool = False  # with `cut_share`: announce only what is sent, so that HTTP sees nothing wrong
    drip_seconds: float = 0.0  # so long, spread over the body
    gzip: bool = False
    close_after: bool = False  # close the connection after the answer, without having said so


@dataclass(slots=True)
class Reply:
    """`body`: bytes with a length, or pieces sent as chunks."""

    status: int
    body: bytes | Iterable[bytes] = b""
    content_type: str = "text/xml; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    sending: Sending = Sending()
    back_off_seconds: float | None = None  # how long this answer asks its reader to stay away
    body_bytes: int = 0  # for the record, of a body sent in pieces
