"""What recovery needs from the floors above: the archived items of a moment, and a journal that survives a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailkeep.archive.events import NativeBlob
from mailkeep.mail.items import Folder, Kind, NativePart


@dataclass(frozen=True, slots=True)
class SourceItem:
    """An archived item as it was at the chosen moment."""

    number: int  # names it within its mailbox, for ever
    folder: tuple[str, ...]
    kind: Kind
    size: int  # bytes
    received: datetime
    flags: frozenset[str]
    sha256: bytes  # 32 bytes, of the content; empty for an item that was left out
    subject: str = ""
    message_id: str = ""
    left_out: str = ""  # the reason; such an item has no content to give
    message_class: str = ""
    native: tuple[NativeBlob, ...] = ()  # the connector's native form beside the content; `Source.parts` reads it
    time: datetime = field(kw_only=True)  # the item's own, of SPEC A10: received, sent, start, last modified


class Source(Protocol):
    """A mailbox at one moment, or the part of it that was selected."""

    def folders(self) -> list[Folder]:
        """Parents before children; empty ones too. Their paths are whole: another section's begins with its name."""
        ...

    def items(self, folder: Folder) -> Iterator[SourceItem]:
        """The folder's items by ascending number, streamed; the same ones in the same order each time."""
        ...

    def content(self, item: SourceItem) -> bytes:
        """The bytes as the server gave them, checked. Raises `Damaged` or `NotFound`, both `MailkeepError`."""
        ...

    def parts(self, item: SourceItem) -> tuple[NativePart, ...]:
        """The native form beside them, as it was fetched; empty where there is none. Checked, and raises, as `content`."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """What a read-back found.

    "item": it was not there; "bytes": their SHA-256; "flags", "received", else a property of the native form, or a decoded one.
    """

    property: str
    was: str
    is_: str


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a restore in its journal.

    intended → created → verified | differs → undone | kept        undone → intended, when the restore is asked for again
    """

    item: int
    folder: tuple[str, ...]  # in the target
    sha256: bytes  # of the archived content
    created_id: str = ""  # "" while intended, and where the server does not say (no UIDPLUS)
    state: str = "intended"
    stored_sha256: bytes = b""  # of what the server gave back, where that is something else
    differences: tuple[Difference, ...] = field(default=())
    version: str = ""  # `ItemRef.version` as read back: while it holds, nobody has changed the item


class Journal(Protocol):
    """The lines of one restore. Every call is durable when it returns."""

    def lines(self) -> Iterator[Line]:
        """All of them, by ascending item."""
        ...

    def intend(self, lines: Sequence[Line]) -> None:
        """New lines, or repeated ones of an interrupted attempt: a line that is there stays as it is."""
        ...

    def update(self, lines: Sequence[Line]) -> None:
        """The lines of these items are these from now on."""
        ...


Earlier = Callable[[Sequence[SourceItem]], Iterable[Line]]
"""What earlier restores, of the same archived mailbox into the same target, made of these items and nobody has undone."""
