"""Messages as bytes, written the way mail programs write them (RFC 5322, 2045–2047, 2231).

No library: the variety is the point.

compose(headers, part)      a whole message with CRLF line ends
text / attached / multi     parts; a part is (header lines, body bytes)
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from mailkeep.simulator.attachments import Attachment

CHARSETS = {  # what an older program chooses where it can; everything else is UTF-8
    "de": "iso-8859-1",
    "fr": "iso-8859-1",
    "es": "iso-8859-1",
    "uk": "koi8-u",
    "ja": "iso-2022-jp",
    "ar": "windows-1256",
    "he": "windows-1255",
}


@dataclass(frozen=True, slots=True)
class Part:
    """`headers`: without the blank line. `body`: already encoded, CRLF line ends, no trailing one needed."""

    headers: tuple[str, ...]
    body: bytes


def compose(headers: Sequence[tuple[str, str]], part: Part) -> bytes:
    """The message. Header values are folded and encoded here; structured ones come ready from `mailbox` and `date`."""
    lines = [_folded(name, value) for name, value in headers]
    lines.append("MIME-Version: 1.0")
    lines.extend(part.headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + part.body + (b"" if part.body.endswith(b"\r\n") else b"\r\n")


def date(moment: datetime) -> str:
    return format_datetime(moment)


def mailbox(name: str, address: str) -> str:
    """`Name <address>`, the name quoted or encoded as it needs."""
    if name.isascii():
        needs_quotes = any(mark in name for mark in '.,()<>@;:"[]')
        return f'"{name}" <{address}>' if needs_quotes else f"{name} <{address}>"
    return f"{encoded(name)} <{address}>"


def encoded(value: str, charset: str = "utf-8") -> str:
    """Encoded words of at most 75 characters, cut between characters; the value itself where it is ASCII.

    UnicodeEncodeError where the charset cannot say it.
    """
    if value.isascii():
        return value
    words, piece = [], ""
    for character in value:
        if len((piece + character).encode(charset)) > 42:
            words.append(piece)
            piece = ""
        piece += character
    words.append(piece)
    return " ".join(f"=?{charset}?B?{base64.b64encode(w.encode(charset)).decode()}?=" for w in words)


def _folded(name: str, value: str) -> str:
    """Folded at blanks so that lines stay under 78 characters where there are blanks."""
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > 76 and line.strip() != f"{name}:":
            lines.append(line)
            line = ""
        line += " " + word
    return "\r\n".join([*lines, line])


def text(content: str, subtype: str = "plain", charset: str = "utf-8", transfer: str = "quoted-printable") -> Part:
    """A text part. `transfer`: 7bit, 8bit, quoted-printable or base64. A charset that can't say it becomes UTF-8."""
    lines = content.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        raw = lines.encode(charset)
    except UnicodeEncodeError:
        charset, raw = "utf-8", lines.encode()
    if transfer == "7bit" and not raw.isascii():
        transfer = "quoted-printable"
    if transfer in ("7bit", "8bit") and max(map(len, raw.split(b"\r\n"))) > 900:
        transfer = "quoted-printable"
    body = {"quoted-printable": _quoted_printable, "base64": _base64}.get(transfer, bytes)(raw)
    return Part((f'Content-Type: text/{subtype}; charset="{charset}"', f"Content-Transfer-Encoding: {transfer}"), body)


def _quoted_printable(raw: bytes) -> bytes:
    return quopri.encodestring(raw.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def _base64(raw: bytes) -> bytes:
    return base64.encodebytes(raw).replace(b"\n", b"\r\n")


def attached(attachment: Attachment, content_id: str = "") -> Part:
    """An attachment in base64, 76 columns. With a `content_id` it is an inline picture."""
    if attachment.name.isascii():
        named, titled = f'filename="{attachment.name}"', f'name="{attachment.name}"'
    else:
        named, titled = f"filename*=UTF-8''{quote(attachment.name)}", f'name="{encoded(attachment.name)}"'
    disposition = "inline" if content_id else "attachment"
    headers = [
        f"Content-Type: {attachment.mime_type};\r\n\t{titled}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {disposition};\r\n\t{named};\r\n\tsize={len(attachment.content)}",
    ]
    if content_id:
        headers.append(f"Content-ID: <{content_id}>")
    return Part(tuple(headers), _base64(attachment.content))


def multi(subtype: str, boundary: str, parts: Sequence[Part], parameters: str = "") -> Part:
    """A multipart of the parts, in order."""
    body = bytearray()
    if subtype == "mixed":
        body += b"This is a multi-part message in MIME format.\r\n"
    for part in parts:
        body += f"--{boundary}\r\n".encode() + "\r\n".join(part.headers).encode() + b"\r\n\r\n" + part.body
        if not part.body.endswith(b"\r\n"):
            body += b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return Part((f'Content-Type: multipart/{subtype};{parameters}\r\n\tboundary="{boundary}"',), bytes(body))
