"""What is spilled to disk comes back as it went in, sorted or in order, and little of it is in memory meanwhile."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.mail.items import ItemRef, Kind, Sensitivity
from mailkeep.sync.limits import Limits
from mailkeep.sync.plan import Sighting
from mailkeep.sync.staging import Sorter, Spool, chunked
from mailkeep.sync.words import presentable

TINY = Limits(sorted_records=3)
REFS = st.builds(
    ItemRef,
    id=st.text(max_size=8),
    kind=st.sampled_from(Kind),
    message_class=st.just("IPM.Note"),
    size=st.integers(0, 2**40),
    time=st.datetimes(timezones=st.just(UTC)),
    received=st.datetimes(timezones=st.just(UTC)),
    sensitivity=st.sampled_from(Sensitivity),
    flags=st.frozensets(st.text(max_size=5), max_size=3),
    subject=st.text(max_size=20),
)
SIGHTINGS = st.lists(st.builds(Sighting, st.integers(1, 4), st.text(max_size=3), st.none() | REFS), max_size=20)


def key(sighting: Sighting) -> tuple[int | str, ...]:
    return (sighting.folder, sighting.id)


@settings(deadline=None)  # the machine may be busy
@given(SIGHTINGS)
def test_spools_keep_order(sightings: list[Sighting]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        spool = Spool(Path(directory), Sighting, TINY)
        for sighting in sightings:
            spool.add(sighting)
        assert list(spool) == list(spool) == sightings
        assert len(spool) == len(sightings)


@settings(deadline=None)  # the machine may be busy
@given(SIGHTINGS)
def test_sorters_sort_and_keep_the_order_of_equals(sightings: list[Sighting]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        sorter = Sorter(Path(directory), Sighting, key, TINY)
        for sighting in sightings:
            sorter.add(sighting)
        assert list(sorter) == list(sorter) == sorted(sightings, key=key)


def test_memory_holds_no_more_than_the_limit(tmp_path: Path) -> None:
    sorter = Sorter(tmp_path, Sighting, key, Limits(sorted_records=100))
    for number in range(1_050):
        sorter.add(Sighting(1, f"{number * 7919 % 1_050:05d}"))
        assert len(sorter._held) < 100
    assert len(list(tmp_path.iterdir())) == 10
    assert [each.id for each in sorter] == [f"{number:05d}" for number in range(1_050)]


def test_a_subject_that_is_no_unicode_can_be_staged(tmp_path: Path) -> None:
    """A server may send anything; a lone surrogate has no UTF-8 form, and no database takes a NUL."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    ref = ItemRef("a", Kind.MAIL, "IPM.Note", 1, when, when, subject="bro\0ken \udcff subject", sender="x" * 9_999)
    spool = Spool(tmp_path, Sighting, Limits(sorted_records=1))
    spool.add(Sighting(1, "a", presentable(ref, 1_000)))
    staged = next(iter(spool)).ref
    assert staged is not None
    assert (staged.subject, staged.sender) == ("bro\ufffdken \ufffd subject", "x" * 1_000)
    plain = replace(ref, subject="Grüße, 你好", sender="a@b.example")
    assert presentable(plain, 1_000) is plain


def test_chunks() -> None:
    assert list(chunked(range(5), 2)) == [[0, 1], [2, 3], [4]]
