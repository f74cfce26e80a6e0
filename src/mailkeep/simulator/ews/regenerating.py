"""A message's MIME made anew, as Exchange does for whoever asks for it: the same headers, texts and files in other bytes.

    kept       Received, From, To, Subject, Message-ID, Date, References, every other header; each part's decoded bytes, its
               type, its name, its id; what is signed or encrypted, byte for byte
    changed    boundaries, the order of headers, folding, transfer encodings, line ends
    dropped    X- headers, preambles and epilogues

What this cannot take apart (a multipart without its boundary, nesting without end) stays as it came.
"""

from __future__ import annotations

import binascii
import quopri
import re
from hashlib import sha256

import pybase64

from mailkeep.mail import headers
from mailkeep.mail.headers import Field
from mailkeep.simulator.ews.composing import base64_lines

_DEPTH_MAX = 40
_PARTS_MAX = 5_000
_BOUNDARY = re.compile(rb'boundary\s*=\s*(?:"((?:[^"\\]|\\.){1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_NOT_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)|[ \t](?=\r?\n|\Z)")
_FOLD = re.compile(rb"\r?\n[ \t]*")
_FIRST = """
    received from sender to cc bcc reply-to subject thread-topic thread-index date message-id references in-reply-to
    accept-language content-language
"""
_ORDER = {name: place for place, name in enumerate(_FIRST.split())}
_SPELLINGS = {"cc": b"CC", "bcc": b"BCC", "message-id": b"Message-ID", "mime-version": b"MIME-Version"}
_SEALED = (b"multipart/signed", b"multipart/encrypted", b"application/pkcs7-mime", b"application/x-pkcs7-mime")
_CONTENT = (
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
    "content-description",
    "content-location",
)


def regenerated(mime: bytes, seed: bytes) -> bytes:
    """The message as Exchange would write it. `seed`: what its new boundaries are made of. Never raises."""
    block, body = headers.split(mime)
    found = headers.fields(block)
    content = _Anew(seed, mime).part(found, body, 0)
    own = [field for field in found if not field.name.lower().startswith("x-") and field.name.lower() not in _CONTENT]
    own = [field for field in own if field.name.lower() != "mime-version"]
    own.sort(key=lambda field: _ORDER.get(field.name.lower(), len(_ORDER)))
    lines = [_spelled(field) + b": " + _folded(field.raw) for field in own]
    attached = b"yes" if b"multipart/mixed" in content[:400].lower() else b""
    lines += [b"X-MS-Has-Attach: " + attached, b"X-MS-TNEF-Correlator:", b"MIME-Version: 1.0"]
    return b"\r\n".join(lines) + b"\r\n" + content


class _Anew:
    """One message in the making: its new boundaries, and how many parts it may still have."""

    def __init__(self, seed: bytes, mime: bytes) -> None:
        self._mark = sha256(seed + mime[:4096]).hexdigest()[:32].upper().encode()
        self._boundaries = 0
        self._parts = _PARTS_MAX

    def part(self, found: tuple[Field, ...], body: bytes, depth: int) -> bytes:
        """The content headers of a part, a blank line, and its body."""
        self._parts -= 1
        kind = next((field.raw for field in found if field.name.lower() == "content-type"), b"text/plain")
        if kind.lower().startswith(_SEALED) or depth > _DEPTH_MAX or self._parts < 0:
            return _with(found, body)
        if kind.lower().startswith(b"multipart/"):
            return self._multipart(found, kind, body, depth)
        if kind.lower().startswith(b"message/"):
            return _with(found, body)
        return _leaf(found, kind, body)

    def _multipart(self, found: tuple[Field, ...], kind: bytes, body: bytes, depth: int) -> bytes:
        named = _BOUNDARY.search(kind)
        children = _split(body, named[1] or named[2]) if named else []
        if not children or named is None:
            return _with(found, body)
        self._boundaries += 1
        border = b"_%03d_%smailkeep_" % (self._boundaries, self._mark)
        pieces = []
        for child in children:
            block, inner = _split_part(child)
            pieces.append(b"--" + border + b"\r\n" + self.part(headers.fields(block), inner, depth + 1) + b"\r\n")
        # A lambda, for a border is no template.
        renamed = _FOLD.sub(b" ", _BOUNDARY.sub(lambda _: b'boundary="' + border + b'"', kind, count=1))
        others = [field for field in found if field.name.lower() in _CONTENT[2:]]
        return _with((Field("Content-Type", renamed), *others), b"".join(pieces) + b"--" + border + b"--\r\n")


def _split(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between the boundary's lines, without the line end that belongs to each of these."""
    border = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    start = -1
    for line in border.finditer(body):
        if start >= 0:
            parts.append(body[start : line.start()])
        if line[1]:
            return parts
        start = line.end() + (2 if body.startswith(b"\r\n", line.end()) else 1)
    return [*parts, body[start:]] if start >= 0 else parts


def _split_part(part: bytes) -> tuple[bytes, bytes]:
    if part.startswith((b"\r\n", b"\n")):
        return b"", part[part.index(b"\n") + 1 :]
    return headers.split(part)


def _leaf(found: tuple[Field, ...], kind: bytes, body: bytes) -> bytes:
    encoding = next((f.raw.strip().lower() for f in found if f.name.lower() == "content-transfer-encoding"), b"7bit")
    content = _decoded(body, encoding)
    if content is None:
        return _with(found, body)
    is_text = kind.lower().startswith(b"text/")
    clean = b"\n" not in content.replace(b"\r\n", b"") and b"\r" not in content.replace(b"\r\n", b"")
    if is_text and clean:
        coded, name = _quoted_printable(content), b"quoted-printable"
    else:
        coded, name = base64_lines(content), b"base64"
    others = [field for field in found if field.name.lower() != "content-transfer-encoding"]
    return _with((*others, Field("Content-Transfer-Encoding", name)), coded)


def _decoded(body: bytes, encoding: bytes) -> bytes | None:
    """The part's bytes; None where they cannot be told from the text of their encoding."""
    if encoding in (b"7bit", b"8bit", b"binary"):
        return body
    if encoding == b"quoted-printable":
        if _NOT_QUOTED.search(body):
            return None  # readers differ on what it means
        return quopri.decodestring(body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    if encoding == b"base64":
        try:
            return pybase64.b64decode(b"".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            return None
    return None


def _quoted_printable(content: bytes) -> bytes:
    """CRLF stay line ends; a last line without one gets none. (Without any CRLF the soft breaks come as bare LF.)"""
    coded = binascii.b2a_qp(content)
    return coded if b"\r\n" in content else coded.replace(b"=\n", b"=\r\n")


def _with(found: tuple[Field, ...], body: bytes) -> bytes:
    lines = [_spelled(field) + b": " + _folded(field.raw) for field in found if field.name.lower() in _CONTENT]
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def _spelled(field: Field) -> bytes:
    return _SPELLINGS.get(field.name.lower()) or field.name.encode()


def _folded(raw: bytes) -> bytes:
    """The same value, its line ends CRLF."""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
