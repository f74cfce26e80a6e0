"""Cutting and sharing against the whole message: bytes on disk and speed, on the corpus and on mail made from it.

    .venv/bin/python bench/cut.py [folder of messages …]     (default: the corpus, found as the tests find it)

The rows add one step each, up to what `Batch` does. "copies" is the organisation's case: each message lies in three
mailboxes under a header of its own, with the same parts. Speed is CPU time of hashing, cutting, compressing and
sealing, without a disk.
"""

from __future__ import annotations

import base64
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from mailkeep.archive.crypto import GROUP, Namer, PackSeal
from mailkeep.archive.cut import SHARED, SHARED_BASE64, cut
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.packs import GROUP_BYTES, LEVEL
from mailkeep.archive.recipe import RecipeBuilder
from mailkeep.archive.repository import Repository
from mailkeep.store.memory import MemoryStore

Messages = list[bytes]
DEFAULT = ("linux-hyperv", "spamassassin-a", "usrp-users")
LOCAL_DICTIONARY = 112_640


def messages_of(folder: Path) -> Messages:
    """As IMAP would give them: CRLF."""
    paths = sorted(folder.rglob("*.eml"))
    return [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in paths]


def with_attachments(messages: Messages, chance: random.Random) -> Messages:
    """Every third message gets an attachment of 2 KB to 1 MB in base64; two in five of those were sent before."""

    pool: list[bytes] = []
    made = []
    for number, message in enumerate(messages):
        if number % 3:
            made.append(message)
            continue
        if pool and chance.random() < 0.4:
            attachment = chance.choice(pool)
        else:
            size = min(int(chance.lognormvariate(10, 1.2)) + 2000, 1 << 20)
            attachment = b"".join(
                chance.randbytes(60) + b"%PDF text of a document, 38 bytes.  " for _ in range(size // 96)
            )
            pool.append(attachment)
        encoded = base64.encodebytes(attachment).replace(b"\n", b"\r\n")
        made.append(message + b"\r\n--=_x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--=_x--\r\n")
    return made


def copies(messages: Messages) -> Messages:
    """Each message in three mailboxes, under a Received and a Delivered-To of its own."""
    header = b"Delivered-To: user%d@example.org\r\nReceived: from mx by store%d with LMTP id %016x\r\n"
    return [
        header % (box, box, random.Random(box * 10**6 + number).getrandbits(64)) + message
        for box in range(3)
        for number, message in enumerate(messages)
    ]


def whole(messages: Messages, size_of_group: int, dictionary: bool = False) -> int:
    """Messages as they are, identical ones once; compressed each, or in groups."""
    namer, seal = Namer(bytes(32)), PackSeal(bytes(32), bytes(32))
    unique = list({namer.name(message): message for message in messages}.values())
    return _sealed(unique, seal, size_of_group, dictionary)


def cut_up(messages: Messages, size_of_group: int, dictionary: bool = False) -> int:
    """Messages cut at their base64 parts; parts shared, the rest compressed each, or in groups."""
    namer, seal = Namer(bytes(32)), PackSeal(bytes(32), bytes(32))
    unique = {namer.name(message): message for message in messages}
    parts: dict[bytes, bytes] = {}
    skeletons = []
    for message in unique.values():
        builder = RecipeBuilder()
        for piece in cut(message):
            if piece.kind in (SHARED, SHARED_BASE64):
                blob = namer.part(piece.data)
                parts[blob] = bytes(piece.data)
                builder.part(piece, blob)
            else:
                builder.inline_piece(piece)
        skeletons.append(builder.encoded())
    return _sealed(skeletons, seal, size_of_group, dictionary) + _sealed(list(parts.values()), seal, size_of_group)


def archived(messages: Messages, _: int = 0) -> int:
    """The real thing: `Batch`, footers included."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.create(MemoryStore(), MemoryIndex(), Path(folder) / "key")
    batch = repository.batch()
    for at in range(0, len(messages), 400):
        batch.put_contents(messages[at : at + 400])
    batch.seal()
    return sum(info.size for info in repository.store.list("packs/"))


def _sealed(blobs: list[bytes], seal: PackSeal, size_of_group: int, dictionary: bool = False) -> int:
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    if dictionary and len(blobs) > 100:  # unmasked: the best it could do
        sample = random.Random(1).sample(blobs, min(1500, len(blobs) // 2))
        trained = zstandard.train_dictionary(LOCAL_DICTIONARY, [each[:50_000] for each in sample])
        trained.precompute_compress(level=LEVEL)
        compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=trained)
    sealed = [seal.seal(n, GROUP, compressor.compress(group)) for n, group in enumerate(_groups(blobs, size_of_group))]
    return sum(map(len, sealed))


def _groups(blobs: list[bytes], size: int) -> Iterator[bytes]:
    group: list[bytes] = []
    held = 0
    for blob in blobs:
        group.append(blob)
        held += len(blob)
        if held >= size:
            yield b"".join(group)
            group, held = [], 0
    if group:
        yield b"".join(group)


def measure(name: str, messages: Messages) -> None:
    total = sum(map(len, messages))
    print(f"\n{name}: {len(messages)} messages, {total / 1e6:.1f} MB, mean {total / len(messages) / 1000:.1f} KB")
    steps: list[tuple[str, Callable[[Messages], int]]] = [
        ("whole, one by one", lambda each: whole(each, 0)),
        ("whole, in groups", lambda each: whole(each, GROUP_BYTES)),
        ("cut, one by one", lambda each: cut_up(each, 0)),
        ("cut, one by one, dictionary", lambda each: cut_up(each, 0, dictionary=True)),
        ("cut, groups of 128 KiB", lambda each: cut_up(each, 128 << 10)),
        ("cut, groups of 1 MiB", lambda each: cut_up(each, GROUP_BYTES)),
        ("the archive (with SHA-256, footers)", archived),
    ]
    for label, step in steps:
        began = time.process_time()
        stored = step(messages)
        took = time.process_time() - began
        rate = f"{total / took / 1e6:6.0f} MB/s  {len(messages) / took:7.0f} messages/s"
        print(f"  {label:36} {stored / 1e6:8.2f} MB   {total / stored:6.2f} x   {rate}")


def main() -> None:
    place = Path(os.environ.get("MAILKEEP_CORPUS") or Path(__file__).resolve().parent.parent / "../shared/corpus")
    folders = [Path(name) for name in sys.argv[1:]] or [place / "open" / name for name in DEFAULT]
    everything: Messages = []
    for folder in folders:
        if not folder.is_dir():
            sys.exit(f"there are no messages at {folder}: name folders, or set MAILKEEP_CORPUS")
        messages = messages_of(folder)
        everything += messages
        measure(folder.name, messages)
    measure("copies in three mailboxes", copies(everything[::4]))
    measure("with attachments", with_attachments(everything[::4], random.Random(1)))


if __name__ == "__main__":
    main()
