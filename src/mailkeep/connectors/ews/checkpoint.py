"""A folder's checkpoint: the server's SyncState and what else a later run needs. Pure, opaque to everybody else.

    [1, "H4sIAA…", listed, count, ["2026-11-23T04:02:11Z", "17", 240, 3], 1795406531]
        │           │       │      └ marks: the folder's commit time, deletions, count, unread, as before the listing; or null
        │           │       └ TotalCount when the listing ended                                └ when the marks were taken
        └ SyncState └ items that listings told of and did not call gone

`listed` and `count` differ by what the server counts and never lists (a corrupt item, say). When a server takes a SyncState
that it does not know for a fresh start, without a word, the sum no longer adds up: so it is found (`listing`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True, slots=True)
class Marks:
    """What moves with every change of a folder's items. Equal marks: nothing changed."""

    committed: str  # PidTagLocalCommitTimeMax
    deleted: str  # PidTagDeletedCountTotal
    count: int
    unread: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`marks` None: this server gives none that prove anything. `at`: seconds since 1970."""

    state: str
    listed: int
    count: int
    marks: Marks | None = None
    at: int = 0

    def encode(self) -> bytes:
        marks = self.marks
        told = [marks.committed, marks.deleted, marks.count, marks.unread] if marks else None
        return json.dumps([VERSION, self.state, self.listed, self.count, told, self.at], separators=(",", ":")).encode()


def decode(raw: bytes | None) -> Checkpoint | None:
    """None where there is none, or where it is not one of ours: the listing is then complete."""
    if not raw:
        return None
    try:
        version, state, listed, count, told, at = json.loads(raw)
        if version != VERSION or not isinstance(state, str):
            return None
        marks = Marks(str(told[0]), str(told[1]), int(told[2]), int(told[3])) if told else None
        return Checkpoint(state, int(listed), int(count), marks, int(at))
    except (ValueError, TypeError, IndexError):
        return None
