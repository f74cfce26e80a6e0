"""Reading an archived mailbox in the console: its folders and letters at a moment, and one item with its parts.

Looking at content is audited with the reason the person gave (SPEC E7): once when the mailbox is opened, and for every item,
attachment and original.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from urllib.parse import unquote

from mailkeep.catalog import audit, views
from mailkeep.catalog.models import Entry, Mailbox
from mailkeep.errors import GiveUp
from mailkeep.mail.cell import Cell
from mailkeep.mail.parse import Attachment, Parsed, Unparsed
from mailkeep.operations.archive import repository
from mailkeep.operations.browse import joined
from mailkeep.operations.mailboxes import find

DEPTH_MAX = 4  # deeper folders are shown at this depth; their title names the whole path
SHOWN_BYTES_MAX = 64 * 1024 * 1024  # a larger message is only offered as its original
INLINE_BYTES_MAX = 8 * 1024 * 1024  # of all images shown inside one body
INLINE_IMAGES_MAX = 50
LEFT_OUT_SHOWN = 500

# Where HTML names a part of its message: "cid:…", 'cid:…', =cid:… (RFC 2392; written with percent signs and entities).
_CID = re.compile(r"""(?i)"\s*cid:([^"]{1,998})"|'\s*cid:([^']{1,998})'|=\s*cid:([^\s"'>]{1,998})""")

# Letters are taken apart in a process that may die; it starts with the first one.
cell = Cell(seconds_max=10)
atexit.register(cell.close)


@dataclass(frozen=True, slots=True)
class FolderLine:
    number: int
    name: str
    path: str
    depth: int
    role: str
    items: int


@dataclass(frozen=True, slots=True)
class Letter:
    """An item in the list, or opened."""

    id: str
    subject: str
    sender: str
    recipients: str
    time: datetime
    received: datetime
    size: int
    flags: tuple[str, ...]
    folder: str
    folder_number: int
    message_class: str
    sha256: str
    left_out: str
    detail: str

    @property
    def unread(self) -> bool:
        return self.message_class.lower().startswith("ipm.note") and "seen" not in self.flags

    @property
    def flagged(self) -> bool:
        return "flagged" in self.flags


@dataclass(frozen=True, slots=True)
class ContentsPage:
    moment: views.Moment
    as_of: datetime | None
    folders: Sequence[FolderLine]
    folder: int | None
    items: Sequence[Letter]
    items_total: int
    after: str  # for the following page; "" where this was the last
    first_shown: bool  # False on the first page
    earlier: datetime | None  # the completed runs beside the one shown
    later: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    time: datetime
    event: str
    folder: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenedItem:
    item: Letter
    mailbox: str  # uid
    parsed: Parsed | Unparsed | None  # None: the item was left out and has no content
    history: Sequence[HistoryLine]


@dataclass(frozen=True, slots=True)
class ShownBody:
    """A message's text, and the images inside the message that its HTML names: content id → (type, bytes)."""

    parsed: Parsed | Unparsed
    images: Mapping[str, tuple[str, bytes]]
    not_shown: int  # of those images: too many, too large, or not read in time


@dataclass(frozen=True, slots=True)
class LeftOutLine:
    id: str
    folder: str
    reason: str
    detail: str
    subject: str
    time: datetime


def contents(
    uid: str, *, as_of: datetime | None = None, archive: bool = False, folder: int | None = None, after: str = ""
) -> ContentsPage:
    """Folders and a page of letters of a mailbox: live, as of a time, or everything that was ever there.

    GiveUp `no_such_mailbox`, `bad_page`.
    """
    mailbox = find(uid)
    at = views.everything(mailbox) if archive else views.moment(mailbox, as_of)
    rows = views.folders(mailbox, at)
    page = views.page(mailbox, at, folder, after=_place(after) if after else None)
    earlier, later = _neighbours(mailbox, at)
    return ContentsPage(
        moment=at,
        as_of=as_of,
        folders=_tree(rows),
        folder=folder,
        items=[_letter(row) for row in page.items],
        items_total=sum(row.items for row in rows),
        after=f"{page.next[0].isoformat()}_{page.next[1]}" if page.next else "",
        first_shown=bool(after),
        earlier=earlier,
        later=later,
    )


def left_out(uid: str) -> tuple[Sequence[LeftOutLine], bool]:
    """The first of what was left out, and whether there is more. GiveUp `no_such_mailbox`."""
    rows: list[LeftOutLine] = []
    for row in views.left_out(find(uid)):
        if len(rows) == LEFT_OUT_SHOWN:
            return rows, True
        rows.append(LeftOutLine(row.id, joined(row.folder), row.reason, row.detail, row.subject, row.time))
    return rows, False


def open_mailbox(uid: str, reason: str, actor: str) -> None:
    """A person says why they look into this mailbox. GiveUp `bad_reason`, `no_such_mailbox`."""
    if not reason.strip():
        raise GiveUp("bad_reason", "say why you open this mailbox", "one sentence is enough")
    audit.record(actor, "open_mailbox", find(uid).address, reason.strip())


def open_item(item_id: str, reason: str, actor: str) -> OpenedItem:
    """An item with its parts and its history. GiveUp `item_not_found`."""
    row = views.item(item_id)
    audit.record(actor, "view_content", item_id, reason)
    steps = [HistoryLine(step.time, step.event, joined(step.path), step.flags) for step in views.item_history(item_id)]
    return OpenedItem(_letter(row), item_id.split("-")[0], _parsed(row) if row.content else None, steps)


def body(item_id: str) -> ShownBody:
    """An opened item's text once more, for the response that holds its body. GiveUp `item_not_found`, `not_archived`."""
    row = _archived(item_id)
    parsed = _parsed(row)
    wanted = _inline_images(parsed) if isinstance(parsed, Parsed) else []
    taken: list[Attachment] = []
    for one in wanted:
        if len(taken) < INLINE_IMAGES_MAX and one.size + sum(held.size for held in taken) <= INLINE_BYTES_MAX:
            taken.append(one)
    found = cell.attachments(repository().read(row.content), [one.number for one in taken]) if taken else []
    if isinstance(found, Unparsed):
        return ShownBody(parsed, {}, len(wanted))
    images = {one.content_id: (one.content_type, held) for one, held in zip(taken, found, strict=True)}
    return ShownBody(parsed, images, len(wanted) - len(taken))


def _inline_images(parsed: Parsed) -> list[Attachment]:
    """The images inside the message that its HTML really names, in the HTML's order."""
    inside = {one.content_id: one for one in parsed.attachments if one.inline and one.content_type.startswith("image/")}
    named = (unquote(unescape("".join(found))).strip("<>") for found in _CID.findall(parsed.html or ""))
    return [inside[content_id] for content_id in dict.fromkeys(named) if content_id in inside]


def attachment(item_id: str, number: int, reason: str, actor: str) -> tuple[str, bytes]:
    """An attachment's name and bytes. GiveUp `item_not_found`, `attachment_not_found`, `unreadable`."""
    row = _archived(item_id)
    parsed = _parsed(row)
    found = [one for one in parsed.attachments if one.number == number] if isinstance(parsed, Parsed) else []
    if not found:
        raise GiveUp("attachment_not_found", f"item {item_id} has no attachment {number}", "open the item again")
    content = cell.attachment(repository().read(row.content), number)
    if isinstance(content, Unparsed):
        raise GiveUp("unreadable", content.message, "download the original")
    audit.record(actor, "download_attachment", item_id, reason, {"attachment": number})
    return found[0].name, content


def original(item_id: str, reason: str, actor: str) -> Iterator[bytes]:
    """The item's bytes exactly as the server gave them, in pieces. GiveUp `item_not_found`, `not_archived`."""
    row = _archived(item_id)
    audit.record(actor, "download_original", item_id, reason)
    return repository().stream(row.content)


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
    return _letter(row), start[: min(ends, default=len(start))].decode("utf-8", "replace")


def _archived(item_id: str) -> views.ItemRow:
    row = views.item(item_id)
    if not row.content:
        raise GiveUp(
            "not_archived",
            f"this item was left out: {row.detail or row.left_out}",
            "widen the task's options to archive it",
        )
    return row


def _parsed(row: views.ItemRow) -> Parsed | Unparsed:
    if row.size > SHOWN_BYTES_MAX:
        return Unparsed("too_large", f"it is larger than {SHOWN_BYTES_MAX >> 20} MiB")
    return cell.parse(repository().read(row.content))


def _letter(row: views.ItemRow) -> Letter:
    return Letter(
        id=row.id,
        subject=row.subject,
        sender=row.sender,
        recipients=row.recipients,
        time=row.time,
        received=row.received,
        size=row.size,
        flags=row.flags,
        folder=joined(row.path),
        folder_number=row.folder,
        message_class=row.message_class,
        sha256=row.sha256,
        left_out=row.left_out,
        detail=row.detail,
    )


def _tree(rows: Sequence[views.FolderRow]) -> list[FolderLine]:
    """Inbox first, then by path, children under their parents."""
    roles = {row.path[0]: row.role for row in rows if len(row.path) == 1}
    ordered = sorted(rows, key=lambda row: (roles.get(row.path[0]) != "inbox", [name.casefold() for name in row.path]))
    return [
        FolderLine(row.id, row.path[-1], joined(row.path), min(len(row.path) - 1, DEPTH_MAX), row.role, row.items)
        for row in ordered
        if row.path
    ]


def _neighbours(mailbox: Mailbox, at: views.Moment) -> tuple[datetime | None, datetime | None]:
    """The times of the completed runs just before and just after the moment."""
    complete = Entry.objects.filter(mailbox=mailbox, complete=True)
    earlier = complete.filter(number__lt=at.number).order_by("-number").first()
    later = complete.filter(number__gt=at.number).order_by("number").first()
    return (earlier.time if earlier else None), (later.time if later else None)


def _place(text: str) -> tuple[datetime, int]:
    """The keyset `after` of a page: time and number of the last item of the one before."""
    time, _, number = text.rpartition("_")
    try:
        found = datetime.fromisoformat(time)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)), int(number)
    except ValueError:
        raise GiveUp("bad_page", "this page does not exist", "go back to the newest items") from None
