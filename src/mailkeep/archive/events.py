"""The vocabulary of a mailbox's history: entries, and the events in them.

An `Entry` is one numbered link of a mailbox's chain: the events of one batch, and with the last batch of a run the
checkpoint that covers them. Items and folders carry small numbers of ours, counted per mailbox and never used twice.

**Nothing personal stands here** (law 7): names, subjects, people and paths live in blobs that an event names, so that
they can be purged without touching the chain. A server's own ids are opaque; a connector whose folder ids are paths
keeps them in the folder blob.

    FolderPut  folder 3 looks like <blob> from this entry on (new, renamed, moved)
    FolderGone folder 3 is no longer there
    Put        item 17 is, from this entry on, in folder 3 with this version, these properties and this content
               and native form (or, with `left_out`, is known and was not archived, and why)
    Moved      item 17 is now in folder 5 under another server id, or there under a new one; its content is unchanged
    Flagged    item 17 has these flags
    Removed    item 17 is no longer in the mailbox
    Purged     these blobs were destroyed on purpose; no live item refers to them
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mailkeep.mail.items import Kind, Sensitivity


@dataclass(frozen=True, slots=True)
class FolderPut:
    folder: int
    description: bytes  # blob id; the blob is `encode_folder()` JSON: id, path, kind, role, selectable, section


@dataclass(frozen=True, slots=True)
class FolderGone:
    folder: int


@dataclass(frozen=True, slots=True)
class NativeBlob:
    """A `NativePart` of an item, archived."""

    name: str
    blob: bytes  # blob id, 32 bytes
    sha256: bytes  # of its bytes, 32 bytes
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Put:
    item: int
    folder: int
    server_id: str
    kind: Kind
    message_class: str
    size: int
    time: datetime
    received: datetime
    summary: bytes  # blob id; JSON: subject, sender, recipients, message_id, detail (of a left-out item)
    version: str = ""
    stable_id: str = ""
    sensitivity: Sensitivity = Sensitivity.NORMAL
    flags: frozenset[str] = field(default_factory=frozenset)
    content: bytes = b""  # blob id, 32 bytes; empty for a left-out item
    sha256: bytes = b""  # of the content as the server gave it: the published check digest
    identity: bytes = b""  # see mail.identity: complete header + size + internal date, hashed
    left_out: str = ""  # "class" "sensitive" "excluded" "kind" "item_too_large" "unreadable" …
    native: tuple[NativeBlob, ...] = ()  # the connector's native form beside the content (SPEC D4)


@dataclass(frozen=True, slots=True)
class Moved:
    item: int
    folder: int
    server_id: str


@dataclass(frozen=True, slots=True)
class Flagged:
    item: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Removed:
    item: int


@dataclass(frozen=True, slots=True)
class Purged:
    blobs: tuple[bytes, ...]
    policy: str  # opaque id of the policy that asked for it
    actor: str  # opaque id of who ran it


Event = FolderPut | FolderGone | Put | Moved | Flagged | Removed | Purged


@dataclass(frozen=True, slots=True)
class RunStamp:
    """Which run wrote an entry. `complete` on its last one only: a moment of the mailbox that views may show."""

    run: str  # 32 hex digits
    task: str  # 32 hex digits
    revision: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain. Number 0 with a hash of 32 zero bytes: nothing written yet."""

    number: int
    hash: bytes  # BLAKE3 of the last entry's object, as stored
    time: datetime | None


EMPTY_HEAD = Head(0, bytes(32), None)


@dataclass(frozen=True, slots=True)
class Entry:
    mailbox: str  # 32 hex digits; "organisation" for the organisation's own chain is a different vocabulary
    number: int  # 1, 2, 3 …
    previous: bytes  # the previous entry's hash
    time: datetime  # never earlier than the previous entry's
    run: RunStamp
    events: tuple[Event, ...]
    checkpoint: bytes = b""  # blob id, on a run's last entry: {folder id: checkpoint}, as the connector gave them
