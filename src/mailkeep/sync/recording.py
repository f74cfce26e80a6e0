"""Batches become entries: seal the packs, append the entry, project it; each step durable before the next.

    put, put, flag …  ─►  open batch  ── full ──►  seal ─► history.append ─► projection.apply      complete=False
                                      ── end  ──►  the same, with the checkpoint                   complete=True

A batch is closed when something more comes and it is full, so the last one of a run always holds events, and can carry
the checkpoint and the mark of a complete run. Killed between any two steps, nothing is lost that was applied: what was
appended is projected at the next start, what was only sealed is an orphan that deduplicates the next attempt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from mailkeep.archive.batch import Batch, Stored
from mailkeep.archive.documents import encode_checkpoints, encode_folder, encode_summary
from mailkeep.archive.events import (
    Entry,
    Event,
    Flagged,
    FolderGone,
    FolderPut,
    Moved,
    NativeBlob,
    Put,
    Removed,
    RunStamp,
)
from mailkeep.archive.repository import Repository
from mailkeep.connectors.base import Fetched
from mailkeep.errors import MailkeepError
from mailkeep.mail.identity import header_block, identity
from mailkeep.mail.items import Folder, ItemRef, NativePart
from mailkeep.sync.folders import Branch
from mailkeep.sync.ledger import Tally
from mailkeep.sync.limits import Limits
from mailkeep.sync.plan import Fetch, LeaveOut, Move, Reflag, Remove
from mailkeep.sync.ports import Known, Projection, Summary

_log = logging.getLogger(__name__)


class Recorder:
    """Everything a run writes. `entries` counts what it has appended."""

    def __init__(
        self,
        mailbox: str,
        repository: Repository,
        known: Known,
        projection: Projection,
        stamp: RunStamp,
        limits: Limits,
        tally: Tally,
    ) -> None:
        self._mailbox = mailbox
        self._repository = repository
        self._history = repository.history(mailbox)
        self._projection = projection
        self._stamp = stamp
        self._limits = limits
        self._tally = tally
        self._head = known.head()
        self._next_item, self._next_folder = known.next_numbers()
        self._batch: Batch | None = None
        self._clear()
        self.entries = 0

    # --- numbers ---------------------------------------------------------------------------------------------------

    def next_folder(self) -> int:
        number, self._next_folder = self._next_folder, self._next_folder + 1
        return number

    def _item_number(self, number: int) -> int:
        if number:
            return number
        number, self._next_item = self._next_item, self._next_item + 1
        return number

    # --- events ----------------------------------------------------------------------------------------------------

    def put_folders(self, branches: Sequence[Branch]) -> None:
        if not branches:
            return
        self._make_room()
        blobs = self._open().put_documents([encode_folder(branch.folder) for branch in branches])
        for branch, blob in zip(branches, blobs, strict=True):
            self._events.append(FolderPut(branch.number, blob))
            self._folders[branch.number] = branch.folder

    def put_contents(self, arrived: Sequence[tuple[Fetch, Fetched]]) -> None:
        """Archive a group of items: one call into the archive for their bytes, one for their summaries."""
        self._make_room()
        batch = self._open()
        parts = [part for _, fetched in arrived for part in fetched.parts]
        stored = batch.put_contents([fetched.content for _, fetched in arrived], parts)
        stored, native = stored[: len(arrived)], _native(arrived, parts, stored[len(arrived) :])
        summaries = [_summary(fetch.ref) for fetch, _ in arrived]
        blobs = batch.put_documents([_document(summary) for summary in summaries])
        for (fetch, fetched), held, own, summary, blob in zip(arrived, stored, native, summaries, blobs, strict=True):
            ref = fetch.ref
            proof = identity(header_block(fetched.content), ref.size, ref.received)
            number = self._item_number(fetch.number)
            self._events.append(_put(number, fetch.folder, ref, blob, held, proof, own))
            self._summaries[number] = summary
            self._tally.put(fetch.folder, "", fetch.before)
            self._bytes += fetched.size
            self._parts += len(own)
            self._tally.bytes += fetched.size

    def leave_out(self, left_out: Sequence[LeaveOut]) -> None:
        """Record items without content, and why."""
        if not left_out:
            return
        self._make_room()
        summaries = [_summary(each.ref, each.detail) for each in left_out]
        blobs = self._open().put_documents([_document(summary) for summary in summaries])
        for each, summary, blob in zip(left_out, summaries, blobs, strict=True):
            number = self._item_number(each.number)
            self._events.append(_put(number, each.folder, each.ref, blob, None, b"", (), each.reason))
            self._summaries[number] = summary
            self._tally.put(each.folder, each.reason, each.before)

    def move(self, move: Move) -> None:
        self._add(Moved(move.number, move.folder, move.id))
        self._tally.move(move.before, move.folder)

    def reflag(self, reflag: Reflag) -> None:
        self._add(Flagged(reflag.number, reflag.flags))
        self._tally.reflagged += 1

    def remove(self, remove: Remove) -> None:
        self._add(Removed(remove.number))
        self._tally.remove(remove.before)

    def folders_gone(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._add(FolderGone(number))

    def _add(self, event: Event) -> None:
        self._make_room()
        self._events.append(event)

    # --- batches ---------------------------------------------------------------------------------------------------

    def _open(self) -> Batch:
        if self._batch is None:
            self._batch = self._repository.batch()
        return self._batch

    def _make_room(self) -> None:
        """Close the open batch if it is full: called before something more goes in."""
        limits = self._limits
        full = self._bytes >= limits.batch_bytes or len(self._events) >= limits.batch_items
        full = full or self._parts >= limits.batch_parts
        if full or (self._events and time.monotonic() - self._since >= limits.batch_seconds):
            self.commit()

    def commit(self) -> None:
        """What there is, as an entry of a run that goes on."""
        if self._events:
            self._write(complete=False, checkpoints=None)

    def complete(self, checkpoints: Mapping[str, bytes]) -> None:
        """The run's last entry, with the checkpoint that covers all of it."""
        self._write(complete=True, checkpoints=checkpoints)

    def has_events(self) -> bool:
        return bool(self._events)

    def abort(self) -> None:
        """Drop what was not committed; the store may be the very thing that failed."""
        batch = self._batch
        self._clear()
        if batch is not None:
            try:
                batch.abort()
            except (MailkeepError, OSError) as error:
                _log.warning("%s: a batch could not be taken back: %s", self._mailbox, error)

    def _write(self, *, complete: bool, checkpoints: Mapping[str, bytes] | None) -> None:
        checkpoint = b""
        if checkpoints is not None:
            (checkpoint,) = self._open().put_documents([encode_checkpoints(dict(checkpoints))])
        if self._batch is not None:
            self._batch.seal()
            self._batch = None
        entry = self._entry(complete, checkpoint)
        head = self._history.append(entry)
        self._projection.apply(entry, head, self._folders, self._summaries)
        self._head = head
        self.entries += 1
        self._clear()

    def _entry(self, complete: bool, checkpoint: bytes) -> Entry:
        now = self._projection.now()
        stamp = RunStamp(self._stamp.run, self._stamp.task, self._stamp.revision, complete)
        return Entry(
            mailbox=self._mailbox,
            number=self._head.number + 1,
            previous=self._head.hash,
            time=now if self._head.time is None else max(now, self._head.time),
            run=stamp,
            events=tuple(self._events),
            checkpoint=checkpoint,
        )

    def _clear(self) -> None:
        self._batch = None
        self._events: list[Event] = []
        self._folders: dict[int, Folder] = {}
        self._summaries: dict[int, Summary] = {}
        self._bytes = 0
        self._parts = 0
        self._since = time.monotonic()


def _document(summary: Summary) -> bytes:
    return encode_summary(
        {
            "subject": summary.subject,
            "sender": summary.sender,
            "recipients": summary.recipients,
            "message_id": summary.message_id,
            "detail": summary.detail,
        }
    )


def _summary(ref: ItemRef, detail: str = "") -> Summary:
    return Summary(ref.subject, ref.sender, ref.recipients, ref.message_id, detail)


def _native(
    arrived: Sequence[tuple[Fetch, Fetched]], parts: Sequence[NativePart], stored: Sequence[Stored]
) -> Iterator[tuple[NativeBlob, ...]]:
    """Each item's native parts, as they are stored."""
    blobs = (NativeBlob(part.name, held.blob, held.sha256, held.size) for part, held in zip(parts, stored, strict=True))
    for _, fetched in arrived:
        yield tuple(islice(blobs, len(fetched.parts))) if fetched.parts else ()


def _put(
    number: int,
    folder: int,
    ref: ItemRef,
    summary: bytes,
    held: Stored | None,
    proof: bytes,
    native: tuple[NativeBlob, ...],
    left_out: str = "",
) -> Put:
    return Put(
        number,
        folder,
        ref.id,
        ref.kind,
        ref.message_class,
        ref.size,
        ref.time,
        ref.received,
        summary,
        ref.version,
        ref.stable_id,
        ref.sensitivity,
        ref.flags,
        held.blob if held else b"",
        held.sha256 if held else b"",
        proof,
        left_out,
        native,
    )
