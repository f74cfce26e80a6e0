"""The part of `verify` that walks every chain: each entry opened, each link checked, each blob it names looked for.

A damaged or missing entry does not end the walk: what comes after is read as well, so that one run names all damage.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from mailkeep.archive.chain import ORGANISATION, Chain, Link
from mailkeep.archive.damage import Damaged
from mailkeep.archive.events import EMPTY_HEAD, Entry, Event, FolderGone, FolderPut, Head, Purged, Put, Removed
from mailkeep.archive.findings import MISSING_BLOB, MISSING_PACK, Findings, Key
from mailkeep.archive.history import History
from mailkeep.archive.packs import pack_name
from mailkeep.archive.ports import Location
from mailkeep.archive.repository import Repository
from mailkeep.store.base import NotFound

_LOOKUP = 5000  # blobs per question to the index

References = list[tuple[bytes, str]]  # blob, what refers to it: "item 7", "folder 2", "checkpoint of entry 9"


@dataclass(slots=True)
class Suspect:
    """A blob that is named and not there: damage, unless it was purged and nothing live refers to it."""

    finding: Key
    hits: list[tuple[str, str]] = field(default_factory=list)  # chain, what
    purged: bool = False
    live: bool = False  # something in some mailbox's present state refers to it


class HistoryCheck:
    """Checks chains one by one, then settles which missing blobs were purged."""

    def __init__(
        self, repository: Repository, findings: Findings, packs: set[bytes], read: Callable[[int], None]
    ) -> None:
        self._repository = repository
        self._findings = findings
        self._packs = packs  # those that the store holds, damaged ones included
        self._read = read
        self._suspects: dict[bytes, Suspect] = {}
        self.heads: dict[str, Head] = {}

    def check(self, name: str, wanted: Container[int], end: int) -> dict[int, bytes]:
        """Walk a chain to entry `end`; the hashes its entries have at the wanted numbers.

        `heads` then says how far it goes.
        """
        if name == ORGANISATION:
            organisation = self._repository.organisation()
            return self._walk(
                organisation.chain,
                wanted,
                end,
                lambda link: [(blob, f"entry {link.number}") for _, _, blob in organisation.decode(link)],
            )
        history = self._repository.history(name)
        return self._walk(history.chain, wanted, end, lambda link: _references(history.decode(link)))

    def settle(self) -> None:
        """Read the histories that name missing blobs once more, for purges and for what is live now."""
        if not self._suspects:
            return
        for mailbox in self._repository.mailboxes():
            self._settle_mailbox(self._repository.history(mailbox))
        for suspect in self._suspects.values():
            if suspect.purged and not suspect.live:
                continue
            for chain, what in suspect.hits:
                self._findings.hit(suspect.finding, chain, what)

    def _walk(
        self, chain: Chain, wanted: Container[int], end: int, references: Callable[[Link], References]
    ) -> dict[int, bytes]:
        hashes: dict[int, bytes] = {}
        before: Head | None = EMPTY_HEAD  # None behind a damaged entry: its successor's link cannot be checked
        number = 0
        for number, stored, place in self._entries(chain, end):
            self._read(len(stored))
            try:
                link = chain.open(number, stored)
                self._check_link(chain, before, link)
                self._look_for(chain.name, references(link))
                before = link.head
            except Damaged as damage:
                problem = damage.problem if place == damage.object else f"entry {number} in it: {damage.problem}"
                self._findings.hit(self._findings.note(place, problem), chain.name, f"entry {number}")
                before = None
                continue
            if number in wanted:
                hashes[number] = link.hash
        self.heads[chain.name] = before if before is not None else Head(number, b"", None)
        return hashes

    def _entries(self, chain: Chain, end: int) -> Iterator[tuple[int, bytes, str]]:
        """(number, bytes, object) of every entry that is there, missing ones noted on the way."""
        number = 0
        for found, stored, place in self._stored(chain):
            if found > end:
                return  # written since: its packs may be missing from those that were listed
            for missing in range(number + 1, found):
                self._missing_entry(chain, missing)
            yield found, stored, place
            number = found

    def _stored(self, chain: Chain) -> Iterator[tuple[int, bytes, str]]:
        """(number, bytes, object) from singles and segments; where both hold an entry they must agree."""
        singles = set(chain.singles())
        for first, last in chain.units():
            try:
                held = chain.unit(first, last)
            except NotFound:
                continue  # folded or removed since it was listed; should it really be lost, the next number tells
            except Damaged as damage:
                key = self._findings.note(damage.object, damage.problem)
                self._findings.hit(key, chain.name, f"entries {first} to {last}")
                continue
            place = chain.segment_name(first, last) if first < last else chain.object_name(first)
            for number, stored in enumerate(held, first):
                if first < last and number in singles:
                    self._compare_forms(chain, number, stored)
                yield number, stored, place

    def _compare_forms(self, chain: Chain, number: int, stored: bytes) -> None:
        try:
            single = self._repository.store.get(chain.object_name(number))
        except NotFound:
            return  # removed since it was listed: the segment has it
        self._read(len(single))
        if single != stored:
            key = self._findings.note(chain.object_name(number), "it differs from its copy in the segment")
            self._findings.hit(key, chain.name, f"entry {number}")

    def _missing_entry(self, chain: Chain, number: int) -> None:
        key = self._findings.note(chain.object_name(number), "the entry is missing, though later ones are there")
        self._findings.hit(key, chain.name, f"entry {number}")

    def _check_link(self, chain: Chain, before: Head | None, link: Link) -> None:
        """Raises Damaged. Behind a gap there is nothing to compare with: the gap is the finding."""
        if before is None or link.number != before.number + 1:
            return
        if link.previous != before.hash:
            problem = f"it does not follow entry {before.number}: one of the two was replaced"
            raise Damaged(chain.object_name(link.number), problem)
        if before.time is not None and link.time < before.time:
            raise Damaged(chain.object_name(link.number), "it is earlier than its predecessor")

    def _look_for(self, chain: str, references: References) -> None:
        """Every blob an entry names has to be in a pack that is there, and sound."""
        for at in range(0, len(references), _LOOKUP):
            some = references[at : at + _LOOKUP]
            places = self._repository.index.locate([blob for blob, _ in some])
            for blob, what in some:
                self._look_at(chain, blob, what, places.get(blob))

    def _look_at(self, chain: str, blob: bytes, what: str, place: Location | None) -> None:
        findings = self._findings
        if place is None:
            self._suspect(chain, blob, what, (f"blob {blob.hex()}", MISSING_BLOB))
        elif place.pack not in self._packs:
            self._suspect(chain, blob, what, (pack_name(place.pack), MISSING_PACK))
        elif place.pack in findings.broken_packs:
            findings.hit(findings.broken_packs[place.pack], chain, what)
        elif (place.pack, place.ordinal) in findings.broken_groups:
            findings.hit(findings.broken_groups[place.pack, place.ordinal], chain, what)
        elif blob in findings.broken_blobs:
            findings.hit(findings.broken_blobs[blob], chain, what)

    def _suspect(self, chain: str, blob: bytes, what: str, key: Key) -> None:
        self._suspects.setdefault(blob, Suspect(key)).hits.append((chain, what))

    def _settle_mailbox(self, history: History) -> None:
        """Which suspects this mailbox's history purged, and to which its present state still refers."""
        items: dict[int, list[bytes]] = {}
        folders: dict[int, bytes] = {}
        checkpoint = b""
        for first, last in history.chain.units():
            for entry in _readable(history, first, last):
                checkpoint = entry.checkpoint or checkpoint
                for event in entry.events:
                    self._settle_event(event, items, folders)
        for blob in (checkpoint, *folders.values(), *(blob for blobs in items.values() for blob in blobs)):
            if blob in self._suspects:
                self._suspects[blob].live = True

    def _settle_event(self, event: Event, items: dict[int, list[bytes]], folders: dict[int, bytes]) -> None:
        match event:
            case Put():
                items.pop(event.item, None)
                if named := [blob for blob, _ in _named(event) if blob in self._suspects]:
                    items[event.item] = named
            case Removed():
                items.pop(event.item, None)
            case FolderPut():
                folders[event.folder] = event.description
            case FolderGone():
                folders.pop(event.folder, None)
            case Purged():
                for blob in event.blobs:
                    if blob in self._suspects:
                        self._suspects[blob].purged = True
            case _:
                pass  # moves and flags name no blob


def _readable(history: History, first: int, last: int) -> Iterator[Entry]:
    """Those entries of a unit that can be read; the walk has named the others."""
    try:
        held = history.chain.unit(first, last)
    except (Damaged, NotFound):
        return
    for number, stored in enumerate(held, first):
        with suppress(Damaged):
            yield history.decode(history.chain.open(number, stored))


def _references(entry: Entry) -> References:
    """Every blob an entry names."""
    found: References = []
    for event in entry.events:
        if isinstance(event, Put):
            found += _named(event)
        elif isinstance(event, FolderPut):
            found.append((event.description, f"folder {event.folder}"))
    if entry.checkpoint:
        found.append((entry.checkpoint, f"checkpoint of entry {entry.number}"))
    return found


def _named(put: Put) -> References:
    """Every blob of an item. Of a native part it says which: the rest of the item may be whole."""
    item = f"item {put.item}"
    found = [(blob, item) for blob in (put.content, put.summary) if blob]
    return found + [(part.blob, f"{item} ({part.name})") for part in put.native]
