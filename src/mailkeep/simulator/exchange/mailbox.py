"""One person's mailbox: its folders, items, attachments, occurrences, and what happens to what is deleted.

Deleting, by kind, as Exchange does with single item recovery:

    "trash"  → Deleted Items; from there on like "soft"
    "soft"   → Recoverable Items / Deletions
    "hard"   → Recoverable Items / Purges
    anything within Recoverable Items → Purges, and from Purges for good

A mailbox that `keeps_versions` (a litigation hold) leaves the former version of every saved item in Recoverable Items /
Versions. Items of the in-place archive go to the archive's own folders of that purpose.
"""

# ruff: noqa: S608 - only names of columns and tables, all of our own, are put into statements

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from mailkeep.simulator.exchange import changes, folders, items
from mailkeep.simulator.exchange.changes import HierarchyPage, Page
from mailkeep.simulator.exchange.errors import NotFound
from mailkeep.simulator.exchange.series import Instance, instances, shown
from mailkeep.simulator.exchange.store import Store, stamp
from mailkeep.simulator.exchange.values import Attachment, Folder, FolderState, Item, Occurrence
from mailkeep.simulator.exchange.wellknown import ARCHIVE, counterpart

DeleteKind = Literal["hard", "soft", "trash"]


class Mailbox:
    """Thread-safe, as its store is. Items and folders returned are copies: change them and `save` or `update`."""

    def __init__(self, store: Store, number: int, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self.id = number
        row = store.one("SELECT guid, address, name, language FROM mailboxes WHERE id = ?", number)
        if row is None:
            raise NotFound(f"mailbox {number}")
        self.guid: str = row[0]
        self.address: str = row[1]
        self.name: str = row[2]
        self.language: str = row[3]

    @property
    def aliases(self) -> tuple[str, ...]:
        rows = self._store.all("SELECT address FROM aliases WHERE mailbox = ? ORDER BY address", self.id)
        return tuple(row[0] for row in rows)

    def _flag(self, name: str) -> bool:
        return bool(self._store.scalar(f"SELECT {name} FROM mailboxes WHERE id = ?", self.id))

    def _set_flag(self, name: str, on: bool) -> None:
        self._store.run(f"UPDATE mailboxes SET {name} = ? WHERE id = ?", on, self.id)

    @property
    def disabled(self) -> bool:
        """The person has left: no face serves the mailbox any more."""
        return self._flag("disabled")

    @disabled.setter
    def disabled(self, on: bool) -> None:
        self._set_flag("disabled", on)

    @property
    def moving(self) -> bool:
        """On its way to another database: not served for the moment."""
        return self._flag("moving")

    @moving.setter
    def moving(self, on: bool) -> None:
        self._set_flag("moving", on)

    @property
    def keeps_versions(self) -> bool:
        """Under a hold: what an item was before it was saved is kept."""
        return self._flag("keeps_versions")

    @keeps_versions.setter
    def keeps_versions(self, on: bool) -> None:
        self._set_flag("keeps_versions", on)

    # Folders

    @property
    def has_archive(self) -> bool:
        return self.distinguished("archiveroot") is not None

    def add_archive(self) -> None:
        """Give the mailbox an in-place archive, once."""
        if not self.has_archive:
            folders.plant(self._store, self.id, self.language, ARCHIVE, self._now_stamp())

    def folder(self, number: int) -> Folder | None:
        return folders.folder(self._store, self.id, number)

    def distinguished(self, name: str) -> Folder | None:
        """By EWS's DistinguishedFolderIdName, "inbox"; None where the mailbox has no such folder."""
        return folders.distinguished(self._store, self.id, name)

    def well_known(self, name: str) -> Folder:
        """One that every mailbox has. Raises NotFound for any other."""
        found = self.distinguished(name)
        if found is None:
            raise NotFound(name)
        return found

    def folders(self, root: Folder | None = None) -> list[Folder]:
        """All folders, or all below that one without itself, each after its parent."""
        return folders.of_mailbox(self._store, self.id) if root is None else folders.below(self._store, root.id)

    def children(self, parent: Folder) -> list[Folder]:
        return folders.children(self._store, parent.id)

    def state(self, folder: Folder) -> FolderState:
        """How many items, how many unread, when last changed. Raises NotFound."""
        try:
            return folders.state(self._store, folder.id)
        except LookupError as error:
            raise NotFound(f"folder {folder.id}") from error

    def in_archive(self, folder: Folder) -> bool:
        return self._root_name(folder) == "archiveroot"

    def _root_name(self, folder: Folder) -> str:
        root = self.folder(folders.root_of(self._store, folder.id))
        return "" if root is None else root.distinguished

    def add_folder(self, parent: Folder, name: str, folder_class: str = "IPF.Note") -> Folder:
        """Raises FolderExists."""
        new = Folder(0, self.id, parent.id, name, folder_class)
        return folders.insert(self._store, new, self._now_stamp())

    def update_folder(self, changed: Folder) -> Folder:
        """Keep its name, class and properties. Raises FolderExists, Distinguished, NotFound."""
        return folders.update(self._store, changed)

    def rename_folder(self, folder: Folder, name: str) -> Folder:
        folder.name = name
        return self.update_folder(folder)

    def move_folder(self, folder: Folder, parent: Folder) -> Folder:
        """Raises FolderExists, Distinguished, InvalidMove."""
        return folders.move(self._store, folder, parent)

    def copy_folder(self, folder: Folder, parent: Folder) -> Folder:
        """With all items and folders in it. Raises FolderExists, InvalidMove."""
        with self._store.writing():
            twin = self.add_folder(parent, folder.name, folder.folder_class)
            for item in self.items(folder):
                self.copy(item, twin)
            for child in self.children(folder):
                if child.id != twin.id:
                    self.copy_folder(child, twin)
        return twin

    def delete_folder(self, folder: Folder, kind: DeleteKind) -> None:
        """Into Deleted Items, or away with its items in Recoverable Items. Raises Distinguished."""
        with self._store.writing():
            trash = self._counterpart("deleteditems", folder)
            if kind == "trash" and folder.parent != trash.id:
                folders.move(self._store, folder, trash, rename=True)
                return
            for child in reversed(self.folders(folder)):
                self._dissolve(child, kind)
            self._dissolve(folder, kind)

    def _dissolve(self, folder: Folder, kind: DeleteKind) -> None:
        self.empty_folder(folder, kind)
        folders.remove(self._store, folder)

    def empty_folder(self, folder: Folder, kind: DeleteKind) -> None:
        """Delete every item in it, not those of the folders below."""
        with self._store.writing():
            for item in self.items(folder):
                self.delete(item, kind)

    # Items

    def add(
        self,
        folder: Folder,
        item: Item,
        attachments: Sequence[Attachment] = (),
        occurrences: Iterable[Occurrence] = (),
        deleted: Iterable[datetime] = (),
    ) -> Item:
        """Keep a new item: gives id, change, size, and search key, created, modified where it has none.

        `occurrences`: the changed ones of a recurring item; `deleted`: original starts of those it has no more.
        """
        item.mailbox, item.folder = self.id, folder.id
        return items.add(self._store, item, attachments, occurrences, deleted, self._clock())

    def save(self, item: Item) -> Item:
        """Keep the item as it is now: a new change, modified now. Raises NotFound.

        One occurrence is kept by `set_occurrence`: `ValueError` for it here, as in `move` and `delete`.
        """
        _refuse_occurrence(item)
        with self._store.writing():
            if self.keeps_versions:
                self._keep_version(item)
            return items.save(self._store, item, self._clock())

    def _keep_version(self, item: Item) -> None:
        before = self.item(item.id)
        if before is not None and (place := self.folder(before.folder)) is not None:
            self.copy(before, self._counterpart("recoverableitemsversions", place))

    def mark_read(self, item: Item, on: bool) -> Item:
        """The read state alone: content, change and time of modification stay."""
        return items.mark_read(self._store, item, on, self._clock())

    def move(self, item: Item, folder: Folder) -> Item:
        """A new id; the search key and the time of modification stay. `folder` may be another mailbox's."""
        _refuse_occurrence(item)
        return items.move(self._store, item, folder.mailbox, folder.id, self._clock())

    def copy(self, item: Item, folder: Folder) -> Item:
        """A second item, with the same search key."""
        return items.copy(self._store, item, folder.mailbox, folder.id, self._clock())

    def delete(self, item: Item, kind: DeleteKind) -> Item | None:
        """As the table above says; the item in its new place, or None when it is gone for good. Raises NotFound."""
        _refuse_occurrence(item)
        place = self.folder(item.folder)
        if place is None:
            raise NotFound(f"item {item.id}")
        target = self._grave(place, kind)
        if target is None:
            items.destroy(self._store, item, self._clock())
            return None
        return self.move(item, target)

    def _grave(self, place: Folder, kind: DeleteKind) -> Folder | None:
        """Where an item deleted in `place` goes; None: nowhere."""
        within = place.distinguished.removeprefix("archive")
        if within == "recoverableitemspurges":
            return None
        if within.startswith("recoverableitems") or kind == "hard":
            return self._counterpart("recoverableitemspurges", place)
        trash = self._counterpart("deleteditems", place)
        if kind == "trash" and place.id != trash.id and all(each.id != place.id for each in self.folders(trash)):
            return trash
        return self._counterpart("recoverableitemsdeletions", place)

    def _counterpart(self, name: str, place: Folder) -> Folder:
        return self.well_known(counterpart(name, archive=self.in_archive(place)))

    def item(self, number: int) -> Item | None:
        """Also an item within an item (its `folder` is 0)."""
        return items.item(self._store, self.id, number)

    def items(self, folder: Folder, order: str = "received", *, descending: bool = True, offset: int = 0, limit: int = -1) -> Iterator[Item]:  # fmt: skip
        """The folder's items by a column (see `item_numbers`), read a hundred at a time."""
        return self.items_by_number(self.item_numbers(folder, order, descending=descending, offset=offset, limit=limit))

    def item_numbers(self, folder: Folder, order: str = "received", *, descending: bool = True, offset: int = 0, limit: int = -1) -> list[int]:  # fmt: skip
        """Ids by one of: id received created modified sent size item_class entered position."""
        return items.numbers_in(self._store, folder.id, order, descending=descending, offset=offset, limit=limit)

    def items_by_number(self, numbers: Sequence[int]) -> Iterator[Item]:
        """In that order; those gone by then are left out."""
        return items.by_numbers(self._store, numbers)

    def count(self, folder: Folder) -> int:
        return self.state(folder).total

    def unread(self, folder: Folder) -> int:
        return self.state(folder).unread

    @property
    def next_number(self) -> int:
        """More than any item's id so far."""
        return self._store.number + 1

    # Attachments

    def attachments(self, item: Item) -> list[Attachment]:
        """Of the item, or of the occurrence that it is: its own, else the master's."""
        if item.occurrence is not None:
            for changed in self.occurrences(item)[0]:
                if changed.original_start == item.occurrence and changed.attachments is not None:
                    return list(changed.attachments)
        return items.attachments_of(self._store, item)

    def attachment(self, number: int) -> tuple[Item, Attachment] | None:
        """An attachment with the item that holds it; None when it is gone."""
        found = items.owner_of(self._store, self.id, number)
        if found is None:
            return None
        owner, occurrence = found
        held = items.attachments_of(self._store, owner, occurrence)
        return next(((owner, each) for each in held if each.id == number), None)

    def add_attachment(self, item: Item, attachment: Attachment) -> Attachment:
        """At the item's end (or the occurrence's); the item has changed. Raises NotFound."""
        with self._store.writing():
            row = 0 if item.occurrence is None else self._own_attachments(item, item.occurrence)
            added = items.add_attachment(self._store, item, attachment, self._clock(), row)
            self._bump(item)
        return added

    def _own_attachments(self, item: Item, start: datetime) -> int:
        """The row of that occurrence, which has its own attachments from now on."""
        kept = next((each for each in self.occurrences(item)[0] if each.original_start == start), Occurrence(start))
        if kept.attachments is None:
            kept.attachments = tuple(items.attachments_of(self._store, item))
            items.put_occurrence(self._store, item, kept, self._clock())
        return items.occurrence_number(self._store, item, start)

    def remove_attachment(self, item: Item, number: int) -> None:
        """The item has changed."""
        with self._store.writing():
            items.remove_attachment(self._store, number)
            self._bump(item)

    def _bump(self, item: Item) -> None:
        """A new change and time of modification for the stored item; `item` shows them."""
        stored = self.item(item.id)
        if stored is None:
            raise NotFound(f"item {item.id}")
        if stored.folder:
            saved = items.save(self._store, stored, self._clock())
            item.change, item.modified, item.size = saved.change, saved.modified, saved.size

    # Occurrences

    def occurrences(self, item: Item) -> tuple[list[Occurrence], list[datetime]]:
        """The changed ones, and the original starts of the deleted ones, each in the order of time."""
        return items.occurrences_of(self._store, item)

    def set_occurrence(self, master: Item, changed: Occurrence) -> None:
        """Keep a changed occurrence, all of it. Raises NotFound for a master that is gone."""
        with self._store.writing():
            items.put_occurrence(self._store, master, changed, self._clock())
            self._bump(master)

    def delete_occurrence(self, master: Item, original_start: datetime) -> None:
        with self._store.writing():
            items.drop_occurrence(self._store, master, original_start)
            self._bump(master)

    def instances(self, master: Item) -> Iterator[Instance]:
        """What the series comes to, in order of original start, deleted ones too; endless where the series is."""
        return instances(master, *self.occurrences(master))

    def instance(self, master: Item, original_start: datetime) -> Item:
        """One occurrence as an item of its own. Raises NotFound, OccurrenceDeleted."""
        return shown(master, *self.occurrences(master), original_start)

    # Synchronisation

    def changes(self, folder: Folder, state: str = "", limit: int = 512) -> Page:
        """What happened to the folder's items since that sync state ("": everything). Raises InvalidSyncState."""
        return changes.item_changes(self._store, folder, state, limit)

    def hierarchy_changes(self, root: Folder, state: str = "") -> HierarchyPage:
        """What happened to the folders below that one. Raises InvalidSyncState."""
        return changes.hierarchy_changes(self._store, root, state)

    def reset_sync(self, folder: Folder | None = None) -> None:
        """Refuse the sync states given so far, of that folder or of the whole mailbox."""
        changes.reset(self._store, self.id, None if folder is None else folder.id)

    def _now_stamp(self) -> int:
        return stamp(self._clock()) or 0


def _refuse_occurrence(item: Item) -> None:
    """An occurrence bears its master's id: saved or moved as an item, it would take the series with it."""
    if item.occurrence is not None:
        raise ValueError(f"an occurrence of item {item.id} is no item of its own")
