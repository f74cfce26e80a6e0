"""What the server lists, what is known, and the options → actions. Pure, and streaming: nothing here holds a folder.

Both sides come sorted by server id and are merged, one folder at a time:

| listed                    | known          | action                                                             |
|---------------------------|----------------|--------------------------------------------------------------------|
| there, with properties    | no             | `Added`: a move's far end, or `Fetch`, or `LeaveOut`               |
| there, another version    | yes            | `Fetch` or `LeaveOut` under the same number                        |
| there, said to be changed | yes            | the same, whatever the version; but not what a run that was cut    |
|                           |                | short has fetched in this version since the checkpoint (see `_had`)|
| there, as it was          | left out       | judged again: `Fetch`, or `LeaveOut` where the reason is another   |
| there, as it was          | yes            | `Reflag` where flags differ, else nothing                          |
| there, one flag marked    | yes            | `Reflag` to the known flags with that one changed                  |
| gone, or not in a complete listing | yes   | `Missing`: a move's near end, or `Remove`                          |
| unchanged                 | no             | `Unexplained`: the checkpoint is ahead of what we know: list anew  |

`Added` and `Missing` meet in `pairing`, across all folders; `settle_move` and `settle_added` then make actions of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import msgspec

from mailkeep.mail.items import Folder, ItemRef
from mailkeep.sync.ports import KnownItem
from mailkeep.tasks.admit import LeftOut, admit
from mailkeep.tasks.options import TaskOptions

Judge = Callable[[ItemRef, Folder], LeftOut | None]
NOTHING_CUT_SHORT: Mapping[int, datetime] = MappingProxyType({})
_SETTLED = timedelta(minutes=10)  # an entry is written within 5 of the fetch (`Limits.batch_seconds`); clocks differ


class Sighting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change of a listing, staged. `ref` None: seen by its id alone; `flags` None then: unchanged but for `marks`."""

    folder: int
    id: str
    ref: ItemRef | None = None
    flags: frozenset[str] | None = None
    gone: bool = False
    changed: bool = False  # whatever its version says
    marks: tuple[tuple[str, bool], ...] = ()  # flags set (True) or taken away, in the order they were told


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an item stood before an action, and for what reason it had no content ("": it had)."""

    folder: int
    left_out: str


class Fetch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    ref: ItemRef
    folder: int
    number: int = 0  # 0: a new item
    before: Place | None = None


class LeaveOut(msgspec.Struct, frozen=True, array_like=True, gc=False):
    ref: ItemRef
    folder: int
    reason: str
    detail: str
    number: int = 0
    before: Place | None = None


class Move(msgspec.Struct, frozen=True, array_like=True, gc=False):
    number: int
    folder: int
    id: str
    before: Place


class Reflag(msgspec.Struct, frozen=True, array_like=True, gc=False):
    number: int
    flags: frozenset[str]


class Remove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    number: int
    before: Place


class Added(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Listed in a folder where it was not known. `identity` once it had to be asked for."""

    folder: int
    ref: ItemRef
    identity: bytes = b""


class Missing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Known, and no longer where it was: no more of it than a move's proof and plan need, for a folder may lose them all."""

    number: int
    before: Place
    version: str
    stable_id: str
    identity: bytes
    size: int
    received: datetime
    flags: frozenset[str]


class Unexplained(msgspec.Struct, frozen=True, array_like=True, gc=False):
    id: str


Action = Fetch | LeaveOut | Move | Reflag | Remove
Outcome = Action | Added | Missing | Unexplained


def judge_by(options: TaskOptions, item_bytes: int) -> Judge:
    """The task's admission, and the size that fits into memory."""

    def judge(ref: ItemRef, folder: Folder) -> LeftOut | None:
        left_out = admit(options, ref, folder)
        if left_out is None and ref.size > item_bytes:
            detail = f"{ref.size:,} bytes are more than the {item_bytes:,} that one item may have"
            return LeftOut("item_too_large", detail)
        return left_out

    return judge


def missing(item: KnownItem) -> Missing:
    ref = item.ref
    return Missing(
        item.number, _place(item), ref.version, ref.stable_id, item.identity, ref.size, ref.received, ref.flags
    )


def _place(item: KnownItem) -> Place:
    return Place(item.folder, item.left_out)


def last_words(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Sorted sightings, of a repeated id only the last (SPEC: a listing may repeat itself), marks put together with what they mark."""
    previous: Sighting | None = None
    for sighting in sightings:
        if previous is not None and previous.id != sighting.id:
            yield previous
            previous = sighting
        else:
            previous = _marked(previous, sighting) if previous is not None and sighting.marks else sighting
    if previous is not None:
        yield previous


def _marked(earlier: Sighting, mark: Sighting) -> Sighting:
    """A mark says nothing but its flag: what else was said of the item before it stands."""
    if earlier.ref is not None:
        ref = replace(earlier.ref, flags=with_marks(earlier.ref.flags, mark.marks))
        return msgspec.structs.replace(earlier, ref=ref)
    if earlier.flags is not None:
        return msgspec.structs.replace(earlier, flags=with_marks(earlier.flags, mark.marks))
    return msgspec.structs.replace(mark, marks=earlier.marks + mark.marks)


def with_marks(flags: frozenset[str], marks: Iterable[tuple[str, bool]]) -> frozenset[str]:
    for flag, on in marks:
        flags = flags | {flag} if on else flags - {flag}
    return flags


def merge(
    sightings: Iterable[Sighting], known: Iterable[KnownItem]
) -> Iterator[tuple[Sighting | None, KnownItem | None]]:
    """Both sorted by id, side by side. Of two known items with one id, the second stands alone."""
    left, right = iter(sightings), iter(known)
    sighting, item = next(left, None), next(right, None)
    while sighting is not None or item is not None:
        if item is None or (sighting is not None and sighting.id < item.ref.id):
            yield sighting, None
            sighting = next(left, None)
        elif sighting is None or item.ref.id < sighting.id:
            yield None, item
            item = next(right, None)
        else:
            yield sighting, item
            sighting, item = next(left, None), next(right, None)


def compare(
    folder: Folder,
    number: int,
    sightings: Iterable[Sighting],
    known: Iterable[KnownItem],
    judge: Judge,
    *,
    complete: bool,
    cut_short: Mapping[int, datetime] = NOTHING_CUT_SHORT,
) -> Iterator[Outcome]:
    """One folder settled as far as it goes alone.

    `complete`: `known` is the whole folder, and what was not sighted is missing. Otherwise `known` holds what was
    sighted, and left-out items to judge again. `cut_short`: entries of runs since the checkpoint that were cut short, with
    their times; were all they fetched fetched again, a server that cuts every run short would never be done with.
    """
    for sighting, item in merge(last_words(sightings), known):
        if sighting is None:
            if item is not None:
                yield from _missing_or_again(item, folder, judge, complete)
        elif item is None:
            yield from _unknown(sighting, number)
        elif sighting.gone:
            yield missing(item)
        elif sighting.ref is not None:
            had = _had(item, cut_short)
            changed = sighting.changed if had is None else not had
            yield from _known(sighting.ref, item, folder, judge, changed)
        else:
            yield from _again(item, item.ref, folder, judge)
            flags = with_marks(item.ref.flags if sighting.flags is None else sighting.flags, sighting.marks)
            if flags != item.ref.flags:
                yield Reflag(item.number, flags)


def _had(item: KnownItem, cut_short: Mapping[int, datetime]) -> bool | None:
    """Whether a run that was cut short has fetched all that this version stands for; None: no such run fetched it.

    Versions that are times have whole seconds (LastModifiedTime): one may stand for two contents, if the item was fetched in
    the second in which it changed.
    """
    written = cut_short.get(item.since)
    if written is None or not item.ref.version:
        return None
    modified = _moment(item.ref.version)
    return modified is None or modified + _SETTLED < written


def _moment(version: str) -> datetime | None:
    """Of a version that is a time; None for any other."""
    try:
        moment = datetime.fromisoformat(version) if "T" in version else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _missing_or_again(item: KnownItem, folder: Folder, judge: Judge, complete: bool) -> Iterator[Outcome]:
    if complete:
        yield missing(item)
    else:
        yield from _again(item, item.ref, folder, judge)


def _unknown(sighting: Sighting, folder: int) -> Iterator[Outcome]:
    if sighting.ref is not None:
        yield Added(folder, sighting.ref)
    elif not sighting.gone:
        yield Unexplained(sighting.id)


def _known(ref: ItemRef, item: KnownItem, folder: Folder, judge: Judge, changed: bool) -> Iterator[Outcome]:
    if changed or _is_new_content(ref, item.ref):
        yield _act(judge(ref, folder), item.number, _place(item), ref, item.folder)
        return
    yield from _again(item, ref, folder, judge)
    if ref.flags != item.ref.flags:
        yield Reflag(item.number, ref.flags)


def _is_new_content(now: ItemRef, then: ItemRef) -> bool:
    """Another version; or, against all rules, another item under the old id."""
    other = bool(now.stable_id and then.stable_id and now.stable_id != then.stable_id)
    return now.version != then.version or other


def _again(item: KnownItem, ref: ItemRef, folder: Folder, judge: Judge) -> Iterator[Outcome]:
    """A left-out item whose content did not change: wider options may admit it now, a failing one is tried again."""
    if not item.left_out:
        return
    verdict = judge(ref, folder)
    if verdict is None or verdict.reason != item.left_out:
        yield _act(verdict, item.number, _place(item), ref, item.folder)


def _act(verdict: LeftOut | None, number: int, before: Place, ref: ItemRef, folder: int) -> Fetch | LeaveOut:
    if verdict is None:
        return Fetch(ref, folder, number, before)
    return LeaveOut(ref, folder, verdict.reason, verdict.detail, number, before)


def settle_added(added: Added, folder: Folder, judge: Judge) -> Fetch | LeaveOut:
    """An addition that no missing item explains."""
    verdict = judge(added.ref, folder)
    if verdict is None:
        return Fetch(added.ref, added.folder)
    return LeaveOut(added.ref, added.folder, verdict.reason, verdict.detail)


def settle_missing(lack: Missing) -> Remove:
    """A missing item that no addition explains."""
    return Remove(lack.number, lack.before)


def settle_move(added: Added, lack: Missing, folder: Folder, judge: Judge) -> Iterator[Action]:
    """One item, seen at both ends: one event and never a download, unless its content changed on the way."""
    ref, before = added.ref, lack.before
    if ref.version != lack.version:
        yield _act(judge(ref, folder), lack.number, before, ref, added.folder)
        return
    if before.left_out:
        verdict = judge(ref, folder)
        if verdict is None or verdict.reason != before.left_out:
            yield _act(verdict, lack.number, before, ref, added.folder)
            return
    yield Move(lack.number, added.folder, ref.id, before)
    if ref.flags != lack.flags:
        yield Reflag(lack.number, ref.flags)
