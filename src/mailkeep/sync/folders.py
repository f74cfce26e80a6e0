"""The folder tree: what the server shows, what is known → what to record, and how to treat each folder. Pure.

| folder                                   | treatment  |                                                              |
|------------------------------------------|------------|--------------------------------------------------------------|
| of a section that is off                 | `KEPT`     | neither listed nor gone; not recorded where it is not known  |
| of one that the server will not show now | `KEPT`     | likewise; the run's warning names it                         |
| a virtual view (All Mail, Flagged)       | `SHOWN`    | recorded, never listed: an item is archived once             |
| a name that only holds other folders     | `EMPTY`    | recorded; what was known in it is missing                    |
| its kind is off, nothing of it archived  | `COUNTED`  | recorded, counted, not listed (SPEC A11)                     |
| any other                                | `LISTED`   | its kind may be off: what is archived of it is still tracked |
| no longer on the server                  | `EMPTY`    | `FolderGone`, once its items are settled                     |
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mailkeep.mail.items import VIRTUAL_ROLES, Folder, Section
from mailkeep.sync.ports import FolderCount, KnownFolder
from mailkeep.tasks.admit import admits_folder, asks_for
from mailkeep.tasks.options import SECTION_LABELS, TaskOptions


class Treatment(Enum):
    LISTED = auto()
    COUNTED = auto()
    SHOWN = auto()
    EMPTY = auto()
    KEPT = auto()


@dataclass(frozen=True, slots=True)
class Branch:
    """One folder of the mailbox, under our number."""

    number: int
    folder: Folder
    treatment: Treatment
    kind_on: bool  # False: additions are counted as left out by kind, and not recorded one by one

    @property
    def name(self) -> str:
        """As a warning names it: two sections of a mailbox may have an inbox each."""
        path, section = "/".join(self.folder.path), self.folder.section
        return path if section is Section.PRIMARY else f"{SECTION_LABELS[section]}: {path}"


@dataclass(frozen=True, slots=True)
class Tree:
    branches: tuple[Branch, ...]  # sorted by number; those that are gone included, as EMPTY
    puts: tuple[Branch, ...]  # new, renamed or otherwise changed
    gone: tuple[int, ...]

    def by_number(self) -> dict[int, Branch]:
        return {branch.number: branch for branch in self.branches}


def plan_tree(
    shown: Iterable[Folder],
    known: Sequence[KnownFolder],
    holds: Mapping[int, FolderCount],
    options: TaskOptions,
    next_number: Callable[[], int],
    closed: Collection[Section] = (),
) -> Tree:
    """`shown` is the server's hierarchy (of an id shown twice the first counts), `holds` what the archive has.

    `closed`: sections that the server refused to show.
    """

    def may_be_gone(folder: Folder) -> bool:
        return asks_for(options, folder) and folder.section not in closed

    on = {folder.id: folder for folder in reversed(list(shown)) if asks_for(options, folder)}
    numbers = {entry.folder.id: entry for entry in known if entry.folder.id in on or may_be_gone(entry.folder)}
    branches = [Branch(e.number, e.folder, Treatment.KEPT, True) for e in known if e.folder.id not in numbers]
    puts = []
    for folder in on.values():
        entry = numbers.pop(folder.id, None)
        number = entry.number if entry else next_number()
        branch = Branch(number, folder, _treatment(folder, holds.get(number), options), admits_folder(options, folder))
        branches.append(branch)
        if entry is None or entry.folder != folder:
            puts.append(branch)
    branches += [Branch(entry.number, entry.folder, Treatment.EMPTY, True) for entry in numbers.values()]
    return Tree(
        branches=tuple(sorted(branches, key=lambda branch: branch.number)),
        puts=tuple(sorted(puts, key=lambda branch: branch.folder.path)),
        gone=tuple(sorted(entry.number for entry in numbers.values())),
    )


def _treatment(folder: Folder, held: FolderCount | None, options: TaskOptions) -> Treatment:
    if folder.role in VIRTUAL_ROLES:
        return Treatment.SHOWN
    if not folder.selectable:
        return Treatment.EMPTY
    if not admits_folder(options, folder) and not (held and held.archived):
        return Treatment.COUNTED
    return Treatment.LISTED
