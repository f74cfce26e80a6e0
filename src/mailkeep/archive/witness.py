"""Statements of all heads, signed: what makes a rollback of the whole archive visible.

A chain proves that nothing inside it was changed, and not that its end is the end: whoever can delete the last objects
leaves a shorter chain that is intact. A statement says how far every chain had come at a moment. It lies in the store,
under a name that sorts by time, and where `MAILKEEP_WITNESS` names a directory (another machine's, best) also there.

    {"archive_id", "heads": {chain: [number, hash]}, "public_key", "signature", "time": microseconds}

The signature is Ed25519 over the canonical JSON of all the rest.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mailkeep.archive.damage import Damaged
from mailkeep.archive.documents import canonical
from mailkeep.archive.entries import from_microseconds, to_microseconds
from mailkeep.archive.events import Head
from mailkeep.archive.keys import witness_private
from mailkeep.errors import RetryLater
from mailkeep.store.base import AlreadyExists, NotFound, Store

SPACING = timedelta(minutes=1)
KEPT = 60  # of the newest statements, all; of earlier ones the last of each day
_DAY = 24 * 3600 * 1_000_000
_NAME = re.compile(r"(\d{20})-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Statement:
    """How far every chain had come. The organisation's chain is one of them, under its name."""

    time: datetime
    heads: Mapping[str, tuple[int, bytes]]  # chain: number, hash
    place: str = "the store"  # where it was found


class Signer(Protocol):
    """The part of a repository that statements need."""

    store: Store
    archive_id: str
    archive_key: bytes
    witness_public: bytes


def due(last: Statement | None, heads: Mapping[str, Head], now: datetime) -> bool:
    """Something changed since the last statement, and that is a minute ago."""
    if last is None:
        return bool(heads)
    return now - last.time >= SPACING and dict(last.heads) != _plain(heads)


def write(signer: Signer, heads: Mapping[str, Head], time: datetime, directory: Path | None = None) -> Statement:
    """Sign and keep a statement, and let go of old ones. Raises RetryLater where the store or the directory fails."""
    statement = Statement(time, _plain(heads))
    body = _body(signer, statement)
    signature = witness_private(signer.archive_key).sign(canonical(body))
    data = canonical({**body, "signature": signature.hex()})
    name = f"{body['time']:020d}-{blake3(data).hexdigest()[:16]}"
    with suppress(AlreadyExists):  # the name holds the content's hash: this very statement is there
        signer.store.put(f"witness/{name}", data)
    _thin(signer.store)
    if directory is not None:
        _copy(data, directory, f"{name}.json")
    return statement


def latest(signer: Signer, directory: Path | None = None) -> Statement | None:
    """The newest statement of the store and the directory.

    Raises Damaged for a newest one that is not ours or was changed.
    """
    found = list(_in_store(signer.store))
    if directory is not None and directory.is_dir():
        found += _in_directory(directory)
    if not found:
        return None
    name, place, read = max(found, key=lambda each: each[0])
    return check_statement(signer, place, name, read())


def kept(signer: Signer, directory: Path | None = None) -> Iterator[Statement | Damaged]:
    """Every statement that the store and the directory keep, oldest of each first; in place of a bad one what is wrong.

    They are few: `superfluous` bounds those of the store. Raises RetryLater should the store go offline.
    """
    for info in list(signer.store.list("witness/")):
        with suppress(NotFound):  # thinned out since it was listed
            yield _checked(signer, "the store", info.name.rpartition("/")[2], signer.store.get(info.name))
    if directory is not None and directory.is_dir():
        for path in sorted(path for path in directory.glob("*.json") if _NAME.fullmatch(path.stem)):
            yield _checked(signer, str(directory), path.stem, path.read_bytes())


def regresses(last: Statement | None, heads: Mapping[str, Head]) -> list[str]:
    """Names of chains that `last` knows and of which `heads` has nothing, less, or another entry at the same number.

    A statement of such heads must not be written: it would vouch for a rollback.
    """
    if last is None:
        return []
    return sorted(chain for chain, (number, digest) in last.heads.items() if not _reaches(heads, chain, number, digest))


def _reaches(heads: Mapping[str, Head], chain: str, number: int, digest: bytes) -> bool:
    head = heads.get(chain)
    return head is not None and (head.number > number or (head.number == number and head.hash == digest))


def _checked(signer: Signer, place: str, name: str, data: bytes) -> Statement | Damaged:
    try:
        return check_statement(signer, place, name, data)
    except Damaged as damage:
        return damage


def check_statement(signer: Signer, place: str, name: str, data: bytes) -> Statement:
    """The statement that the bytes are; `place` and `name` say where they were found. Raises Damaged."""
    try:
        document = json.loads(data)
        signature = bytes.fromhex(document.pop("signature"))
        if canonical({**document, "signature": signature.hex()}) != data:
            raise ValueError("not as it was written")
        if document["archive_id"] != signer.archive_id or document["public_key"] != signer.witness_public.hex():
            raise Damaged(f"witness/{name}", f"the statement in {place} is another archive's")
        Ed25519PublicKey.from_public_bytes(signer.witness_public).verify(signature, canonical(document))
        heads = {chain: (int(number), bytes.fromhex(digest)) for chain, (number, digest) in document["heads"].items()}
        return Statement(from_microseconds(document["time"]), heads, place)
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"witness/{name}", f"the statement in {place} was changed: its signature fails") from None


def _plain(heads: Mapping[str, Head]) -> dict[str, tuple[int, bytes]]:
    return {chain: (head.number, head.hash) for chain, head in heads.items() if head.number}


def _body(signer: Signer, statement: Statement) -> dict[str, Any]:
    return {
        "archive_id": signer.archive_id,
        "heads": {chain: [number, digest.hex()] for chain, (number, digest) in statement.heads.items()},
        "public_key": signer.witness_public.hex(),
        "time": to_microseconds(statement.time),
    }


def superfluous(names: Sequence[str]) -> list[str]:
    """Of sorted names of statements those to let go: more than KEPT newer ones, and a later one on the same day."""
    old = names[:-KEPT]
    return [name for name, later in pairwise([*old, names[-1]] if old else []) if _day(name) == _day(later)]


def _day(name: str) -> int:
    return int(name[:20]) // _DAY


def _thin(store: Store) -> None:
    names = [info.name.removeprefix("witness/") for info in store.list("witness/")]
    for name in superfluous([name for name in names if _NAME.fullmatch(name)]):
        store.delete(f"witness/{name}")


def _in_store(store: Store) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """(name without extension, where it is, its bytes) of the newest in the store."""
    newest = max((info.name for info in store.list("witness/")), default=None)
    if newest is not None:
        yield newest.rpartition("/")[2], "the store", lambda: store.get(newest)


def _in_directory(directory: Path) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """The same of a directory."""
    newest = max((path for path in directory.glob("*.json") if _NAME.fullmatch(path.stem)), default=None)
    if newest is not None:
        yield newest.stem, str(directory), newest.read_bytes


def _copy(data: bytes, directory: Path, name: str) -> None:
    """Whole or not at all, durable. The directory has to be there: a missing mount must not become a folder."""
    temporary = directory / f".{name}-{secrets.token_hex(4)}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, directory / name)  # the same name is the same bytes
    except OSError as error:
        hint = "check that MAILKEEP_WITNESS names a directory that is there and may be written"
        message = f"the statement of heads cannot be copied to {directory}: {error.strerror}"
        raise RetryLater("store_offline", message, hint) from error
