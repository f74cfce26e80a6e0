"""SIGNATURES; being built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lxml import etree


@dataclass(frozen=True, slots=True)
class Carved:
    """Content taken out of the stream: its element's local name (`MimeContent`, `Data`, `Content`), and its bytes.

    `problem`: "" or why the bytes are not there whole: "damaged" (no base64), "too_large".
    """

    element: str
    content: bytearray
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ResponseMessage:
    """One answer of a batch, in the order of what was asked."""

    name: str  # "GetItemResponseMessage"
    response_class: str  # "Success", "Warning", "Error"
    code: str  # "NoError", "ErrorItemNotFound"; "Unreadable" where this message's own XML is broken
    text: str  # MessageText
    values: Mapping[str, str]  # MessageXml: {"BackOffMilliseconds": "300000"}
    element: etree._Element  # the whole message, carved text left out
    carved: tuple[Carved, ...]  # in document order

    @property
    def ok(self) -> bool: ...  # type: ignore[empty-body]
    @property
    def back_off_seconds(self) -> float | None: ...
    @property
    def items(self) -> list[etree._Element]:
        """Children of Items, Attachments or Folders."""
        ...  # type: ignore[empty-body]

    @property
    def item(self) -> etree._Element | None: ...
    @property
    def content(self) -> Carved | None:
        """The first carved content: the item's MIME, the export's data, the file's content."""
        ...

    def verbatim(self) -> bytes:
        """What is inside Items (or Attachments), byte for byte, as a document of its own: what `ews.properties` holds.

        Carved text is left out (its element stays, empty).
        """
        ...  # type: ignore[empty-body]


class SoapFault(Exception):  # noqa: N818
    """The server answered with a SOAP fault. `message.code` is its ResponseCode, else its faultcode."""

    message: ResponseMessage


class Reader:
    server_version: str  # "15.2.1544.4" once seen, "" before

    def feed(self, chunk: bytes) -> list[ResponseMessage]: ...  # type: ignore[empty-body]
    def close(self) -> list[ResponseMessage]: ...  # type: ignore[empty-body]


def read(chunks: Iterable[bytes], *, content_bytes_max: int = 400 << 20) -> Iterator[ResponseMessage]:
    """The answer's messages, as they come.

    Raises `SoapFault`; `RetryNow("connection_lost")` where it is cut; `GiveUp("forms_login_page")` for a web page in place
    of SOAP, `GiveUp("unsafe_answer")` for a DOCTYPE, `RetryLater("unreachable")` for anything else that is no SOAP.
    Works on HTTP 200 and 500 alike.
    """
    ...  # type: ignore[empty-body]
