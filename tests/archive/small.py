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
    Put,
    Removed,
    RunStamp,
)
from mailkeep.archive.history import OrganisationEvent
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.mail.items import Folder, Kind, Role
from mailkeep.store.base import Store

ALICE, BOB = "a1" * 16, "b0" * 16
NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
FOLDERS = [
    Folder("f1", ("INBOX",), Kind.MAIL, Role.INBOX),
    Folder("f2", ("Projekte", "Größe: 設定/../x"), Kind.MAIL),
    Folder("f3", ("Old",), Kind.MAIL, selectable=False),
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


@dataclass
class Small:
    """The archive, what was put into it, and how far its chains came."""

    repository: Repository
    key_file: Path
    heads: dict[str, Head] = field(default_factory=dict)
    contents: dict[str, dict[int, bytes]] = field(default_factory=dict)  # by mailbox and item, at the end
    blobs: dict[str, dict[int, bytes]] = field(default_factory=dict)  # blob ids of the same
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
            self.put(mailbox, dict(enumerate(messages, 1)), folders={1: FOLDERS[0], 2: FOLDERS[1], 3: FOLDERS[2]})
            self.append(mailbox, [Moved(2, 2, "7.2"), Flagged(3, frozenset({"seen", "$forwarded"})), FolderGone(3)])
            self.append(mailbox, [Removed(4)], complete=False)
            self.contents[mailbox].pop(4)
            self.put(mailbox, {5: message(500, receiver=receiver)})
        self.put_left_out(ALICE)
        self.organise()

    def put(self, mailbox: str, messages: dict[int, bytes], folders: dict[int, Folder] | None = None) -> None:
        """One completed run: these contents under these item numbers, in folder 1 or 2 by turns."""
        batch = self.repository.batch()
        stored = batch.put_contents(list(messages.values()))
        summaries = batch.put_documents([encode_summary({"subject": f"no. {number}"}) for number in messages])
        descriptions = batch.put_documents([encode_folder(folder) for folder in (folders or {}).values()])
        (checkpoint,) = batch.put_documents([encode_checkpoints({"f1": b"\x00modseq 12"})])
        batch.seal()
        events: list[Event] = [FolderPut(n, blob) for n, blob in zip(folders or {}, descriptions, strict=True)]
        for (number, content), each, summary in zip(messages.items(), stored, summaries, strict=True):
            events.append(
                Put(
                    number, 1 + number % 2, f"7.{number:010d}", Kind.MAIL, "IPM.Note", len(content),
                    NOON, NOON - timedelta(days=number), summary, flags=frozenset({"seen"} if number % 3 else ()),
                    content=each.blob, sha256=each.sha256, identity=bytes([number]) * 32,
                )
            )  # fmt: skip
            self.blobs.setdefault(mailbox, {})[number] = each.blob
        self.contents.setdefault(mailbox, {}).update(messages)
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
