"""SPEC E5, D4: exports give the archived bytes back, bit for bit, with a manifest; hostile names stay inside; nothing is overwritten."""

from __future__ import annotations

import hashlib
import json
import mailbox
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder
from mailkeep.recover.export import export
from mailkeep.recover.mbox import quoted, separator, unquoted
from mailkeep.recover.places import directory, maildir_directory
from tests.recover.memory import RECEIVED, MemorySource

FORMATS = ("eml", "mbox", "maildir")  # those that hold mail
AWKWARD = [
    b"Subject: plain\r\n\r\nhello\r\n",
    b"Subject: no end\n\nno line end",
    b"From the first line\r\n>From quoted\r\n>>From twice\nFrom bare\r From after CR",
    b"",
    bytes(range(256)) * 40,
    b"\r\n\r\n\n\n",
    b"From ",
]


def filled() -> MemorySource:
    source = MemorySource()
    for content in AWKWARD:
        source.put(content, flags=frozenset({"seen", "answered"}), received=RECEIVED + timedelta(days=len(source.held)))
    source.put(b"in a subfolder", ("Sent", "2024"), flags=frozenset({"flagged", "$forwarded", "work", "home"}))
    source.put(b"never archived", ("Sent", "2024"), left_out="sensitive")
    source.more_folders = [Folder("0", ("INBOX",)), Folder("1", ("Empty",)), Folder("2", ("Sent",), selectable=False)]
    return source


def manifest(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_back(out: Path, format_: str) -> dict[int, bytes]:
    """Every item's bytes by its number, read through the manifest."""
    if format_ == "eml":
        with zipfile.ZipFile(out) as archive:
            lines = [json.loads(line) for line in archive.read("manifest.jsonl").decode().splitlines()]
            assert archive.testzip() is None
            return {line["item"]: archive.read(line["file"]) for line in lines}
    found = {}
    for line in manifest(out / "manifest.jsonl"):
        content = (out / line["file"]).read_bytes()
        if format_ == "mbox":
            content = unquoted(content[line["offset"] : line["offset"] + line["length"]], line["size"])
        found[line["item"]] = content
    return found


@pytest.mark.parametrize(
    ("format_", "name"), [("eml", "out"), ("mbox", "out"), ("mbox", "out.mbox"), ("maildir", "out")]
)
def test_e7_an_export_is_for_its_owner_alone(tmp_path: Path, format_: str, name: str) -> None:
    before = os.umask(0)
    try:
        export(filled(), tmp_path / "above" / name, format_, "m@7")
    finally:
        os.umask(before)
    modes = {path.relative_to(tmp_path): (path.is_dir(), path.stat().st_mode & 0o777) for path in tmp_path.rglob("*")}
    assert modes
    assert not {path: oct(mode) for path, (folder, mode) in modes.items() if mode != (0o700 if folder else 0o600)}


@pytest.mark.parametrize("format_", FORMATS)
def test_e5_every_format_gives_the_bytes_back(tmp_path: Path, format_: str) -> None:
    source, out = filled(), tmp_path / "out"
    done = export(source, out, format_, "m@7")
    archived = [one for one in source.held if not one.left_out]
    assert (done.items, done.bytes) == (len(archived), sum(one.size for one in archived))
    assert [(cannot.item, "sensitive" in cannot.why) for cannot in done.cannot] == [(9, True)]
    assert read_back(out, format_) == {one.number: source.contents[one.number] for one in archived}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"], "nothing else is left behind"


def test_e5_the_manifest_says_what_each_item_is(tmp_path: Path) -> None:
    done = export(filled(), tmp_path / "out", "maildir", "m@7")
    assert done.manifest == tmp_path / "out" / "manifest.jsonl"
    line = next(one for one in manifest(done.manifest) if one["item"] == 8)
    assert line == {
        "item": 8,
        "kind": "mail",
        "file": f".Sent.2024/cur/{int(RECEIVED.timestamp())}.M00000008.mailkeep,S=14:2,FPab",
        "folder": ["Sent", "2024"],
        "sha256": hashlib.sha256(b"in a subfolder").hexdigest(),
        "size": 14,
        "flags": ["$forwarded", "flagged", "home", "work"],
        "received": "2024-03-01T12:00:00Z",
        "subject": "s8",
    }


def test_e5_a_maildir_has_flags_dates_and_folders(tmp_path: Path) -> None:
    export(filled(), tmp_path / "out", "maildir", "m@7")
    box = mailbox.Maildir(tmp_path / "out", create=False)
    assert sorted(box.list_folders()) == ["Empty", "Sent", "Sent.2024"]
    assert len(list(box.iterkeys())) == len(AWKWARD)
    inside = box.get_folder("Sent.2024")
    ((_, one),) = inside.iteritems()
    assert one.get_flags() == "FPab"
    assert one.get_subdir() == "cur"
    assert (tmp_path / "out/.Sent.2024/dovecot-keywords").read_text() == "0 home\n1 work\n"
    assert one.get_date() == RECEIVED.timestamp(), "the internal date is the file's time"
    assert list((tmp_path / "out/new").iterdir()) == list((tmp_path / "out/tmp").iterdir()) == []


def test_e5_one_mbox_file_where_the_name_says_so(tmp_path: Path) -> None:
    out = tmp_path / "all.mbox"
    done = export(filled(), out, "mbox", "m@7")
    assert done.manifest == tmp_path / "all.mbox.manifest.jsonl"
    lines = manifest(done.manifest)
    whole = out.read_bytes()
    for line in lines:
        content = unquoted(whole[line["offset"] : line["offset"] + line["length"]], line["size"])
        assert hashlib.sha256(content).hexdigest() == line["sha256"]
    box = mailbox.mbox(out, create=False)
    assert len(box) == len(lines)
    box.close()


@given(st.lists(st.sampled_from([b"From ", b">", b">From x", b"\n", b"\r", b"a", b"\x00"]), max_size=12).map(b"".join))
def test_e5_mbox_quoting_is_exact_and_parts_messages(content: bytes) -> None:
    stands = quoted(content)
    assert unquoted(stands, len(content)) == content
    assert stands.endswith(b"\n\n") or stands == b"\n\n"
    assert not any(line.startswith(b"From ") for line in stands.split(b"\n"))


def test_e5_the_separators_date_is_in_english_utc() -> None:
    assert separator(datetime(2024, 3, 1, 1, 2, 3, tzinfo=UTC)) == b"From MAILER-DAEMON Fri Mar  1 01:02:03 2024\n"


HOSTILE = [
    "..", ".", "", "/", "../../etc", "a/b", "a\\b", "\x00", "a\nb", "~root", "con", "CON.txt", ".hidden", "trailing.", " x ",
    "x" * 400, "ü" * 300, "%2F", "cur", "new", "tmp", "Sent.mbox", "_", "manifest.jsonl", "a.b", "INBOX", "ann\u202efdp", "Entwürfe", "R&D", "<script>",
    "C:", "export.zip", "dovecot-keywords", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS)
def test_e5_hostile_folder_names_stay_inside(tmp_path: Path, format_: str) -> None:
    source, out = MemorySource(), tmp_path / "deep" / "down" / "out"
    for name in HOSTILE:
        source.put(name.encode("utf-8", "replace"), (name,))
        source.put(b"below " + name.encode("utf-8", "replace"), ("Sent", name))
    out.parent.mkdir(parents=True)
    done = export(source, out, format_, "m@7")
    assert done.items == 2 * len(HOSTILE)
    assert read_back(out, format_) == source.contents
    assert [path.name for path in (tmp_path / "deep/down").iterdir()] == ["out"]
    if format_ == "eml":
        with zipfile.ZipFile(out) as archive:
            for name in archive.namelist():
                assert not name.startswith("/")
                assert not {"..", ".", ""} & set(name.rstrip("/").split("/"))
                assert "\\" not in name


@given(
    st.lists(st.text(max_size=6) | st.sampled_from(HOSTILE), min_size=1, max_size=3),
    st.lists(st.text(max_size=6), min_size=1, max_size=3),
)
@settings(max_examples=300)
def test_e5_no_two_folders_share_a_directory(one: list[str], other: list[str]) -> None:
    if one != other:
        assert directory(tuple(one)) != directory(tuple(other))
        assert maildir_directory(Folder("", tuple(one))) != maildir_directory(Folder("", tuple(other)))
    for part in directory(tuple(one)).split("/"):
        assert part not in ("", ".", "..")
        assert len(part.encode()) <= 255


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that Dovecot's mail process may reach: it never runs as root, and pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        yield Path(place)


def doveadm(place: Path, *arguments: str) -> str:
    """What doveadm says of the Maildir at `place/out`, as whoever owns it (somebody else where that is root)."""
    owner = os.getuid() or 65534
    for path in [place, *place.rglob("*")]:
        os.chown(path, owner, -1)
    (place / "conf").write_text(
        f"base_dir={place}/run\nstate_dir={place}/state\nlog_path=/dev/stderr\nssl=no\nmail_location=maildir:{place}/out\n"
        f"namespace inbox {{\n inbox=yes\n separator=.\n}}\nmail_uid={owner}\nmail_gid={os.getgid() or 65534}\n"
    )
    environment = {"PATH": os.environ["PATH"], "USER": "anna", "HOME": str(place)}
    command = ["doveadm", "-c", str(place / "conf"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended
    return ended.stdout


@pytest.mark.skipif(shutil.which("doveadm") is None, reason="dovecot is not installed")
def test_e5_dovecot_reads_the_maildir(open_folder: Path) -> None:
    source = filled()
    source.put(b"Subject: u\r\n\r\nu\r\n", ("Entwürfe", "R&D"))
    export(source, open_folder / "out", "maildir", "m@7")
    listed = doveadm(open_folder, "mailbox", "list", "-8")
    assert {"INBOX", "Empty", "Sent.2024", "Entwürfe.R&D"} <= set(listed.split())
    fetched = doveadm(open_folder, "fetch", "flags date.received", "mailbox", "Sent.2024")
    assert "\\Flagged" in fetched
    assert "work" in fetched
    assert "home" in fetched
    assert "2024-03-01" in fetched


# What is there already


@pytest.mark.parametrize("format_", FORMATS)
def test_e5_nothing_that_is_there_is_overwritten(tmp_path: Path, format_: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("precious")
    with pytest.raises(GiveUp) as raised:
        export(filled(), out, format_, "m@7")
    assert raised.value.code == "not_empty"
    assert [path.name for path in out.iterdir()] == ["mine"]


@pytest.mark.parametrize("format_", FORMATS)
def test_e5_a_finished_export_is_not_written_again(tmp_path: Path, format_: str) -> None:
    out = tmp_path / "out"
    export(filled(), out, format_, "m@7")
    with pytest.raises(GiveUp) as raised:
        export(filled(), out, format_, "m@7")
    assert raised.value.code == "not_empty"


@pytest.mark.parametrize("format_", ["mbox", "maildir"])
def test_e5_an_empty_folder_is_a_free_place(tmp_path: Path, format_: str) -> None:
    (tmp_path / "out").mkdir()
    assert export(filled(), tmp_path / "out", format_, "m@7").items == 8


class Killed(BaseException):
    pass


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("at", [1, 4, 8])
def test_e5_an_interrupted_export_is_gone_on_with_by_the_same_command_only(
    tmp_path: Path, format_: str, at: int
) -> None:
    out = tmp_path / "out"

    class Interrupted(MemorySource):
        def content(self, wanted: Any) -> bytes:
            if wanted.number == at:
                raise Killed
            return super().content(wanted)

    source = filled()
    with pytest.raises(Killed):
        export(Interrupted(source.contents, source.held, source.more_folders), out, format_, "m@7")
    if format_ == "eml":
        assert not out.exists(), "one file appears whole or not at all"
    with pytest.raises(GiveUp) as raised:
        export(source, out, format_, "m@8")
    assert raised.value.code == "not_empty"
    assert export(source, out, format_, "m@7").items == 8
    assert read_back(out, format_) == {number: content for number, content in source.contents.items() if number != 9}


def test_e5_a_maildir_that_is_gone_on_with_does_not_read_what_is_there(tmp_path: Path) -> None:
    source, read = filled(), []

    class Watched(MemorySource):
        def content(self, wanted: Any) -> bytes:
            read.append(wanted.number)
            if len(read) == 5:
                raise Killed
            return super().content(wanted)

    watched = Watched(source.contents, source.held, source.more_folders)
    with pytest.raises(Killed):
        export(watched, tmp_path / "out", "maildir", "m@7")
    export(watched, tmp_path / "out", "maildir", "m@7")
    assert sorted(read) == [1, 2, 3, 4, 5, 5, 6, 7, 8]


def test_e5_a_maildir_file_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    source, out = filled(), tmp_path / "out"
    source.put(b"the last one")

    class Interrupted(MemorySource):
        def content(self, wanted: Any) -> bytes:
            if wanted.number == 10:
                raise Killed
            return super().content(wanted)

    with pytest.raises(Killed):
        export(Interrupted(source.contents, source.held, source.more_folders), out, "maildir", "m@7")
    cut, zeros = (next(out.glob(f"cur/*M{number:08d}*")) for number in (1, 5))
    cut.write_bytes(cut.read_bytes()[:5])
    zeros.write_bytes(bytes(zeros.stat().st_size))  # what a power cut can leave of a file that was not synced
    export(source, out, "maildir", "m@7")
    assert read_back(out, "maildir") == {number: data for number, data in source.contents.items() if number != 9}


def test_e5_a_damaged_item_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    source = filled()
    source.damaged = {2}
    done = export(source, tmp_path / "out", "maildir", "m@7")
    assert [(cannot.item, "damaged" in cannot.why) for cannot in done.cannot] == [(2, True), (9, False)]
    assert done.items == 7


def test_e5_a_place_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GiveUp) as raised:
        export(filled(), tmp_path / "file" / "out", "maildir", "m@7")
    assert raised.value.code == "cannot_write"
    assert "again" in raised.value.hint


def test_e5_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GiveUp) as raised:
        export(filled(), tmp_path / "out", "pst", "m@7")
    assert raised.value.code == "bad_format"
