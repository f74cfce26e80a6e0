"""EWS servers as worlds of the contract: the simulated Exchange, and any server that the environment names.

    MAILKEEP_TEST_EWS_URL=http://127.0.0.1:8080/EWS/Exchange.asmx MAILKEEP_TEST_EWS_USER=… MAILKEEP_TEST_EWS_PASSWORD=…
    MAILKEEP_TEST_EWS_MAILBOXES=one@firma.example,two@firma.example
    (and, where it must be: MAILKEEP_TEST_EWS_AUTH=ntlm MAILKEEP_TEST_EWS_CA=authority.pem)

Whoever changes the mailbox behind the connector's back does it over EWS too, with a session of their own. Everything happens
below one folder that the world makes and removes again; the connector under test sees that folder as the whole mailbox.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mailkeep.connectors.base import Created, Endpoint, Fetched, Listing, NewItem, Unfetched, Usage
from mailkeep.connectors.ews import creating
from mailkeep.connectors.ews.autodiscover import Place
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.connector import EwsConnector
from mailkeep.connectors.ews.creating import Uploads
from mailkeep.connectors.ews.opening import Opening, account_for
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire import listing, requests, writing
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.ids import FolderName
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.connectors.ews.wire.shapes import ID_ONLY, LISTING, Extended, Shape
from mailkeep.errors import MailkeepError
from mailkeep.mail.items import Folder, ItemRef, Kind, Section
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.server import Settings
from tests.servers.exchange import PASSWORD, SERVICE, Clock, organise, running
from tests.servers.exchange import World as Server

RECEIVED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
FLAGS = frozenset({"seen", "flagged", "draft", "answered", "$forwarded"})
_FLAG_STATUS = Extended("Integer", tag=0x1090)  # PidTagFlagStatus: 2 flagged
_ENVIRONMENT = ("URL", "USER", "PASSWORD", "MAILBOXES")
_LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)  # so that a change of the simulated clock is never "a moment ago"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A server under test and a mailbox of it."""

    endpoint: Endpoint
    address: str
    path: str = "/EWS/Exchange.asmx"


@dataclass(slots=True)
class Simulated:
    """A simulated Exchange that tests share; each has a mailbox of its own."""

    server: Server
    exact: bool
    numbers: Iterator[int]

    def endpoint(self, **other: object) -> Endpoint:
        ca = self.server.ca.read_text()
        port = self.server.server.port
        of_service = Endpoint(
            "exchange", "localhost", port, ca_pem=ca, user=SERVICE, password=PASSWORD, impersonate=True
        )
        return replace(of_service, **other)  # type: ignore[arg-type]

    def new_mailbox(self, *, archive: bool = False) -> str:
        address = f"user{next(self.numbers)}@firma.example"
        self.server.organisation.add_mailbox(address, "Somebody", archive=archive)
        return address


def simulated_exchanges(folder: Path) -> Iterator[dict[str, Simulated]]:
    """One that gives everything, and one that makes its MIME anew and knows no native form."""
    with ExitStack() as stack:
        found = {}
        for name, plain in (("exchange", False), ("exchange-plain", True)):
            organisation = organise()
            organisation.clock = Clock(_LONG_AGO)
            settings = Settings(regenerate=plain)
            server = stack.enter_context(running(folder, settings, organisation=organisation))
            if plain:
                server.server.faults.add(Fault("no_export"))
            found[name] = Simulated(server, not plain, itertools.count(1))
        yield found


def simulated(server: Simulated) -> EwsWorld:
    return EwsWorld(Mailbox(server.endpoint(), server.new_mailbox()), exact=server.exact, stable_ids=True, many=1100)


def named_places() -> list[Mailbox]:
    """The mailboxes of the server that the environment names; skips where it names none."""
    told = {name: os.environ.get(f"MAILKEEP_TEST_EWS_{name}", "") for name in _ENVIRONMENT}
    if not all(told.values()):
        missing = ", ".join(f"MAILKEEP_TEST_EWS_{name}" for name, value in told.items() if not value)
        pytest.skip(f"no EWS server is named: {missing} unset")
    parts = urlsplit(told["URL"])
    endpoint = Endpoint(
        "exchange",
        parts.hostname or "",
        parts.port,
        tls="none" if parts.scheme == "http" else "implicit",
        ca_pem=Path(authority).read_text() if (authority := os.environ.get("MAILKEEP_TEST_EWS_CA", "")) else "",
        user=told["USER"],
        password=told["PASSWORD"],
        auth=os.environ.get("MAILKEEP_TEST_EWS_AUTH", "basic"),
    )
    addresses = [one.strip() for one in told["MAILBOXES"].split(",") if one.strip()]
    return [
        Mailbox(
            replace(endpoint, impersonate=address.casefold() != endpoint.user.casefold()),
            address,
            parts.path if parts.path.strip("/") else "/EWS/Exchange.asmx",
        )
        for address in addresses
    ]


def named_server() -> EwsWorld:
    return EwsWorld(named_places()[0], exact=False, stable_ids=None, many=150)


class EwsWorld:
    """A folder of a mailbox, as if it were the whole of it. `stable_ids` None: found out by looking."""

    renumbers = exact_size = False
    incremental = True
    flags: frozenset[str] | None = FLAGS

    def __init__(self, place: Mailbox, *, exact: bool, stable_ids: bool | None, many: int) -> None:
        self.place, self.exact, self.many = place, exact, many
        self.proves: bool | None = True if stable_ids else None  # of an unknown server nothing is known
        self.opening = Opening(rests=BackOff())
        account = account_for(place.endpoint, place.address)
        self.opening.places.note(account, place.address, Place(account, place.path))
        self.provider = EwsProvider(self.opening)
        self._hand = self.opening.enter(place.endpoint, place.address)
        self.root = f"Mailkeep test {secrets.token_hex(4)}"
        self._folders: dict[tuple[str, ...], str] = {}
        self._items: dict[tuple[tuple[str, ...], str], str] = {}
        self._top = self._make(self._hand.known("msgfolderroot"), self.root)
        self.add_folder(("INBOX",))
        self.stable_ids = stable_ids if stable_ids is not None else self._has_stable_ids()

    def connect(self) -> Rerooted:
        return Rerooted(self.provider.open(self.place.endpoint, self.place.address), self.root, self.stable_ids)

    def close(self) -> None:
        """Remove everything that was made here."""
        try:
            remove_tree(self._hand, self._top)
        finally:
            self._hand.close()

    def add_folder(self, path: tuple[str, ...], folder_class: str = "IPF.Note") -> None:
        for depth in range(1, len(path) + 1):
            if path[:depth] not in self._folders:
                above = self._folders[path[: depth - 1]] if depth > 1 else self._top
                self._folders[path[:depth]] = self._make(above, path[depth - 1], folder_class)

    def deliver(
        self, path: tuple[str, ...], content: bytes, flags: Iterable[str] = (), received: datetime = RECEIVED
    ) -> None:
        new = NewItem(Kind.MAIL, content, frozenset(flags), received)
        folder = Folder(self._folders[path], path)
        self._items[path, _subject(content)] = creating.create(self._hand, folder, new, Uploads(False)).id

    def expunge(self, path: tuple[str, ...], subject: str) -> None:
        self._hand.one(writing.delete_item([self._items.pop((path, subject))]), "remove a message")

    def flag(self, path: tuple[str, ...], subject: str, flags: Iterable[str]) -> None:
        held = frozenset(flags)
        item = self._items[path, subject]
        status = "Flagged" if "flagged" in held else "NotFlagged"
        read = f"<t:IsRead>{str('seen' in held).lower()}</t:IsRead>"
        self._update(item, writing.SetField("message:IsRead", "Message", read))
        flag = f"<t:Flag><t:FlagStatus>{status}</t:FlagStatus></t:Flag>"
        try:
            self._update(item, writing.SetField("item:Flag", "Message", flag))
        except (AssertionError, MailkeepError):
            value = writing.extended_property(_FLAG_STATUS, "2" if status == "Flagged" else "0")
            self._update(item, writing.SetField(_FLAG_STATUS, "Message", value))

    def move(self, path: tuple[str, ...], subject: str, target: tuple[str, ...]) -> None:
        moved = self._hand.one(
            writing.move_item([self._items.pop((path, subject))], self._folders[target]), "move a message"
        )
        made = listing.new_ids(moved)
        self._items[target, subject] = made[0][0] if made else self._found(target, subject)

    def renumber(self, path: tuple[str, ...]) -> None:
        pytest.skip("EWS gives no folder new ids")

    @property
    def session(self) -> Session:
        """The hand's own, for tests that do more."""
        return self._hand

    def folder_id(self, path: tuple[str, ...]) -> str:
        return self._folders[path]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _make(self, parent: FolderName, name: str, folder_class: str = "IPF.Note") -> str:
        made = self._hand.one(writing.create_folder(parent, name, folder_class), "make a folder")
        return listing.read_folders(made)[0].id

    def _update(self, item: str, change: writing.SetField) -> ResponseMessage:
        message = self._hand.call(writing.update_item(item, [change], conflict="AlwaysOverwrite"), "change a message")[
            0
        ]
        assert message.response_class != "Error", message.text
        return message

    def _found(self, path: tuple[str, ...], subject: str) -> str:
        shape = Shape(fields=("item:Subject",))
        page = self._hand.one(requests.find_item(self._folders[path], shape), "find a message")
        return next(ref.id for ref in listing.read_found_items(page).refs if ref.subject == subject)

    def _has_stable_ids(self) -> bool:
        """Whether the search key is told, and survives a move."""
        self.deliver(("INBOX",), b"Subject: probe\r\nMessage-ID: <probe@firma.example>\r\n\r\nprobe\r\n")
        self.add_folder(("Probe",))
        before = self._stable_id(("INBOX",), "probe")
        self.move(("INBOX",), "probe", ("Probe",))
        after = self._stable_id(("Probe",), "probe")
        self.expunge(("Probe",), "probe")
        return bool(before) and before == after

    def _stable_id(self, path: tuple[str, ...], subject: str) -> str:
        message = self._hand.one(requests.get_item([self._items[path, subject]], LISTING), "look at a message")
        assert message.item is not None
        return listing.item_ref(message.item).stable_id


def remove_tree(session: Session, top: str) -> None:
    """Delete a folder with all that is in it: at once where the server can, else from the bottom up."""
    if _deleted(session, top):
        return
    below = listing.read_folders(session.one(requests.find_folder([top], offset=0), "look what is left"))
    for folder in [*reversed([one.id for one in below]), top]:
        refs = listing.read_found_items(session.one(requests.find_item(folder, ID_ONLY), "look what is left")).refs
        if refs:
            session.call(writing.delete_item([ref.id for ref in refs]), "clean up")
        assert _deleted(session, folder), "what this test made is still there"


def _deleted(session: Session, folder: str) -> bool:
    inner = f'<m:FolderIds><t:FolderId Id="{folder}"/></m:FolderIds>'
    body = f'<m:DeleteFolder DeleteType="HardDelete">{inner}</m:DeleteFolder>'
    try:
        messages = session.call(Request("DeleteFolder", (body.encode(),)), "clean up")
    except MailkeepError:
        return False
    return bool(messages) and messages[0].response_class != "Error"


class Rerooted:
    """A connector that shows one folder as the whole mailbox."""

    def __init__(self, inner: EwsConnector, root: str, stable_ids: bool) -> None:
        self.inner = inner
        self._root = root
        self.capabilities = replace(inner.capabilities, stable_ids=stable_ids)

    @property
    def usage(self) -> Usage:
        return self.inner.usage

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        return self.inner.closed_sections

    def folders(self) -> list[Folder]:
        shown = (folder for folder in self.inner.folders() if folder.section is Section.PRIMARY)
        return [
            replace(folder, path=folder.path[1:])
            for folder in shown
            if folder.path[0] == self._root and len(folder.path) > 1
        ]

    def unchanged(self, checkpoints: dict[str, bytes]) -> dict[str, int]:
        return self.inner.unchanged(checkpoints)

    def count(self, folder: Folder) -> int:
        return self.inner.count(folder)

    def changes(self, folder: Folder, since: bytes | None) -> Listing:
        return self.inner.changes(folder, since)

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:
        return self.inner.fetch(folder, refs)

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:
        return self.inner.identify(folder, refs)

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:
        made = self.inner.create_folder((self._root, *path), kind)
        return replace(made, path=made.path[1:])

    def create(self, folder: Folder, item: NewItem) -> Created:
        return self.inner.create(folder, item)

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:
        return self.inner.remove_created(folder, item_id, content_sha256, version)

    def close(self) -> None:
        self.inner.close()


def _subject(content: bytes) -> str:
    line = next(line for line in content.split(b"\r\n") if line.startswith(b"Subject: "))
    return line[9:].decode()
