"""Bytes of a message → what a view shows: headers, people, text, HTML, attachments.

Pure: `parse` never raises on any bytes and keeps its own limits, yet hostile mail may still cost more time or memory than it
should. Whoever reads mail of strangers asks a `mail.cell`, which runs this in a capped process that may die.

The bytes are the truth and are stored before anybody parses them: what goes wrong here is a note on a view, never a lost item.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from mailkeep.mail import headers
from mailkeep.mail.addresses import Address, addresses
from mailkeep.mail.body import Body, body_of
from mailkeep.mail.filenames import extension, safe_name
from mailkeep.mail.parts import Part, Tree, leaves, tree

HEADER_MAX = 20_000  # characters of one header that a view shows
ADDRESSES_MAX = 1_000
CONTENT_MAX = 100 << 20  # bytes of a message whose parts are read: a larger one shows headers and is downloaded whole


class Attachment(msgspec.Struct, frozen=True):
    """A part that is not the body. Its bytes come from `attachment(content, number)`."""

    number: int
    name: str  # safe to offer as a file name
    content_type: str
    size: int  # bytes, decoded
    content_id: str = ""  # without < >
    inline: bool = False  # a resource that the HTML names by `cid:`
    is_message: bool = False  # can be parsed in turn


class Parsed(msgspec.Struct, frozen=True):
    """What a view shows. Text is free of lone surrogates; control and direction characters are kept."""

    subject: str
    sender: tuple[Address, ...]  # From, all of it
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    date: datetime | None  # of the Date header, in UTC
    message_id: str
    headers: tuple[tuple[str, str], ...]  # decoded, in order
    text: str  # the plain text; "" where there is only HTML
    html: str | None  # not cleaned: that is the view's first duty
    attachments: tuple[Attachment, ...]
    notes: tuple[str, ...] = ()  # what could not be read, in sentences


class Unparsed(msgspec.Struct, frozen=True):
    """The message could not be read within its limits. Its bytes are there, whole."""

    reason: str  # "too_long" (seconds), "too_large" (memory), "crashed"
    message: str


def parse(content: bytes) -> Parsed:
    """The message. Never raises; `notes` says what could not be read."""
    block, body = headers.split(content)
    found = headers.fields(block)
    read = _tree(_content_headers(found, block) + body) if len(content) <= CONTENT_MAX else _outline()
    shown = body_of(read.root)
    return Parsed(
        subject=_text(found, "subject"),
        sender=_people(found, "from"),
        to=_people(found, "to"),
        cc=_people(found, "cc"),
        bcc=_people(found, "bcc"),
        reply_to=_people(found, "reply-to"),
        date=_date(found),
        message_id=_text(found, "message-id"),
        headers=tuple((field.name, _cut(field.text)) for field in found),
        text="\n".join(shown.plain),
        html="\n".join(shown.html) if shown.has_html else None,
        attachments=tuple(_attachment(number, part, shown) for number, part in _attached(read.root, shown)),
        notes=_notes(read, shown, found),
    )


def attachment(content: bytes, number: int) -> bytes:
    """The decoded bytes of an attachment. Raises KeyError for a number that `parse` did not list."""
    return attachments(content, [number])[0]


def attachments(content: bytes, numbers: Sequence[int]) -> list[bytes]:
    """As `attachment`, for several at once: the message is taken apart once."""
    block, body = headers.split(content)
    read = _tree(_content_headers(headers.fields(block), block) + body)
    parts = dict(_attached(read.root, body_of(read.root)))
    return [parts[number].load() for number in numbers]


def _tree(content: bytes) -> Tree:
    try:
        return tree(content)
    except (RecursionError, MemoryError):
        return _outline("its parts are nested too deep to be read")


def _outline(note: str = "too large to be shown: download the whole message") -> Tree:
    return Tree(Part("application/octet-stream", "", "", "", "", lambda: b""), [note])


def _content_headers(found: Sequence[headers.Field], block: bytes) -> bytes:
    """The header that the MIME parsers get. All but Content-* is dropped from a long one: it costs them minutes, us nothing."""
    if len(block) < 65_536:
        return block
    kept = [b"%b: %b\r\n" % (f.name.encode(), f.raw) for f in found if f.name.lower().startswith("content-")]
    return b"".join(kept[:50]) + b"\r\n"


def _attached(root: Part, shown: Body) -> list[tuple[int, Part]]:
    body = {id(part) for part in shown.used}
    parts = [part for part in leaves(root) if id(part) not in body]
    if root.content_type == "application/octet-stream" and not root.load():
        return []  # an outline, or a message that is nothing
    return list(enumerate(parts, 1))


def _attachment(number: int, part: Part, shown: Body) -> Attachment:
    return Attachment(
        number=number,
        name=safe_name(part.filename, f"attachment-{number}{extension(part.content_type)}"),
        content_type=part.content_type,
        size=len(part.load()),
        content_id=part.content_id,
        inline=any(part is related for related in shown.related),
        is_message=part.is_message,
    )


def _text(found: Sequence[headers.Field], name: str) -> str:
    field = headers.first(found, name)
    return _cut(field.text) if field else ""


def _cut(text: str) -> str:
    return text if len(text) <= HEADER_MAX else f"{text[:HEADER_MAX]}…"


def _people(found: Sequence[headers.Field], name: str) -> tuple[Address, ...]:
    raw = b", ".join(field.raw for field in found if field.name.lower() == name)
    return addresses(raw[: 1 << 20])[:ADDRESSES_MAX]


def _date(found: Sequence[headers.Field]) -> datetime | None:
    field = headers.first(found, "date")
    if field is None or len(field.raw) > 200:
        return None
    try:
        date = parsedate_to_datetime(field.text)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _notes(read: Tree, shown: Body, found: Sequence[headers.Field]) -> tuple[str, ...]:
    notes = list(read.notes)
    if shown.cut:
        notes.append("the text is cut: download the message to read all of it")
    if len(found) == headers.FIELDS_MAX:
        notes.append("too many headers: the rest is not listed")
    if sum(len(field.raw) for field in found if field.name.lower() in ("to", "cc", "bcc")) > 64 * ADDRESSES_MAX:
        notes.append(f"at most {ADDRESSES_MAX} recipients of each header are listed")
    return tuple(notes)
