"""Mailkeep's stand-alone reader: brings mail back from an archive's directory and its key file alone.

    pip install blake3 cryptography zstandard
    python reader.py STORE KEY_FILE --out DIR [--mailbox M] [--as-of 2026-11-23T12:00:00] [--everything]

It writes DIR/<mailbox>/<folder>/<item>.eml (.ics, .vcf, .xml) with the exact bytes the server gave, beside it the parts
of the item's native form, one file each (00000017.ews.properties), and in DIR/<mailbox>/items.jsonl their flags, times
and hashes; DIR/organisation.jsonl has the configuration's history. `--everything` adds what was removed since, and
earlier versions.

The format is described in docs/format.md. This file repeats the format's code on purpose: it is the second opinion,
and it must work when nothing else does. What is damaged is named on standard error, everything else is brought back,
and the exit status is then 1. (One file, to be copied anywhere: hence its length.)
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sqlite3
import struct
import sys
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = b"mailkeep/1"
WHOLE, RECIPE, PART = 0, 1, 2
NEWLINES = (b"", b"\n", b"\r\n")
PLACES = "SELECT pack, ordinal, offset, length, inside, size, kind FROM blob WHERE id = ?"
SUFFIXES = {b"BEGIN:VCALENDAR": ".ics", b"BEGIN:VCARD": ".vcf", b"<": ".xml"}  # by how a content begins; else .eml
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bad(Exception):
    """Something in the archive is damaged; the message says what."""


def derive(key: bytes, purpose: str, salt: bytes = b"") -> bytes:
    info = FORMAT + b"/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(key)


def opened(key: bytes, nonce: int, associated: bytes, sealed: bytes, name: str) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce.to_bytes(12, "big"), sealed, associated)
    except (InvalidTag, ValueError):
        raise Bad(f"{name}: fails its seal") from None


def unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


def archive_key(store: Path, key_file: Path) -> bytes:
    """The archive key, unwrapped from format.json by the key file's secret."""
    words = [line.split() for line in key_file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    if len(words) != 1 or len(words[0]) != 3 or words[0][0] != "mailkeep-key-1":
        raise Bad(f"{key_file}: no Mailkeep key file")
    secret = bytes.fromhex(words[0][1])
    if blake3(secret).hexdigest()[:8] != words[0][2].lower():
        raise Bad(f"{key_file}: mistyped or damaged")
    document = json.loads((store / "format.json").read_bytes())
    if document["format"] != "mailkeep-archive" or document["version"] != 1:
        raise Bad("format.json: another format version")
    archive_id = document["archive_id"]
    wrapping = derive(secret, "wrap", salt=bytes.fromhex(archive_id))
    associated = FORMAT + b"/wrap/" + archive_id.encode()
    return opened(wrapping, 0, associated, bytes.fromhex(document["wrapped_key"]), "format.json (wrong key file?)")


class Blobs:
    """Every blob of every pack: an index on disk, made from the footers, and the last groups opened."""

    def __init__(self, store: Path, key: bytes) -> None:
        self.store = store
        self.key = key
        self.blob_key, self.part_key = derive(key, "blob-id"), derive(key, "part-id")
        self.index = sqlite3.connect("")  # a temporary file that SQLite removes
        self.index.execute("CREATE TABLE blob (id BLOB, pack BLOB, ordinal, offset, length, inside, size, kind)")
        self.groups: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self.problems: list[str] = []
        for path in sorted(store.glob("packs/*/*")):
            self.add_pack(path)
        self.index.execute("CREATE INDEX by_id ON blob (id)")

    def add_pack(self, path: Path) -> None:
        try:
            rows = list(self.footer(path))
        except (Bad, ValueError, struct.error, zstandard.ZstdError) as error:
            self.problems.append(f"packs/{path.parent.name}/{path.name}: its footer cannot be read ({error})")
            return
        self.index.executemany("INSERT INTO blob VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def footer(self, path: Path) -> Iterator[tuple[bytes, bytes, int, int, int, int, int, int]]:
        """(id, pack, ordinal, group's offset, group's length, place inside, size, kind) of each blob."""
        pack = bytes.fromhex(path.name)
        with path.open("rb") as file:
            header = file.read(48)
            end = file.seek(-16, 2)
            trailer = file.read(16)
            (length,) = struct.unpack("<I", trailer[:4])
            if header[16:] != pack or trailer[4:] != b"mailkeep-end" or length > end:
                raise Bad("torn")
            file.seek(end - length)
            sealed = file.read(length)
        associated = FORMAT + pack + (2**32 - 1).to_bytes(4, "big") + b"\x02"
        body = unpacked(opened(derive(self.key, "pack", salt=pack), 2**32 - 1, associated, sealed, "footer"))
        _, groups, count = struct.unpack_from("<BII", body)
        lengths = struct.unpack_from(f"<{groups}I", body, 9)
        counts = struct.unpack_from(f"<{groups}I", body, 9 + 4 * groups)
        ids, kinds = 9 + 8 * groups, 9 + 8 * groups + 32 * count
        sizes = struct.unpack_from(f"<{count}I", body, kinds + count)
        blob, offset = 0, 48
        for ordinal, sealed_length in enumerate(lengths):
            inside = 0
            for _ in range(counts[ordinal]):
                name = body[ids + 32 * blob : ids + 32 * blob + 32]
                yield name, pack, ordinal, offset, sealed_length, inside, sizes[blob], body[kinds + blob]
                inside += sizes[blob]
                blob += 1
            offset += sealed_length

    def read(self, name: bytes) -> Iterator[bytes]:
        """A blob's bytes in pieces. Raises Bad, also at the end, when the whole does not have the hash it is named by."""
        kind, data = self.stored(name)
        digest = blake3(key=self.blob_key)
        for piece in self.follow(data) if kind == RECIPE else [data]:
            digest.update(piece)
            yield piece
        if digest.digest() != name:
            raise Bad(f"blob {name.hex()}: its bytes are not those it is named by")

    def stored(self, name: bytes) -> tuple[int, bytes]:
        """(kind, bytes as stored); of several copies the first that can be read."""
        problem = Bad(f"blob {name.hex()}: no pack holds it")
        for row in self.index.execute(PLACES, (name,)):
            try:
                group = self.group(*row[:4])
                return row[6], group[row[4] : row[4] + row[5]]
            except (Bad, OSError, zstandard.ZstdError) as error:
                problem = Bad(f"blob {name.hex()}: {error}")
        raise problem

    def group(self, pack: bytes, ordinal: int, offset: int, length: int) -> bytes:
        if (pack, ordinal) not in self.groups:
            name = f"packs/{pack.hex()[:2]}/{pack.hex()}"
            with (self.store / name).open("rb") as file:
                file.seek(offset)
                sealed = file.read(length)
            associated = FORMAT + pack + ordinal.to_bytes(4, "big") + b"\x01"
            key = derive(self.key, "pack", salt=pack)
            self.groups[pack, ordinal] = unpacked(opened(key, ordinal, associated, sealed, f"{name} group {ordinal}"))
            if len(self.groups) > 16:
                self.groups.popitem(last=False)
        return self.groups[pack, ordinal]

    def follow(self, recipe: bytes) -> Iterator[bytes]:
        """What a recipe makes."""
        steps, parts, spills = struct.unpack_from("<III", recipe)
        names = 12 + 8 * steps
        part_names = [recipe[at : at + 32] for at in range(names, names + 32 * parts, 32)]
        spill_names = [recipe[at : at + 32] for at in range(names + 32 * parts, names + 32 * (parts + spills), 32)]
        inline, sources = b"", iter([*spill_names, None])
        following = iter(part_names)
        for kind, newline, line, size in struct.iter_unpack("<BBHI", recipe[12:names]):
            if kind < 2:
                while len(inline) < size:
                    source = next(sources, b"")
                    if source == b"":
                        raise Bad("a recipe asks for more than it has")
                    inline += recipe[names + 32 * (parts + spills) :] if source is None else self.part(source)
                data, inline = inline[:size], inline[size:]
            else:
                data = self.part(next(following))
            yield lines(data, line, NEWLINES[newline]) if kind in (1, 3) else data

    def part(self, name: bytes) -> bytes:
        kind, data = self.stored(name)
        if kind != PART or blake3(data, key=self.part_key).digest() != name:
            raise Bad(f"part {name.hex()}: its bytes are not those it is named by")
        return data


def lines(data: bytes, line: int, newline: bytes) -> bytes:
    """Base64 in lines, without a newline after the last."""
    text = base64.b64encode(data)
    return newline.join(text[at : at + line] for at in range(0, len(text), line)) if line else text


class History:
    """One chain: its entries' JSON documents, in order, links checked."""

    def __init__(self, store: Path, key: bytes, chain: str, problems: list[str]) -> None:
        self.store, self.key, self.chain, self.problems = store, key, chain, problems

    def __iter__(self) -> Iterator[dict[str, Any]]:
        number, previous = 0, bytes(32)
        for found, data in self.stored():
            name = f"history/{self.chain}/{found:012d}"
            try:
                document: dict[str, Any] = json.loads(self.document(name, data))
            except (Bad, ValueError, zstandard.ZstdError) as error:
                self.problems.append(f"{name}: cannot be read ({error})")
                continue
            if found != number + 1 or bytes.fromhex(document["previous"]) != previous:
                self.problems.append(f"{name}: does not follow entry {number}: something is missing or was replaced")
            number, previous = found, blake3(data).digest()
            yield document

    def stored(self) -> Iterator[tuple[int, bytes]]:
        """(number, bytes) of every entry, alone or in a segment."""
        units: list[tuple[int, Path]] = []
        units += [(int(path.name), path) for path in self.store.glob(f"history/{self.chain}/*") if path.name.isdigit()]
        units += [(int(path.name[:12]), path) for path in self.store.glob(f"segments/{self.chain}/*-*")]
        done = 0
        for first, path in sorted(units, key=lambda unit: (unit[0], -len(unit[1].name))):
            entries = self.segment(path) if "-" in path.name else [path.read_bytes()]
            for number, data in enumerate(entries, first):
                if number > done:
                    yield number, data
                    done = number

    def segment(self, path: Path) -> list[bytes]:
        data, at, entries = path.read_bytes(), 16, []
        while data[:16] == b"mailkeep-fold-1\n" and at + 4 <= len(data):
            (length,) = struct.unpack_from("<I", data, at)
            entries.append(data[at + 4 : at + 4 + length])
            at += 4 + length
        if at != len(data) or not entries:
            self.problems.append(f"segments/{self.chain}/{path.name}: torn")
        return entries

    def document(self, name: str, data: bytes) -> bytes:
        if data[:16] != b"mailkeep-hist-1\n":
            raise Bad("no entry")
        key = derive(self.key, "history", salt=data[16:48])
        return unpacked(opened(key, 0, FORMAT + b"/" + name.encode(), data[48:], name))


def events(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, its values) of each event of an entry, in order."""
    streams = {}
    for kind in {kind for kind, _ in document["order"]}:
        columns = document[kind]
        count = columns["count"]
        plain = {name: value for name, value in columns.items() if name != "count" and not name.startswith("native")}
        whole = {name: column_of(name, value, count) for name, value in plain.items()}
        if kind == "put":
            whole["native"] = native_of(columns, count) if "native" in columns else [[]] * count
        streams[kind] = iter([{name: values[n] for name, values in whole.items()} for n in range(count)])
    for kind, count in document["order"]:
        for _ in range(count):
            yield kind, next(streams[kind])


def column_of(name: str, value: Any, count: int) -> list[Any]:
    if name in ("summary", "content", "sha256", "identity", "description"):
        return [each if any(each) else b"" for each in hashes(value)]
    return [value["all"]] * count if isinstance(value, dict) else value


def hashes(text: str) -> list[bytes]:
    data = base64.b64decode(text)
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def native_of(columns: dict[str, Any], count: int) -> list[list[dict[str, Any]]]:
    """Each put's native parts. Their hashes lie one after the other in one column for all puts."""
    blobs, digests = iter(hashes(columns["native_blob"])), iter(hashes(columns["native_sha256"]))
    names, sizes = (
        column_of("native", columns["native"], count),
        column_of("native_size", columns["native_size"], count),
    )
    return [
        [
            {"name": name, "size": size, "blob": next(blobs), "sha256": next(digests)}
            for name, size in zip(names[n], sizes[n], strict=True)
        ]
        for n in range(count)
    ]


def moment(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


class Mailbox:
    """A mailbox's state, entry by entry."""

    def __init__(self) -> None:
        self.folders: dict[int, bytes] = {}
        self.items: dict[int, dict[str, Any]] = {}
        self.former: list[dict[str, Any]] = []

    def apply(self, document: dict[str, Any]) -> None:
        for kind, event in events(document):
            if kind == "put":
                self.leave(event["item"], "replaced")
                self.items[event["item"]] = event | {"entry": document["number"], "state": "live"}
            elif kind in ("moved", "flagged"):
                self.items[event["item"]] |= event
            elif kind == "removed":
                self.leave(event["item"], "removed")
            elif kind == "folder_put":
                self.folders[event["folder"]] = event["description"]

    def leave(self, item: int, state: str) -> None:
        if item in self.items:
            self.former.append(self.items.pop(item) | {"state": state})


class Restoring:
    """Writes mailboxes into a directory."""

    def __init__(self, store: Path, key: bytes, out: Path) -> None:
        self.store, self.key, self.out = store, key, out
        self.blobs = Blobs(store, key)
        self.problems = self.blobs.problems
        self.restored = 0

    def mailbox(self, name: str, as_of: datetime | None, everything: bool) -> None:
        mailbox = self.state(name, as_of)
        folder_names = {number: self.folder(number, blob) for number, blob in mailbox.folders.items()}
        target = self.out / name
        target.mkdir(parents=True, exist_ok=True)
        with (target / "items.jsonl").open("w", encoding="utf-8") as table:
            for item in [*mailbox.items.values(), *(mailbox.former if everything else [])]:
                path, folder = folder_names.get(item["folder"], (f"folder-{item['folder']}", None))
                row = self.item(item, target, path)
                table.write(json.dumps(row | {"folder": folder}) + "\n")

    def state(self, name: str, as_of: datetime | None) -> Mailbox:
        """The mailbox as of the last completed run at or before the moment; without one, as of its last entry."""
        mailbox, waiting = Mailbox(), []
        for document in History(self.store, self.key, name, self.problems):
            if as_of is not None and moment(document["time"]) > as_of:
                break
            waiting.append(document)
            if as_of is None or document["run"]["complete"]:
                for each in waiting:
                    mailbox.apply(each)
                waiting = []
        return mailbox

    def folder(self, number: int, blob: bytes) -> tuple[str, Any]:
        """(directory, description)."""
        description = self.json_of(blob)
        names = description.get("path") or [f"folder-{number}"]
        return "/".join(
            re.sub(r"[^\w .()+,@-]", "_", part).lstrip(".").strip()[:80] or "_" for part in names
        ), description

    def item(self, item: dict[str, Any], target: Path, folder: str) -> dict[str, Any]:
        name = f"{item['item']:08d}" + ("" if item["state"] == "live" else f"-entry-{item['entry']}-{item['state']}")
        native = item.pop("native")
        row = {key: value.hex() if isinstance(value, bytes) else value for key, value in item.items()}
        row |= {"received": moment(item["received"]).isoformat(), "summary": self.json_of(item["summary"])}
        row |= {"time": moment(item["received"] + item.pop("time_after_received")).isoformat(), "file": None}
        del row["time_after_received"]
        (target / folder).mkdir(parents=True, exist_ok=True)
        if item["content"]:
            row["file"] = self.write(item["content"], item["sha256"], target, f"{folder}/{name}")
            self.restored += row["file"] is not None
        row["native"] = [self.native(part, target, f"{folder}/{name}") for part in native]
        return row

    def native(self, part: dict[str, Any], target: Path, place: str) -> dict[str, Any]:
        suffix = "." + re.sub(r"[^\w.-]", "_", part["name"])[:80]
        file = self.write(part["blob"], part["sha256"], target, place, suffix)
        return {"name": part["name"], "size": part["size"], "sha256": part["sha256"].hex(), "file": file}

    def write(self, blob: bytes, sha256: bytes, target: Path, place: str, suffix: str = "") -> str | None:
        """A file of these bytes; its name below `target`, with a suffix that tells what it is. None: it is damaged."""
        path, digest, begin = target / f"{place}.part", hashlib.sha256(), b""
        try:
            with path.open("wb") as file:
                for piece in self.blobs.read(blob):
                    begin = begin or bytes(piece[:16])
                    digest.update(piece)
                    file.write(piece)
            if digest.digest() != sha256:
                raise Bad(f"blob {blob.hex()}: not the SHA-256 that its history says")
        except (Bad, struct.error, StopIteration, RuntimeError) as error:
            path.unlink()
            self.problems.append(f"{target / place}{suffix}: {error}")
            return None
        suffix = suffix or next((word for start, word in SUFFIXES.items() if begin.startswith(start)), ".eml")
        path.rename(target / f"{place}{suffix}")
        return f"{place}{suffix}"

    def json_of(self, blob: bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(b"".join(self.blobs.read(blob)))
        except (Bad, ValueError) as error:
            self.problems.append(str(error))
            return {}
        return document

    def organisation(self) -> None:
        with (self.out / "organisation.jsonl").open("w", encoding="utf-8") as table:
            for document in History(self.store, self.key, "organisation", self.problems):
                for at, kind, blob in document["events"]:
                    row = {"at": moment(at).isoformat(), "kind": kind} | self.json_of(bytes.fromhex(blob))
                    table.write(json.dumps(row) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Brings mail back from a Mailkeep archive.")
    parser.add_argument("store", type=Path)
    parser.add_argument("key_file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mailbox", help="32 hex digits; all of them by default")
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="a moment, in UTC unless it names its offset")
    parser.add_argument("--everything", action="store_true", help="also what was removed, and earlier versions")
    asked = parser.parse_args()
    as_of = asked.as_of.replace(tzinfo=UTC) if asked.as_of and asked.as_of.tzinfo is None else asked.as_of
    try:
        key = archive_key(asked.store, asked.key_file)
    except (Bad, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asked.out.mkdir(parents=True, exist_ok=True)
    restoring = Restoring(asked.store, key, asked.out)
    places = (*asked.store.glob("history/*"), *asked.store.glob("segments/*"))
    for name in sorted({path.name for path in places} - {"organisation"}):
        if asked.mailbox in (None, name):
            restoring.mailbox(name, as_of, asked.everything)
    restoring.organisation()
    for problem in restoring.problems:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"{restoring.restored} items brought back, {len(restoring.problems)} problems\n")
    return 1 if restoring.problems else 0


if __name__ == "__main__":
    sys.exit(main())
