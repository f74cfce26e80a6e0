"""Archived items as files, streamed, bit for bit, with a manifest of hashes (SPEC E5).

    eml      every kind: one zip: Folder/00000017.eml, .ics, .vcf, .xml as the bytes are, manifest.jsonl        finished by one rename
    ics      events, tasks and notes: one zip: Calendar/00000018.ics … manifest.jsonl
    vcf      contacts: one zip: Contacts/00000019.vcf … manifest.jsonl
    mbox     mail: a folder of mboxrd files, or one file where the name ends in .mbox, manifest.jsonl beside
    maildir  mail: Maildir++: cur/, .Sent/cur/ … dovecot-keywords, manifest.jsonl

Items of a kind that the format does not hold are left aside, and counted. Where a server gave no iCalendar or vCard, `ics` and `vcf`
make a file of what it gave (`made`).

A manifest line: item, kind, file, folder, sha256, size, flags, received, subject; for mbox also offset and length in the file; for a file
that was made: made, and source_sha256, the hash of the item's own bytes. The manifest is
renamed into place last, when all files have reached the disk: where it is, the export is whole. Nothing that is there is ever
overwritten; an export that was interrupted is taken up again by the same command, and by no other (`.mailkeep-export` says which one
began it).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import IO, Any, Protocol

from mailkeep.connectors.base import Description
from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.mail.forms import Form, form_of
from mailkeep.mail.items import Folder, Kind, NativePart
from mailkeep.progress import Progress, Report, silent
from mailkeep.recover.export_files import File, FormsZip, Maildir, MboxFiles, make_folders, own_file
from mailkeep.recover.made import made_calendar, made_card
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
    aside: Mapping[Kind, int] = field(default_factory=dict)  # items of kinds that the format does not hold


class Writer(Protocol):
    """One format. Used by one thread; `close` leaves a finished export, `abandon` what can be taken up again."""

    def folder(self, folder: Folder) -> None: ...
    def add(self, item: SourceItem, file: Callable[[], File]) -> dict[str, Any]:
        """Write the item (unless it is there from before) and say where: `file`, `size`, and what else the manifest needs."""
        ...

    def close(self, manifest: Path) -> None: ...
    def abandon(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    writer: Callable[[Path], Writer]
    kinds: frozenset[Kind]  # that it holds
    form: Form | None  # of every file; None: as the bytes are


_FORMATS = {
    "eml": Format(FormsZip, frozenset(Kind), None),
    "mbox": Format(MboxFiles, frozenset({Kind.MAIL}), Form.MESSAGE),
    "maildir": Format(Maildir, frozenset({Kind.MAIL}), Form.MESSAGE),
    "ics": Format(FormsZip, frozenset({Kind.EVENT, Kind.TASK, Kind.NOTE}), Form.CALENDAR),
    "vcf": Format(FormsZip, frozenset({Kind.CONTACT}), Form.CARD),
}
FORMATS = tuple(_FORMATS)
_FOLDERS = frozenset({"mbox", "maildir"})  # others are one file

Describe = Callable[[Sequence[NativePart]], Description | None]  # of whichever provider reads the parts


def nothing(parts: Sequence[NativePart]) -> Description | None:  # noqa: ARG001 - as `Describe`
    return None


def export(
    source: Source,
    out: Path,
    format_: str,
    identity: str,
    total: int | None = None,
    report: Report = silent,
    *,
    describe: Describe = nothing,
) -> Exported:
    """Write everything the source gives. `identity` names mailbox, moment and selection: only the same is taken up again.

    Raises `GiveUp`: `bad_format`, `not_empty` (something is there), `cannot_write` (disk full …; run again to go on).
    An item whose bytes the archive cannot give is listed in `cannot`, and the others go on.
    """
    if format_ not in _FORMATS:
        raise GiveUp("bad_format", f"there is no export format {format_!r}", f"choose one of {', '.join(FORMATS)}")
    try:
        place = _Place(out, {"format": format_, "export": identity})
        return _Export(source, _FORMATS[format_], describe, total, report).write(place)
    except OSError as error:
        hint = "make room or choose another place, then run the same command again: it goes on where it was"
        raise GiveUp("cannot_write", f"cannot write {out}: {error.strerror or error}", hint) from error


class _Export:
    """One export while it is written."""

    def __init__(self, source: Source, format_: Format, describe: Describe, total: int | None, report: Report) -> None:
        self._source = source
        self._format = format_
        self._describe = describe
        self._total = total
        self._report = report
        self._items, self._bytes = 0, 0
        self._cannot: list[Cannot] = []
        self._aside: Counter[Kind] = Counter()

    def write(self, place: _Place) -> Exported:
        writer = self._format.writer(place.work)
        try:
            with open(place.manifest, "w", encoding="utf-8", errors="backslashreplace", opener=own_file) as manifest:
                for folder, item in self._wanted(writer):
                    self._add(writer, folder, item, manifest)
                manifest.flush()
                os.fsync(manifest.fileno())
            writer.close(place.manifest)
        except BaseException:
            writer.abandon()
            raise
        return Exported(self._items, self._bytes, tuple(self._cannot), place.finish(), dict(self._aside))

    def _wanted(self, writer: Writer) -> Iterator[tuple[Folder, SourceItem]]:
        for folder in self._source.folders():
            begun = folder.kind in self._format.kinds  # empty ones too
            if begun:
                writer.folder(folder)
            for item in self._source.items(folder):
                if item.kind not in self._format.kinds:
                    self._aside[item.kind] += 1
                    continue
                if not begun:
                    writer.folder(folder)
                    begun = True
                yield folder, item

    def _add(self, writer: Writer, folder: Folder, item: SourceItem, manifest: IO[str]) -> None:
        made: list[File] = []  # what the writer asked for, if it did

        def file() -> File:
            made.append(self._file(item))
            return made[0]

        try:
            if item.left_out:
                hint = "widen the task's options and synchronise"
                raise GiveUp("left_out", f"it was not archived: {item.left_out}", hint)
            written = writer.add(item, file)
        except MailkeepError as error:
            self._cannot.append(Cannot(item.number, folder.path, error.message))
            return
        line = _manifest_line(item, written, made[0] if made else None)
        manifest.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._items, self._bytes = self._items + 1, self._bytes + line["size"]
        self._report(Progress("exporting", self._items, self._total, self._bytes))

    def _file(self, item: SourceItem) -> File:
        content = self._source.content(item)
        form, wanted = form_of(content, item.kind), self._format.form
        if wanted is None or form is wanted:
            return File(content, form)
        if wanted is Form.MESSAGE:
            raise GiveUp(
                "no_message", "its server gave no message for it", "export it as eml: its own bytes, as they are"
            )
        return File(self._made(item), wanted, made=True)

    def _made(self, item: SourceItem) -> bytes:
        parts = self._source.parts(item)
        said = self._describe(parts) or Description()
        if self._format.form is Form.CALENDAR:
            return made_calendar(item, said)
        picture = next((bytes(part.content) for part in parts if part.name == said.photo), b"")
        return made_card(item, said, picture)


def _manifest_line(item: SourceItem, written: dict[str, Any], file: File | None) -> dict[str, Any]:
    own: dict[str, Any] = {"sha256": item.sha256.hex()}
    if file is not None and file.made:
        own = {"sha256": hashlib.sha256(file.content).hexdigest(), "made": True, "source_sha256": item.sha256.hex()}
    return {
        "item": item.number,
        "kind": item.kind.value,
        **written,
        "folder": list(item.folder),
        **own,
        "flags": sorted(item.flags),
        "received": item.received.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "subject": item.subject,
    }


class _Place:
    """Where an export goes: `work` is what the writer gets, an absent or empty folder, or its own of an interrupted attempt."""

    def __init__(self, out: Path, document: dict[str, str]) -> None:
        single = document["format"] not in _FOLDERS or out.suffix == ".mbox"
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
