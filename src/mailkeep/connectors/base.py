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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailkeep.mail.items import Folder, ItemRef, Kind, NativePart, Section


@dataclass(frozen=True, slots=True)
class Listed:
    """The item is there, with its properties: it is new, or its content or properties changed.

    `changed`: the server itself says that it changed since the checkpoint, whatever its version says.
    """

    ref: ItemRef
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The item is there, its content as at the checkpoint. `flags` None: unchanged too."""

    id: str
    flags: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Marked:
    """The item is there, its content as at the checkpoint; one flag was set or taken away, the others are as they were."""

    id: str
    flag: str
    on: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """The item is no longer in this folder (deleted or moved away; the engine finds out which)."""

    id: str


Change = Listed | Seen | Marked | Gone


class Listing(Protocol):
    """An iterator of changes, in any order, each id at most once (a repeated one is taken as its last word; a `Marked` leaves
    standing what was said of the id before it, but for its flag).

    `checkpoint`, `complete` and `count` are valid only after the iterator is exhausted.
    """

    checkpoint: bytes
    complete: bool  # True: every item of the folder was Listed or Seen; what was not is gone
    count: int  # items the server says the folder holds, taken with the checkpoint

    def __iter__(self) -> Iterator[Change]: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """An item exactly as the server gave it.

    `content` is what exports give back bit for bit: a message's MIME, an event's iCalendar, a contact's vCard, else the
    server's own words for it. `parts` is the connector's native form beside it, from which a restore makes the item
    whole; empty where the bytes are all there is (IMAP).
    """

    ref: ItemRef
    content: bytes | bytearray | memoryview
    parts: tuple[NativePart, ...] = ()

    @property
    def size(self) -> int:
        """Bytes held, the native form's included."""
        return len(self.content) + sum(len(part.content) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Unfetched:
    """An item that would not come: `code` `vanished` (gone meanwhile), `unreadable`, `item_too_large`…, with a sentence."""

    ref: ItemRef
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to create in a restore. `parts` as they were fetched; a connector that cannot read their form uses `content`."""

    kind: Kind
    content: bytes
    flags: frozenset[str]
    received: datetime
    parts: tuple[NativePart, ...] = ()
    message_class: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """Where a created item went. `id` as in `ItemRef.id`; "" where the server does not say (no UIDPLUS).

    `cannot`: properties that this server would not take, by name; the item is there without them.
    """

    id: str
    cannot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between servers, declared. Nobody asks which provider it is."""

    kinds: frozenset[Kind]
    stable_ids: bool = False  # ItemRef.stable_id survives moves within the mailbox
    incremental: bool = False  # changes since a checkpoint cost no full listing
    regenerates_content: bool = False  # a created item does not come back byte for byte (Exchange)
    creates_folders: bool = True
    native_forms: frozenset[str] = frozenset()  # forms of `NativePart` that `create` can use, and `fetch` gives


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

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        """Sections asked for that the server would not show when `folders` last asked, with its words: nothing is known of them."""
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

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:
        """Undo of `create`: remove that item only if nobody changed it since it was read back. False: left alone.

        Proof is its version (`ItemRef.version`, as read back) where the server has versions, else that its bytes still
        hash to `content_sha256`.
        """
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
    impersonate: bool = False  # Exchange: one service account acts as each mailbox's owner (ApplicationImpersonation)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that belongs to an item; its bytes are one of the item's native parts."""

    part: str  # the `NativePart`'s name
    name: str  # as the server says it: not yet safe to offer
    content_type: str = ""
    size: int = 0  # bytes
    content_id: str = ""  # without < >, of a picture that the body names by `cid:`


@dataclass(frozen=True, slots=True)
class Description:
    """An item of any kind as people read it, made from its native form."""

    rows: tuple[tuple[str, str], ...] = ()  # (label, text), in reading order: "Starts", "Where", "Required attendees" …
    text: str = ""  # the body as plain text
    html: str = ""  # the body as HTML, unsafe; "" where there is none
    files: tuple[Enclosed, ...] = ()  # attachments among the parts, in the item's order
    photo: str = ""  # the name of the part that is a contact's picture; "" where there is none
    # (name, value) as iCalendar or vCard write them, for files where the server gave neither: ("DUE", "20261124"),
    # ("STATUS", "COMPLETED"), ("PERCENT-COMPLETE", "50"), ("RRULE", "FREQ=WEEKLY"), ("EMAIL", "a@x"), ("TEL", "+49 …")
    facts: tuple[tuple[str, str], ...] = ()


class Provider(Protocol):
    """What a connector folder gives to the floors above: sessions, and a connection test."""

    @property
    def forms(self) -> frozenset[str]:
        """Of `NativePart`, that `properties` and `describe` read; empty where there is none."""
        ...

    def open(
        self, endpoint: Endpoint, address: str, sections: frozenset[Section] = frozenset({Section.PRIMARY})
    ) -> Connector:
        """A signed-in session on that mailbox; `folders` shows these sections of it."""
        ...

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:
        """What the native form says, property by property, comparable between servers of this kind. Pure.

        Ids and stamps that a server sets by itself are not among them; attachments are, by name, size and hash. What
        belongs together shares its first word: `Attachments/plan.pdf`. Empty where the parts are of no form of ours.
        """
        ...

    def describe(self, parts: Sequence[NativePart]) -> Description | None:
        """The item for people to read, or None where the parts are of no form of ours. Pure."""
        ...

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        """The named steps, each as soon as it is known; stops after the first that fails."""
        ...
