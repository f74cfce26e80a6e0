"""The environment, read once: where home is, which database.

Nothing here creates a file; `host.home` does, when a command begins.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def home() -> Path:
    """`MAILKEEP_HOME`, by default `~/.local/share/mailkeep`."""
    return Path(os.environ.get("MAILKEEP_HOME") or Path.home() / ".local/share/mailkeep").absolute()


def django_secret() -> str:
    """The signing secret kept in the home folder; before there is one, a passing one that no session outlives."""
    path = home() / "keys" / "django-secret"
    return path.read_text().strip() if path.exists() else secrets.token_urlsafe(50)


def database() -> dict[str, Any]:
    """Django's database settings: `DATABASE_URL`, or the embedded database of this home."""
    url = os.environ.get("DATABASE_URL")
    return _from_url(url) if url else _embedded()


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


def _embedded() -> dict[str, Any]:
    password = home() / "keys" / "postgres-password"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "mailkeep",
        "USER": "mailkeep",
        "PASSWORD": password.read_text().strip() if password.exists() else "",
        "HOST": str(home() / "run"),
    }
