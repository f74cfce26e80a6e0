"""Servers that the contract is tried on: each a mailbox that a test changes behind the connector's back.

A message is told from its neighbours by its subject, which the tests keep unique.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from ews_world import EwsWorld, named_server, simulated

from mailkeep.connectors.base import Connector, Endpoint
from mailkeep.connectors.imap.provider import ImapProvider
from mailkeep.connectors.memory.provider import MemoryProvider
from mailkeep.connectors.memory.server import MemoryFolder, MemoryServer
from mailkeep.simulator.dovecot import SPECIAL_USE, Dovecot

RECEIVED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
PASSWORD = "a pass word"
WORLDS = (
    "memory",
    "memory-plain",
    "memory-marks",
    "qresync",
    "condstore",
    "plain",
    "exchange",
    "exchange-plain",
    "ews",
)


def message(subject: str, body: str = "hello", extra: str = "") -> bytes:
    head = f"From: Anna <anna@firma.example>\r\nTo: bob@firma.example\r\nSubject: {subject}\r\n{extra}"
    return f"{head}Message-ID: <{subject}@firma.example>\r\n\r\n{body}\r\n".encode()


class World(Protocol):
    """A server and one of its mailboxes. `renumber`: every id of the folder changes, as with a new UIDVALIDITY."""

    incremental: bool
    stable_ids: bool
    proves: bool | None  # an unchanged folder costs nothing; None: perhaps
    exact: bool  # a message comes back byte for byte
    exact_size: bool  # its size is its length, and it has no version: its bytes are all it is
    renumbers: bool  # it can do `renumber`
    flags: frozenset[str] | None  # those it keeps; None: any word
    many: int  # messages, for what takes many

    def connect(self) -> Connector: ...
    def add_folder(self, path: tuple[str, ...]) -> None: ...
    def deliver(
        self, path: tuple[str, ...], content: bytes, flags: Iterable[str] = (), received: datetime = RECEIVED
    ) -> None: ...
    def expunge(self, path: tuple[str, ...], subject: str) -> None: ...
    def flag(self, path: tuple[str, ...], subject: str, flags: Iterable[str]) -> None: ...
    def move(self, path: tuple[str, ...], subject: str, target: tuple[str, ...]) -> None: ...
    def renumber(self, path: tuple[str, ...]) -> None: ...


class MemoryWorld:
    exact = exact_size = renumbers = True
    flags: frozenset[str] | None = None
    many = 1300

    def __init__(self, *, incremental: bool = True, stable_ids: bool = True, **more: bool) -> None:
        self.incremental, self.stable_ids = incremental, stable_ids
        self.proves: bool | None = incremental
        self.server = MemoryServer(stable_ids=stable_ids, incremental=incremental, **more)  # type: ignore[arg-type]
        self.mailbox = self.server.add_mailbox("anna@firma.example")
        self.provider = MemoryProvider(self.server)
        self.add_folder(("INBOX",))

    def connect(self) -> Connector:
        return self.provider.open(Endpoint("memory", "localhost"), "anna@firma.example")

    def add_folder(self, path: tuple[str, ...]) -> None:
        for depth in range(1, len(path) + 1):
            if not any(folder.path == path[:depth] for folder in self.mailbox.folders):
                self.mailbox.add_folder(path[:depth])

    def deliver(
        self, path: tuple[str, ...], content: bytes, flags: Iterable[str] = (), received: datetime = RECEIVED
    ) -> None:
        self.mailbox.folder(*path).deliver(content, flags=flags, received=received)

    def expunge(self, path: tuple[str, ...], subject: str) -> None:
        folder = self.mailbox.folder(*path)
        folder.expunge(self._uid(folder, subject))

    def flag(self, path: tuple[str, ...], subject: str, flags: Iterable[str]) -> None:
        folder = self.mailbox.folder(*path)
        folder.set_flags(self._uid(folder, subject), flags)

    def move(self, path: tuple[str, ...], subject: str, target: tuple[str, ...]) -> None:
        folder = self.mailbox.folder(*path)
        self.mailbox.move(folder, self._uid(folder, subject), self.mailbox.folder(*target))

    def renumber(self, path: tuple[str, ...]) -> None:
        self.mailbox.folder(*path).reset()

    def _uid(self, folder: MemoryFolder, subject: str) -> int:
        wanted = f"Subject: {subject}\r\n".encode()
        return next(item.uid for item in folder.present() if wanted in item.content)


class DovecotWorld:
    """A user of their own on a Dovecot that several tests share."""

    exact = exact_size = renumbers = True
    flags: frozenset[str] | None = None
    many = 1300
    _numbers = itertools.count(1)

    def __init__(self, server: Dovecot, *, incremental: bool, stable_ids: bool) -> None:
        self.server, self.incremental, self.stable_ids = server, incremental, stable_ids
        self.proves: bool | None = incremental
        self.user = f"user{next(self._numbers)}@firma.example"
        server.add_user(self.user, PASSWORD)
        self.endpoint = Endpoint(
            "imap", "localhost", server.port, tls="none", logins=((self.user, self.user, PASSWORD),)
        )

    def connect(self) -> Connector:
        return ImapProvider().open(self.endpoint, self.user)

    def add_folder(self, path: tuple[str, ...]) -> None:
        self.server.create_folder(self.user, "/".join(path))

    def deliver(
        self, path: tuple[str, ...], content: bytes, flags: Iterable[str] = (), received: datetime = RECEIVED
    ) -> None:
        self.server.deliver(self.user, "/".join(path), content, flags, received)

    def expunge(self, path: tuple[str, ...], subject: str) -> None:
        self._doveadm("expunge", *self._one(path, subject))

    def flag(self, path: tuple[str, ...], subject: str, flags: Iterable[str]) -> None:
        words = " ".join(f"\\{flag}" if flag in ("seen", "flagged", "answered", "draft") else flag for flag in flags)
        self._doveadm("flags", "replace", words, *self._one(path, subject))

    def move(self, path: tuple[str, ...], subject: str, target: tuple[str, ...]) -> None:
        self._doveadm("move", "/".join(target), *self._one(path, subject))

    def renumber(self, path: tuple[str, ...]) -> None:
        self._doveadm("mailbox", "update", "--uid-validity", str(next(self._numbers) + 10**9), "/".join(path))

    def _one(self, path: tuple[str, ...], subject: str) -> tuple[str, ...]:
        return ("mailbox", "/".join(path), "HEADER", "Message-ID", f"<{subject}@firma.example>")

    def _doveadm(self, *arguments: str) -> None:
        verbs = 2 if arguments[0] in ("flags", "mailbox") else 1
        self.server.doveadm(*arguments[:verbs], "-u", self.user, *arguments[verbs:])


def dovecots(folder: Path) -> Iterator[dict[str, Dovecot]]:
    """One server per degree of ability, for a whole test session."""
    whole = Dovecot(folder / "qresync", users={}, masters={"service": "master pass"}, special_use=SPECIAL_USE)
    without_qresync = Dovecot(folder / "condstore", capability=whole.without("QRESYNC", "ID", "LITERAL+"))
    poor = (
        "QRESYNC",
        "CONDSTORE",
        "ENABLE",
        "ID",
        "LIST-STATUS",
        "LIST-EXTENDED",
        "SPECIAL-USE",
        "ESEARCH",
        "SASL-IR",
        "LITERAL+",
    )
    plain = Dovecot(folder / "plain", capability=whole.without(*poor), special_use={"Sent": "\\Sent"})
    with whole, without_qresync, plain:
        yield {"qresync": whole, "condstore": without_qresync, "plain": plain}


def make_world(name: str, request: pytest.FixtureRequest) -> World:
    if name == "memory":
        return MemoryWorld()
    if name == "memory-marks":
        return MemoryWorld(native=True, marks=True, shuffled_ids=True)
    if name == "memory-plain":
        return MemoryWorld(incremental=False, stable_ids=False)
    if name.startswith("exchange"):
        return closed_after(simulated(request.getfixturevalue("exchanges")[name]), request)
    if name == "ews":
        return closed_after(named_server(), request)
    server = request.getfixturevalue("servers")[name]
    return DovecotWorld(server, incremental=name != "plain", stable_ids=name == "qresync")


def closed_after(world: EwsWorld, request: pytest.FixtureRequest) -> EwsWorld:
    """What it made on the server is removed, however the test ends."""
    request.addfinalizer(world.close)
    return world
