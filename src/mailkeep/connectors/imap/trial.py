"""The connection test: each step as soon as it is known, with its time, a plain sentence and the fix.

dns → tcp → tls → sign_in → permission → mailbox_check
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailkeep.connectors.base import Endpoint, Step, Usage
from mailkeep.connectors.imap import opening
from mailkeep.connectors.imap.connector import ImapConnector
from mailkeep.connectors.imap.line import Line
from mailkeep.connectors.imap.session import Session
from mailkeep.connectors.stepping import in_turn
from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.mail.items import Role

_SIGNED_IN_ALL_THE_SAME = frozenset({"mailbox_not_found", "access_denied"})


class Trial:
    """One test of one endpoint. `clearer` makes an ambiguous refusal plain (see `ImapProvider`)."""

    def __init__(self, endpoint: Endpoint, clearer: Callable[[GiveUp, Endpoint, str], GiveUp]) -> None:
        self._endpoint = endpoint
        self._clearer = clearer
        self._mailbox = endpoint.mailbox_check or _own_address(endpoint)
        self._line: Line | None = None
        self._session: Session | None = None
        self._refused: MailkeepError | None = None  # signed in, but the mailbox would not open

    def steps(self) -> Iterator[Step]:
        """Stops after the first that fails."""
        return in_turn(
            dns=self._dns,
            tcp=self._tcp,
            tls=self._tls,
            sign_in=self._sign_in,
            permission=self._permission,
            mailbox_check=self._mailbox_check,
            close=self._close,
        )

    def _dns(self) -> str:
        return f"{self._endpoint.host} is {', '.join(dict.fromkeys(opening.resolve(self._endpoint)))}"

    def _tcp(self) -> str:
        self._line = opening.connect(self._endpoint, Usage())
        return f"port {opening.port(self._endpoint)} answers"

    def _tls(self) -> str:
        if self._line is None:
            raise RuntimeError("no line yet")
        self._session = opening.converse(self._line, self._endpoint, self._line.usage)
        if self._endpoint.tls == "none":
            return "not encrypted: this machine talks to itself"
        return f"encrypted with {self._line.tls_version()}, the certificate is trusted"

    def _sign_in(self) -> str:
        if not self._mailbox:
            message = "the connection names no mailbox that could be opened"
            raise GiveUp("mailbox_not_found", message, "fill in the mailbox to check")
        who = opening.credentials(self._endpoint, self._mailbox)
        try:
            opening.sign_in(self._signed(), who, self._mailbox)
        except GiveUp as error:
            clear = self._clearer(error, self._endpoint, self._mailbox)
            if clear.code not in _SIGNED_IN_ALL_THE_SAME:
                raise clear from error
            self._refused = clear
        return f"{who.user} signed in"

    def _permission(self) -> str:
        if self._refused is not None and self._refused.code == "access_denied":
            raise self._refused
        if not self._endpoint.master_user:
            return "everybody signs in with a login of their own"
        return f"{self._endpoint.master_user} may sign in for others"

    def _mailbox_check(self) -> str:
        if self._refused is not None:
            raise self._refused
        connector = ImapConnector(self._signed())
        folders = connector.folders()
        inbox = next((folder for folder in folders if folder.role is Role.INBOX), None)
        if inbox is None:
            raise GiveUp("mailbox_not_found", f"{self._mailbox} has no INBOX", "check the address")
        return f"{self._mailbox}: {len(folders)} folders, {connector.count(inbox):,} messages in the INBOX"

    def _signed(self) -> Session:
        if self._session is None:
            raise RuntimeError("no session yet")
        return self._session

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
        elif self._line is not None:
            self._line.close()


def _own_address(endpoint: Endpoint) -> str:
    if endpoint.logins:
        return endpoint.logins[0][0]
    return "" if endpoint.master_user else endpoint.user
