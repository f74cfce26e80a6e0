"""An entry's events folded into what each folder and item is when the entry ends: pure.

An entry is the smallest step of a mailbox's time, so what happened twice to one item inside it leaves one trace:

| events of one item in one entry | what the entry leaves                                    |
|---------------------------------|----------------------------------------------------------|
| Put, Moved, Flagged             | one new row, in its last place, with its last flags      |
| Moved, Flagged                  | the known row goes on in a new place, with these flags   |
| Put, Removed                    | a new row with an empty interval (the archive view has it)|
| Moved, Removed                  | the known row ends                                       |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mailkeep.archive.events import Event, Flagged, FolderGone, FolderPut, Moved, Purged, Put, Removed


@dataclass(slots=True)
class ItemChange:
    """`put` None: the content is what it was. `place` None: so is the place (a put carries its own)."""

    put: Put | None = None
    place: tuple[int, str] | None = None  # folder, server id
    flags: frozenset[str] | None = None
    gone: bool = False


@dataclass(slots=True)
class FolderChange:
    """`put` None: it looked as it did."""

    put: FolderPut | None = None
    gone: bool = False


@dataclass(slots=True)
class Folded:
    folders: dict[int, FolderChange] = field(default_factory=dict)
    items: dict[int, ItemChange] = field(default_factory=dict)


def fold(events: Iterable[Event]) -> Folded:
    folded = Folded()
    for event in events:
        match event:
            case Put():
                folded.items[event.item] = ItemChange(put=event)
            case Moved() | Flagged() | Removed():
                _change(folded.items.setdefault(event.item, ItemChange()), event)
            case FolderPut():
                folded.folders[event.folder] = FolderChange(put=event)
            case FolderGone():
                folded.folders.setdefault(event.folder, FolderChange()).gone = True
            case Purged():
                pass  # purged blobs leave packs, not rows: what they showed is gone from views by their own events
    return folded


def _change(change: ItemChange, event: Moved | Flagged | Removed) -> None:
    if isinstance(event, Removed):
        change.gone = True
    elif isinstance(event, Flagged):
        if change.put is not None:
            change.put = replace(change.put, flags=event.flags)
        else:
            change.flags = event.flags
    elif change.put is not None:
        change.put = replace(change.put, folder=event.folder, server_id=event.server_id)
    else:
        change.place = (event.folder, event.server_id)
