"""The environment, read once: where home is, which database.

Nothing here creates a file; `host.home` does, when a command begins.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SOCKET_PATH_BYTES_MAX = 100  # the kernel's limit is 108 with the closing zero; some systems have 104
SOCKET_NAME = ".s.PGSQL.5432"


def home() -> Path:
    """`MAILKEEP_HOME`, by default `~/.local/share/mailkeep`."""
    return Path(os.environ.get("MAILKEEP_HOME") or Path.home() / ".local/share/mailkeep").absolute()


def django_secret() -> str:
    """The signing secret kept in the home folder; before there is one, a passing one that no session outlives."""
    path = home() / "keys" / "django-secret"
    return path.read_text().strip() if path.exists() else secrets.token_urlsafe(50)


def embedded() -> bool:
    """Whether the database is ours to start."""
    return not os.environ.get("DATABASE_URL")


def database() -> dict[str, Any]:
    """Django's database settings: `DATABASE_URL`, or the embedded database of this home."""
    url = os.environ.get("DATABASE_URL")
    return _from_url(url) if url else _embedded(home())


def socket_folder(home: Path) -> Path:
    """Where the embedded database's socket lies: in the home, or, where that makes too long a path, in a short folder
    named by its hash.

    The short folder is `/run/mailkeep-<hash>` for root, else in `XDG_RUNTIME_DIR`, else `/tmp/mailkeep-<uid>-<hash>`;
    `host.home` makes it 0700 and refuses one that somebody else has made.
    """
    inside = home / "run"
    if len(os.fsencode(inside / SOCKET_NAME)) < SOCKET_PATH_BYTES_MAX:
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    if os.geteuid() == 0:
        return Path("/run") / f"mailkeep-{name}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and len(os.fsencode(runtime)) < 50 and Path(runtime).is_dir():
        return Path(runtime) / f"mailkeep-{name}"
    return Path("/tmp") / f"mailkeep-{os.geteuid()}-{name}"  # noqa: S108 - made 0700 and checked by host.home


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def _embedded(home: Path) -> dict[str, Any]:
    password = home / "keys" / "postgres-password"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "mailkeep",
        "USER": "mailkeep",
        "PASSWORD": password.read_text().strip() if password.exists() else "",
        "HOST": str(socket_folder(home)),
        # A stranger who put a socket there first cannot ask us for the password in clear: SCRAM proves both sides.
        "OPTIONS": {"require_auth": "scram-sha-256"},
    }
