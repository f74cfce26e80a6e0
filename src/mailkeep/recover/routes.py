"""Where each source folder goes in the target: by its purpose, whatever its name is in either language. Pure.

below a chosen folder          into + path, in the source's own names
a folder with a role           the target's folder of that role:        Sent Items → Gesendete Elemente → Sent
a folder below one with one    below that:                              Inbox/Projects → INBOX/Projects
any other                      where a folder of that path is, else the path, to be made
... where one of another kind
    has that path              a name of its own beside it:             Projects → Projects (calendar)
another section                that section, where the target shows it, else below a folder that is named for it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailkeep.mail.items import VIRTUAL_ROLES, Folder, Kind, Role, Section, whole_path

Path = tuple[str, ...]
_BESIDE = {
    Kind.MAIL: "mail",
    Kind.EVENT: "calendar",
    Kind.CONTACT: "contacts",
    Kind.TASK: "tasks",
    Kind.NOTE: "notes",
}


def told(folder: Folder) -> Path:
    """A target folder's whole path: what the journal and people call it."""
    return whole_path(folder.path, folder.section)


class Routes:
    """The way of every folder of one source into one target, as both were when it was made."""

    def __init__(
        self,
        source: Iterable[Folder],
        there: Sequence[Folder],
        into: Path = (),
        kinds: frozenset[Kind] = frozenset(Kind),
    ) -> None:
        self._into = into
        self._kinds = kinds  # that the target keeps
        self._source = {folder.path: folder for folder in source}
        self._there = {told(folder): folder for folder in there}
        self._by_role: dict[tuple[Section, Role], Folder] = {}
        for folder in there:
            if folder.role is not None and folder.selectable:
                self._by_role.setdefault((folder.section, folder.role), folder)

    def path(self, folder: Folder) -> Path:
        wanted = self._into + folder.path if self._into else self._place(folder)
        return self._beside(wanted, folder.kind)

    def kind(self, path: Path) -> Kind:
        """What a folder of the target that is still to be made is for: as in the source, else mail."""
        source = self._source.get(path[len(self._into) :])
        return source.kind if source is not None and source.kind in self._kinds else self._plain

    @property
    def _plain(self) -> Kind:
        return Kind.MAIL if Kind.MAIL in self._kinds or not self._kinds else min(self._kinds)

    def _place(self, folder: Folder) -> Path:
        if (own := self._there.get(folder.path)) is not None and _alike(own, folder):
            return folder.path
        if folder.role is not None and (found := self._by_role.get((folder.section, folder.role))) is not None:
            return told(found)
        if len(folder.path) > 1 and folder.path not in self._there:
            return self._place(self._parent(folder)) + folder.path[-1:]
        return folder.path

    def _parent(self, folder: Folder) -> Folder:
        """The folder above; where it is not part of the source, one of that path. The inbox is known by its name, too."""
        path = folder.path[:-1]
        inbox = Role.INBOX if len(path) == 1 and path[0].casefold() == "inbox" else None
        return self._source.get(path) or Folder("", path, role=inbox, section=folder.section)

    def _beside(self, path: Path, kind: Kind) -> Path:
        """A folder of another kind takes no item of this one."""
        there = self._there.get(path)
        if there is None or there.kind is kind or not there.selectable or kind not in self._kinds:
            return path
        return (*path[:-1], f"{path[-1]} ({_BESIDE[kind]})")


def makes_empty(folder: Folder, kinds: frozenset[Kind]) -> bool:
    """Whether the folder is made in the target though nothing goes into it."""
    return (
        folder.selectable
        and folder.kind in kinds
        and folder.role not in VIRTUAL_ROLES
        and folder.section is not Section.RECOVERABLE_ITEMS
    )


def _alike(there: Folder, folder: Folder) -> bool:
    """Of one purpose: the same role, or the source's has none."""
    return folder.role is None or there.role is folder.role
