"""An item as views show it, and the SQL that reads one: which row of an item a moment shows, and with which flags."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailkeep.archive.entries import from_microseconds
from mailkeep.archive.events import NativeBlob
from mailkeep.catalog.copying import microseconds, native_parts
from mailkeep.catalog.models import Mailbox
from mailkeep.catalog.moments import Moment
from mailkeep.errors import GiveUp

_PUBLIC_ID = re.compile(r"([0-9a-f]{32})-([0-9]{1,18})")

# The row that holds at entry %(at)s; what was left out is not shown, only counted and listed on its own.
AT_MOMENT = "i.left_out = '' AND i.since <= %(at)s AND (i.until IS NULL OR i.until > %(at)s)"
# Each item's last archived row, gone or not. An item whose newest version was left out keeps its last archived one.
EVER = """
    i.left_out = '' AND i.since <= %(at)s AND NOT EXISTS (
        SELECT 1 FROM catalog_item j WHERE j.mailbox_id = i.mailbox_id AND j.number = i.number
            AND j.since > i.since AND j.since <= %(at)s AND j.left_out = ''
    )
"""
COLUMNS = f"""
    i.number, i.folder, i.kind, i.message_class, i.subject, i.sender, i.recipients,
    {microseconds("i.time")}, {microseconds("i.received")}, i.size,
    coalesce((
        SELECT f.flags FROM catalog_flagging f
        WHERE f.mailbox_id = i.mailbox_id AND f.item = i.number AND f.since > i.since AND f.since <= %(at)s
            AND (i.until IS NULL OR f.since < i.until)
        ORDER BY f.since DESC LIMIT 1
    ), i.flags) AS flags,
    i.content, i.sha256, i.message_id, i.since, i.until, i.left_out, i.detail, i.native,
    (SELECT {microseconds("e.time")} FROM catalog_entry e WHERE e.mailbox_id = i.mailbox_id AND e.number = i.since),
    (SELECT {microseconds("e.time")} FROM catalog_entry e WHERE e.mailbox_id = i.mailbox_id AND e.number = i.until)
"""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item at one moment. `since` and `until` are the stretch in which its content and place were these."""

    id: str  # public: mailbox and number
    number: int
    folder: int
    path: tuple[str, ...]  # the folder's, at that moment
    kind: str
    message_class: str
    subject: str
    sender: str
    recipients: str
    time: datetime
    received: datetime
    size: int
    flags: tuple[str, ...]
    content: bytes  # blob id; empty where it was left out
    sha256: str  # hex, of the content as the server gave it
    message_id: str
    since: int
    until: int | None  # None: live at the head
    left_out: str
    detail: str
    since_time: datetime
    until_time: datetime | None
    native: tuple[NativeBlob, ...] = ()  # the native form beside the content, part by part


def item_row(mailbox: Mailbox, paths: Mapping[int, tuple[str, ...]], row: Any) -> ItemRow:
    number, folder, kind, message_class, subject, sender, recipients, time, received, size, *rest = row
    flags, content, sha256, message_id, since, until, left_out, detail, native, since_time, until_time = rest
    return ItemRow(
        id=public_id(mailbox, number),
        number=number,
        folder=folder,
        path=paths.get(folder, ()),
        kind=kind,
        message_class=message_class,
        subject=subject,
        sender=sender,
        recipients=recipients,
        time=from_microseconds(time),
        received=from_microseconds(received),
        size=size,
        flags=tuple(sorted(flags)),
        content=bytes(content),
        sha256=bytes(sha256).hex(),
        message_id=message_id,
        since=since,
        until=until,
        left_out=left_out,
        detail=detail,
        since_time=from_microseconds(since_time),
        until_time=None if until_time is None else from_microseconds(until_time),
        native=native_parts(native),
    )


def shown(moment: Moment) -> str:
    """The condition on `i` under which a row is what the moment shows; takes `%(at)s`."""
    return EVER if moment.archive else AT_MOMENT


def public_id(mailbox: Mailbox, number: int) -> str:
    return f"{mailbox.uid.hex}-{number}"


def parse_public_id(text: str) -> tuple[Mailbox, int]:
    """The mailbox and the item's number. GiveUp `item_not_found`."""
    match = _PUBLIC_ID.fullmatch(text)
    mailbox = Mailbox.objects.filter(uid=uuid.UUID(match[1])).first() if match else None
    if match is None or mailbox is None:
        raise no_such_item(text)
    return mailbox, int(match[2])


def no_such_item(text: str) -> GiveUp:
    return GiveUp(
        "item_not_found", f"there is no item {text}", "ids are in the first column of: mailkeep items MAILBOX"
    )
