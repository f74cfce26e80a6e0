"""The small archive, in memory and in a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.store.local import LocalStore
from mailkeep.store.memory import MemoryStore

from .small import Small


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small.make(MemoryStore(), tmp_path)


@pytest.fixture
def small_local(tmp_path: Path) -> Small:
    return Small.make(LocalStore(tmp_path / "archive"), tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty archive in memory."""
    return Repository.create(MemoryStore(), MemoryIndex(), tmp_path / "archive.key")
