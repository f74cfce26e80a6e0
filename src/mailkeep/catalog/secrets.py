"""Connection secrets at rest (SPEC B3): sealed with AES-256-GCM under a key of the archive's, bound to their
connection.

    sealed = version (1 byte) + nonce (12 random bytes) + ciphertext of the JSON document + tag (16 bytes)

The connection's uid is associated data, so a sealed value put beside another connection does not open. The key comes
from the archive key: whoever holds only the database holds no secret, and a rebuild brings the sealed values back from
the organisation's history.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailkeep.errors import GiveUp

PURPOSE = "connection secrets"
_VERSION = b"\x01"
_NONCE_BYTES = 12


class KeySource(Protocol):
    """The archive's repository, as far as it is needed here."""

    def derive(self, purpose: str) -> bytes: ...


def seal(keys: KeySource, connection: uuid.UUID, secrets: dict[str, Any]) -> bytes:
    """The secrets sealed for that connection; any JSON document."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(secrets, ensure_ascii=False).encode()
    return _VERSION + nonce + AESGCM(keys.derive(PURPOSE)).encrypt(nonce, plain, _bound_to(connection))


def unseal(keys: KeySource, connection: uuid.UUID, sealed: bytes) -> dict[str, Any]:
    """The document `seal` was given; {} where nothing was ever sealed. GiveUp `secrets_unreadable`."""
    if not sealed:
        return {}
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        if sealed[:1] != _VERSION:
            raise InvalidTag
        plain = AESGCM(keys.derive(PURPOSE)).decrypt(nonce, ciphertext, _bound_to(connection))
    except (InvalidTag, ValueError) as error:
        raise GiveUp(
            "secrets_unreadable",
            "the secrets of this connection do not open with this archive's key",
            "set them again; if you moved the database, move the archive and its key file too",
        ) from error
    document: dict[str, Any] = json.loads(plain)
    return document


def _bound_to(connection: uuid.UUID) -> bytes:
    return b"mailkeep connection " + connection.bytes
