"""What an object may be called: no store ever meets a path that climbs, hides or collides."""

from __future__ import annotations

import re

from mailkeep.errors import GiveUp

NAME_LENGTH_MAX = 200
_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")
_PREFIX = re.compile(r"(?:[a-z0-9_-][a-z0-9._-]*/)*(?:[a-z0-9_-][a-z0-9._-]*)?")


def check_name(name: str) -> str:
    """The name itself, or `GiveUp('bad_name')`."""
    if len(name) > NAME_LENGTH_MAX or not _NAME.fullmatch(name):
        raise GiveUp("bad_name", f"{name[:NAME_LENGTH_MAX]!r} is no name for an object", "this is a fault in Mailkeep")
    return name


def check_prefix(prefix: str) -> str:
    """The start of a name, "" for every object; it need not end at a slash."""
    if len(prefix) > NAME_LENGTH_MAX or not _PREFIX.fullmatch(prefix):
        raise GiveUp("bad_name", f"{prefix[:NAME_LENGTH_MAX]!r} is no start of a name", "this is a fault in Mailkeep")
    return prefix
