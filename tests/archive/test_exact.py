"""Exact bytes: real and hostile mail, as its source had it and with the line ends of the wire, comes back byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.archive.verify import verify
from mailkeep.store.local import LocalStore


def contents(corpus: Path) -> Iterator[bytes]:
    """Every message of the corpus twice: as it lies there, and with CRLF."""
    for path in sorted(corpus.rglob("*.eml")):
        whole = path.read_bytes()
        yield whole
        if b"\r\n" not in whole:
            yield whole.replace(b"\n", b"\r\n")


def test_the_whole_corpus_comes_back(corpus: Path, tmp_path: Path) -> None:
    repository = Repository.create(LocalStore(tmp_path / "archive"), MemoryIndex(), tmp_path / "archive.key")
    source = contents(corpus)
    blobs: list[bytes] = []
    digests: list[bytes] = []
    batch = repository.batch()
    while some := list(islice(source, 400)):
        stored = batch.put_contents(some)
        blobs += [each.blob for each in stored]
        digests += [hashlib.sha256(content).digest() for content in some]
        assert [each.sha256 for each in stored] == digests[-len(some) :]
        assert [each.size for each in stored] == [len(content) for content in some]
    batch.seal()
    assert len(blobs) > 20_000

    reopened = Repository.open(LocalStore(tmp_path / "archive"), MemoryIndex(), tmp_path / "archive.key")
    reopened.index_orphans()
    for at in range(0, len(blobs), 400):
        read = [hashlib.sha256(content).digest() for _, content in reopened.read_many(blobs[at : at + 400])]
        assert read == digests[at : at + 400]
    assert verify(reopened, None, None).ok
