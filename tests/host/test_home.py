"""The home folder: private from the start, and never somebody else's."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailkeep.errors import GiveUp
from mailkeep.host import home as host_home
from mailkeep.host.lock import FileLock


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        home = host_home.prepare(tmp_path / "a" / "home")
    finally:
        os.umask(former)
    assert mode(home.path) == 0o700
    assert {mode(room) for room in home.path.iterdir()} == {0o700}
    assert {mode(key) for key in home.keys.iterdir()} == {0o600}


def test_preparing_again_keeps_the_keys_and_tightens_what_was_opened(tmp_path: Path) -> None:
    home = host_home.prepare(tmp_path / "home")
    before = {key.name: key.read_text() for key in home.keys.iterdir()}
    home.keys.chmod(0o755)
    home.path.chmod(0o777)
    host_home.prepare(home.path)
    assert {key.name: key.read_text() for key in home.keys.iterdir()} == before
    assert mode(home.keys) == 0o700
    assert mode(home.path) == 0o755, "others may read its names at most, not replace its rooms"


def prepare_and_read(path: Path) -> str:
    return host_home.prepare(path).database_password.read_text()


def test_many_that_begin_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        passwords = set(pool.map(prepare_and_read, [tmp_path / "home"] * 16))
    assert len(passwords) == 1
    assert len(passwords.pop()) > 30
    assert sorted(path.name for path in (tmp_path / "home/keys").iterdir()) == ["django-secret", "postgres-password"]


@pytest.mark.parametrize("what", ["file", "shared like /tmp", "room is a link"])
def test_what_is_not_ours_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "home"
    if what == "file":
        path.write_text("")
    else:
        path.mkdir()
    if what == "shared like /tmp":
        path.chmod(0o1777)
    elif what == "room is a link":
        (tmp_path / "elsewhere").mkdir()
        (path / "keys").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GiveUp) as caught:
        host_home.prepare(path)
    assert caught.value.code == "home_not_ours"
    assert caught.value.hint


def test_a_place_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GiveUp) as caught:
        host_home.prepare(tmp_path / "file" / "home")
    assert caught.value.code == "home_unusable"
    assert "MAILKEEP_HOME" in caught.value.hint


def test_a_lock_ends_with_its_process_and_is_not_inherited(tmp_path: Path) -> None:
    code = f"""
import subprocess, sys
from pathlib import Path
from mailkeep.host.lock import FileLock
lock = FileLock(Path({str(tmp_path / "lock")!r}))
assert lock.exclusive()
lock.write("here")
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
sys.stdin.readline()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    child = int(process.stdout.readline())
    with FileLock(tmp_path / "lock") as lock:
        assert not lock.exclusive()
        assert not lock.shared()
        assert not lock.wait_exclusive(0.1)
        assert lock.read() == "here"
        process.kill()
        process.wait()
        assert lock.wait_exclusive(5), "the grandchild lives and holds nothing"
    os.kill(child, 9)
    process.stdin.close()
    process.stdout.close()
