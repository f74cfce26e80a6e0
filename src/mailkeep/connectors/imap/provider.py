"""Sessions on the mailboxes of an IMAP server, and the connection test in named steps (SPEC B2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailkeep.connectors.base import Description, Endpoint, Step, Usage
from mailkeep.connectors.imap import opening
from mailkeep.connectors.imap.connector import ImapConnector
from mailkeep.connectors.imap.fetching import ITEM_BYTES_MAX
from mailkeep.connectors.imap.session import Session
from mailkeep.connectors.imap.trial import Trial
from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.mail.items import NativePart, Section


@dataclass(frozen=True, slots=True)
class ImapProvider:
    """See `connectors.base.Provider`."""

    answer_seconds_max: float = opening.ANSWER_SECONDS_MAX
    item_bytes_max: int = ITEM_BYTES_MAX
    forms: frozenset[str] = frozenset()  # a message's bytes are all of it

    def open(
        self,
        endpoint: Endpoint,
        address: str,
        sections: frozenset[Section] = frozenset({Section.PRIMARY}),  # noqa: ARG002 - IMAP shows one mailbox
    ) -> ImapConnector:
        who = opening.credentials(endpoint, address)
        session = self._session(endpoint)
        try:
            opening.sign_in(session, who, address)
        except GiveUp as error:
            raise self._clearer(error, endpoint, address) from error
        except BaseException:
            session.close()
            raise
        return self._connector(session)

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def describe(self, parts: Sequence[NativePart]) -> Description | None:  # noqa: ARG002
        return None

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        return Trial(endpoint, self._clearer).steps()

    def _session(self, endpoint: Endpoint) -> Session:
        usage = Usage()
        line = opening.connect(endpoint, usage, self.answer_seconds_max)
        return opening.converse(line, endpoint, usage)

    def _connector(self, session: Session) -> ImapConnector:
        try:
            return ImapConnector(session, self.item_bytes_max)
        except BaseException:
            session.close()
            raise

    def _clearer(self, error: GiveUp, endpoint: Endpoint, address: str) -> GiveUp:
        """Many servers refuse a master user in the same words for a wrong password and an unknown mailbox: ask again."""
        known = endpoint.mailbox_check
        if error.code != "auth_failed" or not endpoint.master_user or not known or known == address:
            return error
        session = self._session(endpoint)
        try:
            opening.sign_in(session, opening.credentials(endpoint, known), known)
        except MailkeepError:
            return error
        session.close()
        message = f"the server opens {known} for {endpoint.master_user}, but no mailbox {address}"
        return GiveUp("mailbox_not_found", message, "check the address")
