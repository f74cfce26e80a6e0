"""What all tests share: a home and a database of their own, the corpus, a fresh home for tests that start programs.

The environment is set here, before Django reads its settings (which is why pyproject.toml names no settings module).
The embedded database is started when the first test asks for it, once for the whole session; with `DATABASE_URL` set,
that server is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["MAILKEEP_HOME"] = tempfile.mkdtemp(prefix="mailkeep-tests-")
os.environ["DJANGO_SETTINGS_MODULE"] = "mailkeep.settings"

import django

from mailkeep.host import database
from mailkeep.host import home as host_home

# A busy machine is no failure; what takes too long is caught by the test's own time-out.
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")

HOME = host_home.prepare()
django.setup()
# Nothing here outlives the session, so nothing needs to reach the disk.
TEST_TUNING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
ROOT = Path(__file__).resolve().parent.parent


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME.path, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_database() -> Iterator[None]:
    """The database server of this session."""
    with database.running(HOME, TEST_TUNING):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(embedded_database: None) -> None:
    """pytest-django asks for this before it makes its test database: so any database mark starts the server."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh MAILKEEP_HOME for tests that start programs of ours; `os.environ` names it while the test runs.

    In a short folder of its own, not pytest's: that path is long enough for the socket to move elsewhere.
    """
    folder = Path(tempfile.mkdtemp(prefix="mailkeep-home-"))
    monkeypatch.setenv("MAILKEEP_HOME", str(folder))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The unpacked folder `open` of the mail corpus: real and hostile messages. `MAILKEEP_CORPUS` names the folder
    that holds it.
    """
    place = Path(os.environ.get("MAILKEEP_CORPUS") or ROOT / "../shared/corpus").resolve()
    if (place / "open").is_dir():
        return place / "open"
    packed = place / "open.tar.zst"
    if not packed.is_file():
        pytest.skip(f"no corpus at {place} (set MAILKEEP_CORPUS to the folder that holds `open` or `open.tar.zst`)")
    return _unpacked(packed)


def _unpacked(packed: Path) -> Path:
    """Unpacked once into the user's cache, under a name that changes with the archive."""
    found = packed.stat()
    target = Path.home() / ".cache/mailkeep-corpus" / f"{found.st_size}-{int(found.st_mtime)}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(dir=target.parent))
        subprocess.run(["tar", "--zstd", "-xf", packed, "-C", half], check=True)
        try:
            half.rename(target)
        except OSError:  # another session was quicker
            shutil.rmtree(half)
    return target / "open"
