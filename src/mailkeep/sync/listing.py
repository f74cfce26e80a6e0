"""What the server says of each folder since its checkpoint, staged in the session's thread; no folder in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mailkeep.connectors.base import Connector, Listed, Listing, Marked, Seen
from mailkeep.errors import GiveUp
from mailkeep.sync.folders import Branch
from mailkeep.sync.plan import Sighting
from mailkeep.sync.refused import Refused, refusal
from mailkeep.sync.staging import Key, Sorter
from mailkeep.sync.words import presentable

_CHECK_EVERY = 256  # items between two looks at whether the run goes on


@dataclass(frozen=True, slots=True)
class Heard:
    """How a folder's listing ended."""

    checkpoint: bytes
    count: int  # items on the server, taken with the checkpoint
    complete: bool  # what was not sighted is gone
    trusted: bool = True  # False: fewer items came than the server counted; nothing is concluded from their absence


Check = Callable[[int], None]  # told how many items have come since; may raise


def sighting_key(sighting: Sighting) -> Key:
    return (sighting.folder, sighting.id)


def list_folders(
    connector: Connector,
    branches: Iterable[Branch],
    since: Mapping[str, bytes],
    sightings: Sorter[Sighting],
    word_characters: int,
    check: Check,
) -> dict[int, Heard | Refused]:
    """Stage every change; by folder number, how each listing ended. A folder deleted meanwhile is not in the answer."""
    heard: dict[int, Heard | Refused] = {}
    for branch in branches:
        try:
            heard[branch.number] = _list_twice(connector, branch, since, sightings, word_characters, check)
        except GiveUp as error:
            refused = refusal(connector, branch, error)
            if refused is not None:
                heard[branch.number] = refused
    return heard


def _list_twice(
    connector: Connector,
    branch: Branch,
    since: Mapping[str, bytes],
    sightings: Sorter[Sighting],
    word_characters: int,
    check: Check,
) -> Heard:
    """A complete listing that is shorter than the server's own count is asked for once more before it is distrusted."""
    short = False
    for _ in range(2):
        listing = connector.changes(branch.folder, since.get(branch.folder.id))
        there = 0
        for sighting in sightings_of(listing, branch.number, word_characters, check):
            sightings.add(sighting)
            there += not (sighting.gone or sighting.marks)  # a mark comes beside the item's own word
        short = listing.complete and there < listing.count
        if not short:
            break
    return Heard(listing.checkpoint, listing.count, listing.complete, trusted=not short)


def sightings_of(listing: Listing, folder: int, word_characters: int, check: Check) -> Iterator[Sighting]:
    since_check = 0
    for change in listing:
        if isinstance(change, Listed):
            yield Sighting(folder, change.ref.id, presentable(change.ref, word_characters), changed=change.changed)
        elif isinstance(change, Seen):
            yield Sighting(folder, change.id, None, change.flags)
        elif isinstance(change, Marked):
            yield Sighting(folder, change.id, marks=((change.flag, change.on),))
        else:
            yield Sighting(folder, change.id, gone=True)
        since_check += 1
        if since_check == _CHECK_EVERY:
            check(since_check)
            since_check = 0
    check(since_check)
