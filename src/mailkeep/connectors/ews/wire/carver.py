"""Takes an answer's byte stream apart: into its response messages, and the base64 content out of each of them.

An answer of EWS is one long XML text, in which MIME messages and attachments stand as base64. A parser that reads it as
XML copies those characters several times over; so they never reach one:

    … <m:GetItemResponseMessage …><t:MimeContent>UmVj…</t:MimeContent>…</m:GetItemResponseMessage> …
       └──────────── a block's xml, small ───────┘└─▶ decoded ┘└────────── and the rest of it ────┘

A *block* is a response message (or a fault, the header, or, of an operation without response messages, the whole
response), as the bytes it came in, with the *carved* content's text left out; `scope` holds the namespace declarations
that were open around it. Blocks come one by one, and none is kept: memory is bounded by the largest block and content.

The scanner knows no more XML than it must, and all of what it must: tags by any prefix, attribute values that hold `>`,
comments, CDATA, processing instructions, other encodings than UTF-8 (decoded before), and chunk borders anywhere. A
DOCTYPE, where XML's bombs and thefts live, is refused wherever it stands.

States: `_outside` (walking the tags around blocks) → `_in_block` → `_in_carved`, `_in_cdata`, `_skipping`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from mailkeep.connectors.ews.wire.base64_text import Base64Text, Carved
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow

CONTENT_BYTES_MAX = (
    400 << 20
)  # decoded, of one message; Exchange's own ceiling for a message is 2 GB, its default 36 MB
BLOCK_BYTES_MAX = 128 << 20  # of a block's XML: an item's properties and body
_TAG_BYTES_MAX = 64 << 10
_NAME_BYTES_MAX = 512
_CARVED_BYTES = 200  # that an empty `Carved` takes: a million of them are no small block

CARVING = (b"GetItemResponseMessage", b"ExportItemsResponseMessage", b"GetAttachmentResponseMessage")
"""Response messages in which elements named `MimeContent`, `Data` and `Content` hold base64. Others are left whole."""

_SKIPPED = ((b"<?", b"?>"), (b"<!--", b"-->"), (b"<![CDATA[", b"]]>"))
TAG = re.compile(rb"<([^\s/>!?]+)((?:\s+[^\s=/>]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*(/?)>")
_END = re.compile(rb"</([^\s>]+)\s*>")
DECLARATION = re.compile(rb"\sxmlns(?::([^\s=]+))?\s*=\s*(\"[^\"]*\"|'[^']*')")
_ENCODING = re.compile(rb"^<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL)
_PLAIN_ENCODINGS = frozenset({"utf-8", "ascii"})
_OTHER_ENCODINGS = re.compile(r"utf-16(-[lb]e)?|iso8859-\d+|cp125\d|latin-1")


Step = Callable[["Carver"], bool]  # one move of the scanner; False: it needs more bytes
_NOTHING = Base64Text("", 0)


@dataclass(frozen=True, slots=True)
class Block:
    name: str  # local name of its element
    xml: bytes | None  # the element as it came, carved text left out; None: larger than `BLOCK_BYTES_MAX`
    carved: tuple[Carved, ...]  # in document order
    scope: bytes  # namespace declarations open around it: b' xmlns:t="…" xmlns="…"'


class Carver:
    """Feed it chunks; it hands out blocks. `close` at the end of the stream."""

    def __init__(self, content_bytes_max: int = CONTENT_BYTES_MAX) -> None:
        self._content_bytes_max = content_bytes_max
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False
        self._data = b""
        self._at = 0  # everything before it is dealt with
        self._step: Step = Carver._outside  # a plain function: a bound one would tie the carver to itself
        self._open: list[tuple[bytes, bytes]] = []  # (name as written, attributes) of the tags around
        self._blocks: list[Block] = []
        self._pieces: list[bytes] = []  # of the block being read
        self._size = 0  # of the pieces, and of what it takes to remember each carved content
        self._room = content_bytes_max  # for further content of this block
        self._carved: list[Carved] = []
        self._name = b""  # of the block, as written
        self._depth = 0  # of elements of that name within one another
        self._edges = re.compile(b"")  # what matters inside the block …
        self._edges_of = b""  # … of this name
        self._scope: bytes | None = None  # of the tags open now, once it was asked for
        self._until = b""  # end of what is being skipped
        self._after: Step = Carver._outside
        self._content = _NOTHING
        self._complete = False

    def feed(self, chunk: bytes) -> list[Block]:
        """The blocks that this chunk completed. Raises as `responses.read` says."""
        chunk = self._begin(chunk) if not self._begun else self._decoded(chunk)
        self._data = self._data[self._at :] + chunk if self._at < len(self._data) else chunk
        self._at = 0
        while self._step(self):
            pass
        blocks, self._blocks = self._blocks, []
        return blocks

    def close(self) -> None:
        """Raises RetryNow where the stream ended before its document did."""
        if not self._begun and self._data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"", b"<"):
            raise _not_soap(self._data)
        if not self._complete:
            raise RetryNow("connection_lost", "the server's answer was cut off", "nothing to do: it is tried again")

    # the beginning: encoding, and is it SOAP at all

    def _begin(self, chunk: bytes) -> bytes:
        head = self._data + chunk
        self._data, self._at = b"", 0
        wide = head[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
        if len(head) < 4 or (not wide and b">" not in head and len(head) < _TAG_BYTES_MAX):
            self._data = head  # not enough to tell: kept, and nothing is scanned yet
            return b""
        self._begun = True
        head = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n") if not wide else head
        self._decoder = _decoder_of(head)
        head = self._decoded(head).removeprefix(codecs.BOM_UTF8)
        if _HTML.match(head) or not head.startswith(b"<"):
            raise _not_soap(head)
        return head

    def _decoded(self, chunk: bytes) -> bytes:
        return chunk if self._decoder is None else self._decoder.decode(chunk).encode()

    # around the blocks

    def _outside(self) -> bool:
        if not self._begun:
            return False
        data, at = self._data, self._data.find(b"<", self._at)
        if at < 0:
            self._at = len(data)
            return False
        self._at = at
        if data.startswith((b"<!", b"<?"), at):
            return self._markup(Carver._outside)
        if data.startswith(b"</", at):
            return self._close_tag()
        tag = TAG.match(data, at)
        if tag is None:
            return self._want_tag(at)
        return self._open_tag(tag)

    def _close_tag(self) -> bool:
        end = _END.match(self._data, self._at)
        if end is None:
            return self._want_tag(self._at)
        if not self._open or self._open[-1][0] != end[1]:
            raise _broken("its tags don't match")
        self._open.pop()
        self._scope = None
        self._at = end.end()
        self._complete = not self._open
        return True

    def _open_tag(self, tag: re.Match[bytes]) -> bool:
        name, depth = _local(tag[1]), len(self._open)
        if self._complete or (depth == 0 and name != b"Envelope"):
            raise _not_soap(self._data[self._at :])
        enter = depth == 0 or (depth == 1 and name == b"Body") or (depth == 3 and name == b"ResponseMessages")
        if depth == 2 and name != b"Fault" and not tag[3]:
            inside = self._holds_messages(tag.end())
            if inside is None:
                return False
            enter = inside
        if not enter:
            return self._begin_block(tag)
        if not tag[3]:
            self._open.append((tag[1], tag[2]))
            self._scope = None
        self._at = tag.end()
        return True

    def _holds_messages(self, at: int) -> bool | None:
        """Whether the response that begins before `at` has ResponseMessages. None: the bytes aren't here yet."""
        data = self._data
        while True:
            at = data.find(b"<", at)
            if at < 0 or (len(data) - at < _NAME_BYTES_MAX and b">" not in data[at : at + _NAME_BYTES_MAX]):
                return None
            skipped = next((end for opening, end in _SKIPPED if data.startswith(opening, at)), None)
            if skipped is None:
                name = re.match(rb"<([^\s/>]+)", data[at : at + _NAME_BYTES_MAX])
                return name is not None and _local(name[1]) == b"ResponseMessages"
            at = data.find(skipped, at)
            if at < 0:
                return None

    def _markup(self, after: Step) -> bool:
        """`<?…?>`, `<!--…-->`, `<![CDATA[…]]>`; anything else that begins so is a DOCTYPE or of its kin."""
        data, at = self._data, self._at
        for opening, end in _SKIPPED:
            if data.startswith(opening, at):
                self._keep(at + len(opening))
                self._until, self._after, self._step = end, after, Carver._skipping
                return True
        if any(opening.startswith(data[at : at + 9]) for opening in (b"<!--", b"<![CDATA[")):
            return False  # cut by the border
        if not self._open and len(data) - at < len("<!doctype html>"):
            return False
        if _HTML.match(data, at):
            raise _not_soap(data[at:])
        raise GiveUp(
            "unsafe_answer",
            "the server's answer holds a document type definition, which EWS never does; it was not read",
            "check that the address is the Exchange server's and nothing stands between",
        )

    def _skipping(self) -> bool:
        end = self._data.find(self._until, self._at)
        if end < 0:
            self._keep(max(self._at, len(self._data) - len(self._until) + 1))
            return False
        self._keep(end + len(self._until))
        self._step = self._after
        return True

    def _want_tag(self, at: int) -> bool:
        """The tag is not here whole. It never will be where it is too long, or closed and still no tag."""
        if len(self._data) - at > _TAG_BYTES_MAX:
            raise _broken("one of its tags has no end")
        return False

    # within a block

    def _begin_block(self, tag: re.Match[bytes]) -> bool:
        self._name = tag[1]
        self._pieces, self._size, self._carved, self._depth = [], 0, [], 1
        self._room = self._content_bytes_max
        if tag[3]:
            self._keep(tag.end())
            return self._end_block()
        if tag[1] != self._edges_of:
            self._edges, self._edges_of = _edges(tag[1]), tag[1]
        self._keep(tag.end())
        self._step = Carver._in_block
        return True

    def _in_block(self) -> bool:
        edge = self._edges.search(self._data, self._at)
        if edge is None:
            self._keep(self._safe())
            return False
        at = edge.start()
        if edge["end"]:
            self._keep(edge.end())
            self._depth -= 1
            return self._depth > 0 or self._end_block()
        self._keep(at)
        if self._data.startswith((b"<!", b"<?"), at):
            return self._markup(Carver._in_block)
        tag = TAG.match(self._data, at)
        if tag is None:
            return self._want_tag(at)
        self._keep(tag.end())
        element = _local(tag[1]).decode()
        if tag[1] == self._name:
            self._depth += not tag[3]
        elif tag[3]:
            self._hand_out(Carved(element, bytearray()))
        else:
            self._content = Base64Text(element, self._room)
            self._step = Carver._in_carved
        return True

    def _safe(self) -> int:
        """Up to where nothing of an edge can stand: before the last `<`, should its name not be here yet."""
        data = self._data
        last = data.rfind(b"<", max(self._at, len(data) - _NAME_BYTES_MAX))
        return len(data) if last < 0 else last

    def _keep(self, end: int) -> None:
        """Up to `end` it belongs to the block (outside of one it is dropped)."""
        if self._name:
            self._size += end - self._at
            if self._size <= BLOCK_BYTES_MAX:
                self._pieces.append(self._data[self._at : end])
            else:
                self._pieces.clear()
        self._at = end

    def _end_block(self) -> bool:
        xml = b"".join(self._pieces) if self._size <= BLOCK_BYTES_MAX else None
        self._blocks.append(
            Block(_local(self._name).decode("utf-8", "replace"), xml, tuple(self._carved), self._declared())
        )
        self._name, self._pieces, self._carved = b"", [], []
        self._step = Carver._outside
        return True

    def _declared(self) -> bytes:
        if self._scope is None:
            declared: dict[bytes, bytes] = {}
            for _, attributes in self._open:
                declared.update((found[1] or b"", found[2]) for found in DECLARATION.finditer(attributes))
            self._scope = declarations(declared)
        return self._scope

    # within carved content

    def _in_carved(self) -> bool:
        data, at = self._data, self._at
        end = data.find(b"<", at)
        if end < 0:
            self._content.feed(memoryview(data)[at:])
            self._at = len(data)
            return False
        self._content.feed(memoryview(data)[at:end])
        self._at = end
        if data.startswith(b"<![CDATA[", end):
            self._at = end + 9
            self._step = Carver._in_cdata
        elif data.startswith(b"</", end):
            self._hand_out(self._content.carved())
            self._step = Carver._in_block
        elif len(data) - end < 9:
            return False
        elif data.startswith((b"<!", b"<?"), end):
            return self._markup(Carver._in_carved)
        else:  # elements inside: it holds no base64 after all
            self._hand_out(self._content.interrupted())
            self._step = Carver._in_block
        return True

    def _hand_out(self, carved: Carved) -> None:
        self._content = _NOTHING  # what was handed out is no longer ours to hold
        self._carved.append(carved)
        self._room -= len(carved.content)
        self._size += _CARVED_BYTES

    def _in_cdata(self) -> bool:
        end = self._data.find(b"]]>", self._at)
        if end < 0:
            safe = max(self._at, len(self._data) - 2)
            self._content.feed(memoryview(self._data)[self._at : safe])
            self._at = safe
            return False
        self._content.feed(memoryview(self._data)[self._at : end])
        self._at = end + 3
        self._step = Carver._in_carved
        return True


def declarations(declared: dict[bytes, bytes]) -> bytes:
    """Prefix → quoted URI, as they stand in a tag."""
    return b"".join(b" xmlns%s=%s" % (b":" + prefix if prefix else b"", uri) for prefix, uri in declared.items())


def _edges(name: bytes) -> re.Pattern[bytes]:
    """What matters inside a block of that name: markup to skip or refuse, its end, itself again, content to carve."""
    again = re.escape(name)
    carved = rb"|<(?:[^\s<>/:!?]+:)?(?:MimeContent|Data|Content)(?=[\s/>])" if _local(name) in CARVING else b""
    return re.compile(rb"<[!?]|</(?P<end>" + again + rb")\s*>|<" + again + rb"(?=[\s/>])" + carved)


def _local(name: bytes) -> bytes:
    return name.rpartition(b":")[2]


def _decoder_of(head: bytes) -> codecs.IncrementalDecoder | None:
    """How to read an encoding other than UTF-8; None for UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    elif head.startswith((b"<\0", b"\0<")):
        name = "utf-16-le" if head.startswith(b"<\0") else "utf-16-be"
    else:
        told = _ENCODING.match(head)
        try:
            name = codecs.lookup(told[1].decode("ascii")).name if told else "utf-8"
        except LookupError:
            name = "unknown"
    if name in _PLAIN_ENCODINGS:
        return None
    if not _OTHER_ENCODINGS.fullmatch(name):
        raise _broken("it is written in a character set that no Exchange server uses")
    return codecs.getincrementaldecoder(name)("replace")


def _broken(why: str) -> MailkeepError:
    return RetryLater(
        "unreachable",
        f"the server's answer is no readable XML: {why}",
        "it is tried again; if it lasts, look at what stands between this machine and the server",
    )


def _not_soap(head: bytes) -> MailkeepError:
    if _HTML.match(head):
        return GiveUp(
            "forms_login_page",
            "the server answered with a web page instead of Exchange Web Services",
            "a sign-in form stands in front of /EWS: use the internal address, or exempt /EWS from it",
        )
    return _broken("it is not Exchange Web Services that answers here")
