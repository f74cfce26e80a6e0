"""A folder's name on disk. Pure.

No name of a mailbox folder can leave the export: what a file system could read as a path, a device or a hidden file is escaped, and
no two folders get one name.
"""

from __future__ import annotations

import hashlib
import re

from mailkeep.mail.folder_names import encode
from mailkeep.mail.items import Folder

NAME_BYTES_MAX = 200  # of one component; file systems take 255
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|%\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|^[. ]|[. ]$')
_OURS = re.compile(r"(?i)\.(mbox|jsonl)$")  # no folder may look like a file of the export
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")
_MAILDIR_UNSAFE = re.compile(r"[\x00-\x1f\x7f./\\]")


def directory(path: tuple[str, ...]) -> str:
    """The folder as relative directories: `Sent/2024`, hostile characters as %2F."""
    return "/".join(_component(name) for name in path) or "_"


def maildir_directory(folder: Folder) -> str:
    """The folder as a Maildir++ subfolder, `.Sent.2024`; "" (the Maildir itself) for the inbox.

    Names are in modified UTF-7, as Dovecot and Courier have them on disk; a dot within a name is `\\2e`, as Dovecot's listescape
    plugin reads it.
    """
    if folder.path == ("INBOX",):
        return ""
    names = [encode(name).decode("ascii") for name in folder.path]
    escaped = [_MAILDIR_UNSAFE.sub(lambda c: f"\\{ord(c[0]):02x}", name) for name in names]
    return "." + _bounded(".".join(name or "\\" for name in escaped))


def _component(name: str) -> str:
    escaped = _UNSAFE.sub(lambda c: "".join(f"%{b:02X}" for b in c[0].encode("utf-8", "surrogatepass")), name)
    escaped = (
        _RESERVED.sub(lambda c: f"%{ord(c[0][0]):02X}{c[0][1:]}", escaped, count=1)
        if _RESERVED.match(escaped)
        else escaped
    )
    escaped = _OURS.sub(r"%2E\1", escaped)
    return _bounded(escaped) or "%"  # a bare % is nobody else's


def _bounded(name: str) -> str:
    """A name too long for a file system is cut, and told from others by a hash of the whole."""
    raw = name.encode()
    if len(raw) <= NAME_BYTES_MAX:
        return name
    return raw[: NAME_BYTES_MAX - 17].decode("utf-8", "ignore") + "~" + hashlib.sha256(raw).hexdigest()[:16]
