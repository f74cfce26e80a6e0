"""Archived items as files, streamed, bit for bit, with a manifest of hashes (SPEC E5).

    eml      one zip: Folder/00000017.eml … manifest.jsonl          finished by one rename
    mbox     a folder of mboxrd files, or one file where the name ends in .mbox, manifest.jsonl beside
    maildir  Maildir++: cur/, .Sent/cur/ … dovecot-keywords, manifest.jsonl

A manifest line: item, file, folder, sha256, size, flags, received, subject; for mbox also offset and length in the file. The manifest is
renamed into place last, when all files have reached the disk: where it is, the export is whole. Nothing that is there is ever
overwritten; an export that was interrupted is taken up again by the same command, and by no other (`.mailkeep-export` says which one
began it).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol

from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.mail.items import Folder
from mailkeep.progress import Progress, Report, silent
from mailkeep.recover.export_files import EmlZip, Maildir, MboxFiles, make_folders, own_file
from mailkeep.recover.ports import Source, SourceItem

MARKER = ".mailkeep-export"
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Cannot:
    """An item that could not be given back, and why."""

    item: int
    folder: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Exported:
    items: int
    bytes: int
    cannot: tuple[Cannot, ...]
    manifest: Path | None  # None: inside the zip


class Writer(Protocol):
    """One format. Used by one thread; `close` leaves a finished export, `abandon` what can be taken up again."""

    def folder(self, folder: Folder) -> None: ...
    def add(self, item: SourceItem, content: Callable[[], bytes]) -> dict[str, Any]:
        """Write the item (unless it is there from before) and say where: `file`, and what else the manifest needs."""
        ...

    def close(self, manifest: Path) -> None: ...
    def abandon(self) -> None: ...


_WRITERS: dict[str, Callable[[Path], Writer]] = {"eml": EmlZip, "mbox": MboxFiles, "maildir": Maildir}
FORMATS = tuple(_WRITERS)


def export(
    source: Source, out: Path, format_: str, identity: str, total: int | None = None, report: Report = silent
) -> Exported:
    """Write everything the source gives. `identity` names mailbox, moment and selection: only the same is taken up again.

    Raises `GiveUp`: `bad_format`, `not_empty` (something is there), `cannot_write` (disk full …; run again to go on).
    An item whose bytes the archive cannot give is listed in `cannot`, and the others go on.
    """
    if format_ not in _WRITERS:
        raise GiveUp("bad_format", f"there is no export format {format_!r}", f"choose one of {', '.join(FORMATS)}")
    try:
        place = _Place(out, {"format": format_, "export": identity})
        return _write(source, place, _WRITERS[format_](place.work), total, report)
    except OSError as error:
        hint = "make room or choose another place, then run the same command again: it goes on where it was"
        raise GiveUp("cannot_write", f"cannot write {out}: {error.strerror or error}", hint) from error


def _write(source: Source, place: _Place, writer: Writer, total: int | None, report: Report) -> Exported:
    done, size, cannot = 0, 0, []
    try:
        with open(place.manifest, "w", encoding="utf-8", errors="backslashreplace", opener=own_file) as manifest:
            for folder, item in _items(source, writer):
                try:
                    written = _add(source, writer, item)
                except MailkeepError as error:
                    cannot.append(Cannot(item.number, folder.path, error.message))
                    continue
                manifest.write(json.dumps(_manifest_line(item, written), ensure_ascii=False) + "\n")
                done, size = done + 1, size + item.size
                report(Progress("exporting", done, total, size))
            manifest.flush()
            os.fsync(manifest.fileno())
        writer.close(place.manifest)
    except BaseException:
        writer.abandon()
        raise
    return Exported(done, size, tuple(cannot), place.finish())


def _items(source: Source, writer: Writer) -> Iterator[tuple[Folder, SourceItem]]:
    for folder in source.folders():
        writer.folder(folder)
        for item in source.items(folder):
            yield folder, item


def _add(source: Source, writer: Writer, item: SourceItem) -> dict[str, Any]:
    if item.left_out:
        raise GiveUp("left_out", f"it was not archived: {item.left_out}", "widen the task's options and synchronise")
    return writer.add(item, lambda: source.content(item))


def _manifest_line(item: SourceItem, written: dict[str, Any]) -> dict[str, Any]:
    return {
        "item": item.number,
        **written,
        "folder": list(item.folder),
        "sha256": item.sha256.hex(),
        "size": item.size,
        "flags": sorted(item.flags),
        "received": item.received.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "subject": item.subject,
    }


class _Place:
    """Where an export goes: `work` is what the writer gets, an absent or empty folder, or its own of an interrupted attempt."""

    def __init__(self, out: Path, document: dict[str, str]) -> None:
        single = document["format"] == "eml" or out.suffix == ".mbox"
        self._out = out
        self.work = out.with_name(f".{out.name}.part") if single else out
        text = json.dumps(document, sort_keys=True)
        if single and out.exists():
            raise _not_empty(out)
        if self.work.exists():
            self._check_own(text)
        make_folders(self.work)
        with open(self.work / MARKER, "w", opener=own_file) as marker:
            marker.write(text)
        self.manifest = self.work / f".{MANIFEST}.part"
        self._single = single

    def _check_own(self, text: str) -> None:
        if not self.work.is_dir():
            raise _not_empty(self.work)
        marker = self.work / MARKER
        if any(self.work.iterdir()) and not (marker.is_file() and marker.read_text() == text):
            raise _not_empty(self.work)

    def finish(self) -> Path | None:
        """Put a single file under its name, its manifest beside it. Returns where the manifest is; None: in the zip."""
        (self.work / MARKER).unlink()
        manifest = self.work / MANIFEST
        if not self._single:
            return manifest
        beside = self._out.with_name(f"{self._out.name}.{MANIFEST}") if manifest.exists() else None
        if beside is not None:
            manifest.rename(beside)
        (made,) = self.work.iterdir()
        made.rename(self._out)
        self.work.rmdir()
        return beside


def _not_empty(place: Path) -> GiveUp:
    return GiveUp("not_empty", f"{place} is already there", "choose a name that is free: nothing is overwritten")
