"""What a server holds, read by the standard library's client: an opinion that owes nothing to ours."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import PASSWORD

imaplib._MAXLINE = 100_000_000  # type: ignore[attr-defined]  # a torture message may be one line


@dataclass(frozen=True)
class Message:
    folder: str  # as the server's wire names it
    content: bytes
    flags: frozenset[str]
    received: datetime


def messages(server: Dovecot, user: str, password: str = PASSWORD) -> Iterator[Message]:
    """Every message of every folder, by BODY.PEEK[]."""
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(user, password)
        for folder in _folders(client):
            client.select(f'"{folder}"', readonly=True)
            _, answer = client.uid("FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
            yield from _read(folder, answer)


def _folders(client: imaplib.IMAP4) -> list[str]:
    _, answer = client.list()
    lines = [line.decode() for line in answer if isinstance(line, bytes)]
    pairs = [re.fullmatch(r'\(([^)]*)\) "?[^"]*"? "?(.*?)"?', line) for line in lines]
    return [pair[2] for pair in pairs if pair and "\\Noselect" not in pair[1]]


def _read(folder: str, answer: list[object]) -> Iterator[Message]:
    """imaplib gives (head, literal) pairs, and bytes for what follows a literal."""
    for index, part in enumerate(answer):
        if not isinstance(part, tuple):
            continue
        head, content = part
        tail = answer[index + 1] if index + 1 < len(answer) else b""
        words = head + (tail if isinstance(tail, bytes) else b"")
        yield Message(folder, content, _flags(words), _date(words))


def _flags(words: bytes) -> frozenset[str]:
    found = re.search(rb"FLAGS \(([^)]*)\)", words)
    assert found, words
    return frozenset(one.decode().lstrip("\\").lower() for one in found[1].split()) - {"recent"}


def _date(words: bytes) -> datetime:
    found = re.search(rb'INTERNALDATE "([^"]*)"', words)
    assert found, words
    return datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
