"""Connection secrets: only this archive's key opens them, and only beside their own connection (SPEC B3)."""

from __future__ import annotations

import uuid

import pytest

from mailkeep.catalog import secrets
from mailkeep.errors import GiveUp

DOCUMENT = {"password": "pä$$wörd", "logins": [["a@example.org", "a", "x"]]}


class Keys:
    def __init__(self, letter: bytes) -> None:
        self._key = letter * 32

    def derive(self, purpose: str) -> bytes:
        return self._key


def test_sealed_secrets_open_again_and_show_nothing() -> None:
    uid = uuid.uuid4()
    sealed = secrets.seal(Keys(b"k"), uid, DOCUMENT)
    assert secrets.unseal(Keys(b"k"), uid, sealed) == DOCUMENT
    assert b"password" not in sealed
    assert sealed != secrets.seal(Keys(b"k"), uid, DOCUMENT), "a nonce is never used twice"
    assert secrets.unseal(Keys(b"k"), uid, b"") == {}


@pytest.mark.parametrize("harm", ["another connection", "another key", "a flipped bit", "cut short", "another version"])
def test_anything_else_is_refused(harm: str) -> None:
    uid = uuid.uuid4()
    sealed = secrets.seal(Keys(b"k"), uid, DOCUMENT)
    keys, bound, value = Keys(b"k"), uid, sealed
    match harm:
        case "another connection":
            bound = uuid.uuid4()
        case "another key":
            keys = Keys(b"K")
        case "a flipped bit":
            value = sealed[:-1] + bytes([sealed[-1] ^ 1])
        case "cut short":
            value = sealed[:9]
        case "another version":
            value = b"\x02" + sealed[1:]
    with pytest.raises(GiveUp) as refused:
        secrets.unseal(keys, bound, value)
    assert refused.value.code == "secrets_unreadable"
