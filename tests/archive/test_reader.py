"""The stand-alone reader, run as a stranger would: no packages of ours on its path, and byte for byte what the archive holds."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailkeep.archive import reader
from mailkeep.archive.events import Removed

from .small import ALICE, BOB, FOLDERS, Small, message


def run(small: Small, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    store = small.key_file.parent.parent / "archive"
    command = [sys.executable, "-I", str(Path(reader.__file__)), str(store), str(small.key_file), "--out", str(out)]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=120)


def rows(out: Path, mailbox: str) -> dict[int, dict[str, Any]]:
    lines = (out / mailbox / "items.jsonl").read_text().splitlines()
    return {row["item"]: row for row in map(json.loads, lines) if row["state"] == "live"}


def restored(out: Path, mailbox: str) -> dict[int, bytes]:
    found = rows(out, mailbox)
    return {item: (out / mailbox / row["file"]).read_bytes() for item, row in found.items() if row["file"]}


def test_everything_comes_back_byte_for_byte(small_local: Small, tmp_path: Path) -> None:
    done = run(small_local, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    for mailbox in (ALICE, BOB):
        assert restored(tmp_path / "out", mailbox) == small_local.contents[mailbox]
    alice = rows(tmp_path / "out", ALICE)
    assert alice[3]["flags"] == ["$forwarded", "seen"]
    assert (alice[2]["folder"]["path"], alice[2]["server_id"]) == (list(FOLDERS[1].path), "7.2")
    assert alice[1]["received"] == "2026-11-22T12:00:00.123456+00:00"
    assert alice[90]["left_out"] == "class"
    assert alice[90]["summary"] == {"detail": "its class is not archived", "subject": "\udc80"}
    organisation = [json.loads(line) for line in (tmp_path / "out" / "organisation.jsonl").read_text().splitlines()]
    assert [row["kind"] for row in organisation] == ["task.created", "task.deleted"]
    assert organisation[0]["document"] == {"name": "All mail", "n": [1, None]}


def test_native_parts_come_back_beside_their_item(small_local: Small, tmp_path: Path) -> None:
    run(small_local, tmp_path / "out")
    for mailbox in (ALICE, BOB):
        found = {item: row["native"] for item, row in rows(tmp_path / "out", mailbox).items() if row.get("native")}
        assert set(found) == set(small_local.native[mailbox])
        for item, parts in small_local.native[mailbox].items():
            assert [part["name"] for part in found[item]] == [part.name for part in parts]
            for row, part in zip(found[item], parts, strict=True):
                file = tmp_path / "out" / mailbox / row["file"]
                assert file.name == f"{item:08d}.{part.name}"
                assert file.read_bytes() == bytes(part.content)
                assert (row["size"], row["sha256"]) == (len(part.content), hashlib.sha256(part.content).hexdigest())


def test_a_file_is_named_for_what_it_is(small_local: Small, tmp_path: Path) -> None:
    contents = {
        21: b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        22: b"BEGIN:VCARD\r\n",
        23: b"<t:Task/>",
        24: b"Subject: x\r\n",
    }
    small_local.put(ALICE, contents)
    run(small_local, tmp_path / "out", "--mailbox", ALICE)
    found = rows(tmp_path / "out", ALICE)
    assert [Path(found[item]["file"]).suffix for item in contents] == [".ics", ".vcf", ".xml", ".eml"]


def test_nothing_is_written_outside_the_directory(small_local: Small, tmp_path: Path) -> None:
    """One folder's name is `Größe: 設定/../x`."""
    run(small_local, tmp_path / "deep" / "out")
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}
    assert {path.name for path in (tmp_path / "deep" / "out").iterdir()} == {ALICE, BOB, "organisation.jsonl"}


def test_a_folded_archive_reads_the_same(small_local: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(small_local, tmp_path / "before")
    monkeypatch.setattr("mailkeep.archive.chain.FOLD", 2)
    small_local.repository.history(ALICE).chain.fold(remove=True)
    small_local.repository.history(BOB).chain.fold()
    done = run(small_local, tmp_path / "after")
    assert (done.returncode, done.stderr) == (0, "")
    for mailbox in (ALICE, BOB):
        assert rows(tmp_path / "after", mailbox) == rows(tmp_path / "before", mailbox)


def test_an_earlier_moment(small_local: Small, tmp_path: Path) -> None:
    """Entry 3 of Bob's removed item 4 and completed nothing: its moment is still that of entry 2."""
    before = small_local.time
    small_local.append(BOB, [Removed(1)])
    third = next(entry for entry, _ in small_local.repository.history(BOB).read() if entry.number == 3)
    as_of = third.time + timedelta(seconds=1)
    run(small_local, tmp_path / "out", "--mailbox", BOB, "--as-of", as_of.isoformat())
    assert 4 in restored(tmp_path / "out", BOB)
    assert not (tmp_path / "out" / ALICE).exists()
    run(small_local, tmp_path / "later", "--as-of", before.replace(tzinfo=None).isoformat())
    assert sorted(restored(tmp_path / "later", BOB)) == [1, 2, 3, *range(5, 12)]


def test_everything_includes_what_was_removed_and_replaced(small_local: Small, tmp_path: Path) -> None:
    run(small_local, tmp_path / "out", "--everything")
    lines = (tmp_path / "out" / BOB / "items.jsonl").read_text().splitlines()
    former = {(row["item"], row["state"]): row["file"] for row in map(json.loads, lines) if row["state"] != "live"}
    assert set(former) == {(4, "removed"), (5, "replaced")}
    assert (tmp_path / "out" / BOB / former[4, "removed"]).read_bytes() == message(4, receiver="bob")
    assert (tmp_path / "out" / BOB / former[5, "replaced"]).read_bytes() == message(5, receiver="bob")


def test_damage_is_named_and_the_rest_comes_back(small_local: Small, tmp_path: Path) -> None:
    blob = small_local.blobs[BOB][5]
    place = small_local.repository.index.locate([blob])[blob]
    path = tmp_path / "archive" / "packs" / place.pack.hex()[:2] / place.pack.hex()
    data = bytearray(path.read_bytes())
    data[place.offset + 3] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    done = run(small_local, tmp_path / "out")
    assert done.returncode == 1
    assert blob.hex() in done.stderr
    expected = {item: content for item, content in small_local.contents[BOB].items() if item != 5}
    assert restored(tmp_path / "out", BOB) == expected
    assert restored(tmp_path / "out", ALICE) == small_local.contents[ALICE]


def test_the_wrong_key_is_said(small_local: Small, tmp_path: Path) -> None:
    other = Small.make(small_local.repository.store.__class__(tmp_path / "x"), tmp_path / "other")  # type: ignore[call-arg]
    small_local.key_file = other.key_file
    store = tmp_path / "archive"
    command = [sys.executable, "-I", str(Path(reader.__file__)), str(store), str(other.key_file), "--out", "unused"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert "wrong key" in done.stderr


def test_the_reader_imports_nothing_of_ours() -> None:
    assert "mailkeep" not in {line.split()[1].split(".")[0] for line in _imports(Path(reader.__file__).read_text())}


def _imports(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("import ", "from "))]
