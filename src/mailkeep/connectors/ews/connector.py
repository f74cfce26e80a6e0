"""A signed-in session on one mailbox of an EWS server, as `connectors.base.Connector` wants it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from mailkeep.connectors.base import Capabilities, Created, Fetched, NewItem, Unfetched, Usage
from mailkeep.connectors.ews import checkpoint as checkpoints
from mailkeep.connectors.ews import creating
from mailkeep.connectors.ews.checkpoint import Marks
from mailkeep.connectors.ews.creating import Uploads
from mailkeep.connectors.ews.exports import Exports
from mailkeep.connectors.ews.fetching import ITEM_BYTES_MAX, Fetching
from mailkeep.connectors.ews.hierarchy import Hierarchy, Known
from mailkeep.connectors.ews.identifying import headers
from mailkeep.connectors.ews.listing import EwsListing, count_of
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire.listing import moment
from mailkeep.mail.items import Folder, ItemRef, Kind, Section

FORM = "ews"
_SETTLED = timedelta(seconds=3)  # times of EWS have no fractions: what was committed just now may be followed by more
_PROOF_SECONDS_MAX = 24 * 3600  # marks are told by the server; once a day its SyncState is asked all the same


class EwsConnector:
    """Takes over a session that has just signed in."""

    def __init__(
        self,
        session: Session,
        sections: frozenset[Section] = frozenset({Section.PRIMARY}),
        item_bytes_max: int = ITEM_BYTES_MAX,
    ) -> None:
        self._session = session
        self._item_bytes_max = item_bytes_max
        self._hierarchy = Hierarchy(session, sections)
        self._fresh: list[Known] | None = None  # the hierarchy as `folders` just heard it, for `unchanged`
        self._exports = Exports()
        self._uploads = Uploads()
        self.capabilities = Capabilities(
            kinds=frozenset(Kind),
            stable_ids=True,
            incremental=True,
            regenerates_content=True,
            native_forms=frozenset({FORM}),
        )

    @property
    def usage(self) -> Usage:
        return self._session.usage

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        return self._hierarchy.closed_sections

    def folders(self) -> list[Folder]:
        self._fresh = self._hierarchy.listed()
        return [known.folder for known in self._fresh]

    def unchanged(self, checkpoints_by_folder: dict[str, bytes]) -> dict[str, int]:
        """Proved by equal marks (see `hierarchy`), which come with the hierarchy: right after `folders` they cost nothing."""
        if not checkpoints_by_folder:
            return {}
        heard, self._fresh = self._fresh or self._hierarchy.listed(), None
        counts = {}
        for known in heard:
            then = checkpoints.decode(checkpoints_by_folder.get(known.folder.id))
            if then is None or then.marks is None or then.marks != known.marks:
                continue
            if 0 <= time.time() - then.at < _PROOF_SECONDS_MAX:
                counts[known.folder.id] = then.marks.count
        return counts

    def count(self, folder: Folder) -> int:
        self._hierarchy.known(folder)
        return count_of(self._session, folder)

    def changes(self, folder: Folder, since: bytes | None) -> EwsListing:
        known = self._hierarchy.known(folder)
        marks = self._provable(known)
        self._fresh = None
        return EwsListing(self._session, known.folder, since, marks)

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:  # noqa: ARG002 - ids say it
        return iter(Fetching(self._session, refs, self._exports, self._item_bytes_max))

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:  # noqa: ARG002
        """Only of items to which the server gave no stable id: the others need no proof."""
        return headers(self._session, (ref for ref in refs if not ref.stable_id))

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:
        self._fresh = None
        return creating.create_folder(self._hierarchy, self._session, path, kind)

    def create(self, folder: Folder, item: NewItem) -> Created:
        self._fresh = None
        return creating.create(self._session, folder, item, self._uploads)

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:  # noqa: ARG002
        self._fresh = None
        return creating.remove_created(self._session, item_id, content_sha256, version)

    def close(self) -> None:
        self._session.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _provable(self, known: Known) -> Marks | None:
        """The folder's marks before its listing, if a later change cannot leave them as they are.

        Exchange's do move with every change (Microsoft, "Handling notification-related errors in EWS"); other servers tell
        them too, and some move them for new items only. The commit time is told in whole seconds: marks of a folder that
        changed a moment ago prove nothing.
        """
        marks = known.marks if self._session.exchange else None
        committed = moment(marks.committed) if marks is not None else None
        now = self._session.server_time or datetime.now(UTC)
        return marks if committed is not None and committed + _SETTLED < now else None
