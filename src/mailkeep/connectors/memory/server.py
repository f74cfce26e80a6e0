"""What the memory server holds: mailboxes, folders, items, and the faults that a test asked for.

    server = MemoryServer()
    anna = server.add_mailbox("anna@firma.example")
    inbox = anna.add_folder(("INBOX",), role=Role.INBOX)          # a MemoryFolder
    number = inbox.deliver(b"Subject: hello\\r\\n\\r\\nhello\\r\\n")   # a UID
    anna.move(inbox, number, trash); inbox.expunge(number); inbox.set_flags(number, {"seen"}); inbox.reset()
    server.faults.fail("fetch", RetryNow("connection_lost", "dropped"), after=3)

It behaves like an IMAP server with QRESYNC: items have ascending UIDs under a validity, every change takes the next
modification number, expunged UIDs are remembered with theirs. Asked to, it does what Exchange does as well: `versions`,
`marks`, `native` (see `MemoryServer`), folders in other sections, ids in no order (`shuffled_ids`).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mailkeep.connectors.memory.faults import Faults
from mailkeep.mail.items import Folder, ItemRef, Kind, NativePart, Role, Section, Sensitivity

_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class MemoryItem:
    """`changed` is the modification number of its last change, `content_changed` that of its last change of content or
    native parts; `marked` has for each flag that was set or taken away here the number of that.
    """

    uid: int
    stable_id: str
    content: bytes
    received: datetime
    kind: Kind = Kind.MAIL
    message_class: str = "IPM.Note"
    sensitivity: Sensitivity = Sensitivity.NORMAL
    flags: frozenset[str] = frozenset()
    version: str = ""
    time: datetime | None = None  # the item's own time; None: as received
    changed: int = 0
    content_changed: int = 0
    parts: tuple[NativePart, ...] = ()
    marked: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryFolder:
    """A folder and its items by UID. Tests change it by its methods only; every one takes the server's lock."""

    server: MemoryServer
    id: str
    path: tuple[str, ...]
    kind: Kind = Kind.MAIL
    role: Role | None = None
    selectable: bool = True
    validity: int = 1
    uid_next: int = 1
    highest: int = 1
    items: dict[int, MemoryItem] = field(default_factory=dict)
    expunged: list[tuple[int, int]] = field(default_factory=list)  # (modification number, UID), ascending
    section: Section = Section.PRIMARY
    forgotten: int = 0  # checkpoints older than this modification number are no longer honoured

    def deliver(
        self,
        content: bytes,
        *,
        flags: Iterable[str] = (),
        received: datetime | None = None,
        time: datetime | None = None,
        kind: Kind | None = None,
        message_class: str = "IPM.Note",
        sensitivity: Sensitivity = Sensitivity.NORMAL,
        stable_id: str = "",
        parts: Sequence[NativePart] = (),
    ) -> int:
        """Add an item and return its UID."""
        with self.server.lock:
            item = MemoryItem(
                uid=0,
                stable_id=stable_id or self.server.new_stable_id(),
                content=content,
                received=received or self.server.tick(),
                kind=kind or self.kind,
                message_class=message_class,
                sensitivity=sensitivity,
                flags=frozenset(flags),
                time=time,
                version=self.server.new_version(),
                parts=tuple(parts),
            )
            return self.take(item)

    def take(self, item: MemoryItem) -> int:
        """Give an item the next UID here (delivery, or the arriving end of a move)."""
        with self.server.lock:
            item.uid, self.uid_next = self.uid_next, self.uid_next + 1
            item.changed = item.content_changed = self._next()
            item.marked = {}
            self.items[item.uid] = item
            return item.uid

    def expunge(self, uid: int) -> MemoryItem:
        with self.server.lock:
            item = self.items.pop(uid)
            self.expunged.append((self._next(), uid))
            return item

    def set_flags(self, uid: int, flags: Iterable[str]) -> None:
        with self.server.lock:
            item, flags = self.items[uid], frozenset(flags)
            item.changed = self._next()
            item.marked |= dict.fromkeys(item.flags ^ flags, item.changed)
            item.flags = flags

    def replace(self, uid: int, content: bytes, parts: Sequence[NativePart] | None = None) -> None:
        """New content under the same id, as Exchange does: the version changes. `parts` None: they stay."""
        with self.server.lock:
            item = self.items[uid]
            item.content = content
            item.parts = item.parts if parts is None else tuple(parts)
            item.changed = item.content_changed = self._next()
            item.version = f"v{item.changed}.{self.id}"

    def reset(self) -> None:
        """Every id changes and no checkpoint holds (IMAP: a new UIDVALIDITY). Stable ids survive."""
        with self.server.lock:
            held, self.items = list(self.items.values()), {}
            self.validity, self.uid_next, self.expunged = self.validity + 1, 1, []
            for item in held:
                self.take(item)

    def forget_checkpoints(self) -> None:
        """Ids stay, but no checkpoint made so far is honoured (an expired SyncState or delta token)."""
        with self.server.lock:
            self.forgotten = self._next()

    def item_id(self, uid: int) -> str:
        """The UID as `ItemRef.id` has it."""
        number = f"{uid:010d}"
        return f"{self.validity:010d}.{number[::-1] if self.server.shuffled_ids else number}"

    def uid_of(self, item_id: str) -> int | None:
        """The reverse of `item_id`; None where the id is of an earlier validity."""
        validity, _, number = item_id.partition(".")
        return int(number[::-1] if self.server.shuffled_ids else number) if int(validity) == self.validity else None

    def as_folder(self) -> Folder:
        return Folder(self.id, self.path, self.kind, self.role, self.selectable, self.section)

    # --- what the connector reads; a generated folder has its own -------------------------------------------------

    def count(self) -> int:
        return len(self.items)

    def present(self) -> Iterator[MemoryItem]:
        """Ascending by UID, those there when asked."""
        with self.server.lock:
            held = [self.items[uid] for uid in sorted(self.items)]
        yield from held

    def find(self, uid: int) -> MemoryItem | None:
        return self.items.get(uid)

    def _next(self) -> int:
        self.highest += 1
        return self.highest


@dataclass(slots=True)
class GeneratedFolder(MemoryFolder):
    """A folder of `generated` items made as they are asked for, none of them held. It can't be changed."""

    generated: int = 0
    size: int = 1000
    native_bytes: int = 0  # of each of two native parts; 0: there are none

    def count(self) -> int:
        return self.generated

    def present(self) -> Iterator[MemoryItem]:
        return (self._make(uid) for uid in range(1, self.generated + 1))

    def find(self, uid: int) -> MemoryItem | None:
        return self._make(uid) if 1 <= uid <= self.generated else None

    def _make(self, uid: int) -> MemoryItem:
        head = f"Message-ID: <{uid}@generated.example>\r\nFrom: sender@firma.example\r\nSubject: item {uid}\r\n\r\n"
        body = f"{uid} ".encode()
        content = (head.encode() + body * (self.size // len(body) + 1))[: self.size]
        received = _EPOCH + timedelta(seconds=uid)
        item = MemoryItem(uid, f"generated-{uid}", content, received, changed=1, content_changed=1)
        if self.native_bytes:
            item.parts = _generated_parts(uid, self.native_bytes)
        return item


def _generated_parts(uid: int, size: int) -> tuple[NativePart, ...]:
    """Property by property much like any other item's, as a server's XML is, and bytes of a form of their own."""
    names = itertools.count(1)
    words = iter(lambda: f"<t:Property{next(names)}>{uid * 7919 % 10_007}</t:Property{uid % 7}>", "")
    text = f'<t:Message xmlns:t="urn:generated"><t:ItemId Id="{uid:0120d}"/>'
    while len(text) < size:
        text += next(words)
    export = uid.to_bytes(4, "big") * 8 + text.encode("utf-16-le")[: size - 32]
    return (NativePart("memory.properties", text.encode()), NativePart("memory.export", export))


@dataclass(slots=True)
class MemoryMailbox:
    server: MemoryServer
    address: str
    folders: list[MemoryFolder] = field(default_factory=list)

    def add_folder(
        self,
        path: tuple[str, ...],
        *,
        kind: Kind = Kind.MAIL,
        role: Role | None = None,
        selectable: bool = True,
        section: Section = Section.PRIMARY,
    ) -> MemoryFolder:
        """A new folder; the caller adds parents first."""
        folder = MemoryFolder(self.server, self.server.new_folder_id(), path, kind, role, selectable, section=section)
        return self._added(folder)

    def add_generated_folder(
        self, path: tuple[str, ...], count: int, size: int = 1000, native_bytes: int = 0
    ) -> GeneratedFolder:
        """A folder of `count` items of `size` bytes, and two native parts of `native_bytes` each, made lazily."""
        folder = GeneratedFolder(
            self.server, self.server.new_folder_id(), path, generated=count, size=size, native_bytes=native_bytes
        )
        folder.uid_next = count + 1
        self._added(folder)
        return folder

    def folder(self, *path: str) -> MemoryFolder:
        """The folder of that path. KeyError where there is none."""
        for folder in self.folders:
            if folder.path == path:
                return folder
        raise KeyError(path)

    def by_id(self, folder_id: str) -> MemoryFolder | None:
        return next((folder for folder in self.folders if folder.id == folder_id), None)

    def rename_folder(self, folder: MemoryFolder, path: tuple[str, ...]) -> None:
        """With everything below it; ids stay."""
        with self.server.lock:
            old = folder.path
            for other in self.folders:
                if other.path[: len(old)] == old:
                    other.path = path + other.path[len(old) :]
            self.folders.sort(key=lambda other: other.path)

    def remove_folder(self, folder: MemoryFolder) -> None:
        with self.server.lock:
            self.folders = [other for other in self.folders if other.path[: len(folder.path)] != folder.path]

    def move(self, source: MemoryFolder, uid: int, target: MemoryFolder) -> int:
        """Returns the UID in the target; the stable id goes with the item."""
        with self.server.lock:
            return target.take(source.expunge(uid))

    def copy(self, source: MemoryFolder, uid: int, target: MemoryFolder) -> int:
        with self.server.lock:
            item = source.items[uid]
            return target.deliver(
                item.content,
                flags=item.flags,
                received=item.received,
                time=item.time,
                kind=item.kind,
                message_class=item.message_class,
                sensitivity=item.sensitivity,
                parts=item.parts,
            )

    def _added(self, folder: MemoryFolder) -> MemoryFolder:
        with self.server.lock:
            self.folders.append(folder)
            self.folders.sort(key=lambda other: other.path)
        return folder


@dataclass(slots=True)
class MemoryServer:
    """`stable_ids`, `incremental`, `regenerates_content`, `native`: what its connector declares and does (see `Capabilities`)."""

    stable_ids: bool = True
    incremental: bool = True
    regenerates_content: bool = False
    native: bool = False  # items have native parts, of the form "memory"
    versions: bool = False  # items have a version from the beginning, not only once they were changed
    marks: bool = False  # a listing of changes tells each flag that changed (`Marked`), not all that are set
    shuffled_ids: bool = False  # ids sort in another order than items are listed in
    closed_sections: dict[Section, str] = field(default_factory=dict)  # refused to whoever asks, with these words
    password: str = ""  # "": any is right
    mailboxes: dict[str, MemoryMailbox] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    lock: threading.RLock = field(default_factory=threading.RLock)
    clock: Callable[[], datetime] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add_mailbox(self, address: str) -> MemoryMailbox:
        self.mailboxes[address] = MemoryMailbox(self, address)
        return self.mailboxes[address]

    def new_version(self) -> str:
        return f"n{next(self._numbers)}" if self.versions else ""

    def new_stable_id(self) -> str:
        return f"stable-{next(self._numbers)}"

    def new_folder_id(self) -> str:
        return f"folder-{next(self._numbers)}"

    def tick(self) -> datetime:
        """The time of a delivery that names none: the given clock, else a second later than the one before."""
        return self.clock() if self.clock else _EPOCH + timedelta(seconds=next(self._numbers))


def reference(server: MemoryServer, folder: MemoryFolder, item: MemoryItem) -> ItemRef:
    """The item as a listing shows it."""
    words = _headers(item.content)
    return ItemRef(
        id=folder.item_id(item.uid),
        kind=item.kind,
        message_class=item.message_class,
        size=len(item.content),
        time=item.time or item.received,
        received=item.received,
        version=item.version,
        stable_id=item.stable_id if server.stable_ids else "",
        sensitivity=item.sensitivity,
        flags=item.flags,
        subject=words.get("subject", ""),
        sender=words.get("from", ""),
        recipients=words.get("to", ""),
        message_id=words.get("message-id", ""),
    )


def _headers(content: bytes) -> dict[str, str]:
    """The first line of each header, undecoded: enough for what tests write."""
    head = content.partition(b"\r\n\r\n")[0].decode(errors="replace")
    pairs = (line.partition(": ") for line in head.split("\r\n"))
    return {name.lower(): value for name, _, value in pairs}
