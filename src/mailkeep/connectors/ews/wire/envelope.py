"""SOAP envelopes: who asks, as whom, in which version and time zone, and the body's pieces put together.

    Request("GetItem", pieces)  ──envelope(request, Header("Exchange2013_SP1", impersonate="a@b"))──▶  Payload

A *request* is one operation's element in pieces: bytes as they are, or `Base64` content that is encoded only while it is
sent. So a 150 MB message is restored without a second copy of it in memory. A `Payload` has a length and can be walked
over any number of times (NTLM sends a request more than once), which is what an HTTP client wants of a body.

Prefixes are `s:`, `m:` and `t:`, declared once on the envelope, as every EWS client has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pybase64

from mailkeep.connectors.ews.wire.names import MESSAGES, SOAP, TYPES, attribute, text

CONTENT_TYPE = "text/xml; charset=utf-8"

_ENCODED_AT_ONCE = 3 * 64 * 1024  # bytes; a multiple of 3, so that the pieces join without padding


@dataclass(frozen=True, slots=True)
class Base64:
    """Content that goes out in base64, encoded piece by piece as it is sent."""

    content: bytes | bytearray | memoryview

    def __len__(self) -> int:
        return (len(self.content) + 2) // 3 * 4

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self.content)
        for start in range(0, len(view), _ENCODED_AT_ONCE):
            yield pybase64.b64encode(view[start : start + _ENCODED_AT_ONCE])


Piece = bytes | Base64


@dataclass(frozen=True, slots=True)
class Request:
    """One operation: its name (as SOAPAction has it) and its element, prefix `m:`, in pieces."""

    operation: str
    pieces: tuple[Piece, ...]

    @property
    def soap_action(self) -> str:
        """The value of the HTTP header `SOAPAction`, quotes included."""
        return f'"{MESSAGES}/{self.operation}"'


@dataclass(frozen=True, slots=True)
class Header:
    """What every request of a session says. `impersonate`: the SMTP address of the mailbox's owner, "" as oneself."""

    version: str = "Exchange2013_SP1"  # RequestServerVersion: the oldest that Mailkeep reads, which all newer ones take
    impersonate: str = ""
    time_zone: str = "UTC"  # times without an offset are read, and all-day events told, in this zone; "" leaves it out


class Payload:
    """The bytes to send. Its length is known, and it can be walked over again."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._pieces = pieces
        self._length = sum(len(piece) for piece in pieces)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece

    def __bytes__(self) -> bytes:
        return b"".join(self)


def envelope(request: Request, header: Header) -> Payload:
    """The request as it goes over the wire. Microsoft: "EWS SOAP headers", [MS-OXWSCDATA] 2.2.3."""
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><s:Header>'
        f"<t:RequestServerVersion Version={attribute(header.version)}/>"
    ]
    if header.impersonate:
        address = text(header.impersonate)
        parts.append(
            "<t:ExchangeImpersonation><t:ConnectingSID>"
            f"<t:PrimarySmtpAddress>{address}</t:PrimarySmtpAddress>"
            "</t:ConnectingSID></t:ExchangeImpersonation>"
        )
    if header.time_zone:
        zone = attribute(header.time_zone)
        parts.append(f"<t:TimeZoneContext><t:TimeZoneDefinition Id={zone}/></t:TimeZoneContext>")
    parts.append("</s:Header><s:Body>")
    return Payload(("".join(parts).encode(), *request.pieces, b"</s:Body></s:Envelope>"))
