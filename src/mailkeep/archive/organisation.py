"""The organisation's history: configuration, ownership, audit. The same chain as a mailbox's, another vocabulary.

An event's time and kind stand in the entry. Who, on what, and the document may be personal; they are a blob, so that
the chain holds nothing that could not be kept for ever (law 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from mailkeep.archive.batch import Batch
from mailkeep.archive.chain import ORGANISATION, Chain, Link
from mailkeep.archive.damage import Damaged
from mailkeep.archive.documents import canonical
from mailkeep.archive.entries import EVENTS_MAX, from_microseconds, to_microseconds
from mailkeep.archive.events import Head
from mailkeep.store.base import Store


@dataclass(frozen=True, slots=True)
class OrganisationEvent:
    """`actor` did `kind` to `subject`, which is from then on as `document` says (None: it is gone)."""

    at: datetime
    actor: str
    kind: str  # "task.created", "connection.changed" …
    subject: str
    document: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class OrganisationEntry:
    number: int
    previous: bytes
    time: datetime
    events: tuple[OrganisationEvent, ...]


class OrganisationHistory:
    """Appends to and reads the organisation's chain. For one thread."""

    def __init__(
        self, store: Store, archive_key: bytes, batch: Callable[[], Batch], read: Callable[[bytes], bytes]
    ) -> None:
        self.chain = Chain(store, archive_key, ORGANISATION)
        self._batch = batch
        self._read = read

    def append(self, previous: Head, events: Sequence[OrganisationEvent], time: datetime) -> Head:
        """One entry behind `previous`.

        Fenced as a mailbox's; ValueError for no events, too many, or a time before the predecessor's.
        """
        if not 0 < len(events) <= EVENTS_MAX:
            raise ValueError(f"an entry of {len(events)} events")
        blobs = self._put_documents(events)
        document = {
            "number": previous.number + 1,
            "previous": previous.hash.hex(),
            "time": to_microseconds(time),
            "events": [
                [to_microseconds(event.at), event.kind, blob.hex()] for event, blob in zip(events, blobs, strict=True)
            ],
        }
        return self.chain.append(previous.number + 1, previous.hash, time, msgspec.json.encode(document))

    def read(self, after: int = 0) -> Iterator[tuple[OrganisationEntry, Head]]:
        """Every entry behind number `after`.

        The chain is checked as it goes; raises Damaged, and NotFound for a lost document.
        """
        for link in self.chain.read(after):
            events = tuple(self.event(*event) for event in self.decode(link))
            yield OrganisationEntry(link.number, link.previous, link.time, events), link.head

    def head(self) -> Head:
        return self.chain.head()

    def decode(self, link: Link) -> list[tuple[datetime, str, bytes]]:
        """(at, kind, blob) of each event. Raises Damaged."""
        try:
            body = msgspec.json.decode(link.document, type=_Body)
            return [(from_microseconds(at), kind, bytes.fromhex(blob)) for at, kind, blob in body.events]
        except (msgspec.MsgspecError, ValueError):
            raise Damaged(self.chain.object_name(link.number), "it cannot be read") from None

    def _put_documents(self, events: Sequence[OrganisationEvent]) -> list[bytes]:
        documents = [
            canonical({"actor": event.actor, "subject": event.subject, "document": event.document}) for event in events
        ]
        batch = self._batch()
        try:
            blobs = batch.put_documents(documents)
            batch.seal()
        finally:
            batch.abort()
        return blobs

    def event(self, at: datetime, kind: str, blob: bytes) -> OrganisationEvent:
        """One of what `decode` names. Raises Damaged, and NotFound for a lost document."""
        body = msgspec.json.decode(self._read(blob))
        return OrganisationEvent(at, body["actor"], kind, body["subject"], body["document"])


class _Body(msgspec.Struct):
    """The organisation's part of a document."""

    events: list[tuple[int, str, str]]
