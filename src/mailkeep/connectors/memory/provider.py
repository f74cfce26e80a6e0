"""Sessions on a memory server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mailkeep.connectors.base import Description, Endpoint, Step
from mailkeep.connectors.memory import native
from mailkeep.connectors.memory.connector import MemoryConnector
from mailkeep.connectors.memory.server import MemoryServer
from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.mail.items import NativePart, Section


class MemoryProvider:
    """See `connectors.base.Provider`. `sessions` are all it ever opened, for tests to look at."""

    forms = native.FORMS

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.sessions: list[MemoryConnector] = []

    def open(
        self, endpoint: Endpoint, address: str, sections: frozenset[Section] = frozenset({Section.PRIMARY})
    ) -> MemoryConnector:
        self.server.faults.strike("open", address)
        if self.server.password and endpoint.password != self.server.password:
            raise GiveUp("auth_failed", "the server refused user name or password", "check them in the connection")
        mailbox = self.server.mailboxes.get(address)
        if mailbox is None:
            raise GiveUp("mailbox_not_found", f"there is no mailbox {address}", "check the address")
        session = MemoryConnector(self.server, mailbox, sections)
        self.sessions.append(session)
        return session

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:
        return native.properties(parts)

    def describe(self, parts: Sequence[NativePart]) -> Description | None:
        return native.describe(parts)

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        for name, message in (("dns", "in memory"), ("tcp", "in memory"), ("tls", "not needed in memory")):
            yield Step(name, True, 0.0, message)
        try:
            session = self.open(endpoint, endpoint.mailbox_check or next(iter(self.server.mailboxes), ""))
        except MailkeepError as error:
            name = "sign_in" if error.code == "auth_failed" else "mailbox_check"
            yield Step(name, False, 0.0, error.message, error.hint)
            return
        yield Step("sign_in", True, 0.0, "signed in")
        yield Step("permission", True, 0.0, "may read every mailbox")
        yield Step("mailbox_check", True, 0.0, f"{len(session.folders())} folders")
