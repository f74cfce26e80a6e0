"""The connector protocol: how the engine sees any mailbox on any server.

A `Connector` is one signed-in session on **one mailbox**. It is used by one thread at a time and closed after use.

    connector.folders()                     the hierarchy, parents before children
    connector.changes(folder, since)        what happened in a folder since a checkpoint, bodies never included
    connector.fetch(folder, refs)           the bytes, streamed, pipelined by the connector itself
    connector.create(folder, item)          for restores; never overwrites, never deletes

**Checkpoints** are opaque bytes, one per folder, made by the connector and given back to it unread. A checkpoint that the
server no longer honours is not an error: the listing is then complete (`Listing.complete`), and the engine reconciles.

**Errors** are `mailkeep.errors`: `RetryNow` for a dropped line (the engine opens a new session), `RetryLater` for throttling
or an unreachable server, `GiveUp` with a code of SPEC C7 for what a person must mend. A fault of one item never raises:
it is an `Unfetched` in the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailkeep.mail.items import Folder, ItemRef, Kind


@dataclass(frozen=True, slots=True)
class Listed:
    """The item is there, with its properties: it is new, or its content or properties changed."""

    ref: ItemRef


@dataclass(frozen=True, slots=True)
class Seen:
    """The item is there, its content as at the checkpoint. `flags` None: unchanged too."""

    id: str
    flags: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The item is no longer in this folder (deleted or moved away; the engine finds out which)."""

    id: str


Change = Listed | Seen | Gone


class Listing(Protocol):
    """An iterator of changes, in any order, each id at most once (a repeated one is taken as its last word).

    `checkpoint`, `complete` and `count` are valid only after the iterator is exhausted.
    """

    checkpoint: bytes
    complete: bool  # True: every item of the folder was Listed or Seen; what was not is gone
    count: int  # items the server says the folder holds, taken with the checkpoint

    def __iter__(self) -> Iterator[Change]: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """An item's bytes exactly as the server gave them."""

    ref: ItemRef
    content: bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Unfetched:
    """An item that would not come: `code` `vanished` (gone meanwhile), `unreadable`, `item_too_large`…, with a sentence."""

    ref: ItemRef
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to create in a restore."""

    kind: Kind
    content: bytes
    flags: frozenset[str]
    received: datetime


@dataclass(frozen=True, slots=True)
class Created:
    """Where a created item went. `id` as in `ItemRef.id`; "" where the server does not say (no UIDPLUS)."""

    id: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between servers, declared. Nobody asks which provider it is."""

    kinds: frozenset[Kind]
    stable_ids: bool = False  # ItemRef.stable_id survives moves within the mailbox
    incremental: bool = False  # changes since a checkpoint cost no full listing
    regenerates_content: bool = False  # a created item does not come back byte for byte (Exchange)
    creates_folders: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One named step of a connection test (SPEC B2)."""

    name: str  # "dns" "tcp" "tls" "sign_in" "permission" "mailbox_check"
    ok: bool
    milliseconds: float
    message: str
    hint: str = ""


@dataclass(slots=True)
class Usage:
    """What a session has cost so far."""

    requests: int = 0  # round trips that were waited for
    bytes_received: int = 0
    seconds_waiting: float = 0.0


class Connector(Protocol):
    """One signed-in session on one mailbox. See the module's head for order and errors."""

    capabilities: Capabilities

    @property
    def usage(self) -> Usage:
        """What the session has cost so far."""
        ...

    def folders(self) -> list[Folder]:
        """The whole hierarchy, parents before children, virtual views marked by their role."""
        ...

    def unchanged(self, checkpoints: dict[str, bytes]) -> dict[str, int]:
        """Folder id → item count for each folder that provably has not changed since its checkpoint.

        Costs at most one round trip in all where the server can tell (LIST-STATUS), and may be empty where it can't.
        """
        ...

    def count(self, folder: Folder) -> int:
        """Items the server says the folder holds now, nothing listed: at most one round trip (a folder whose kind is off)."""
        ...

    def changes(self, folder: Folder, since: bytes | None) -> Listing:
        """What happened since the checkpoint, or everything where `since` is None or no longer honoured."""
        ...

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:
        """Each ref's bytes, in any order, each exactly once. Pulls from `refs` as it goes; holds a bounded number of bytes."""
        ...

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
        """Each ref with its complete header block (through the blank line), for proof of identity where ids did not survive."""
        ...

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:
        """The folder of that path, made with its parents where it is missing."""
        ...

    def create(self, folder: Folder, item: NewItem) -> Created:
        """Add the item. Never replaces anything."""
        ...

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str) -> bool:
        """Undo of `create`: remove that item only if its bytes still hash to `content_sha256`. False: left alone."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server connection with its secrets opened, as a connector factory needs it. Never logged, never stored."""

    kind: str  # "imap", "exchange", "microsoft365", "memory"
    host: str
    port: int | None = None
    tls: str = "implicit"  # "implicit", "starttls", "none" (loopback only)
    ca_pem: str = ""
    auth: str = "basic"
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    master_user: str = ""
    master_password: str = field(default="", repr=False)
    separator: str = ""  # Dovecot's master-user form `user*master`; "" = SASL PLAIN authorisation identity
    logins: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)  # (address, user, password)
    mailbox_check: str = ""


class Provider(Protocol):
    """What a connector folder gives to the floors above: sessions, and a connection test."""

    def open(self, endpoint: Endpoint, address: str) -> Connector:
        """A signed-in session on that mailbox."""
        ...

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        """The named steps, each as soon as it is known; stops after the first that fails."""
        ...
