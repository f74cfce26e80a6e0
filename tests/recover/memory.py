"""A source and a journal held in memory, and a server that can lose the line at any step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, Kind, NativePart
from mailkeep.recover.ports import Line, SourceItem

RECEIVED = datetime(2024, 3, 1, 12, tzinfo=UTC)


def item(number: int, content: bytes, folder: tuple[str, ...] = ("INBOX",), **changes: object) -> SourceItem:
    made = SourceItem(
        number,
        folder,
        Kind.MAIL,
        len(content),
        RECEIVED,
        frozenset(),
        hashlib.sha256(content).digest(),
        f"s{number}",
        time=RECEIVED,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class MemorySource:
    """Items with their contents; `damaged` ones cannot be read."""

    contents: dict[int, bytes] = field(default_factory=dict)
    held: list[SourceItem] = field(default_factory=list)
    more_folders: list[Folder] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)
    native: dict[int, tuple[NativePart, ...]] = field(default_factory=dict)

    def put(self, content: bytes, folder: tuple[str, ...] = ("INBOX",), **changes: object) -> SourceItem:
        made = item(len(self.held) + 1, content, folder, **changes)
        self.held.append(made)
        self.contents[made.number] = content
        return made

    def folders(self) -> list[Folder]:
        paths = dict.fromkeys(one.folder for one in self.held)
        known = {folder.path for folder in self.more_folders}
        return self.more_folders + [Folder("/".join(path), path) for path in paths if path not in known]

    def items(self, folder: Folder) -> Iterator[SourceItem]:
        yield from (one for one in self.held if one.folder == folder.path)

    def content(self, wanted: SourceItem) -> bytes:
        if wanted.number in self.damaged:
            raise GiveUp("damaged", f"item {wanted.number} is damaged", "verify")
        return self.contents[wanted.number]

    def parts(self, wanted: SourceItem) -> tuple[NativePart, ...]:
        return self.native.get(wanted.number, ())


@dataclass
class MemoryJournal:
    held: dict[int, Line] = field(default_factory=dict)

    def lines(self) -> Iterator[Line]:
        yield from [self.held[number] for number in sorted(self.held)]

    def intend(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self.held.setdefault(line.item, line)

    def update(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self.held[line.item] = line
