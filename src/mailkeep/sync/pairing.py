"""Which addition is which missing item: identity is proof or nothing.

    stable id    a server id that survives moves                   asked first
    identity     complete header + size + internal date, hashed    asked for what is left, and only of additions whose
                                                                   size and date some missing item shares (`suspects`)

Everything comes sorted and is merged; a key that two candidates share, **on either side**, proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from mailkeep.sync.plan import Added, Missing
from mailkeep.sync.staging import Key

Pair = tuple[Added | None, Missing | None]


def stable_key(record: Added | Missing) -> Key:
    """Empty where an item has none, which pairs with nothing."""
    return (record.ref.stable_id if isinstance(record, Added) else record.stable_id,)


def likeness_key(record: Added | Missing) -> Key:
    """What must agree before a header is worth asking for: size, and the second of receipt."""
    size, received = (
        (record.ref.size, record.ref.received) if isinstance(record, Added) else (record.size, record.received)
    )
    return (size, int(received.timestamp()))


def identity_key(record: Added | Missing) -> Key:
    """Empty where an item has none, which pairs with nothing."""
    return (record.identity.hex(),)


def pair(added: Iterable[Added], missing: Iterable[Missing], key: Callable[[Added | Missing], Key]) -> Iterator[Pair]:
    """Both sorted by key. A key with one on each side and nothing else is a pair; all others come out alone."""
    for value, group in groupby(_merged(added, missing, key), key=key):
        yield from _pair_group(group, proves=value != ("",))


def _pair_group(group: Iterator[Added | Missing], proves: bool) -> Iterator[Pair]:
    first, second, third = next(group), next(group, None), next(group, None)
    if proves and third is None and isinstance(first, Added) and isinstance(second, Missing):
        yield first, second
        return
    for record in (first, second, third):
        if record is not None:
            yield _alone(record)
    yield from map(_alone, group)


def _alone(record: Added | Missing) -> Pair:
    return (record, None) if isinstance(record, Added) else (None, record)


def _merged(
    added: Iterable[Added], missing: Iterable[Missing], key: Callable[[Added | Missing], Key]
) -> Iterator[Added | Missing]:
    """In order of key; of one key the additions first."""
    left, right = iter(added), iter(missing)
    a, m = next(left, None), next(right, None)
    while a is not None or m is not None:
        if a is not None and (m is None or key(a) <= key(m)):
            yield a
            a = next(left, None)
        elif m is not None:
            yield m
            m = next(right, None)


def suspects(added: Iterable[Added], missing: Iterable[Missing]) -> Iterator[tuple[Added, bool]]:
    """Each addition (sorted by likeness), and whether some missing item with an identity (sorted so too) is like it."""
    right = iter(missing)
    item = next(right, None)
    for addition in added:
        key = likeness_key(addition)
        while item is not None and (likeness_key(item) < key or not item.identity):
            item = next(right, None)
        yield addition, item is not None and likeness_key(item) == key
