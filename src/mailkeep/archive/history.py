"""A mailbox's history: its chain, with entries in it. The organisation's names stand here as well."""

from __future__ import annotations

from collections.abc import Iterator

from mailkeep.archive.chain import Chain, Fenced, Link
from mailkeep.archive.damage import Damaged
from mailkeep.archive.entries import BadEntry, decode_entry, encode_entry
from mailkeep.archive.events import Entry, Head
from mailkeep.archive.organisation import OrganisationEntry, OrganisationEvent, OrganisationHistory
from mailkeep.store.base import Store

__all__ = ["Fenced", "History", "OrganisationEntry", "OrganisationEvent", "OrganisationHistory"]


class History:
    """Appends to and reads one mailbox's chain. For one thread."""

    def __init__(self, store: Store, archive_key: bytes, mailbox: str) -> None:
        self.mailbox = mailbox
        self.chain = Chain(store, archive_key, mailbox)

    def append(self, entry: Entry) -> Head:
        """Put the entry; the new head.

        `Fenced` if another writer has taken its number, or if it follows an entry that is not the one there.

        Trying the same entry again after a fault of the store is right: a put that had landed is recognised.
        Raises ValueError for an entry that is too large, earlier than its predecessor, or another mailbox's.
        """
        if entry.mailbox != self.mailbox:
            raise ValueError(f"an entry of {entry.mailbox} in the history of {self.mailbox}")
        return self.chain.append(entry.number, entry.previous, entry.time, encode_entry(entry))

    def read(self, after: int = 0) -> Iterator[tuple[Entry, Head]]:
        """Every entry behind number `after`, with the head it made. The chain is checked as it goes; raises Damaged."""
        for link in self.chain.read(after):
            yield self.decode(link), link.head

    def decode(self, link: Link) -> Entry:
        """Raises Damaged."""
        try:
            return decode_entry(self.mailbox, link.document)
        except BadEntry as error:
            raise Damaged(self.chain.object_name(link.number), str(error)) from None

    def head(self) -> Head:
        """The last entry's head; `EMPTY_HEAD` for a mailbox without one."""
        return self.chain.head()
