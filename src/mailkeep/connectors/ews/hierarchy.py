"""The folders of a mailbox: their paths, kinds and roles, and the marks by which an unchanged folder is known.

A role comes of the server's distinguished ids and a kind of the folder class, never of a name, which is in the owner's
language. Search folders and hidden ones (quick steps, recipient cache) are views and settings: they are not shown.

| section             | root                         | paths, from its root                        |
|---------------------|------------------------------|---------------------------------------------|
| primary             | `msgfolderroot`              | as people see them: ("Posteingang",)        |
| in-place archive    | `archivemsgfolderroot`       | likewise: it may have an inbox of its own   |
| Recoverable Items   | `recoverableitemsroot`       | ("Deletions",), ("Purges",) …               |

A mailbox without an archive is no error: it has just no such folders. A section that the server refuses in other words is
among the `closed_sections`: whether it has folders is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailkeep.connectors.ews.checkpoint import Marks
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire import listing, requests
from mailkeep.connectors.ews.wire.ids import FolderName
from mailkeep.connectors.ews.wire.listing import FoundFolder
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.connectors.ews.wire.shapes import FOLDERS, ID_ONLY
from mailkeep.errors import GiveUp, RetryLater
from mailkeep.mail.items import Folder, Kind, Role, Section

ROOTS = {
    Section.PRIMARY: "msgfolderroot",
    Section.IN_PLACE_ARCHIVE: "archivemsgfolderroot",
    Section.RECOVERABLE_ITEMS: "recoverableitemsroot",
}
FOLDER_CLASSES = {
    Kind.MAIL: "IPF.Note",
    Kind.EVENT: "IPF.Appointment",
    Kind.CONTACT: "IPF.Contact",
    Kind.TASK: "IPF.Task",
    Kind.NOTE: "IPF.StickyNote",
}
_KINDS = {
    "appointment": Kind.EVENT,
    "contact": Kind.CONTACT,
    "task": Kind.TASK,
    "stickynote": Kind.NOTE,
}
_ROLES = {
    "inbox": Role.INBOX,
    "sentitems": Role.SENT,
    "drafts": Role.DRAFTS,
    "deleteditems": Role.TRASH,
    "junkemail": Role.JUNK,
    "outbox": Role.OUTBOX,
    "archive": Role.ARCHIVE,
    "calendar": Role.CALENDAR,
    "contacts": Role.CONTACTS,
    "tasks": Role.TASKS,
    "notes": Role.NOTES,
}
_ARCHIVE_ROLES = {"archiveinbox": Role.INBOX, "archivedeleteditems": Role.TRASH}
_ASKED_ROLES = tuple(name for name in _ROLES if name != "archive")  # which Exchange 2013 does not know
_SHAPE = FOLDERS.having("folder:UnreadCount")
_NEVER_UNREAD = frozenset({"CalendarFolder", "ContactsFolder"})  # which have no UnreadCount
_DEPTH_MAX = 300  # Exchange's own limit; more is a circle
_WHAT = "list the folders"
Found = tuple[FoundFolder, int | None]  # with its UnreadCount
_NO_SECTION = frozenset({"folder_not_found", "mailbox_not_found"})  # codes for: it has none
_CLOSED = frozenset({"refused_by_server", "access_denied"})  # it may have one


@dataclass(frozen=True, slots=True)
class Known:
    """A folder with what the server told of it."""

    folder: Folder
    found: FoundFolder
    unread: int | None

    @property
    def marks(self) -> Marks | None:
        """None where this server does not tell enough."""
        found = self.found
        unread = 0 if found.element in _NEVER_UNREAD else self.unread
        if not found.commit_time_max or found.total is None or unread is None:
            return None
        return Marks(found.commit_time_max, found.deleted_total, found.total, unread)


class Hierarchy:
    """Of one mailbox, in the sections asked for. What it last heard is kept for `known`."""

    def __init__(self, session: Session, sections: frozenset[Section]) -> None:
        self._session = session
        self._sections = [section for section in ROOTS if section in sections]
        self._known: dict[str, Known] = {}
        self._heard = False
        self.closed_sections: dict[Section, str] = {}  # with the server's words, as `listed` last heard them
        self._by_sync = False  # this server knows no FindFolder

    def listed(self) -> list[Known]:
        """Asked of the server now, parents before children."""
        self.closed_sections = {}
        found: list[Known] = []
        for section in self._sections:
            found += self._section(section)
        self._known = {known.folder.id: known for known in found}
        self._heard = True
        return found

    def known(self, folder: Folder) -> Known:
        """What was last heard of it; asked again where it was never heard of. GiveUp("folder_not_found")."""
        if folder.id not in self._known or not self._heard:
            self.listed()
        known = self._known.get(folder.id)
        if known is None:
            where = "/".join(folder.path)
            raise GiveUp("folder_not_found", f"the folder {where} is not there", "list the folders again")
        return known

    def root(self) -> FolderName:
        return self._session.known(ROOTS[Section.PRIMARY])

    # --- inside -------------------------------------------------------------------------------------------------------

    def _section(self, section: Section) -> list[Known]:
        root = self._session.known(ROOTS[section])
        try:
            found = list(self._found(root) if not self._by_sync else self._synced(root))
        except GiveUp as error:
            if section is not Section.PRIMARY and error.code in _NO_SECTION:
                return []
            if section is not Section.PRIMARY and error.code in _CLOSED:
                self.closed_sections[section] = error.message
                return []
            if self._by_sync or error.code != "refused_by_server":
                raise
            self._by_sync = True
            return self._section(section)
        return list(_placed(found, self._roles(found, section), section))

    def _found(self, root: FolderName) -> Iterator[Found]:
        """By FindFolder: one request per thousand folders, and the counts are of now."""
        offset: int | None = 0
        while offset is not None:
            message = self._session.one(requests.find_folder([root], _SHAPE, offset=offset), _WHAT)
            unread = _unread(message)
            yield from ((one, unread.get(one.id)) for one in listing.read_folders(message))
            before, offset = offset, listing.next_offset(message, offset)
            if offset == before:
                told = "the server says that there are more folders, and gives none"
                raise RetryLater("unreachable", told, "it is tried again; look into the server's log if this lasts")

    def _synced(self, root: FolderName) -> Iterator[Found]:
        """By SyncFolderHierarchy from the start, for servers without FindFolder."""
        state, last = "", False
        while not last:
            message = self._session.one(requests.sync_folder_hierarchy(root, state, _SHAPE), _WHAT)
            page, unread = listing.read_hierarchy_page(message), _unread(message)
            yield from ((one, unread.get(one.id)) for one in page.folders)
            last = page.last or page.state == state
            state = page.state

    def _roles(self, found: list[Found], section: Section) -> dict[str, Role]:
        if section is not Section.PRIMARY:
            return {
                one.id: _ARCHIVE_ROLES[one.distinguished] for one, _ in found if one.distinguished in _ARCHIVE_ROLES
            }
        told = {one.id: _ROLES[one.distinguished] for one, _ in found if one.distinguished in _ROLES}
        if Role.INBOX in told.values():
            return told
        request = requests.get_folder(map(self._session.known, _ASKED_ROLES), ID_ONLY)
        for name, message in zip(_ASKED_ROLES, self._session.call(request, _WHAT), strict=False):
            if message.ok:
                told.update({one.id: _ROLES[name] for one in listing.read_folders(message)})
        return told


def kind_of(folder_class: str) -> Kind:
    """`IPF.Appointment.Birthday` holds events; what is of no known class holds mail."""
    parts = folder_class.lower().split(".")
    return _KINDS.get(parts[1], Kind.MAIL) if len(parts) > 1 and parts[0] == "ipf" else Kind.MAIL


def _placed(found: list[Found], roles: dict[str, Role], section: Section) -> Iterator[Known]:
    """With their paths, parents before children. A folder whose parent is not shown is not shown either."""
    shown = {one.id: (one, unread) for one, unread in found if one.element != "SearchFolder" and not one.hidden}
    listed = {one.id for one, _ in found}
    paths: dict[str, tuple[str, ...]] = {}
    for one, unread in sorted(shown.values(), key=lambda pair: _depth(pair[0], shown)):
        if one.parent in shown:
            if one.parent not in paths:
                continue  # in a circle
            path = (*paths[one.parent], one.name)
        elif one.parent in listed:
            continue
        else:
            path = (one.name,)
        paths[one.id] = path
        role = roles.get(one.id)
        yield Known(Folder(one.id, path, kind_of(one.folder_class), role, True, section), one, unread)


def _depth(one: FoundFolder, shown: dict[str, Found]) -> int:
    depth = 0
    at = one
    while at.parent in shown and depth < _DEPTH_MAX:
        at = shown[at.parent][0]
        depth += 1
    return depth


def _unread(message: ResponseMessage) -> dict[str, int]:
    """UnreadCount by folder id."""
    told = {}
    for count in message.element.iter(f"{T}UnreadCount"):
        folder = count.getparent()
        key = folder.find(f"{T}FolderId") if folder is not None else None
        unread = (count.text or "").strip()
        if key is not None and unread.isascii() and unread.isdigit():
            told[key.get("Id", "")] = int(unread)
    return told
