"""A simulated Exchange for tests: Alice and Bob have mailboxes, a service account may impersonate, Carol may open Alice's.

def test_something(exchange: World) -> None:
    exchange.deliver("alice", "inbox", subject="Hello")     # behind the client's back
    exchange.server.faults.add(Fault("busy_short"))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

from mailkeep.simulator.ews.envelope import Handler
from mailkeep.simulator.ews.messages import message_from_mime
from mailkeep.simulator.ews.operations import OPERATIONS
from mailkeep.simulator.ews.server import ExchangeServer, Settings
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Item
from tests.servers.schema import SchemaWatch, ews_schema

DOMAIN = "firma.example"
SERVICE, PASSWORD = "FIRMA\\svc-mailkeep", "S3cret of the service"
PEOPLE = {"alice": "Alice Ott", "bob": "Bob Kern", "carol": "Carol Lind"}
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Clock:
    """Goes on one second each time somebody looks, so that no two things happen at once."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def address(name: str) -> str:
    return name if "@" in name else f"{name}@{DOMAIN}"


def password_of(name: str) -> str:
    return f"pass-{name}-word"


def organise(path: Path | None = None, *, seed: int = 1, version: str = "Exchange2016") -> Organisation:
    """Alice (with an in-place archive), Bob, Carol (full access to Alice's), and the service account."""
    organisation = Organisation(path, clock=Clock(), seed=seed, version=version, domain=DOMAIN)
    for name, full in PEOPLE.items():
        organisation.add_mailbox(address(name), full, archive=name == "alice")
        organisation.add_account(f"FIRMA\\{name}", password_of(name), address(name))
    organisation.add_account(SERVICE, PASSWORD, impersonates=True)
    carol, alice = organisation.account(r"FIRMA\carol"), organisation.mailbox(address("alice"))
    assert carol is not None
    assert alice is not None
    organisation.give_full_access(carol, alice)
    return organisation


@dataclass(slots=True)
class World:
    """A running server, its organisation, and hands to change mailboxes with behind everybody's back."""

    organisation: Organisation
    server: ExchangeServer
    ca: Path
    schema: SchemaWatch | None = None  # None where operations are stubs

    def mailbox(self, name: str) -> Mailbox:
        found = self.organisation.mailbox(address(name))
        assert found is not None
        return found

    def deliver(
        self, name: str, folder: str, *, subject: str = "Hello", body: str = "Hello.", mime: bytes = b""
    ) -> Item:
        """A message arrives; `folder` is a distinguished name."""
        mailbox = self.mailbox(name)
        item, attachments = message_from_mime(mime or message(name, subject, body))
        item.received = self.organisation.clock()
        return mailbox.add(mailbox.well_known(folder), item, attachments)


def message(to: str, subject: str, body: str) -> bytes:
    number = crc32(f"{to} {subject} {body}".encode())
    return (
        f"From: Dora <dora@{DOMAIN}>\r\nTo: {address(to)}\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
        f"Message-ID: <{number}@{DOMAIN}>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


@contextmanager
def running(
    folder: Path,
    settings: Settings | None = None,
    *,
    organisation: Organisation | None = None,
    operations: Mapping[str, Handler] = OPERATIONS,
    ours: bool = True,
) -> Iterator[World]:
    """Start one in this process, on a free port. When all is done: it made no mistake, and everything that passed was
    of the schema (requests only where they are `ours`: others' clients may be as sloppy as they like).
    """
    with organisation or organise() as held, ExchangeServer(held, settings, operations=operations) as server:
        ca = folder / f"ca-{server.port}.pem"
        ca.write_text(server.authority)
        schema = ews_schema() if operations is OPERATIONS else None
        watch = None if schema is None else SchemaWatch(schema)
        if watch is not None:
            server.recorder.listeners.append(watch)
        yield World(held, server, ca, watch)
        assert server.recorder.errors == []
        if watch is not None:
            assert watch.responses == []
            assert watch.requests == [] or not ours
