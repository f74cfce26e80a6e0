"""A signed-in session on one mailbox of an IMAP server, as `connectors.base.Connector` wants it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from mailkeep.connectors.base import Capabilities, Created, Fetched, NewItem, Unfetched, Usage
from mailkeep.connectors.imap import checkpoint as checkpoints
from mailkeep.connectors.imap import creating
from mailkeep.connectors.imap.fetching import HEADER, ITEM_BYTES_MAX, Fetching
from mailkeep.connectors.imap.folders import Hierarchy
from mailkeep.connectors.imap.listing import ImapListing
from mailkeep.connectors.imap.session import Session
from mailkeep.connectors.imap.wire import Claim
from mailkeep.mail.items import Folder, ItemRef, Kind, Section

_DOVECOT = re.compile(rb'\* ID \(.*"name" "dovecot"', re.IGNORECASE)


class ImapConnector:
    """Takes over a session that has just signed in."""

    def __init__(self, session: Session, item_bytes_max: int = ITEM_BYTES_MAX) -> None:
        self._session = session
        self._item_bytes_max = item_bytes_max
        session.line.literal_bytes_max = item_bytes_max + (1 << 20)  # sizes are what a server says, give or take
        dovecot = _introduce(session)
        lasting = _lasting_ids(session, dovecot)
        self._stable_item = lasting[1]
        self._hierarchy = Hierarchy(session, lasting[0])
        self.usage: Usage = session.usage
        self.capabilities = Capabilities(
            kinds=frozenset({Kind.MAIL}),
            stable_ids=bool(self._stable_item),
            incremental=session.has("CONDSTORE") or session.has("QRESYNC"),
        )

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        return {}  # IMAP has no sections

    def folders(self) -> list[Folder]:
        return self._hierarchy.folders()

    def unchanged(self, checkpoints_by_folder: dict[str, bytes]) -> dict[str, int]:
        """Proved by equal UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ and count: without CONDSTORE nothing is proved."""
        if not self.capabilities.incremental or not checkpoints_by_folder:
            return {}
        counts = {}
        for folder_id, status in self._hierarchy.statuses(checkpoints_by_folder).items():
            known = checkpoints.decode(checkpoints_by_folder.get(folder_id))
            now = checkpoints.Checkpoint(status.validity, status.uid_next, status.mod_sequence, status.count)
            if known is not None and known == now and now.mod_sequence > 0:
                counts[folder_id] = now.count
        return counts

    def count(self, folder: Folder) -> int:
        return self._hierarchy.count(folder)

    def changes(self, folder: Folder, since: bytes | None) -> ImapListing:
        return ImapListing(self._session, self._hierarchy.raw(folder), folder.role, self._stable_item, since)

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:
        raw = self._hierarchy.raw(folder)
        return iter(Fetching(self._session, raw, refs, bytes_max=self._item_bytes_max))

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
        """Items that would not come are left out: they cannot be proven the same."""
        for result in Fetching(self._session, self._hierarchy.raw(folder), refs, section=HEADER):
            if isinstance(result, Fetched):
                yield result.ref, bytes(result.content)

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:  # noqa: ARG002
        """IMAP folders hold mail; `kind` is what the items will be and changes nothing here."""
        known = {folder.path: folder for folder in self.folders()}
        if path in known and known[path].selectable:
            return known[path]
        raw = creating.create_folder(self._session, self._hierarchy, path)
        return next(folder for folder in self.folders() if self._hierarchy.raw(folder) == raw)

    def create(self, folder: Folder, item: NewItem) -> Created:
        return creating.create(self._session, self._hierarchy.raw(folder), item)

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:  # noqa: ARG002
        """A message's bytes never change on IMAP; their hash is the proof, `version` is always ""."""
        return creating.remove_created(self._session, self._hierarchy.raw(folder), item_id, content_sha256)

    def close(self) -> None:
        self._session.close()


def _introduce(session: Session) -> bool:
    """ID and ENABLE in one round trip. True where it is a Dovecot."""
    asked = session.send(b'ID ("name" "mailkeep")', claim=Claim(b"ID")) if session.has("ID") else None
    wanted = next((word for word in ("QRESYNC", "CONDSTORE") if session.has(word)), None)
    enabling = (
        session.send(b"ENABLE ", wanted.encode(), claim=Claim(b"ENABLED")) if wanted and session.has("ENABLE") else None
    )
    dovecot = False
    if asked is not None:
        dovecot = any(_DOVECOT.match(response.text) for response in session.responses(asked))
    if enabling is not None:
        for response in session.responses(enabling):
            text = response.text
            if response.name == b"ENABLED":
                session.enabled = frozenset(text[10:].decode("ascii", "replace").upper().split())
    return dovecot


def _lasting_ids(session: Session, dovecot: bool) -> tuple[bytes, bytes]:
    """The STATUS item with a folder's lasting id and the FETCH item with a message's, b"" where there are none."""
    if session.has("OBJECTID"):
        return b"MAILBOXID", b"EMAILID"
    if dovecot:
        probe = session.send(b"STATUS INBOX (X-GUID)")
        if any(b"X-GUID" in response.text.upper() for response in session.responses(probe)):
            return b"X-GUID", b"X-GUID"
    return b"", b""
