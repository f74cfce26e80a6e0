"""Frozen nouns: what a server's mailbox holds, as every floor above speaks of it.

    Mailbox ── Folder ── Item        a Folder has one Kind; an Item has its own, which its message class decides
                          └─ Ref     what a listing tells of an item, never a body

Times are timezone-aware UTC datetimes. Flags are lower-case words without a backslash: `seen answered flagged deleted draft`
and a server's own keywords as they come (`$forwarded`, `work`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The five kinds of item (and what a folder is for)."""

    MAIL = "mail"
    EVENT = "event"
    CONTACT = "contact"
    TASK = "task"
    NOTE = "note"


class Sensitivity(StrEnum):
    """Outlook's four; RFC 4021 `Sensitivity:` calls the last `Company-Confidential`."""

    NORMAL = "normal"
    PERSONAL = "personal"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class Role(StrEnum):
    """A folder's purpose, whatever its localised name (RFC 6154 special-use, Exchange's distinguished folders)."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    TRASH = "trash"
    JUNK = "junk"
    ARCHIVE = "archive"
    ALL = "all"  # a virtual view of everything: never archived twice
    FLAGGED = "flagged"  # a virtual view
    OUTBOX = "outbox"
    CALENDAR = "calendar"
    CONTACTS = "contacts"
    TASKS = "tasks"
    NOTES = "notes"


class Section(StrEnum):
    """Which part of a person's mailbox a folder stands in. All but the first are options of a task."""

    PRIMARY = "primary"
    IN_PLACE_ARCHIVE = "in_place_archive"  # Exchange's second mailbox of the same person
    RECOVERABLE_ITEMS = "recoverable_items"  # what was deleted and purged, kept by the server for a while


SECTION_NAMES = {Section.IN_PLACE_ARCHIVE: "In-Place Archive", Section.RECOVERABLE_ITEMS: "Recoverable Items"}


def whole_path(path: tuple[str, ...], section: Section) -> tuple[str, ...]:
    """A folder's path as it is told apart from the other sections': two of them may have an inbox."""
    name = SECTION_NAMES.get(section)
    return (name, *path) if name else path


VIRTUAL_ROLES = frozenset({Role.ALL, Role.FLAGGED})


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as its server shows it.

    `id` is the server's own stable id where it has one (IMAP OBJECTID, EWS FolderId), else derived from the path.
    `path` holds the names from the root, as people read them (Unicode, whatever the wire used).
    """

    id: str
    path: tuple[str, ...]
    kind: Kind = Kind.MAIL
    role: Role | None = None
    selectable: bool = True  # False: a name that only holds other folders
    section: Section = Section.PRIMARY


@dataclass(frozen=True, slots=True)
class ItemRef:
    """What a listing tells of an item. Never a body.

    `id` is unique within the mailbox and folder (IMAP: UIDVALIDITY.UID, zero-padded). `version` changes when the content
    does (EWS change key; "" on IMAP, where content never changes). `stable_id` survives a move where the server has such
    an id (EMAILID, X-GUID, immutable id), else "". `time` is the item's own time of SPEC A10: received; sent for sent
    items; start for events; last modified for the rest. `received` is the server's internal date.
    """

    id: str
    kind: Kind
    message_class: str
    size: int  # bytes, as the server says
    time: datetime
    received: datetime
    version: str = ""
    stable_id: str = ""
    sensitivity: Sensitivity = Sensitivity.NORMAL
    flags: frozenset[str] = field(default_factory=frozenset)
    subject: str = ""
    sender: str = ""
    recipients: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class NativePart:
    """A piece of a connector's native form of an item, exactly as its server gave it (SPEC D4).

    `name` says what it is, in words of the connector's and never a person's: `ews.properties`, `ews.export`,
    `ews.attachment.0`. Its first word is the *form*, the provider that can read it.
    """

    name: str
    content: bytes | bytearray | memoryview
