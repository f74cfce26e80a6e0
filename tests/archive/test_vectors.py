"""Archives written long ago stay readable: the package and the stand-alone reader against the same frozen bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailkeep.archive import reader, witness
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.archive.verify import verify
from mailkeep.store.local import LocalStore

from .vectors import FILE


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILE.read_text())
    return document


@pytest.fixture
def frozen(vectors: dict[str, Any], tmp_path: Path) -> Path:
    """The frozen archive in `archive`, its key file in `archive.key`."""
    store = LocalStore(tmp_path / "archive")
    for name, data in vectors["objects"].items():
        store.put(name, base64.b64decode(data))
    (tmp_path / "archive.key").write_text(vectors["key_file"])
    (tmp_path / "archive.key").chmod(0o600)
    return tmp_path


def test_the_package_reads_version_1(frozen: Path, vectors: dict[str, Any]) -> None:
    repository = Repository.open(LocalStore(frozen / "archive"), MemoryIndex(), frozen / "archive.key")
    repository.index_orphans()
    assert repository.derive("connections").hex() == vectors["derived"]
    for mailbox, items in vectors["live"].items():
        for item, digest in items.items():
            content = repository.read(bytes.fromhex(vectors["blobs"][mailbox][item]))
            assert hashlib.sha256(content).hexdigest() == digest
        head = repository.history(mailbox).head()
        assert [head.number, head.hash.hex()] == vectors["heads"][mailbox]
    found = verify(repository, None, witness.latest(repository))
    assert found.damaged == []
    assert found.compared_with


def test_the_same_bytes_get_the_same_names(frozen: Path, vectors: dict[str, Any]) -> None:
    repository = Repository.open(LocalStore(frozen / "archive"), MemoryIndex(), frozen / "archive.key")
    repository.index_orphans()
    before = sum(1 for _ in repository.store.list("packs/"))
    batch = repository.batch()
    blobs = [bytes.fromhex(blob) for items in vectors["blobs"].values() for blob in items.values()]
    stored = batch.put_contents([content for _, content in repository.read_many(blobs)])
    batch.seal()
    assert [each.blob for each in stored] == blobs
    assert sum(1 for _ in repository.store.list("packs/")) == before  # all of it was held


def test_the_reader_reads_version_1(frozen: Path, vectors: dict[str, Any]) -> None:
    command = [sys.executable, "-I", reader.__file__, "archive", "archive.key", "--out", "out"]
    done = subprocess.run(command, cwd=frozen, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for mailbox, items in vectors["live"].items():
        rows = [json.loads(line) for line in (frozen / "out" / mailbox / "items.jsonl").read_text().splitlines()]
        files = {str(row["item"]): (frozen / "out" / mailbox / row["file"]).read_bytes() for row in rows if row["file"]}
        assert {item: hashlib.sha256(content).hexdigest() for item, content in files.items()} == items
