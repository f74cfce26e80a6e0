"""As root: the system account that owns the database's files and the socket, and can read nothing else of ours.

PostgreSQL refuses to run as root, and should: a fault in it must not reach the keys. Without root there is no account
to change to, and the database runs as whoever runs Mailkeep.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mailkeep.errors import GiveUp
from mailkeep.host.home import Home, not_ours

NAME = "mailkeep-postgres"
# Any folder that everybody may pass through will do: what it holds is hidden from the database's processes alone.
PLACES_SEEN = ("/mnt", "/media", "/srv", "/opt")


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int


def database_account() -> Account | None:
    """The account, made where it is missing; None unless we are root. Errors: GiveUp `account_missing`."""
    if os.geteuid() != 0:
        return None
    return _find() or _make()


def refuse_strangers(path: Path, account: Account | None) -> None:
    """For a folder in a place where others may make folders. Errors: GiveUp `home_not_ours`."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), account.uid if account else -1):
        raise not_ours(path)


def give(path: Path, account: Account | None) -> None:
    """Make the folder 0700 and the account's, with all that it holds. Never follows a link."""
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    if account is None or path.lstat().st_uid == account.uid:
        return
    for folder, folders, files in os.walk(path):
        for name in [*folders, *files]:
            os.chown(Path(folder) / name, account.uid, account.gid, follow_symlinks=False)
    os.chown(path, account.uid, account.gid, follow_symlinks=False)  # last: it says that all of it is done


def admit(home: Home, account: Account | None) -> None:
    """Let the account pass through the home folder (not list it). Its rooms stay closed."""
    if account is None:
        return
    os.chown(home.path, -1, account.gid)
    home.path.chmod(stat.S_IMODE(home.path.stat().st_mode) | stat.S_IXGRP)


def place_seen(home: Home, account: Account | None) -> Path:
    """The path by which the account reaches the home: its own, or where a folder above is closed, one in a mount
    namespace.

    Errors: GiveUp `home_unreachable` where there is no such place.
    """
    closed = None if account is None else _closed_parent(home.path, account)
    if closed is None:
        return home.path
    for place in PLACES_SEEN:
        if Path(place).is_dir() and _passes(Path(place), account):
            return Path(place)
    raise unreachable(home, f"{closed} is closed to it")


def unreachable(home: Home, reason: str) -> GiveUp:
    return GiveUp(
        "home_unreachable",
        f"the database's account {NAME} cannot reach {home.path}: {reason}",
        "set MAILKEEP_HOME to a folder whose parents everybody may pass through, such as /var/lib/mailkeep, "
        "or do not run as root",
    )


def _closed_parent(path: Path, account: Account) -> Path | None:
    """The topmost folder above `path` (or `path`) that the account may not pass through. Access lists are not asked."""
    real = path.resolve()
    return next((folder for folder in (*reversed(real.parents), real) if not _passes(folder, account)), None)


def _passes(folder: Path, account: Account | None) -> bool:
    found = folder.stat()
    if account is None or found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _find() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _make() -> Account:
    """By the system's own tool. Two starts at once (of two homes) may both try: whoever comes second finds it made."""
    commands = (
        ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", "/bin/false", NAME],
        ["adduser", "-S", "-D", "-H", "-h", "/", "-s", "/bin/false", NAME],  # BusyBox
    )
    said = "neither useradd nor adduser is installed"
    for command in commands:
        program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
        if program is None:
            continue
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
        if found := _find():
            return found
        said = done.stderr.strip() or f"{command[0]} ended with {done.returncode}"
    raise GiveUp(
        "account_missing",
        f"cannot make the system account {NAME} for the embedded database: {said}",
        f"make it by hand (useradd --system --user-group {NAME}), run Mailkeep as an ordinary account, "
        "or set DATABASE_URL",
    )
