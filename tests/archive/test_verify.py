"""`verify` finds every damage, names the object, and says which mailboxes and items it hits."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from mailkeep.archive import witness
from mailkeep.archive.crypto import PackSeal
from mailkeep.archive.damage import Damaged
from mailkeep.archive.events import Head, Purged, Put, Removed
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.packs import open_group, pack_name, read_footer
from mailkeep.archive.repository import Repository
from mailkeep.archive.verify import Verdict, verify
from mailkeep.progress import Progress
from mailkeep.store.memory import MemoryStore

from .small import ALICE, BOB, NOON, Small

FLIPS = 300


def objects(small: Small) -> dict[str, bytes]:
    assert isinstance(small.repository.store, MemoryStore)
    return small.repository.store.objects


def fresh(small: Small) -> Repository:
    """The archive as a process sees it that opens it now: nothing cached, the index as it was filled."""
    return Repository.open(small.repository.store, small.repository.index, small.key_file)


def verdict(small: Small, repository: Repository | None = None) -> Verdict:
    repository = repository or fresh(small)
    return verify(repository, small.heads, witness.latest(repository))


def place_of(small: Small, mailbox: str, item: int) -> tuple[str, int, int]:
    """(object, start, end) of the group that holds an item's content."""
    blob = small.blobs[mailbox][item]
    place = small.repository.index.locate([blob])[blob]
    return pack_name(place.pack), place.offset, place.offset + place.length


def hits(found: Verdict) -> str:
    return "\n".join(line for damage in found.damaged for line in damage.hits)


def test_a_sound_archive_is_sound(small: Small) -> None:
    witness.write(small.repository, small.heads, NOON)
    seen: list[Progress] = []
    found = verify(fresh(small), small.heads, witness.latest(small.repository), seen.append)
    assert found.damaged == []
    assert found.ok
    assert found.checked_objects == len(objects(small)) == seen[-1].total == seen[-1].done
    assert found.checked_bytes > 0.8 * sum(map(len, objects(small).values()))
    assert found.not_vouched == []
    assert [text.split(" ")[0] for text in found.compared_with] == ["the", "the"]
    assert "2026-11-23 12:00:00" in found.compared_with[1]


def test_without_anything_to_compare_with_it_says_what_it_cannot_vouch_for(small: Small) -> None:
    found = verify(fresh(small), None, None)
    assert found.ok
    assert found.compared_with == []
    assert "removed at an end" in found.not_vouched[0]


def test_entries_newer_than_the_statement_are_not_vouched_for(small: Small) -> None:
    witness.write(small.repository, small.heads, NOON)
    small.append(ALICE, [Removed(1)])
    found = verify(fresh(small), None, witness.latest(small.repository))
    assert found.ok
    assert "1 of the histories" in found.not_vouched[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_anywhere_is_found_and_named(small: Small, seed: int) -> None:
    witness.write(small.repository, small.heads, NOON)
    chance = random.Random(seed)
    names = sorted(objects(small))
    for _ in range(FLIPS // 3):
        name = chance.choice(names)
        whole = objects(small)[name]
        place = chance.randrange(len(whole))
        repository = fresh(small)
        objects(small)[name] = whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :]
        try:
            found = verify(repository, small.heads, None)
        finally:
            objects(small)[name] = whole
        assert not found.ok, f"byte {place} of {name}"
        assert name in {damage.object for damage in found.damaged}


def test_the_latest_statement_with_a_flipped_bit_is_refused(small: Small) -> None:
    witness.write(small.repository, small.heads, NOON)
    (name,) = [name for name in objects(small) if name.startswith("witness/")]
    whole = objects(small)[name]
    for place, bit in product(range(len(whole)), (0, 5, 7)):  # the fifth turns a hex digit's case
        objects(small)[name] = whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :]
        with pytest.raises(Damaged, match="witness/"):
            witness.latest(small.repository)


def test_a_torn_pack_is_found_at_every_length(small: Small) -> None:
    name = place_of(small, ALICE, 9)[0]
    whole = objects(small)[name]
    for length in [*range(0, len(whole), 512), len(whole) - 1]:
        objects(small)[name] = whole[:length]
        found = verdict(small)
        assert name in {damage.object for damage in found.damaged}, length
        assert f"mailbox {ALICE}: item 1, " in hits(found)
    objects(small)[name] = whole
    assert verdict(small).ok


def test_damage_names_the_items_it_hits(small: Small) -> None:
    name, start, _ = place_of(small, BOB, 5)  # a pack of its own run
    whole = objects(small)[name]
    objects(small)[name] = whole[: start + 5] + bytes([whole[start + 5] ^ 1]) + whole[start + 6 :]
    found = verdict(small)
    assert [(damage.object, damage.hits) for damage in found.damaged] == [(name, [f"mailbox {BOB}: item 5"])]
    assert "seal" in found.damaged[0].problem


def test_a_damaged_shared_part_hits_every_mailbox_that_uses_it(small: Small) -> None:
    """The attachment lies in Alice's pack alone; her message and Bob's are both rebuilt from it."""
    name = place_of(small, ALICE, 9)[0]
    pack = bytes.fromhex(name.rpartition("/")[2])
    footer = read_footer(small.repository.store, small.repository.archive_key, pack)
    (place,) = [place for _, place in footer.blobs if place.kind == 2]
    whole = objects(small)[name]
    objects(small)[name] = whole[: place.offset] + bytes([whole[place.offset] ^ 1]) + whole[place.offset + 1 :]
    found = verdict(small)
    (damage,) = [damage for damage in found.damaged if damage.object == name]
    hit = "item 9, item 9 (small.attachment.0)"  # in the message in base64, and beside it as it is
    assert damage.hits == [f"mailbox {ALICE}: {hit}", f"mailbox {BOB}: {hit}"]


def test_a_damaged_native_part_names_the_item_and_the_part(small: Small) -> None:
    """Of every native part: one flipped bit in the group it lies in is found, and said of the item that has it."""
    entries = [entry for entry, _ in small.repository.history(BOB).read()]
    puts = [event for entry in entries for event in entry.events if isinstance(event, Put) and event.native]
    assert len(puts) == 3
    for item, native in ((put.item, native) for put in puts for native in put.native):
        place = small.repository.index.locate([native.blob])[native.blob]
        name = pack_name(place.pack)
        whole = objects(small)[name]
        at = place.offset + place.length // 2
        objects(small)[name] = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        found = verdict(small)
        objects(small)[name] = whole
        assert not found.ok
        assert f"item {item} ({native.name})" in hits(found)
    assert verdict(small).ok


def test_a_native_part_that_is_purged_while_its_item_lives_is_damage(small: Small) -> None:
    """Every part of a live item is live."""
    (entry,) = [entry for entry, _ in small.repository.history(BOB).read() if entry.number == 1]
    native = next(event.native[0] for event in entry.events if isinstance(event, Put) and event.item == 6)
    small.append(BOB, [Purged((native.blob,), "p", "a")])
    place = small.repository.index.locate([native.blob])[native.blob]
    del objects(small)[pack_name(place.pack)]
    index = MemoryIndex()
    repository = Repository.open(small.repository.store, index, small.key_file)
    repository.index_orphans()
    assert "item 6 (small.properties)" in hits(verdict(small, repository))
    small.append(BOB, [Removed(6)])
    small.append(ALICE, [Removed(6)])  # whose message had the same
    assert "item 6 (small.properties)" not in hits(verdict(small, repository))


def test_a_missing_pack_names_all_it_held(small: Small) -> None:
    name = place_of(small, ALICE, 1)[0]
    del objects(small)[name]
    (damage,) = [damage for damage in verdict(small).damaged if damage.object == name]
    assert "missing" in damage.problem
    assert damage.hits[0].startswith(f"mailbox {ALICE}: item ")
    native = ", ".join(f"item {item} (small.properties)" for item in (1, 6, 9))
    native += ", item 9 (small.attachment.0), item 9 (small.empty)"
    # a part of a message, the native parts, and the empty message that both have
    assert damage.hits[1] == f"mailbox {BOB}: item 9, {native}, item 11"


def test_a_missing_blob_is_named_by_those_who_refer_to_it(small: Small) -> None:
    """The pack went, and the index, made again from footers, does not know that it ever was."""
    name = place_of(small, BOB, 5)[0]
    del objects(small)[name]
    repository = small.reopened(small.repository.store)
    found = verdict(small, repository)
    (damage,) = found.damaged
    assert damage.object == f"blob {small.blobs[BOB][5].hex()}"
    assert damage.hits == [f"mailbox {BOB}: item 5"]


def entry_name(mailbox: str, number: int) -> str:
    return f"history/{mailbox}/{number:012d}"


def test_an_entry_removed_at_the_end_shows_against_the_catalog_and_against_the_statement(small: Small) -> None:
    statement = witness.write(small.repository, small.heads, NOON)
    for name in [name for name in objects(small) if name.startswith("witness/")]:
        del objects(small)[name]
    last = small.heads[BOB].number
    del objects(small)[entry_name(BOB, last)]
    repository = fresh(small)
    for heads, said in ((small.heads, None), (None, statement)):
        found = verify(repository, heads, said)
        (damage,) = found.damaged
        assert damage.object == entry_name(BOB, last)
        assert "rolled back" in damage.problem
        assert damage.hits == [f"mailbox {BOB}: entry {last}"]
    assert verify(repository, None, None).ok  # and nobody else can know


def test_a_whole_history_removed_shows_too(small: Small) -> None:
    for name in [name for name in objects(small) if name.startswith(f"history/{BOB}/")]:
        del objects(small)[name]
    assert any("rolled back" in damage.problem for damage in verdict(small).damaged)


def test_an_entry_removed_in_the_middle(small: Small) -> None:
    del objects(small)[entry_name(ALICE, 2)]
    (damage,) = verify(fresh(small), None, None).damaged
    assert damage.object == entry_name(ALICE, 2)
    assert "missing" in damage.problem


def test_a_replaced_entry(small: Small) -> None:
    """Somebody with the key writes another second entry: its successor tells."""
    name = entry_name(ALICE, 2)
    whole = objects(small).pop(name)
    history = small.repository.history(ALICE)
    before = next(history.read())[1]
    small_heads = dict(small.heads)
    small.heads[ALICE] = before
    small.append(ALICE, [Removed(8)])
    small.heads = small_heads
    assert objects(small)[name] != whole
    found = verify(fresh(small), None, None)
    assert [damage.object for damage in found.damaged] == [entry_name(ALICE, 3)]
    assert "replaced" in found.damaged[0].problem


def test_a_replaced_head(small: Small) -> None:
    witness.write(small.repository, small.heads, NOON)
    last = small.heads[ALICE].number
    del objects(small)[entry_name(ALICE, last)]
    truth = dict(small.heads)
    *_, (_, before) = small.repository.history(ALICE).read()
    small.heads[ALICE] = before
    small.append(ALICE, [Removed(8)])
    small.heads = truth
    found = verdict(small)
    assert {damage.object for damage in found.damaged} == {entry_name(ALICE, last)}
    assert {damage.problem.split(":")[0] for damage in found.damaged} == {"replaced"}
    assert len(found.damaged) == 2  # the catalog says so, and the statement


def test_a_purged_blob_may_be_missing_once_nothing_live_refers_to_it(small: Small) -> None:
    name = place_of(small, BOB, 5)[0]
    del objects(small)[name]
    blob = small.blobs[BOB][5]
    small.append(ALICE, [Purged((blob,), "policy-1", "person-1")])
    assert not verdict(small).ok  # still live in Bob's mailbox
    small.append(BOB, [Removed(5)])
    assert verdict(small).damaged == []


def test_a_missing_pack_that_nothing_refers_to_is_no_damage(small: Small) -> None:
    batch = small.repository.batch()
    batch.put_contents([b"put, and never referred to"])
    before = set(objects(small))
    batch.seal()
    (name,) = set(objects(small)) - before
    del objects(small)[name]
    assert verdict(small).ok


def test_folded_histories_are_verified(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 2)
    for remove in (False, True):
        small.repository.history(ALICE).chain.fold(remove)
        assert verdict(small).damaged == []
    name = next(name for name in objects(small) if name.startswith("segments/"))
    whole = objects(small)[name]
    for place in random.Random(1).sample(range(len(whole)), 50):
        objects(small)[name] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        assert name in {damage.object for damage in verdict(small).damaged}, place


def test_a_segment_that_differs_from_its_entries(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 2)
    small.repository.history(ALICE).chain.fold()
    objects(small)[entry_name(ALICE, 1)] = objects(small)[entry_name(BOB, 1)]
    assert any("differs from its copy" in damage.problem for damage in verdict(small).damaged)


def test_strangers_among_the_objects_are_named(small: Small) -> None:
    objects(small)["packs/ab/notapack"] = b""
    objects(small)[f"history/{ALICE}/notes.txt"] = b""
    names = {damage.object for damage in verdict(small).damaged}
    assert names == {"packs/ab/notapack", f"history/{ALICE}/notes.txt"}


def test_an_index_that_disagrees_is_told_apart_from_damage(small: Small) -> None:
    index = MemoryIndex()
    for pack in small.repository.index.packs():
        index.add_pack(pack, 1, True, [])  # knows the packs, and nothing in them
    repository = Repository.open(small.repository.store, index, small.key_file)
    found = verify(repository, None, None)
    assert "the blob index" in {damage.object for damage in found.damaged}
    assert any("rebuild" in damage.problem for damage in found.damaged)


def test_statements_in_a_directory_outlive_the_store(small: Small, tmp_path: Path) -> None:
    elsewhere = tmp_path / "witness"
    elsewhere.mkdir()
    first = witness.write(small.repository, small.heads, NOON, elsewhere)
    small.append(ALICE, [Removed(1)])
    later = NOON + timedelta(minutes=5)
    assert witness.due(first, small.heads, later)
    assert not witness.due(first, small.heads, NOON + timedelta(seconds=59))
    second = witness.write(small.repository, small.heads, later, elsewhere)
    assert not witness.due(second, small.heads, later + timedelta(days=1))
    for name in [name for name in objects(small) if name.startswith("witness/")]:
        del objects(small)[name]  # who rolls the archive back takes these along
    found = witness.latest(small.repository, elsewhere)
    assert found is not None
    assert (found.time, dict(found.heads), found.place) == (later, dict(second.heads), str(elsewhere))
    assert witness.latest(small.repository) is None


def test_old_statements_thin_out_to_one_a_day(small: Small) -> None:
    for hours in range(0, 24 * 6, 1):
        witness.write(small.repository, small.heads, NOON + timedelta(hours=hours))
    times = [int(name[8:28]) for name in sorted(objects(small)) if name.startswith("witness/")]
    days = [time // (24 * 3600 * 10**6) for time in times]
    assert len(times) < 70
    assert len(set(days)) == 7  # none is without one
    assert verdict(small).ok


def test_another_archives_statement_is_refused(small: Small, tmp_path: Path) -> None:
    other = Small.make(MemoryStore(), tmp_path / "other")
    witness.write(other.repository, other.heads, NOON)
    objects(small).update({name: data for name, data in objects(other).items() if name.startswith("witness/")})
    with pytest.raises(Damaged, match="another archive"):
        witness.latest(small.repository)


def test_every_group_is_bound_to_its_place(small: Small) -> None:
    """Groups of one pack changed about, or taken from another pack, fail their seals."""
    packs = [bytes.fromhex(name.rpartition("/")[2]) for name in objects(small) if name.startswith("packs/")]
    footer = read_footer(small.repository.store, small.repository.archive_key, packs[0])
    offset, length, _ = footer.groups[0]
    sealed = objects(small)[pack_name(packs[0])][offset : offset + length]
    attempts: list[Callable[[], bytes]] = [
        lambda: open_group(PackSeal(small.repository.archive_key, packs[0]), packs[0], 1, sealed),
        lambda: open_group(PackSeal(small.repository.archive_key, packs[1]), packs[1], 0, sealed),
    ]
    for attempt in attempts:
        with pytest.raises(Damaged, match="seal"):
            attempt()


def test_a_later_shorter_statement_does_not_cover_a_rollback(small: Small, tmp_path: Path) -> None:
    """Somebody restored an old catalog beside a rolled-back archive, and a run stated its heads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = dict(small.heads)
    small.append(ALICE, [Removed(1)])
    witness.write(small.repository, small.heads, NOON, elsewhere)
    lost = f"history/{ALICE}/{small.heads[ALICE].number:012d}"
    del objects(small)[lost]
    witness.write(small.repository, before, NOON + timedelta(hours=1), elsewhere)
    repository = fresh(small)
    for folder in (None, elsewhere):
        found = verify(repository, before, witness.latest(repository), witness_folder=folder)
        assert [damage.object for damage in found.damaged] == [lost]
        assert "rolled back" in found.damaged[0].problem
        assert "12:00:00" in found.damaged[0].problem
        for name in [name for name in objects(small) if name.startswith("witness/")]:
            del objects(small)[name]  # the directory alone knows it now


def test_heads_that_regress_are_named(small: Small) -> None:
    assert witness.regresses(None, small.heads) == []
    last = witness.write(small.repository, small.heads, NOON)
    assert witness.regresses(last, small.heads) == []
    alice, bob = small.heads[ALICE], small.heads[BOB]
    assert witness.regresses(last, {**small.heads, ALICE: Head(alice.number + 1, bytes(32), NOON)}) == []
    assert witness.regresses(last, {ALICE: alice, BOB: bob}) == ["organisation"]
    assert witness.regresses(last, {**small.heads, ALICE: Head(alice.number - 1, alice.hash, NOON)}) == [ALICE]
    assert witness.regresses(last, {**small.heads, BOB: Head(bob.number, bytes(32), NOON)}) == [BOB]


def test_what_is_committed_meanwhile_is_no_damage(small: Small) -> None:
    """A run puts packs and entries after every object that is checked."""
    witness.write(small.repository, small.heads, NOON)
    before = dict(small.heads)
    number = 100

    def meanwhile(_: Progress) -> None:
        nonlocal number
        if number < 130:
            number += 1
            small.put((ALICE, BOB, "c4" * 16)[number % 3], {number: f"new {number}".encode() * 50})

    found = verify(fresh(small), before, None, meanwhile)
    assert number > 110
    assert found.damaged == []


def test_a_pack_that_lies_in_the_store_and_not_yet_in_the_index_is_no_damage(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = bytes.fromhex(place_of(small, BOB, 5)[0].rpartition("/")[2])
    lagging = Repository.open(small.repository.store, MemoryIndex(), small.key_file)
    for pack in small.repository.index.packs() - {late}:
        footer = read_footer(lagging.store, lagging.archive_key, pack)
        lagging.index.add_pack(pack, footer.size, footer.content, footer.blobs)
    monkeypatch.setattr(lagging, "index_orphans", lambda: 0)  # it was put just after that
    assert verify(lagging, small.heads, None).damaged == []
