"""A mailbox made as full as one wants it: mixed, sized as promised, the same from the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from mailkeep.simulator.crowd import LARGE_EVERY, SERIES_EVERY, SIZE_MAX, SIZE_MIN, crowd
from mailkeep.simulator.ews.messages import attachment_content
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.inhabit_exchange import add

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_mix_of_sizes_and_kinds() -> None:
    count = 3 * LARGE_EVERY
    elements: Counter[str] = Counter()
    sizes: list[int] = []
    for _, bundle in crowd(1, count, NOW):
        elements[bundle.item.element] += 1
        if bundle.item.mime:
            sizes.append(len(bundle.item.mime))
    assert sum(elements.values()) == count
    assert elements["Message"] > count * 0.7
    assert {"CalendarItem", "Contact", "Task", "Item"} <= set(elements)
    assert min(sizes) < 2 * SIZE_MIN
    assert 0.9 * SIZE_MAX < max(sizes) < 1.1 * SIZE_MAX
    assert sum(size > SIZE_MAX // 2 for size in sizes) <= 3


def test_series_with_exceptions_and_files_are_among_them() -> None:
    drawn = [bundle for folder, bundle in crowd(4, 1_000, NOW, size_max=2_000) if folder == "calendar"]
    series = [bundle for bundle in drawn if bundle.occurrences]
    assert len(drawn) // SERIES_EVERY <= len(series) <= len(drawn) // SERIES_EVERY + 1
    with Organisation(None, clock=lambda: NOW) as organisation:
        mailbox = organisation.add_mailbox("series@crowd.example", "Series")
        for bundle in series:
            add(mailbox, mailbox.well_known("calendar"), bundle)
        for item in mailbox.items(mailbox.well_known("calendar")):
            changed, deleted = mailbox.occurrences(item)
            assert (len(changed), len(deleted), len(mailbox.attachments(item))) == (2, 1, 2)
            [own] = [file for one in changed for file in one.attachments or ()]
            assert own.content


def test_same_seed_same_bytes() -> None:
    one, two = (list(crowd(2, 60, NOW)) for _ in range(2))
    assert one == two
    assert [b.item.mime for _, b in one] != [b.item.mime for _, b in crowd(3, 60, NOW)]


def test_it_moves_in() -> None:
    with Organisation(None, clock=lambda: NOW) as organisation:
        mailbox = organisation.add_mailbox("full@crowd.example", "Full")
        with organisation.writing():
            for folder, bundle in crowd(1, 250, NOW, size_max=200_000):
                add(mailbox, mailbox.well_known(folder), bundle)
        held = [item for folder in mailbox.folders() for item in mailbox.items(folder)]
        assert len(held) == 250
        with_files = [item for item in held if item.mime and mailbox.attachments(item)]
        assert with_files
        [file] = mailbox.attachments(with_files[0])
        assert len(attachment_content(with_files[0].mime, file)) > 10_000
