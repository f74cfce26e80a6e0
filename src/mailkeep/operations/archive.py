"""The archive of this home, opened once per process."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from django.conf import settings

from mailkeep.archive.repository import Repository
from mailkeep.catalog.blob_index import TableIndex
from mailkeep.errors import GiveUp
from mailkeep.store.local import LocalStore

_opened: dict[Path, Repository] = {}
_opening = threading.Lock()


def folder() -> Path:
    return Path(settings.HOME) / "archive"


def key_file() -> Path:
    return Path(settings.HOME) / "keys" / "archive.key"


def witness_folder() -> Path | None:
    """Where statements of all heads are copied to, out of an intruder's reach: `MAILKEEP_WITNESS`."""
    named = os.environ.get("MAILKEEP_WITNESS")
    return Path(named) if named else None


def repository() -> Repository:
    """The archive of this home. GiveUp `not_an_archive`, `key_missing`, `key_wrong` from opening it."""
    with _opening:
        path = folder()
        if path not in _opened:
            _opened[path] = Repository.open(LocalStore(path), TableIndex(), key_file())
        return _opened[path]


def create_if_missing() -> bool:
    """Make the archive and its key at first start. True when they were made now."""
    if (folder() / "format.json").exists():
        return False
    if key_file().exists():
        raise GiveUp(
            "archive_missing",
            f"there is a key but no archive in {folder()}",
            "put the archive back where it was, or choose another MAILKEEP_HOME for a new one",
        )
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with _opening:
        _opened[folder()] = Repository.create(LocalStore(folder()), TableIndex(), key_file())
    return True
