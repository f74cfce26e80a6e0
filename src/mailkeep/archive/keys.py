"""The key file, and the store's `format.json` that holds the archive key wrapped by it.

A key file is text, so that it can be printed and typed in again: comment lines, then `mailkeep-key-1 <64 hex digits>
<8 hex digits of checksum>`.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailkeep.archive.crypto import KEY_BYTES, BadSeal, derive, new_key, open_once, seal_once
from mailkeep.errors import GiveUp
from mailkeep.store.base import AlreadyExists, NotFound, Store

FORMAT_NAME = "format.json"
FORMAT_VERSION = 1
_HEX = ("archive_id", "wrapped_key", "witness_public_key")
_WORD = "mailkeep-key-1"
_COMMENT = """\
# Mailkeep key file. Whoever has it and the archive can read everything in it.
# Without it the archive cannot be read by anybody, ever: keep a copy in another place, away from the archive.
"""


@dataclass(frozen=True, slots=True)
class ArchiveKeys:
    archive_id: str  # 32 hex digits
    archive_key: bytes
    witness_public: bytes  # Ed25519, 32 bytes
    document: bytes  # `format.json`, as it stands


def witness_private(archive_key: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(archive_key, "witness"))


def key_text(secret: bytes) -> str:
    return f"{_COMMENT}{_WORD} {secret.hex()} {_checksum(secret)}\n"


def parse_key(text: str, place: str) -> bytes:
    """The 32 secret bytes; `GiveUp('key_wrong')` for a text that is no key or was mistyped."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) == 1 and len(lines[0]) == 3 and lines[0][0] == _WORD:
        try:
            secret = bytes.fromhex(lines[0][1])
        except ValueError:
            secret = b""
        if len(secret) == KEY_BYTES and _checksum(secret) == lines[0][2].lower():
            return secret
    raise GiveUp("key_wrong", f"{place} is no intact Mailkeep key file", "bring it back from your copy")


def read_key_file(path: Path) -> bytes:
    """`GiveUp`: key_missing, key_exposed (others may read it), key_wrong."""
    try:
        with path.open("r", encoding="utf-8", errors="replace") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise GiveUp("key_exposed", f"others may read the key file {path}", f"run: chmod 600 {path}")
            return parse_key(file.read(4096), str(path))
    except FileNotFoundError:
        raise GiveUp("key_missing", f"there is no key file at {path}", "bring it back from your copy") from None
    except OSError as error:
        raise GiveUp(
            "key_missing", f"the key file {path} cannot be read: {error.strerror}", "check its rights"
        ) from error


def make_key_file(path: Path) -> bytes:
    """The key file's secret. Where there is none one is made, durable and 0600, as `<name>.new` until `settle_key_file`.

    So whoever finds a key under its proper name knows that its archive was made; a killed first start just begins again.
    """
    if path.exists():
        return read_key_file(path)
    pending = _pending(path)
    if pending.exists():
        with suppress(GiveUp):  # torn: nothing was made with it
            return read_key_file(pending)
        pending.unlink()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = secrets.token_bytes(KEY_BYTES)
    descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key_text(secret))
        file.flush()
        os.fsync(file.fileno())
    _fsync_folder(path.parent)
    return secret


def settle_key_file(path: Path) -> None:
    """Give a new key file its proper name: its archive is there. Calling it again, or for an old one, is no error."""
    pending = _pending(path)
    if not pending.exists():
        return
    with suppress(FileExistsError):  # killed between the two steps
        os.link(pending, path)
    _fsync_folder(path.parent)
    pending.unlink()


def _pending(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create_format(store: Store, secret: bytes) -> ArchiveKeys:
    """A new archive's key, wrapped into `format.json`. `GiveUp('already_an_archive')` where there is one."""
    archive_id, archive_key = uuid.uuid4().hex, new_key()
    public = witness_private(archive_key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    document = {
        "format": "mailkeep-archive",
        "version": FORMAT_VERSION,
        "archive_id": archive_id,
        "wrapped_key": seal_once(_wrapping(secret, archive_id), b"wrap/" + archive_id.encode(), archive_key).hex(),
        "witness_public_key": public.hex(),
    }
    data = _written(document)
    try:
        store.put(FORMAT_NAME, data)
    except AlreadyExists:
        raise GiveUp(
            "already_an_archive", "there is an archive at this place", "open it, or choose an empty place"
        ) from None
    return ArchiveKeys(archive_id, archive_key, public, data)


def open_format(store: Store, secret: bytes) -> ArchiveKeys:
    """`GiveUp`: not_an_archive, key_wrong."""
    data = require_format(store)
    archive_id, wrapped, public = _read_format(data)
    try:
        archive_key = open_once(_wrapping(secret, archive_id), b"wrap/" + archive_id.encode(), wrapped)
    except BadSeal:
        raise GiveUp(
            "key_wrong", "this key file does not open this archive", "use the key file the archive was made with"
        ) from None
    if witness_private(archive_key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) != public:
        raise GiveUp(
            "not_an_archive",
            f"the store's {FORMAT_NAME} is damaged: its witness key is not this archive's",
            "bring it back from a copy",
        )
    return ArchiveKeys(archive_id, archive_key, public, data)


def require_format(store: Store) -> bytes:
    """`format.json` as it stands. `GiveUp('not_an_archive')` where there is none."""
    try:
        return store.get(FORMAT_NAME)
    except NotFound:
        hint = "check MAILKEEP_HOME, or make an archive first"
        raise GiveUp("not_an_archive", "there is no archive at this place", hint) from None


def _read_format(data: bytes) -> tuple[str, bytes, bytes]:
    """Archive id, wrapped key, public witness key.

    Every byte counts: written again, the document has to be the same.
    """
    try:
        document = json.loads(data)
        if document["format"] != "mailkeep-archive" or document["version"] != FORMAT_VERSION:
            raise GiveUp("not_an_archive", "this archive has another format version", "use a newer Mailkeep")
        archive_id, wrapped, public = (bytes.fromhex(document[name]) for name in _HEX)
        exact = document | dict(zip(_HEX, (archive_id.hex(), wrapped.hex(), public.hex()), strict=True))
        if _written(exact) != data or len(archive_id) != 16:
            raise ValueError("not as it was written")
        return archive_id.hex(), wrapped, public
    except (ValueError, KeyError, TypeError):
        problem = f"the store's {FORMAT_NAME} is damaged"
        raise GiveUp("not_an_archive", problem, "bring it back from a copy") from None


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode() + b"\n"


def _wrapping(secret: bytes, archive_id: str) -> bytes:
    return derive(secret, "wrap", salt=bytes.fromhex(archive_id))


def _checksum(secret: bytes) -> str:
    return blake3(secret).hexdigest()[:8]
