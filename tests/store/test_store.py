"""The store's contract, on every store there is."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailkeep.archive.chain import Chain
from mailkeep.archive.entries import to_microseconds
from mailkeep.archive.events import EMPTY_HEAD
from mailkeep.errors import GiveUp, RetryLater
from mailkeep.store.base import AlreadyExists, NotFound, ObjectInfo, Store
from mailkeep.store.local import LEFTOVER_AGE_SECONDS, LocalStore
from mailkeep.store.memory import MemoryStore


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "archive") if request.param == "local" else MemoryStore()


def test_what_was_put_comes_back(store: Store) -> None:
    store.put("packs/ab/abcd", b"0123456789")
    assert store.get("packs/ab/abcd") == b"0123456789"
    assert store.get("packs/ab/abcd", 3) == b"3456789"
    assert store.get("packs/ab/abcd", 3, 4) == b"3456"
    assert store.get("packs/ab/abcd", 8, 40) == b"89"
    assert store.get("packs/ab/abcd", 40, 4) == b""
    assert store.size("packs/ab/abcd") == 10


def test_an_upload_shows_nothing_before_its_commit(store: Store) -> None:
    upload = store.upload("packs/ab/abcd")
    upload.write(b"first ")
    upload.write(memoryview(bytearray(b"second")))
    assert list(store.list("")) == []
    with pytest.raises(NotFound):
        store.get("packs/ab/abcd")
    upload.commit()
    assert store.get("packs/ab/abcd") == b"first second"


def test_an_aborted_upload_leaves_nothing(store: Store) -> None:
    upload = store.upload("a")
    upload.write(b"x")
    upload.abort()
    upload.abort()
    assert list(store.list("")) == []
    store.put("a", b"y")
    assert store.get("a") == b"y"


def test_a_name_is_put_once(store: Store) -> None:
    store.put("history/m/000000000001", b"ours")
    with pytest.raises(AlreadyExists):
        store.put("history/m/000000000001", b"theirs")
    assert store.get("history/m/000000000001") == b"ours"


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert list(store.list("")) == [ObjectInfo("empty", 0)]


def test_listing_is_by_prefix_and_sorted_by_whole_name(store: Store) -> None:
    names = ["a/b/c", "a/b-d", "a/b.d", "a/b0", "a-b/c", "b/1", "b/10", "b/2"]
    for name in names:
        store.put(name, name.encode())
    assert [info.name for info in store.list("")] == sorted(names)
    assert [info.name for info in store.list("a/b")] == sorted(name for name in names if name.startswith("a/b"))
    assert [info.name for info in store.list("a")] == sorted(name for name in names if name.startswith("a"))
    assert list(store.list("b/1")) == [ObjectInfo("b/1", 3), ObjectInfo("b/10", 4)]
    assert list(store.list("nothing/here/")) == []
    assert list(store.list("b/1/below-an-object/")) == []


def test_delete(store: Store) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/was")
    with pytest.raises(NotFound):
        store.size("a/b")
    store.put("a/b", b"again")
    assert store.get("a/b") == b"again"


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", "../a", "a/../b", ".tmp/a", "a/.b", "A", "a b", "a\n", "a\0", "ä", "a\\b", "a" * 201],
)
def test_a_bad_name_is_refused_everywhere(store: Store, name: str) -> None:
    for use in (
        lambda: store.put(name, b""),
        lambda: store.get(name),
        lambda: store.size(name),
        lambda: store.delete(name),
    ):
        with pytest.raises(GiveUp) as refused:
            use()
        assert refused.value.code == "bad_name"


@pytest.mark.parametrize("prefix", ["/", "../", "a//", ".tmp/", "A"])
def test_a_bad_prefix_is_refused(store: Store, prefix: str) -> None:
    with pytest.raises(GiveUp):
        list(store.list(prefix))


def _race(root: str, me: int, start: float, wins: multiprocessing.Queue[tuple[int, int]]) -> None:
    store = LocalStore(Path(root))
    for round_ in range(30):
        while time.monotonic() < start + round_ * 0.02:
            pass
        try:
            store.put(f"history/m/{round_:012d}", b"%d" % me * 1000)
            wins.put((round_, me))
        except AlreadyExists:
            continue


def test_of_eight_processes_racing_for_a_name_one_wins(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    wins: multiprocessing.Queue[tuple[int, int]] = context.Queue()
    start = time.monotonic() + 0.2
    racers = [context.Process(target=_race, args=(str(tmp_path), me, start, wins)) for me in range(8)]
    for racer in racers:
        racer.start()
    won = dict(wins.get(timeout=60) for _ in range(30))
    for racer in racers:
        racer.join()
        assert racer.exitcode == 0
    assert wins.empty()
    assert sorted(won) == list(range(30))  # exactly one winner for each name
    store = LocalStore(tmp_path)
    for round_, winner in won.items():
        assert store.get(f"history/m/{round_:012d}") == b"%d" % winner * 1000
    assert list((tmp_path / ".tmp").iterdir()) == []


class Fault:
    """Fails once, at a named point of a commit."""

    def __init__(self, point: str, error: int) -> None:
        self.point, self.error, self.armed = point, error, True

    def __call__(self, point: str) -> None:
        if self.armed and point == self.point:
            self.armed = False
            raise OSError(self.error, os.strerror(self.error))


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("point", ["upload.open", "upload.write", "upload.fsync", "upload.link"])
def test_a_failing_disk_is_said_and_leaves_nothing_behind(tmp_path: Path, point: str, error: int) -> None:
    store = LocalStore(tmp_path, at=Fault(point, error))
    with pytest.raises(RetryLater) as failed:
        store.put("packs/ab/abcd", b"x" * 1000)
    assert failed.value.code == "store_offline"
    assert str(tmp_path) in failed.value.message
    assert failed.value.hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    store.put("packs/ab/abcd", b"x" * 1000)  # and it goes on once the disk does
    assert LocalStore(tmp_path).get("packs/ab/abcd") == b"x" * 1000


@pytest.mark.parametrize("point", ["upload.unlink", "upload.fsync_folder"])
def test_after_the_link_the_name_stays_for_those_who_have_read_it(tmp_path: Path, point: str) -> None:
    store = LocalStore(tmp_path, at=Fault(point, errno.EIO))
    with pytest.raises(RetryLater):
        store.put("packs/ab/abcd", b"x" * 1000)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / "packs/ab/abcd"]
    assert LocalStore(tmp_path).get("packs/ab/abcd") == b"x" * 1000
    with pytest.raises(AlreadyExists):
        store.put("packs/ab/abcd", b"x" * 1000)


@pytest.mark.parametrize("point", ["upload.unlink", "upload.fsync_folder"])
def test_an_entry_whose_put_failed_after_the_link_is_recognised_when_tried_again(tmp_path: Path, point: str) -> None:
    chain = Chain(LocalStore(tmp_path, at=Fault(point, errno.EIO)), bytes(32), "a1" * 16)
    time_of_entry = datetime(2026, 11, 23, tzinfo=UTC)
    document = json.dumps(
        {"number": 1, "previous": EMPTY_HEAD.hash.hex(), "time": to_microseconds(time_of_entry)}
    ).encode()
    with pytest.raises(RetryLater):
        chain.append(1, EMPTY_HEAD.hash, time_of_entry, document)
    head = chain.append(1, EMPTY_HEAD.hash, time_of_entry, document)
    assert Chain(LocalStore(tmp_path), bytes(32), "a1" * 16).head() == head


def test_leftovers_of_the_dead_are_cleared_and_those_of_the_living_stay(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    living = store.upload("a")
    gone = subprocess.Popen(["true"])
    gone.wait()
    host = next((tmp_path / ".tmp").iterdir()).name.rsplit("-", 2)[0]
    dead = tmp_path / ".tmp" / f"{host}-{gone.pid}-0011223344556677"
    stranger = tmp_path / ".tmp" / f"elsewhere-{gone.pid}-0011223344556677"
    forgotten = tmp_path / ".tmp" / "elsewhere-1-0011223344556677"
    for path in (dead, stranger, forgotten):
        path.write_bytes(b"half")
    old = time.time() - LEFTOVER_AGE_SECONDS - 60
    os.utime(forgotten, (old, old))
    LocalStore(tmp_path)
    assert not dead.exists()
    assert not forgotten.exists()
    assert stranger.exists()  # another machine's process may well be alive
    living.write(b"whole")
    living.commit()
    assert store.get("a") == b"whole"


def test_files_are_private(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("packs/ab/abcd", b"x")
    assert (tmp_path / "packs/ab/abcd").stat().st_mode & 0o077 == 0
    assert (tmp_path / "packs").stat().st_mode & 0o077 == 0


def test_a_memory_store_fails_on_request() -> None:
    def fault(point: str) -> None:
        if point == "commit":
            raise RetryLater("store_offline", "as asked for")

    store = MemoryStore(at=fault)
    with pytest.raises(RetryLater):
        store.put("a", b"")
    assert list(store.list("")) == []


def test_both_points_are_named_in_the_order_they_happen(tmp_path: Path) -> None:
    points: list[str] = []
    record: Callable[[str], None] = points.append
    LocalStore(tmp_path, at=record).put("a/b", b"x")
    expected = ["open", "write", "fsync", "link", "unlink", "fsync_folder", "done"]
    assert points == [f"upload.{step}" for step in expected]
