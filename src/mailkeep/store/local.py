"""A store in a directory of this machine.

    write   .tmp/<host>-<pid>-<random>      a name no object can have: segments never start with a dot
    fsync   the file
    link    to packs/ab/abcd…               fails where the name exists; a rename would replace it
    unlink  the temporary name
    fsync   the folder, so that the name survives a power cut

A file whose fsync failed is thrown away and never trusted again: the kernel may have dropped its pages and report
success the next time. After the link nothing is taken back: others may have read the object. An error then means that
it is not known to be durable, and whoever puts the same again gets `AlreadyExists`, after the folder's next fsync.
Leftovers of killed writers are cleared when the store is opened.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mailkeep.errors import RetryLater
from mailkeep.store.base import AlreadyExists, NotFound, ObjectInfo
from mailkeep.store.names import check_name, check_prefix

LEFTOVER_AGE_SECONDS = 24 * 3600
_HINTS = {
    errno.ENOSPC: "free some space on that disk; the run goes on by itself",
    errno.EDQUOT: "raise the quota or free some space; the run goes on by itself",
    errno.EROFS: "mount it writable again",
    errno.EACCES: "give the account that runs Mailkeep the right to read and write there",
    errno.EPERM: "the file system must allow hard links; give the account the right to write there",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


def _nowhere(point: str) -> None:
    """The hook nobody set."""


@contextmanager
def _offline(root: Path) -> Iterator[None]:
    """Turns what the operating system reports into the port's words."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = _HINTS.get(error.errno or 0, "check the disk and its cables, and the system's log")
        raise RetryLater("store_offline", f"the archive at {root} cannot be used: {reason}", hint) from error


def _fsync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LocalStore:
    """Objects under `root`, one file each.

    `at` is called before every step of a commit, by name: tests kill or fail there.
    """

    def __init__(self, root: Path, at: Callable[[str], None] = _nowhere) -> None:
        self.root = Path(root).absolute()
        self._temporary = self.root / ".tmp"
        self._at = at
        self._mark = f"{socket.gethostname().lower()}-{os.getpid()}"
        self._durable: set[Path] = set()
        with _offline(self.root):
            self.root.parent.mkdir(parents=True, exist_ok=True)
            self.make_folder(self._temporary)
            self._clear_leftovers()

    def upload(self, name: str) -> LocalUpload:
        check_name(name)
        with _offline(self.root):
            self._at("upload.open")
            return LocalUpload(self, name, self._temporary / f"{self._mark}-{secrets.token_hex(8)}", self._at)

    def put(self, name: str, data: bytes) -> None:
        upload = self.upload(name)
        upload.write(data)
        upload.commit()

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        with _offline(self.root), self._missing(name), self._path(name).open("rb", buffering=0) as file:
            if length is None:
                length = max(os.fstat(file.fileno()).st_size - start, 0)
            pieces = []
            while length > 0 and (piece := os.pread(file.fileno(), length, start)):
                pieces.append(piece)
                start += len(piece)
                length -= len(piece)
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def size(self, name: str) -> int:
        with _offline(self.root), self._missing(name):
            return self._path(name).stat().st_size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder = check_prefix(prefix).rpartition("/")[0]
        with _offline(self.root):
            yield from self._walk(self.root / folder, f"{folder}/" if folder else "", prefix)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with _offline(self.root):
            self._at("delete")
            try:
                path.unlink()
            except FileNotFoundError:
                return
            _fsync_folder(path.parent)

    def make_folder(self, folder: Path) -> None:
        """The folder is there and survives a power cut.

        That another process made it proves nothing: it may have died before it reached the disk. So each process makes
        sure once.
        """
        if folder in self._durable:
            return
        if folder != self.root:
            self.make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _fsync_folder(folder.parent)
        self._durable.add(folder)

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)

    @contextmanager
    def _missing(self, name: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(name) from None

    def _walk(self, folder: Path, above: str, prefix: str) -> Iterator[ObjectInfo]:
        """Sorted as whole names sort: a folder counts with its slash, so `a.b` comes before `a/b`."""
        try:
            with os.scandir(folder) as entries:
                found = sorted((entry.name + "/" * entry.is_dir(follow_symlinks=False), entry) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return
        for label, entry in found:
            name = above + label
            if label.startswith("."):
                continue
            if label.endswith("/"):
                if name.startswith(prefix) or prefix.startswith(name):
                    yield from self._walk(folder / entry.name, name, prefix)
            elif name.startswith(prefix):
                with suppress(FileNotFoundError):  # deleted while we list: it is no longer there
                    yield ObjectInfo(name, entry.stat(follow_symlinks=False).st_size)

    def _clear_leftovers(self) -> None:
        """Unfinished uploads of this machine's dead processes, and of anybody's a day ago."""
        host = self._mark.rpartition("-")[0]
        for path in self._temporary.iterdir():
            owner, _, _ = path.name.rpartition("-")
            their_host, _, pid = owner.rpartition("-")
            dead = their_host == host and pid.isdigit() and not Path("/proc", pid).exists()
            with suppress(FileNotFoundError):  # another process cleared it first
                if dead or time.time() - path.stat().st_mtime > LEFTOVER_AGE_SECONDS:
                    path.unlink()


class LocalUpload:
    """A temporary file until `commit` links it to its name. After any error the temporary file is gone."""

    def __init__(self, store: LocalStore, name: str, temporary: Path, at: Callable[[str], None]) -> None:
        self._store = store
        self._root = store.root
        self._name = name
        self._final = store.root / name
        self._temporary = temporary
        self._at = at
        self._descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        with _offline(self._root), self._gone_on_error():
            self._at("upload.write")
            view = memoryview(data).cast("B")
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self) -> None:
        with _offline(self._root), self._gone_on_error():
            self._at("upload.fsync")
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._store.make_folder(self._final.parent)
            self._at("upload.link")
            try:
                os.link(self._temporary, self._final)
            except FileExistsError:
                _fsync_folder(self._final.parent)  # who reads back what is there must find it after a power cut, too
                raise AlreadyExists(self._name) from None
            self._settle()

    def abort(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        with suppress(FileNotFoundError):  # committed, or aborted before
            self._temporary.unlink()

    def _settle(self) -> None:
        """After the link: the name has to survive a power cut.

        Should that fail the name stays, because others may have read it already; whoever tries again finds it there,
        and has the folder synchronised once more.
        """
        self._at("upload.unlink")
        self._temporary.unlink()
        self._at("upload.fsync_folder")
        _fsync_folder(self._final.parent)
        self._at("upload.done")

    @contextmanager
    def _gone_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.abort()
            raise
