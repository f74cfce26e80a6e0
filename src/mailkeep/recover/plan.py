"""Selection + what the target has → create, skip, or cannot and why (SPEC E6). Pure.

What is there already is found by proof (`fidelity.same`) in the folder where the item would go. The target's listing gives
candidates, those that share a key with the item; they are fetched and the matches handed in here. What an earlier restore made of the
same archived item, and nobody has changed since, is a match without a look. A folder that holds an item twice needs it twice: each
match is used for one item only.

    mail                     second of receipt with size or Message-ID; where a server regenerates content and may set the date of
                             receipt by itself: Message-ID, or subject where there is none
    events                   UID and start, or subject and start
    contacts, tasks, notes   kind and subject
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from mailkeep.connectors.base import Capabilities
from mailkeep.mail.items import Folder, ItemRef, Kind
from mailkeep.recover.ports import Line, SourceItem


class Step(StrEnum):
    CREATE = "create"
    SKIP = "skip"  # identical and there
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Action:
    item: SourceItem
    folder: tuple[str, ...]  # in the target
    step: Step
    why: str = ""  # of CANNOT
    there: str = ""  # of SKIP: the target's id of the item that is there
    ours: bool = False  # of SKIP: there because this restore created it


@dataclass(frozen=True, slots=True)
class NotRestored:
    item: int
    folder: tuple[str, ...]
    subject: str
    why: str


@dataclass(slots=True)
class Counts:
    """A plan in numbers: what `--dry-run` prints and the run then meets."""

    create: int = 0
    skip: int = 0
    cannot: list[NotRestored] = field(default_factory=list)

    def add(self, action: Action) -> None:
        if action.step is Step.CREATE or action.ours:
            self.create += 1
        elif action.step is Step.SKIP:
            self.skip += 1
        else:
            item = action.item
            self.cannot.append(NotRestored(item.number, action.folder, item.subject, action.why))


def obstacle(item: SourceItem, folder: Folder | None, capabilities: Capabilities) -> str:
    """Why the item cannot be restored there, whatever the target holds; "" where it can."""
    if item.left_out or not item.sha256:
        return f"it was never archived ({item.left_out or 'no content'})"
    if item.kind not in capabilities.kinds:
        return f"the target server keeps no items of kind {item.kind}"
    if folder is not None and not folder.selectable:
        return "its folder holds only other folders"
    if folder is None and not capabilities.creates_folders:
        return "the target has no such folder, and none can be made there"
    return ""


def plan(
    items: Sequence[SourceItem],
    folder: tuple[str, ...],
    obstacles: Mapping[int, str],
    matches: Mapping[int, Sequence[str]],
    taken: set[str],
    journal: Mapping[int, Line] = MappingProxyType({}),
) -> list[Action]:
    """What to do with some items of one folder, in their order.

    `matches` holds by item the target's ids that are identical, ascending; `taken` those that are already some item's: it
    grows, and the caller keeps it for the whole folder. `journal` is what earlier attempts of this restore did: what they
    created is not created again, and what they only meant to create is theirs if it is found now. What was undone is planned as if
    it had never been: a copy that is there now is somebody else's.
    """
    actions = []
    for item in items:
        why, line = obstacles.get(item.number, ""), journal.get(item.number)
        there = next((id_ for id_ in matches.get(item.number, ()) if id_ not in taken), "")
        if line is not None and line.state == "created":
            action = Action(item, folder, Step.SKIP, there=line.created_id or there, ours=True)
        elif why:
            action = Action(item, folder, Step.CANNOT, why=why)
        elif there:
            action = Action(item, folder, Step.SKIP, there=there, ours=line is not None and line.state != "undone")
        else:
            action = Action(item, folder, Step.CREATE)
        taken.add(action.there)
        actions.append(action)
    return actions


Key = tuple[object, ...]


def listed_keys(ref: ItemRef) -> tuple[Key, ...]:
    """Everything under which a listed item may be looked for."""
    return (*_by_receipt(ref), *_by_kind(ref), *_by_subject(ref))


def wanted_keys(item: SourceItem, *, regenerates: bool) -> tuple[Key, ...]:
    """Where to look for an item: one of the target's that shares none of these keys is another."""
    if item.kind is not Kind.MAIL:
        return (*_by_receipt(item), *_by_kind(item), *_by_subject(item))
    if not regenerates:
        return _by_receipt(item)
    return (*_by_receipt(item), *(_by_kind(item) or _by_subject(item)))


def _by_receipt(item: SourceItem | ItemRef) -> tuple[Key, ...]:
    second = int(item.received.timestamp())
    return ((second, item.size), (second, item.message_id)) if item.message_id else ((second, item.size),)


def _by_kind(item: SourceItem | ItemRef) -> tuple[Key, ...]:
    """By the id that people's programs gave the item, where it has one."""
    if item.kind not in (Kind.MAIL, Kind.EVENT) or not item.message_id:
        return ()
    start = (int(item.time.timestamp()),) if item.kind is Kind.EVENT else ()
    return ((item.kind, "id", item.message_id, *start),)


def _by_subject(item: SourceItem | ItemRef) -> tuple[Key, ...]:
    start = (int(item.time.timestamp()),) if item.kind is Kind.EVENT else ()
    return ((item.kind, "subject", " ".join(item.subject.casefold().split()), *start),)


def in_chunks(items: Iterable[SourceItem], length: int) -> Iterable[list[SourceItem]]:
    """At most `length` at a time, in order."""
    chunk: list[SourceItem] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == length:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
