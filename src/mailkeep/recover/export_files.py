"""The three forms an export takes on disk. Each writes into a folder of its own; `export` decides where that is.

An export is mail in the clear: whatever is made here may be read by its owner alone, under any umask.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import IO, Any

from mailkeep.mail.forms import Form
from mailkeep.mail.items import Folder
from mailkeep.recover import mbox
from mailkeep.recover.places import directory, maildir_directory
from mailkeep.recover.ports import SourceItem

MANIFEST = "manifest.jsonl"
# Maildir's letters; keywords get a to z by the folder's `dovecot-keywords` file.
_LETTERS = {"draft": "D", "flagged": "F", "$forwarded": "P", "answered": "R", "seen": "S", "deleted": "T"}


@dataclass(frozen=True, slots=True)
class File:
    """An item as it goes into the export: its own bytes, or `made` from what its server said."""

    content: bytes
    form: Form
    made: bool = False


def make_folders(path: Path) -> None:
    """The folder and those above it that are missing, for their owner alone: `parents=True` would make the upper ones by the umask."""
    if not path.is_dir():
        make_folders(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def own_file(path: str, flags: int) -> int:
    """As `open`'s `opener`, and bare: a new file is for its owner alone."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


class FormsZip:
    """`Folder/00000017.eml` in one zip, deflated, each file's end by its form; an interrupted one is begun anew."""

    def __init__(self, work: Path) -> None:
        self._path = work / "export.zip"
        self._file = open(self._path, "wb", opener=own_file)  # noqa: SIM115 - open as long as the zip
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=6)

    def folder(self, folder: Folder) -> None:
        self._zip.writestr(zipfile.ZipInfo(directory(folder.path) + "/", (1980, 1, 1, 0, 0, 0)), b"")

    def add(self, item: SourceItem, file: Callable[[], File]) -> dict[str, Any]:
        made = file()
        name = f"{directory(item.folder)}/{item.number:08d}.{made.form.value}"
        at = item.received.astimezone(UTC)
        info = zipfile.ZipInfo(name, (min(max(at.year, 1980), 2107), at.month, at.day, at.hour, at.minute, at.second))
        info.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(info, made.content)
        return {"file": name, "size": len(made.content)}

    def close(self, manifest: Path) -> None:
        self._zip.write(manifest, MANIFEST)
        self.abandon()
        manifest.unlink()
        _sync(self._path)

    def abandon(self) -> None:
        try:
            self._zip.close()
        finally:
            self._file.close()


class MboxFiles:
    """`INBOX.mbox`, `Sent/2024.mbox`, or all in one file where the export's own name ends in .mbox."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._single = work.name.endswith(".mbox.part")
        self._open: tuple[Path, IO[bytes]] | None = None
        self._begun: set[Path] = set()

    def folder(self, folder: Folder) -> None:
        if folder.selectable:
            self._file(folder.path)

    def add(self, item: SourceItem, file: Callable[[], File]) -> dict[str, Any]:
        content = file().content
        data = mbox.quoted(content)
        path, out = self._file(item.folder)
        out.write(mbox.separator(item.received))
        offset = out.tell()
        out.write(data)
        name = str(path.relative_to(self._work))
        return {"file": name, "size": len(content), "offset": offset, "length": len(data)}

    def close(self, manifest: Path) -> None:
        self.abandon()
        for path in self._begun:
            _sync(path)
        manifest.rename(self._work / MANIFEST)

    def abandon(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _file(self, folder: tuple[str, ...]) -> tuple[Path, IO[bytes]]:
        """The folder's file, positioned at its end. One is open at a time; an earlier attempt's is begun anew."""
        path = self._work / ("all.mbox" if self._single else f"{directory(folder)}.mbox")
        if self._open is None or self._open[0] != path:
            self.abandon()
            make_folders(path.parent)
            self._open = (path, open(path, "ab" if path in self._begun else "wb", opener=own_file))  # noqa: SIM115
            self._begun.add(path)
        return self._open


class Maildir:
    """Maildir++ as Dovecot reads it.

    Each item is one new file in cur/, with no look whether it is there: only in a folder where an interrupted export has left files are
    they compared, by SHA-256, and what is whole is kept.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._keywords: dict[str, dict[str, str]] = {}  # by directory: keyword → letter
        self._make("")
        self.folder(Folder("", ("INBOX",)))

    def folder(self, folder: Folder) -> None:
        self._place = maildir_directory(folder)
        self._make(self._place)
        with os.scandir(self._work / self._place / "cur") as there:
            self._begun = {entry.name.partition(",")[0]: entry.name for entry in there}

    def add(self, item: SourceItem, file: Callable[[], File]) -> dict[str, Any]:
        seconds = item.received.timestamp()
        unique = f"{int(seconds)}.M{item.number:08d}.mailkeep"
        cur = f"{self._place}/cur" if self._place else "cur"
        begun = self._begun.get(unique)
        if begun is not None and _holds(path := f"{self._work}/{cur}/{begun}", item):
            return {"file": f"{cur}/{begun}", "size": os.path.getsize(path)}
        content = (
            file().content
        )  # its own length: Dovecot trusts the name, and a server's idea of a size may be another
        name = f"{unique},S={len(content)}:2,{self._letters(self._place, item.flags)}"
        _write(f"{self._work}/{cur}/{name}", content, seconds)
        return {"file": f"{cur}/{name}", "size": len(content)}

    def close(self, manifest: Path) -> None:
        for place, letters in self._keywords.items():
            lines = [f"{ord(letter) - ord('a')} {keyword}\n" for keyword, letter in letters.items()]
            with open(self._work / place / "dovecot-keywords", "w", opener=own_file) as file:
                file.writelines(lines)
        os.sync()  # one for all: an fsync per message would cost more than the export
        manifest.rename(self._work / MANIFEST)

    def abandon(self) -> None:
        """What is in cur/ stays; whether it is whole is seen when the export is gone on with."""

    def _make(self, place: str) -> None:
        for part in ("cur", "new", "tmp"):
            make_folders(self._work / place / part)
        if place:
            (self._work / place / "maildirfolder").touch(0o600)

    def _letters(self, place: str, flags: frozenset[str]) -> str:
        letters = {_LETTERS[flag] for flag in flags if flag in _LETTERS}
        for keyword in sorted(flags - _LETTERS.keys()):
            known = self._keywords.setdefault(place, {})
            if keyword not in known and len(known) < 26:  # the format has no more; the manifest has all
                known[keyword] = chr(ord("a") + len(known))
            letters |= {known[keyword]} if keyword in known else set()
        return "".join(sorted(letters))


def _holds(path: str, item: SourceItem) -> bool:
    """The item's file is there from before, and whole."""
    try:
        with open(path, "rb") as file:  # a Path for each item would cost as much as the file
            return hashlib.file_digest(file, "sha256").digest() == item.sha256
    except FileNotFoundError:
        return False


def _write(path: str, content: bytes, seconds: float) -> None:
    """A file with the item's own time. Bare calls: there is one for each item, and they are half of an export."""
    descriptor = own_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.utime(descriptor, (seconds, seconds))
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
