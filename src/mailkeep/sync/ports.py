"""What a synchronisation needs from the floor above, implemented by the catalog and, in tests, by memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailkeep.archive.events import Entry, Head
from mailkeep.errors import MailkeepError
from mailkeep.mail.items import Folder, ItemRef
from mailkeep.progress import Progress


@dataclass(frozen=True, slots=True)
class KnownFolder:
    number: int
    folder: Folder


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item that is live at the head. `ref.id` is its present server id, `ref.flags` its present flags."""

    number: int
    folder: int
    ref: ItemRef
    identity: bytes
    left_out: str  # "" when its content is archived
    since: int = 0  # number of the entry since which its content and its place are these


@dataclass(frozen=True, slots=True)
class Summary:
    """What views show of an item before anything is parsed; the summary blob, opened."""

    subject: str = ""
    sender: str = ""
    recipients: str = ""
    message_id: str = ""
    detail: str = ""  # why it was left out, in a sentence


class Known(Protocol):
    """What is known of one mailbox at its head. Every iterator streams; none may hold a folder in memory."""

    def head(self) -> Head: ...
    def completed(self) -> int:
        """Number of the last entry that completed a run; 0 before the first."""
        ...

    def next_numbers(self) -> tuple[int, int]:
        """The next free item number and folder number."""
        ...

    def checkpoints(self) -> dict[str, bytes]:
        """By folder id, as the last completed run left them. Empty before the first."""
        ...

    def folders(self) -> list[KnownFolder]: ...
    def count(self, folder: int) -> int: ...
    def items(self, folder: int) -> Iterator[KnownItem]:
        """The folder's live items, sorted by `ref.id`."""
        ...

    def find(self, folder: int, ids: Sequence[str]) -> dict[str, KnownItem]:
        """Those of the ids that are live in the folder."""
        ...

    def left_out(self) -> Iterator[KnownItem]:
        """Every live item without content, sorted by (folder, ref.id): what wider options or a retry may pick up."""
        ...

    def ledger(self) -> dict[int, FolderCount]:
        """By folder number: what the archive holds of each live folder."""
        ...


@dataclass(frozen=True, slots=True)
class FolderCount:
    archived: int
    left_out: Mapping[str, int]  # by reason


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One folder of the completeness ledger (SPEC C6): server == archived + sum(left_out) + pending.

    `pending` other than 0 comes with a warning; it is negative where more is archived than the server has.
    """

    folder: int
    server: int
    archived: int
    left_out: Mapping[str, int]
    pending: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a synchronisation ended. `result` is "ok", "warning" or "error"; `code` of SPEC C7, "" when ok."""

    result: str
    code: str = ""
    message: str = ""
    hint: str = ""
    listed: int = 0
    fetched: int = 0
    bytes: int = 0
    moved: int = 0
    reflagged: int = 0
    removed: int = 0
    left_out: int = 0
    requests: int = 0
    retry_seconds: float | None = None  # the server's own word, when throttled
    whole_server: bool = False  # that word is for everybody who uses the connection, not of this mailbox alone
    shrink: tuple[int, int] | None = None  # (gone, known) awaiting a person's confirmation
    ledger: Sequence[LedgerLine] = field(default=())


class LeaseLost(MailkeepError):
    """Another run holds this mailbox now: stop at once and write nothing."""

    def __init__(self) -> None:
        super().__init__("lease_lost", "another worker has taken over this mailbox", "nothing to do: that run goes on")


class Projection(Protocol):
    """The catalog's side of a run. Every method carries the lease's token; `LeaseLost` when it is no longer ours."""

    def apply(self, entry: Entry, head: Head, folders: Mapping[int, Folder], summaries: Mapping[int, Summary]) -> None:
        """Project an entry that has been appended: rows and its number in one transaction. Applying twice is no error.

        `folders` describes each FolderPut's folder, `summaries` each Put's item.
        """
        ...

    def finish(self, result: RunResult, checkpoints: Mapping[str, bytes] | None) -> None:
        """The run's result, its ledger, and the newest checkpoints (None: as they were)."""
        ...

    def heartbeat(self, progress: Progress) -> None:
        """I am alive, and this far. Called at least every few seconds; writes at most once a second."""
        ...

    def shrink_confirmed(self) -> bool:
        """A person has confirmed that this mailbox really became smaller."""
        ...

    def now(self) -> datetime: ...
