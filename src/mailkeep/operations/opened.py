"""One archived item, opened: what it says, its files, its history, its original bytes.

    mail                         its message, taken apart in a cell; a meeting request has its card as well
    events, contacts, tasks,     a card of what the native form says (`Description`), by whichever provider reads it;
    notes                        without one, of the item's own iCalendar or vCard; else its message

Looking at content is audited with the reason the person gave (SPEC E7): for every item, attachment and original.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import unescape
from urllib.parse import unquote

from mailkeep.catalog import audit, views
from mailkeep.connectors.base import Description
from mailkeep.errors import GiveUp
from mailkeep.mail.cell import Cell
from mailkeep.mail.filenames import safe_name
from mailkeep.mail.forms import Form, content_lines, form_of, unescaped
from mailkeep.mail.items import Kind, NativePart
from mailkeep.mail.parse import Attachment, Parsed, Unparsed
from mailkeep.operations import browse, describing
from mailkeep.operations.archive import repository
from mailkeep.operations.browse import Plain, joined
from mailkeep.operations.reading import Letter, letter

SHOWN_BYTES_MAX = 64 * 1024 * 1024  # a larger message is only offered as its original
INLINE_BYTES_MAX = 8 * 1024 * 1024  # of all images shown inside one body
INLINE_IMAGES_MAX = 50
PHOTO_BYTES_MAX = 1024 * 1024
PROPERTY_MAX = 4000  # characters of one shown
LINES_SHOWN = 200  # of an iCalendar or vCard that nobody describes
PLAIN_MAIL = ("ipm.note", "ipm.post")  # classes whose message says all; others have a card above it

# Where HTML names a part of its message: "cid:…", 'cid:…', =cid:… (RFC 2392; written with percent signs and entities).
_CID = re.compile(r"""(?i)"\s*cid:([^"]{1,998})"|'\s*cid:([^']{1,998})'|=\s*cid:([^\s"'>]{1,998})""")
_TAGS = re.compile(r"<[^<>]*>")
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png", b"GIF8": "image/gif"}
_BODY_LINES = frozenset({"DESCRIPTION", "NOTE"})

# Letters are taken apart in a process that may die; it starts with the first one.
cell = Cell(seconds_max=10)
atexit.register(cell.close)


@dataclass(frozen=True, slots=True)
class HistoryLine:
    time: datetime
    event: str
    folder: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file that can be downloaded: an attachment of the message, or one among the native parts."""

    number: int  # from 1
    name: str  # safe
    size: int
    inside: bool = False  # shown in the body or as the picture: not listed again


@dataclass(frozen=True, slots=True)
class OpenedItem:
    item: Letter
    mailbox: str  # uid
    problem: str  # why its message cannot be shown
    notes: Sequence[str]  # what could not be read of it
    card: Sequence[tuple[str, str]]  # label and text; empty for a plain message
    photo: tuple[str, bytes] | None  # type and bytes
    files: Sequence[FileLine]
    has_body: bool
    is_message: bool  # it has headers to look at
    properties: Sequence[tuple[str, str]]  # of the native form
    history: Sequence[HistoryLine]


@dataclass(frozen=True, slots=True)
class ShownBody:
    """An item's text, and the images inside the item that its HTML names: content id → (type, bytes)."""

    text: str
    html: str | None
    images: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    not_shown: int = 0  # of those images: too many, too large, or not read in time


def open_item(item_id: str, reason: str, actor: str) -> OpenedItem:
    """An item with what it says and its history. GiveUp `item_not_found`."""
    row = views.item(item_id)
    audit.record(actor, "view_content", item_id, reason)
    steps = [HistoryLine(step.time, step.event, joined(step.path), step.flags) for step in views.item_history(item_id)]
    looked = _Look(row)
    parsed = looked.parsed
    return OpenedItem(
        item=letter(row),
        mailbox=item_id.split("-")[0],
        problem=parsed.message if isinstance(parsed, Unparsed) else "",
        notes=parsed.notes if isinstance(parsed, Parsed) else (),
        card=looked.card,
        photo=looked.photo,
        files=[one for one in looked.every_file if not one.inside],
        has_body=looked.has_body,
        is_message=bool(row.content) and looked.form is Form.MESSAGE,
        properties=looked.properties,
        history=steps,
    )


def in_words(item_id: str, reason: str, actor: str) -> Plain:
    """As `browse.item`, and what it says: its card, its text, all properties of its native form. GiveUp `item_not_found`."""
    opened = open_item(item_id, reason, actor)
    text = body(item_id).text if opened.has_body and not opened.problem else ""
    return {
        **browse.item(item_id),
        "says": [{"label": label, "text": said} for label, said in opened.card],
        "text": text,
        "files": [{"number": one.number, "name": one.name, "size": one.size} for one in opened.files],
        "properties": dict(opened.properties),
    }


def body(item_id: str) -> ShownBody:
    """An opened item's text once more, for the response that holds its body. GiveUp `item_not_found`, `not_archived`."""
    looked = _Look(_archived(item_id))
    parsed = looked.parsed
    if isinstance(parsed, Parsed):
        return _of_message(looked, parsed)
    if parsed is not None:
        return ShownBody("", None)
    said = looked.said
    return ShownBody(said.text, said.html or None, looked.pictures(said.html))


def attachment(item_id: str, number: int, reason: str, actor: str) -> tuple[str, bytes]:
    """An attachment's name and bytes. GiveUp `item_not_found`, `attachment_not_found`, `unreadable`."""
    looked = _Look(_archived(item_id))
    found = next((one for one in looked.every_file if one.number == number), None)
    if found is None:
        raise GiveUp("attachment_not_found", f"item {item_id} has no attachment {number}", "open the item again")
    content = looked.file(number)
    if isinstance(content, Unparsed):
        raise GiveUp("unreadable", content.message, "download the original")
    audit.record(actor, "download_attachment", item_id, reason, {"attachment": number})
    return found.name, content


def original(item_id: str, reason: str, actor: str) -> tuple[str, Iterator[bytes]]:
    """The item's bytes exactly as the server gave them, in pieces, and a name that says their form.

    GiveUp `item_not_found`, `not_archived`.
    """
    row = _archived(item_id)
    audit.record(actor, "download_original", item_id, reason)
    pieces = repository().stream(row.content)
    first = next(pieces, b"")
    return f"{item_id}.{form_of(first, Kind(row.kind)).value}", _chained(first, pieces)


def header_block(item_id: str, reason: str, actor: str) -> tuple[Letter, str]:
    """The item and its headers as they stand in the message. GiveUp `item_not_found`, `not_archived`."""
    row = _archived(item_id)
    audit.record(actor, "view_headers", item_id, reason)
    start = b""
    for piece in repository().stream(row.content):
        start += piece
        if b"\r\n\r\n" in start or b"\n\n" in start or len(start) > 1_000_000:
            break
    ends = [end for end in (start.find(b"\r\n\r\n"), start.find(b"\n\n")) if end >= 0]
    return letter(row), start[: min(ends, default=len(start))].decode("utf-8", "replace")


class _Look:
    """An item's bytes and native form, read when they are asked for, once."""

    def __init__(self, row: views.ItemRow) -> None:
        self._row = row
        self._kind = Kind(row.kind)

    @cached_property
    def _content(self) -> bytes:
        return repository().read(self._row.content) if self._row.content else b""

    @cached_property
    def form(self) -> Form:
        return form_of(self._content, self._kind)

    @cached_property
    def _parts(self) -> tuple[NativePart, ...]:
        """All of them where they are of ordinary size, else without the large ones."""
        native = self._row.native
        whole = sum(part.size for part in native) <= SHOWN_BYTES_MAX
        wanted = [part for part in native if whole or part.size <= PHOTO_BYTES_MAX]
        return tuple(NativePart(part.name, repository().read(part.blob)) for part in wanted)

    @cached_property
    def _described(self) -> Description | None:
        return describing.described(self._parts) if self._parts else None

    @cached_property
    def said(self) -> Description:
        """What stands on the card: what the native form says, else the item's own lines."""
        if self._described is not None:
            return self._described
        return _of_lines(self._content) if self.form in (Form.CALENDAR, Form.CARD) else Description()

    @cached_property
    def parsed(self) -> Parsed | Unparsed | None:
        """The message, where the item is read as one."""
        if not self._row.content:
            return None
        if self._row.size > SHOWN_BYTES_MAX:
            return Unparsed("too_large", f"it is larger than {SHOWN_BYTES_MAX >> 20} MiB")
        reads = self._kind is Kind.MAIL or self._described is None
        return cell.parse(self._content) if reads and self.form is Form.MESSAGE else None

    @property
    def card(self) -> Sequence[tuple[str, str]]:
        plain = any(
            self._row.message_class.lower() == one or self._row.message_class.lower().startswith(f"{one}.")
            for one in PLAIN_MAIL
        )
        return () if self.parsed is not None and (plain or not self._row.native) else self.said.rows

    @property
    def every_file(self) -> list[FileLine]:
        """Of the message, else of the native form."""
        if isinstance(self.parsed, Parsed):
            return [FileLine(one.number, one.name, one.size, one.inline) for one in self.parsed.attachments]
        named = set(_named(self.said.html))
        return [
            FileLine(
                number=number,
                name=safe_name(one.name, f"attachment-{number}"),
                size=one.size,
                inside=one.part == self.said.photo or one.content_id in named,
            )
            for number, one in enumerate(self.said.files, 1)
        ]

    def file(self, number: int) -> bytes | Unparsed:
        if isinstance(self.parsed, Parsed):
            return cell.attachment(self._content, number)
        part = self.said.files[number - 1].part
        for one in self._row.native:
            if one.name == part:
                return repository().read(one.blob)
        return Unparsed("not_archived", "the server did not give this file")

    def inside(self, numbers: Sequence[int]) -> list[bytes] | Unparsed:
        """Attachments of the message, by number."""
        return cell.attachments(self._content, numbers)

    @property
    def photo(self) -> tuple[str, bytes] | None:
        content = next((bytes(part.content) for part in self._parts if part.name == self.said.photo), b"")
        kind = _picture_type(content)
        return (kind, content) if kind and len(content) <= PHOTO_BYTES_MAX else None

    def pictures(self, html: str) -> dict[str, tuple[str, bytes]]:
        """The pictures among the native parts that the HTML names."""
        named, held = set(_named(html)), {part.name: bytes(part.content) for part in self._parts}
        found = [
            (one.content_id, _picture_type(held[one.part]), held[one.part])
            for one in self.said.files
            if one.content_id in named and one.part in held
        ]
        pictures = [one for one in found if one[1]]
        shown = _fitting([len(content) for _, _, content in pictures])
        return {pictures[place][0]: pictures[place][1:] for place in shown}

    @property
    def has_body(self) -> bool:
        if self.parsed is not None or self.said.text.strip():
            return True
        return "<img" in self.said.html.lower() or bool(_TAGS.sub("", self.said.html).strip())

    @property
    def properties(self) -> list[tuple[str, str]]:
        found = describing.properties(self._parts) if self._parts else {}
        return [(name, _cut(value)) for name, value in sorted(found.items())]


def _of_message(looked: _Look, parsed: Parsed) -> ShownBody:
    wanted = _inline_images(parsed)
    taken = [wanted[place] for place in _fitting([one.size for one in wanted])]
    found = looked.inside([one.number for one in taken]) if taken else []
    if isinstance(found, Unparsed):
        return ShownBody(parsed.text, parsed.html, {}, len(wanted))
    images = {one.content_id: (one.content_type, held) for one, held in zip(taken, found, strict=True)}
    return ShownBody(parsed.text, parsed.html, images, len(wanted) - len(taken))


def _inline_images(parsed: Parsed) -> list[Attachment]:
    """The images inside the message that its HTML really names, in the HTML's order."""
    inside = {one.content_id: one for one in parsed.attachments if one.inline and one.content_type.startswith("image/")}
    return [inside[content_id] for content_id in _named(parsed.html or "") if content_id in inside]


def _named(html: str) -> list[str]:
    """The content ids that the HTML names, each once."""
    named = (unquote(unescape("".join(found))).strip("<>") for found in _CID.findall(html))
    return list(dict.fromkeys(named))


def _fitting(sizes: Sequence[int]) -> list[int]:
    """Which of the images are shown, by place: so many, of so many bytes together."""
    taken: list[int] = []
    total = 0
    for place, size in enumerate(sizes):
        if len(taken) < INLINE_IMAGES_MAX and total + size <= INLINE_BYTES_MAX:
            taken.append(place)
            total += size
    return taken


def _picture_type(content: bytes) -> str:
    """By its first bytes, "" for what is no picture that is shown (an SVG can hold anything)."""
    return next((kind for start, kind in _PICTURES.items() if content.startswith(start)), "")


def _of_lines(content: bytes) -> Description:
    """A card of an iCalendar or vCard that no provider describes."""
    rows: list[tuple[str, str]] = []
    text = ""
    for line in content_lines(content):
        if "VTIMEZONE" in line.component or not line.component:
            continue
        if line.name in _BODY_LINES and len(line.component) <= 2 and not text:
            text = unescaped(line.value)
        elif line.name != "PHOTO" and len(rows) < LINES_SHOWN:
            rows.append((line.name, _cut(unescaped(line.value))))
    return Description(tuple(rows), text)


def _cut(value: str) -> str:
    return value if len(value) <= PROPERTY_MAX else f"{value[:PROPERTY_MAX]}…"


def _chained(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _archived(item_id: str) -> views.ItemRow:
    row = views.item(item_id)
    if not row.content:
        raise GiveUp(
            "not_archived",
            f"this item was left out: {row.detail or row.left_out}",
            "widen the task's options to archive it",
        )
    return row
