"""A small archive with everything in it that the format knows, for tests to damage, read and compare."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailkeep.archive.documents import encode_checkpoints, encode_folder, encode_summary
from mailkeep.archive.events import (
    EMPTY_HEAD,
    Entry,
    Event,
    Flagged,
    FolderGone,
    FolderPut,
    Head,
    Moved,
    NativeBlob,
    Put,
    Removed,
    RunStamp,
)
from mailkeep.archive.history import OrganisationEvent
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.mail.items import Folder, Kind, NativePart, Role, Section
from mailkeep.store.base import Store

ALICE, BOB = "a1" * 16, "b0" * 16
NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
FOLDERS = [
    Folder("f1", ("INBOX",), Kind.MAIL, Role.INBOX),
    Folder("f2", ("Projekte", "Größe: 設定/../x"), Kind.MAIL),
    Folder("f3", ("Old",), Kind.MAIL, selectable=False),
    Folder("f4", ("Archive",), Kind.MAIL, section=Section.IN_PLACE_ARCHIVE),
]


def stamp(complete: bool = True) -> RunStamp:
    return RunStamp("1f" * 16, "2e" * 16, 3, complete)


def message(number: int, attachment: bytes = b"", receiver: str = "alice") -> bytes:
    """A message of some 2 KB, more with an attachment in base64."""
    words = random.Random(number).choices(
        ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "near", "Zürich"], k=250
    )
    head = f"Received: by {receiver}.example; {number}\r\nSubject: no. {number}\r\nMessage-ID: <{number}@example>\r\n"
    text = " ".join(words)
    if not attachment:
        return f"{head}Content-Type: text/plain\r\n\r\n{text}\r\n".encode()
    encoded = base64.encodebytes(attachment).replace(b"\n", b"\r\n")
    parts = f'{head}Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\n\r\n{text}\r\n--=_b\r\n'.encode()
    return parts + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--=_b--\r\n"


def parts(number: int, attachment: bytes = b"") -> tuple[NativePart, ...]:
    """What a connector keeps beside a message of that number."""
    properties = f'<Message xmlns="urn:t"><Number>{number}</Number><Text>{"wörter " * 20}</Text></Message>'.encode()
    more = (NativePart("small.attachment.0", attachment), NativePart("small.empty", b"")) if attachment else ()
    return (NativePart("small.properties", properties), *more)


@dataclass
class Small:
    """The archive, what was put into it, and how far its chains came."""

    repository: Repository
    key_file: Path
    heads: dict[str, Head] = field(default_factory=dict)
    contents: dict[str, dict[int, bytes]] = field(default_factory=dict)  # by mailbox and item, at the end
    blobs: dict[str, dict[int, bytes]] = field(default_factory=dict)  # blob ids of the same
    native: dict[str, dict[int, tuple[NativePart, ...]]] = field(default_factory=dict)  # live items' that have any
    time: datetime = NOON

    @classmethod
    def make(cls, store: Store, folder: Path, attachment: bytes | None = None) -> Small:
        key_file = folder / "keys" / "archive.key"
        small = cls(Repository.create(store, MemoryIndex(), key_file), key_file)
        small.fill(attachment or random.Random(7).randbytes(40_000))
        return small

    def reopened(self, store: Store) -> Repository:
        """The same archive through another store, with an index made from its footers."""
        repository = Repository.open(store, MemoryIndex(), self.key_file)
        repository.index_orphans()
        return repository

    def fill(self, shared: bytes) -> None:
        for mailbox, receiver in ((ALICE, "alice"), (BOB, "bob")):
            messages = [message(number, receiver=receiver) for number in range(1, 9)]
            messages += [message(9, shared, receiver), message(10, b"short text " * 30, receiver), b""]
            native = {1: parts(1), 6: parts(6), 9: parts(9, shared)}
            self.put(mailbox, dict(enumerate(messages, 1)), dict(enumerate(FOLDERS, 1)), native)
            self.append(mailbox, [Moved(2, 2, "7.2"), Flagged(3, frozenset({"seen", "$forwarded"})), FolderGone(3)])
            self.append(mailbox, [Removed(4)], complete=False)
            self.contents[mailbox].pop(4)
            self.put(mailbox, {5: message(500, receiver=receiver)})
        self.put_left_out(ALICE)
        self.organise()

    def put(
        self,
        mailbox: str,
        messages: dict[int, bytes],
        folders: dict[int, Folder] | None = None,
        native: dict[int, tuple[NativePart, ...]] | None = None,
    ) -> None:
        """One completed run: these contents under these item numbers, in folder 1 or 2 by turns."""
        batch = self.repository.batch()
        flat = [part for number in messages for part in (native or {}).get(number, ())]
        stored = batch.put_contents(list(messages.values()), flat)
        held = iter(stored[len(messages) :])
        summaries = batch.put_documents([encode_summary({"subject": f"no. {number}"}) for number in messages])
        descriptions = batch.put_documents([encode_folder(folder) for folder in (folders or {}).values()])
        (checkpoint,) = batch.put_documents([encode_checkpoints({"f1": b"\x00modseq 12"})])
        batch.seal()
        events: list[Event] = [FolderPut(n, blob) for n, blob in zip(folders or {}, descriptions, strict=True)]
        for (number, content), each, summary in zip(messages.items(), stored, summaries, strict=False):
            own = [(part, next(held)) for part in (native or {}).get(number, ())]
            events.append(
                Put(
                    number, 1 + number % 2, f"7.{number:010d}", Kind.MAIL, "IPM.Note", len(content),
                    NOON, NOON - timedelta(days=number), summary, flags=frozenset({"seen"} if number % 3 else ()),
                    content=each.blob, sha256=each.sha256, identity=bytes([number]) * 32,
                    native=tuple(NativeBlob(part.name, kept.blob, kept.sha256, kept.size) for part, kept in own),
                )
            )  # fmt: skip
            self.blobs.setdefault(mailbox, {})[number] = each.blob
        self.contents.setdefault(mailbox, {}).update(messages)
        self.native.setdefault(mailbox, {}).update(native or {})
        self.append(mailbox, events, checkpoint)

    def put_left_out(self, mailbox: str) -> None:
        batch = self.repository.batch()
        (summary,) = batch.put_documents([encode_summary({"detail": "its class is not archived", "subject": "\udc80"})])
        batch.seal()
        put = Put(90, 1, "7.90", Kind.EVENT, "IPM.Odd", 5, NOON, NOON, summary, left_out="class")
        self.append(mailbox, [put])

    def append(self, mailbox: str, events: list[Event], checkpoint: bytes = b"", complete: bool = True) -> None:
        self.time += timedelta(seconds=10)
        head = self.heads.get(mailbox, EMPTY_HEAD)
        entry = Entry(mailbox, head.number + 1, head.hash, self.time, stamp(complete), tuple(events), checkpoint)
        self.heads[mailbox] = self.repository.history(mailbox).append(entry)

    def organise(self) -> None:
        organisation = self.repository.organisation()
        events = [OrganisationEvent(self.time, "admin", "task.created", "task-1", {"name": "All mail", "n": [1, None]})]
        head = organisation.append(organisation.head(), events, self.time)
        gone = [OrganisationEvent(self.time, "admin", "task.deleted", "task-1", None)]
        self.heads["organisation"] = organisation.append(head, gone, self.time)
