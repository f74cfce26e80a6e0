"""A session on one memory mailbox."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping

from mailkeep.connectors.base import (
    Capabilities,
    Change,
    Created,
    Fetched,
    Gone,
    Listed,
    Marked,
    NewItem,
    Seen,
    Unfetched,
    Usage,
)
from mailkeep.connectors.memory.native import FORMS, form_of
from mailkeep.connectors.memory.server import MemoryFolder, MemoryItem, MemoryMailbox, MemoryServer, reference
from mailkeep.errors import GiveUp, RetryNow
from mailkeep.mail.items import Folder, ItemRef, Kind, Section

_BATCH = 500  # items per counted round trip
_PRIMARY = frozenset({Section.PRIMARY})


class MemoryConnector:
    """See `connectors.base.Connector`, which it keeps to the letter: it is the reference."""

    def __init__(self, server: MemoryServer, mailbox: MemoryMailbox, sections: frozenset[Section] = _PRIMARY) -> None:
        self.capabilities = Capabilities(
            kinds=frozenset(Kind),
            stable_ids=server.stable_ids,
            incremental=server.incremental,
            regenerates_content=server.regenerates_content,
            native_forms=FORMS if server.native else frozenset(),
        )
        self._sections = sections
        self.usage = Usage()
        self.closed = False
        self._server = server
        self._mailbox = mailbox

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        return {section: said for section, said in self._server.closed_sections.items() if section in self._sections}

    def folders(self) -> list[Folder]:
        self._begin("folders")
        shown = self._sections - self._server.closed_sections.keys()
        return [folder.as_folder() for folder in self._mailbox.folders if folder.section in shown]

    def unchanged(self, checkpoints: dict[str, bytes]) -> dict[str, int]:
        self._begin("unchanged")
        if not self._server.incremental:
            return {}
        counts = {}
        for folder in self._mailbox.folders:
            since = checkpoints.get(folder.id)
            if since is not None and since == _checkpoint(folder) and not self._looks_empty():
                counts[folder.id] = folder.count()
        return counts

    def count(self, folder: Folder) -> int:
        self._begin("count")
        return 0 if self._looks_empty() else self._held(folder).count()

    def changes(self, folder: Folder, since: bytes | None) -> MemoryListing:
        self.usage.requests += 1
        return MemoryListing(self, self._held(folder), since)

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:
        held = self._held(folder)
        for number, ref in enumerate(refs):
            self._step("fetch", number)
            yield self._fetched(held, ref)

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
        held = self._held(folder)
        for number, ref in enumerate(refs):
            self._step("identify", number)
            item = _find(held, ref.id)
            if item is not None:
                head, blank, _ = item.content.partition(b"\r\n\r\n")
                yield ref, head + blank

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:
        self._begin("create_folder")
        present = {folder.path for folder in self._mailbox.folders}
        for depth in range(1, len(path) + 1):
            if path[:depth] not in present:
                self._mailbox.add_folder(path[:depth], kind=kind)
        return self._mailbox.folder(*path).as_folder()

    def create(self, folder: Folder, item: NewItem) -> Created:
        self._begin("create")
        held = self._held(folder)
        content = b"X-Regenerated: yes\r\n" + item.content if self._server.regenerates_content else item.content
        uid = held.deliver(
            content,
            flags=item.flags,
            received=item.received,
            kind=item.kind,
            message_class=item.message_class or "IPM.Note",
            parts=[part for part in item.parts if form_of(part) in self.capabilities.native_forms],
        )
        return Created(held.item_id(uid))

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:
        self._begin("remove_created")
        held = self._held(folder)
        item = _find(held, item_id)
        if item is None:
            return False
        same = item.version == version if version else hashlib.sha256(item.content).hexdigest() == content_sha256
        if not same:
            return False
        held.expunge(item.uid)
        return True

    def close(self) -> None:
        self.closed = True

    # --- inside ----------------------------------------------------------------------------------------------------

    def _begin(self, operation: str) -> None:
        if self.closed:
            raise ValueError("this session is closed")
        self.usage.requests += 1
        self._server.faults.strike(operation, self._mailbox.address)

    def _step(self, operation: str, number: int) -> None:
        if self.closed:
            raise ValueError("this session is closed")
        self.usage.requests += number % _BATCH == 0
        self._server.faults.strike(operation, self._mailbox.address)

    def _looks_empty(self) -> bool:
        return self._mailbox.address in self._server.faults.empty

    def _held(self, folder: Folder) -> MemoryFolder:
        held = self._mailbox.by_id(folder.id)
        if held is None or not held.selectable:
            raise GiveUp(
                "folder_not_found", f"the folder {'/'.join(folder.path)} is not there", "list the folders again"
            )
        return held

    def _fetched(self, held: MemoryFolder, ref: ItemRef) -> Fetched | Unfetched:
        faults = self._server.faults
        item = None if ref.id in faults.vanishing else _find(held, ref.id)
        if item is None:
            return Unfetched(ref, "vanished", "the item was removed while it was being fetched")
        if ref.id in faults.unreadable:
            return Unfetched(ref, "unreadable", "the server cannot read this item")
        if ref.id in faults.too_large:
            return Unfetched(ref, "item_too_large", "the item is larger than the server gives out")
        fetched = Fetched(ref, item.content, item.parts if self._server.native else ())
        self.usage.bytes_received += fetched.size
        return fetched


class MemoryListing:
    """See `connectors.base.Listing`. What is delivered while it runs is left for the next one."""

    def __init__(self, connector: MemoryConnector, folder: MemoryFolder, since: bytes | None) -> None:
        self._connector = connector
        self._folder = folder
        self._server = connector._server
        self._address = connector._mailbox.address
        self.checkpoint = b""
        self.complete = False
        self.count = 0
        self._since = _honoured(folder, since)

    def __iter__(self) -> Iterator[Change]:
        with self._server.lock:
            folder, validity = self._folder, self._folder.validity
            checkpoint, count, uid_next = _checkpoint(folder), folder.count(), folder.uid_next
        hidden = self._connector._looks_empty()
        complete = self._since is None or not self._server.incremental or hidden
        limit = self._server.faults.truncated_listing.get(folder.id)
        self._strike()
        for number, change in enumerate(self._changes(complete, uid_next) if not hidden else ()):
            if limit is not None and number >= limit:
                break
            self._strike()
            if folder.validity != validity:
                raise RetryNow("connection_lost", "the folder was reset while it was being listed", "it is tried again")
            yield change
        self.checkpoint, self.complete, self.count = checkpoint, complete, 0 if hidden else count

    def _strike(self) -> None:
        self._server.faults.strike("changes", self._address)

    def _changes(self, complete: bool, uid_next: int) -> Iterator[Change]:
        folder, (since, known_below) = self._folder, self._since or (0, 0)
        if not complete:
            for number, uid in list(folder.expunged):
                if number > since and uid < known_below:
                    yield Gone(folder.item_id(uid))
        for item in folder.present():
            if item.uid >= uid_next:
                break
            if item.uid >= known_below or item.content_changed > since:
                yield Listed(reference(self._server, folder, item), changed=item.uid < known_below)
            elif item.changed > since and self._server.marks and not complete:
                yield from self._marks(item, since)
            elif item.changed > since:
                yield Seen(folder.item_id(item.uid), item.flags)
            elif complete:
                yield Seen(folder.item_id(item.uid), None)

    def _marks(self, item: MemoryItem, since: int) -> Iterator[Change]:
        for flag, number in sorted(item.marked.items()):
            if number > since:
                yield Marked(self._folder.item_id(item.uid), flag, flag in item.flags)


def _find(folder: MemoryFolder, item_id: str) -> MemoryItem | None:
    uid = folder.uid_of(item_id)
    return None if uid is None else folder.find(uid)


def _checkpoint(folder: MemoryFolder) -> bytes:
    return json.dumps({"validity": folder.validity, "highest": folder.highest, "next": folder.uid_next}).encode()


def _honoured(folder: MemoryFolder, since: bytes | None) -> tuple[int, int] | None:
    """(modification number, next UID) of the checkpoint, or None where it no longer counts."""
    if since is None:
        return None
    said = json.loads(since)
    if said["validity"] != folder.validity or said["highest"] < folder.forgotten:
        return None
    return said["highest"], said["next"]
