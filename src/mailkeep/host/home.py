"""The home folder: everything Mailkeep keeps on this machine.

MAILKEEP_HOME  0700, as root 0710 with the database account's group, which may pass through and see nothing else
├── archive/   the local store                        0700
├── keys/      archive.key, django-secret, …          0700, files 0600
├── postgres/  the embedded database's files          0700, as root its account's
├── run/       the database's socket                  0700, as root the account's
├── engine/    this home's copy of PostgreSQL's programs
├── locks/     who owns the database                  0700
└── log/                                              0700
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from mailkeep.errors import GiveUp
from mailkeep.host import environment

ROOMS = ("archive", "keys", "locks", "log")


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one home folder; `prepare` makes them."""

    path: Path

    @property
    def archive(self) -> Path:
        return self.path / "archive"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def locks(self) -> Path:
        return self.path / "locks"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def engine(self) -> Path:
        return self.path / "engine"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def socket(self) -> Path:
        return environment.socket_folder(self.path)

    @property
    def archive_key(self) -> Path:
        return self.keys / "archive.key"

    @property
    def database_password(self) -> Path:
        return self.keys / "postgres-password"


def prepare(path: Path | None = None) -> Home:
    """The home at `path` (default: `environment.home()`), made where it is missing. Call before Django reads its
    settings.

    Errors: GiveUp `home_not_ours`, `home_unusable`.
    """
    home = Home((path or environment.home()).absolute())
    try:
        _make_top(home.path)
        for room in ROOMS:
            private_folder(home.path / room)
        _secret(home.keys / "django-secret", 50)
        _secret(home.database_password, 32)
    except OSError as error:
        raise GiveUp(
            "home_unusable",
            f"cannot use {home.path}: {error.strerror} ({error.filename})",
            "set MAILKEEP_HOME to a folder on a local disk that this account may write to",
        ) from error
    return home


def private_folder(path: Path) -> None:
    """Make `path` 0700 and ours. Errors: GiveUp `home_not_ours` where it is a link or another account's."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise not_ours(path) from None
    path.chmod(0o700)


def _make_top(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.stat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
            raise not_ours(path) from None
        # Read rights that somebody gave to the top folder are harmless (each room is closed); a right to rename our
        # rooms is not.
        path.chmod(stat.S_IMODE(found.st_mode) & ~0o022)


def not_ours(path: Path) -> GiveUp:
    return GiveUp(
        "home_not_ours",
        f"{path} is not a folder of the account that runs Mailkeep",
        "run Mailkeep as the account that made it, or set MAILKEEP_HOME to a folder of its own",
    )


def _secret(path: Path, length: int) -> None:
    """A file 0600 with a random text, put there whole or not at all, and never replaced."""
    if path.exists():
        return
    passing = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(length) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(passing, path)  # two commands may begin at once: the first to link wins, both then read the same
    except FileExistsError:
        return
    finally:
        passing.unlink()
