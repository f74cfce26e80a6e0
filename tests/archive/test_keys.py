"""The key file: made once, private, and a mistyped one is noticed."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from mailkeep.archive.keys import (
    create_format,
    key_text,
    make_key_file,
    open_format,
    parse_key,
    read_key_file,
    settle_key_file,
)
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.errors import GiveUp
from mailkeep.store.local import LocalStore
from mailkeep.store.memory import MemoryStore


def test_a_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "archive.key"
    secret = make_key_file(path)
    settle_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert make_key_file(path) == read_key_file(path) == secret
    assert path.read_text().startswith("#")


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.key"
    make_key_file(path)
    settle_key_file(path)
    path.chmod(0o640)
    with pytest.raises(GiveUp) as refused:
        read_key_file(path)
    assert refused.value.code == "key_exposed"
    assert "chmod 600" in refused.value.hint


@pytest.mark.parametrize("place", range(0, 70, 3))
def test_a_mistyped_key_is_noticed(place: int) -> None:
    text = key_text(bytes(range(32)))
    line = text.splitlines()[-1]
    start = text.index(line) + len("mailkeep-key-1 ") + place
    if text[start] == " ":
        return
    wrong = text[:start] + ("0" if text[start] != "0" else "1") + text[start + 1 :]
    with pytest.raises(GiveUp) as refused:
        parse_key(wrong, "here")
    assert refused.value.code == "key_wrong"


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "mailkeep-key-1\n", "mailkeep-key-1 zz 00000000\n", "x y z\n"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(GiveUp) as refused:
        parse_key(text, "here")
    assert refused.value.code == "key_wrong"


def test_a_typed_in_key_opens_the_archive() -> None:
    secret = bytes(range(32))
    store = MemoryStore()
    made = create_format(store, secret)
    typed = "\n\n" + key_text(secret).replace(made.archive_id, "").strip() + "\n\n"
    assert open_format(store, parse_key(typed, "here")) == made


def test_a_changed_format_object_opens_nothing() -> None:
    secret = bytes(range(32))
    store = MemoryStore()
    create_format(store, secret)
    whole = store.objects["format.json"]
    for place, bit in product(range(len(whole)), range(8)):
        store.objects["format.json"] = whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :]
        with pytest.raises(GiveUp):
            open_format(store, secret)


@pytest.mark.parametrize("killed_at", ["torn key", "before the format", "after the format", "between the names"])
def test_a_killed_first_start_begins_again(tmp_path: Path, killed_at: str) -> None:
    store, path = LocalStore(tmp_path / "archive"), tmp_path / "keys" / "archive.key"
    secret = make_key_file(path)
    pending = path.with_name("archive.key.new")
    if killed_at == "torn key":
        pending.write_text(pending.read_text()[:200])
    if killed_at in ("after the format", "between the names"):
        create_format(store, secret)
    if killed_at == "between the names":
        path.hardlink_to(pending)
    assert path.exists() == (killed_at == "between the names")
    begin = Repository.open if "format.json" in [info.name for info in store.list("")] else Repository.create
    made = begin(store, MemoryIndex(), path)
    assert Repository.open(store, MemoryIndex(), path).archive_id == made.archive_id
    assert [found.name for found in path.parent.iterdir()] == ["archive.key"]
