"""Looking into a mailbox as of any moment (SPEC E2): folders, items, one item, its bytes; what was left out; the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailkeep.catalog import audit, views
from mailkeep.catalog.models import Mailbox
from mailkeep.errors import GiveUp
from mailkeep.operations.archive import repository
from mailkeep.operations.mailboxes import find


@dataclass(frozen=True, slots=True)
class FolderRow:
    id: int
    path: str
    role: str
    kind: str
    items: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Rows, and in `words` which run of the mailbox they show."""

    words: str
    rows: Iterable[Any]


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    folder: str
    reason: str
    detail: str
    subject: str
    time: datetime


@dataclass(frozen=True, slots=True)
class LedgerRow:
    folder: str
    server: int
    archived: int
    left_out: Mapping[str, int]
    pending: int


Plain = dict[str, Any]  # an item under the keys of the machine interface, two of which no dataclass could have


def joined(path: Sequence[str]) -> str:
    """A folder's path as one string: names parted by `/`, a slash inside a name written `\\/`."""
    return "/".join(name.replace("\\", "\\\\").replace("/", "\\/") for name in path)


def parted(text: str) -> tuple[str, ...]:
    """The inverse of `joined`."""
    names, name, escaped = [], "", False
    for letter in text:
        if escaped or letter not in "\\/":
            name, escaped = name + letter, False
        elif letter == "\\":
            escaped = True
        else:
            names.append(name)
            name = ""
    return (*names, name)


def folders(name: str, as_of: datetime | None = None) -> Shown:
    mailbox = find(name)
    at = views.moment(mailbox, as_of)
    rows = [FolderRow(row.id, joined(row.path), row.role, row.kind, row.items) for row in views.folders(mailbox, at)]
    return Shown(said(at), rows)


def items(name: str, as_of: datetime | None = None, folder: str | None = None) -> Shown:
    """Streams, newest first."""
    mailbox = find(name)
    at = views.moment(mailbox, as_of)
    number = None if folder is None else folder_number(mailbox, at, folder)
    return Shown(said(at), (_plain(row) for row in views.items(mailbox, at, number)))


def item(item_id: str) -> Plain:
    """One item in its last form, with everything that happened to it."""
    steps = [
        {"time": step.time, "event": step.event, "folder": joined(step.path), "flags": step.flags}
        for step in views.item_history(item_id)
    ]
    row = views.item(item_id)
    return {**_plain(row), "to": row.recipients, "message_id": row.message_id, "history": steps}


def content(item_id: str, reason: str, actor: str) -> Iterator[bytes]:
    """An item's bytes exactly as the server gave them, in pieces; looking into mail is audited (SPEC E7)."""
    row = views.item(item_id)
    if not row.content:
        raise GiveUp(
            "not_archived", f"item {item_id} was left out: {row.detail or row.left_out}", "see: mailkeep left-out"
        )
    audit.record(actor, "view_content", item_id, reason)
    return repository().stream(row.content)


def left_out(name: str) -> Iterator[LeftOutRow]:
    for row in views.left_out(find(name)):
        yield LeftOutRow(joined(row.folder), row.reason, row.detail, row.subject, row.time)


def ledger(name: str) -> list[LedgerRow]:
    rows = views.ledger(find(name))
    return [LedgerRow(joined(one.folder), one.server, one.archived, one.left_out, one.pending) for one in rows]


def folder_number(mailbox: Mailbox, at: views.Moment, text: str) -> int:
    """The folder of that path at the moment. GiveUp `folder_not_found`, naming those there are."""
    rows = views.folders(mailbox, at)
    wanted = parted(text)
    for row in rows:
        if row.path == wanted or (
            len(wanted) == 1 == len(row.path) and row.path[0].lower() == "inbox" == wanted[0].lower()
        ):
            return row.id
    some = ", ".join(joined(row.path) for row in rows[:12])
    raise GiveUp("folder_not_found", f"{mailbox.address} has no folder {text} at that moment", f"there are: {some}")


def said(at: views.Moment) -> str:
    """Which run a view shows, in words."""
    if at.time is None:
        return "Nothing of this mailbox had been archived at that moment."
    when = at.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return (
        f"As of the synchronisation that ended {when}."
        if at.complete
        else f"As far as the first synchronisation had come at {when}."
    )


def _plain(row: views.ItemRow) -> Plain:
    return {
        "id": row.id,
        "folder": joined(row.path),
        "kind": row.kind,
        "class": row.message_class,
        "subject": row.subject,
        "from": row.sender,
        "time": row.time,
        "size": row.size,
        "flags": row.flags,
        "sha256": row.sha256,
        "since": row.since_time,
        "until": row.until_time,
    }
