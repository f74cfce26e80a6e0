"""Reading an archived mailbox in the console: its folders and items at a moment. One item is `opened`.

Looking into a mailbox is audited with the reason the person gave (SPEC E7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailkeep.catalog import audit, views
from mailkeep.catalog.models import Entry, Mailbox
from mailkeep.errors import GiveUp
from mailkeep.mail.items import SECTION_NAMES, Kind, Section
from mailkeep.operations.browse import joined
from mailkeep.operations.mailboxes import find

DEPTH_MAX = 4  # deeper folders are shown at this depth; their title names the whole path
LEFT_OUT_SHOWN = 500


@dataclass(frozen=True, slots=True)
class FolderLine:
    number: int  # 0: the name of a section of the mailbox, no folder
    name: str
    path: str
    depth: int
    role: str
    kind: Kind
    items: int


@dataclass(frozen=True, slots=True)
class Letter:
    """An item in the list, or opened."""

    id: str
    kind: Kind
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
        return self.kind is Kind.MAIL and "seen" not in self.flags

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
        items=[letter(row) for row in page.items],
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


def letter(row: views.ItemRow) -> Letter:
    return Letter(
        id=row.id,
        kind=Kind(row.kind),
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
    """Inbox first, then by path, children under their parents; the other sections last, each below its name."""
    roles = {row.path[0]: row.role for row in rows if len(row.path) == 1}

    def place(row: views.FolderRow) -> tuple[object, ...]:
        section = list(Section).index(Section(row.section))
        return section, roles.get(row.path[0]) != "inbox", [name.casefold() for name in row.path]

    lines: list[FolderLine] = []
    begun = {Section.PRIMARY}
    for row in sorted(rows, key=place):
        section = Section(row.section)
        if section not in begun:
            begun.add(section)
            name = SECTION_NAMES[section]
            lines.append(FolderLine(0, name, name, 0, "", Kind.MAIL, 0))
        if row.path:
            lines.append(_folder_line(row))
    return lines


def _folder_line(row: views.FolderRow) -> FolderLine:
    return FolderLine(
        number=row.id,
        name=row.path[-1],
        path=joined(row.path),
        depth=min(len(row.path) - 1, DEPTH_MAX),
        role=row.role,
        kind=Kind(row.kind),
        items=row.items,
    )


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
