"""Pairing against its definition: a key with exactly one candidate on each side, and nothing else, is a pair."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.mail.items import ItemRef, Kind
from mailkeep.sync.pairing import identity_key, likeness_key, pair, stable_key, suspects
from mailkeep.sync.plan import Added, Missing, missing
from mailkeep.sync.ports import KnownItem

THEN = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = st.lists(st.sampled_from(["", "a", "b", "c", "d", "e"]), max_size=12)


def ref(name: str, stable: str = "", size: int = 1, seconds: int = 0) -> ItemRef:
    received = THEN + timedelta(seconds=seconds)
    return ItemRef(name, Kind.MAIL, "IPM.Note", size, received, received, stable_id=stable)


def added(keys: list[str]) -> list[Added]:
    return sorted((Added(1, ref(f"+{n}", key), key.encode()) for n, key in enumerate(keys)), key=stable_key)


def lacks_of(keys: list[str]) -> list[Missing]:
    items = [KnownItem(n, 2, ref(f"-{n}", key), key.encode(), "") for n, key in enumerate(keys)]
    return sorted(map(missing, items), key=stable_key)


@settings(deadline=None)  # the machine may be busy
@given(KEYS, KEYS)
def test_pairs_are_exactly_the_unique_ones(left: list[str], right: list[str]) -> None:
    for key in (stable_key, identity_key):
        pairs = list(pair(added(left), lacks_of(right), key))
        proven = {a.ref.stable_id for a, m in pairs if a is not None and m is not None}
        counts = Counter(left), Counter(right)
        assert proven == {each for each in set(left) if each and counts[0][each] == counts[1][each] == 1}
        assert all(a.ref.stable_id == m.stable_id for a, m in pairs if a is not None and m is not None)
        assert sorted(a.ref.id for a, _ in pairs if a is not None) == sorted(each.ref.id for each in added(left))
        assert sorted(m.number for _, m in pairs if m is not None) == list(range(len(right)))


LOOKS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), max_size=10)


@settings(deadline=None)  # the machine may be busy
@given(LOOKS, LOOKS, st.sets(st.integers(0, 9)))
def test_suspects_are_those_whose_size_and_date_some_missing_item_shares(
    left: list[tuple[int, int]], right: list[tuple[int, int]], without: set[int]
) -> None:
    additions = sorted((Added(1, ref(str(n), "", *look)) for n, look in enumerate(left)), key=likeness_key)
    items = [KnownItem(n, 2, ref(str(n), "", *look), b"" if n in without else b"x", "") for n, look in enumerate(right)]
    lacks = sorted(map(missing, items), key=likeness_key)
    looks = {look for n, look in enumerate(right) if n not in without}
    for addition, alike in suspects(additions, lacks):
        seconds = int((addition.ref.received - THEN).total_seconds())
        assert alike == ((addition.ref.size, seconds) in looks)
    assert len(list(suspects(additions, lacks))) == len(left)


def test_a_second_is_the_finest_that_servers_agree_on() -> None:
    early = Added(1, ref("a"))
    late = Added(1, replace(early.ref, received=early.ref.received + timedelta(milliseconds=400)))
    assert likeness_key(early) == likeness_key(late)
