"""The stream of response messages: what EWS answers to a batch, one by one, as soon as each is there.

    chunks ──Carver──▶ blocks ──lxml, one block at a time──▶ ResponseMessage ▸ items, content, verbatim()

Only a block goes through lxml: without DTD, entities or network, in a document of its own. A block that is not
well-formed is first mended (character references and bytes that XML 1.0 forbids, which Exchange writes when somebody
put them into a subject, become U+FFFD); where that does not do, it is a message of class `Error` and code `Unreadable`,
and the others of its batch are not touched. Mending is for reading only: `verbatim` gives the bytes as they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from lxml import etree

from mailkeep.connectors.ews.wire.base64_text import Carved
from mailkeep.connectors.ews.wire.carver import CONTENT_BYTES_MAX, Block, Carver
from mailkeep.connectors.ews.wire.names import MESSAGES, TYPES, M, T
from mailkeep.connectors.ews.wire.verbatim import standing_alone

__all__ = ["Carved", "Reader", "ResponseMessage", "SoapFault", "read"]

UNREADABLE = "Unreadable"  # codes of our own, beside the server's
TOO_LARGE = "TooLarge"

_CONTAINERS = tuple(f"{{{MESSAGES}}}{name}" for name in ("Items", "Attachments", "Folders"))
_PAGED = tuple(f"{{{TYPES}}}{name}" for name in ("Items", "Folders"))  # within RootFolder
_REFERENCE = re.compile(rb"&#(?:[xX]([0-9a-fA-F]{1,9})|([0-9]{1,10}));")
_CONTROL = bytes(range(0x20)).translate(None, b"\t\r\n")
_TO_SUB = bytes.maketrans(_CONTROL, b"\x1a" * len(_CONTROL))
_REPLACEMENT = "\ufffd".encode()


@dataclass(frozen=True, slots=True)
class ResponseMessage:
    """One answer of a batch, in the order of what was asked."""

    name: str  # "GetItemResponseMessage"; "Fault"
    response_class: str  # "Success", "Warning", "Error"
    code: str  # "NoError", "ErrorItemNotFound"; `UNREADABLE`, `TOO_LARGE` where this message's own XML is broken
    text: str  # MessageText
    values: Mapping[str, str]  # MessageXml: {"BackOffMilliseconds": "300000"}
    element: etree._Element  # the whole message, carved text left out
    carved: tuple[Carved, ...]  # in document order
    block: Block

    @property
    def ok(self) -> bool:
        return self.response_class == "Success"

    @property
    def back_off_seconds(self) -> float | None:
        """How long the server wants to be left alone, or None where it did not say."""
        told = self.values.get("BackOffMilliseconds", "").strip()
        return int(told) / 1000 if told.isascii() and told.isdigit() and len(told) < 12 else None

    @property
    def items(self) -> list[etree._Element]:
        """The children of Items, Attachments or Folders, wherever the operation puts these."""
        container = self._container()
        return [] if container is None else list(container)

    @property
    def item(self) -> etree._Element | None:
        """The first of `items`."""
        return next(iter(self.items), None)

    @property
    def content(self) -> Carved | None:
        """The first carved content: the item's MIME, the export's data, the file's content."""
        return next(iter(self.carved), None)

    def verbatim(self) -> bytes:
        """What stands inside Items (Attachments, Folders), byte for byte, as a document of its own.

        The container's element stays around it, with the declarations of the namespaces that were open. Carved text is
        left out (its element stays, empty). b"" where there is no such container.
        """
        return standing_alone(self.block)

    def _container(self) -> etree._Element | None:
        for child in self.element.iterchildren(*_CONTAINERS):  # where all operations but those that page have it
            return child
        for child in self.element.iter(*_CONTAINERS, *_PAGED):
            return child
        return None


class SoapFault(Exception):
    """The server answered with a SOAP fault. `message.code` is its ResponseCode, else its faultcode."""

    def __init__(self, message: ResponseMessage) -> None:
        super().__init__(f"{message.code}: {message.text}")
        self.message = message


class Reader:
    """Feed it chunks of an answer; it hands out messages. For a loop there is `read`."""

    def __init__(self, content_bytes_max: int = CONTENT_BYTES_MAX) -> None:
        self._carver = Carver(content_bytes_max)
        self._parser = _parser()
        self.server_version = ""  # "15.2.1544.4" once its header is read

    def feed(self, chunk: bytes) -> list[ResponseMessage]:
        """The messages that this chunk completed. Raises as `read` does."""
        messages = []
        for block in self._carver.feed(chunk):
            if block.name == "Header":
                self.server_version = _server_version(self._message(block).element)
                continue
            message = self._message(block)
            if block.name == "Fault":
                _raise_fault(message)
            messages.append(message)
        return messages

    def close(self) -> None:
        """At the end of the stream. Raises RetryNow where the answer was cut."""
        self._carver.close()

    def _message(self, block: Block) -> ResponseMessage:
        if block.xml is None:
            return _unread(block, TOO_LARGE, "its properties are too large to be read")
        element = self._parsed(block.xml, block.scope)
        if element is None:
            element = self._parsed(mended(block.xml), block.scope)
        if element is None:
            return _unread(block, UNREADABLE, "the server's XML for it is broken")
        told = {child.tag: child for child in element}
        code = _told(told, "ResponseCode")
        return ResponseMessage(
            name=block.name,
            response_class=element.get("ResponseClass") or ("Success" if code in ("", "NoError") else "Error"),
            code=code or "NoError",
            text=_told(told, "MessageText"),
            values=_values(told.get(f"{M}MessageXml")),
            element=element,
            carved=block.carved,
            block=block,
        )

    def _parsed(self, xml: bytes, scope: bytes) -> etree._Element | None:
        try:
            return etree.fromstring(b"<scope%s>%s</scope>" % (scope, xml), self._parser)[0]
        except (etree.XMLSyntaxError, IndexError):
            return None


def read(chunks: Iterable[bytes], *, content_bytes_max: int = CONTENT_BYTES_MAX) -> Iterator[ResponseMessage]:
    """The answer's messages, as they come.

    Raises `SoapFault`; `RetryNow("connection_lost")` where it is cut; `GiveUp("forms_login_page")` for a web page in place
    of SOAP, `GiveUp("unsafe_answer")` for a DOCTYPE, `RetryLater("unreachable")` for anything else that is no SOAP.
    Reads what comes with HTTP 200 and with 500 alike.
    """
    reader = Reader(content_bytes_max)
    for chunk in chunks:
        yield from reader.feed(chunk)
    reader.close()


def parse_verbatim(document: bytes | bytearray | memoryview) -> etree._Element | None:
    """A `verbatim` document's first item element; None where it is no XML that we would read."""
    xml = bytes(document)
    root = parsed(xml)
    if root is None:
        root = parsed(mended(xml))
    return None if root is None else next(iter(root), None)


def parsed(xml: bytes) -> etree._Element | None:
    """A whole document as safely as a block: None where it is not well-formed, or has a DOCTYPE."""
    if b"<!DOCTYPE" in xml:
        return None
    try:
        root = etree.fromstring(xml, _parser())
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root.getroottree().docinfo.internalDTD is not None else root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True, remove_pis=True
    )


def mended(xml: bytes) -> bytes:
    """The XML without what XML 1.0 forbids: U+FFFD in its place."""
    if xml.translate(None, _CONTROL) != xml:
        xml = xml.translate(_TO_SUB).replace(b"\x1a", _REPLACEMENT)
    xml = xml.decode("utf-8", "replace").replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd").encode()
    return _REFERENCE.sub(_allowed, xml)


def _allowed(reference: re.Match[bytes]) -> bytes:
    point = int(reference[1], 16) if reference[1] else int(reference[2])
    known = point in (9, 10, 13) or 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or 0x10000 <= point <= 0x10FFFF
    return reference[0] if known else _REPLACEMENT


def _told(children: Mapping[str, etree._Element], name: str) -> str:
    """In the namespace of messages; some servers put it into that of types."""
    child = children.get(M + name)
    if child is None:
        child = children.get(T + name)
    return "" if child is None else child.text or ""


def _values(message_xml: etree._Element | None) -> Mapping[str, str]:
    if message_xml is None:
        return {}
    return {value.get("Name", ""): value.text or "" for value in message_xml.iter("{*}Value")}


def _unread(block: Block, code: str, why: str) -> ResponseMessage:
    return ResponseMessage(block.name, "Error", code, why, {}, etree.Element(block.name), block.carved, block)


def _raise_fault(message: ResponseMessage) -> NoReturn:
    """SOAP 1.1: faultcode, faultstring, detail; Exchange's own words are in the detail."""
    element = message.element
    code = next((found.text for found in element.iter("{*}ResponseCode") if found.text), "")
    texts = (found.text for name in ("Message", "faultstring", "Text") for found in element.iter(f"{{*}}{name}"))
    told = next(filter(None, texts), "")
    values = {value.get("Name", ""): value.text or "" for value in element.iter(f"{{{TYPES}}}Value")}
    if not code:
        raw = next((found.text for found in element.iter("{*}faultcode", "{*}Value") if found.text), "Fault")
        code = raw.rpartition(":")[2]
    held = (message.element, message.carved, message.block)
    raise SoapFault(ResponseMessage("Fault", "Error", code.strip(), told.strip(), values, *held))


def _server_version(header: etree._Element) -> str:
    for info in header.iter("{*}ServerVersionInfo"):
        told = (info.get(name) for name in ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber"))
        return ".".join(part or "0" for part in told)
    return ""
