"""Keys and seals of the archive.

    key file ── wraps ──> archive key ── HKDF ──> blob-id key, part-id key     name blobs (BLAKE3, keyed)
                                             ├──> one key per pack (salt = pack id), nonce = ordinal
                                             ├──> one key per history entry (salt = random, in the entry), nonce = 0
                                             ├──> witness seed (Ed25519)
                                             └──> `Repository.derive(purpose)` for secrets kept elsewhere

Every key is used for one pack or one entry, so that a (key, nonce) pair never repeats. Pure but for `new_key`.
"""

from __future__ import annotations

import secrets

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = b"mailkeep/1"
KEY_BYTES = 32
TAG_BYTES = 16

Buffer = bytes | bytearray | memoryview
ID_BYTES = 32

GROUP = 1  # what a sealed piece of a pack is, part of its associated data
FOOTER = 2


class BadSeal(Exception):
    """The bytes are not what was sealed under this key, at this place."""


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def derive(key: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """HKDF-SHA256 with info `mailkeep/1/<purpose>`: 32 bytes."""
    info = FORMAT + b"/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt or None, info=info).derive(key)


class Namer:
    """Names blobs: BLAKE3 keyed by the archive, so that a name betrays nothing about known bytes.

    Parts have names of their own: what a recipe refers to is never a recipe itself, so rebuilding never goes deeper
    than one step.
    """

    def __init__(self, archive_key: bytes) -> None:
        self._key = derive(archive_key, "blob-id")
        self._part_key = derive(archive_key, "part-id")

    def name(self, data: Buffer) -> bytes:
        """The id of a content or document."""
        return blake3(data, key=self._key).digest()

    def part(self, data: Buffer) -> bytes:
        """The id of a part that recipes refer to."""
        return blake3(data, key=self._part_key).digest()

    def start(self) -> blake3:
        """A content's id, fed piece by piece."""
        return blake3(key=self._key)


class PackSeal:
    """Seals and opens the pieces of one pack, each ordinal once."""

    def __init__(self, archive_key: bytes, pack: bytes) -> None:
        self._cipher = AESGCM(derive(archive_key, "pack", salt=pack))
        self._context = FORMAT + pack

    def seal(self, ordinal: int, kind: int, data: bytes) -> bytes:
        return self._cipher.encrypt(ordinal.to_bytes(12, "big"), data, self._associated(ordinal, kind))

    def open(self, ordinal: int, kind: int, sealed: bytes) -> bytes:
        """Raises BadSeal."""
        try:
            return self._cipher.decrypt(ordinal.to_bytes(12, "big"), sealed, self._associated(ordinal, kind))
        except (InvalidTag, ValueError):
            raise BadSeal from None

    def _associated(self, ordinal: int, kind: int) -> bytes:
        return self._context + ordinal.to_bytes(4, "big") + bytes((kind,))


def seal_once(key: bytes, context: bytes, data: bytes) -> bytes:
    """Seal under a key that is used for this alone: nonce 0."""
    return AESGCM(key).encrypt(bytes(12), data, FORMAT + b"/" + context)


def open_once(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """Raises BadSeal."""
    try:
        return AESGCM(key).decrypt(bytes(12), sealed, FORMAT + b"/" + context)
    except (InvalidTag, ValueError):
        raise BadSeal from None
