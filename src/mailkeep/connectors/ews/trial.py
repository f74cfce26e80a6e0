"""The connection test: each step as soon as it is known, with its time, a plain sentence and the fix.

dns → tcp → tls → sign_in → permission → mailbox_check
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from mailkeep.connectors.base import Endpoint, Step
from mailkeep.connectors.ews import autodiscover, certificate
from mailkeep.connectors.ews.hierarchy import Hierarchy
from mailkeep.connectors.ews.opening import Opening, account_for, clearer, look, root
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import CONNECT_SECONDS_MAX, Transport, port
from mailkeep.connectors.ews.wire.shapes import Shape
from mailkeep.connectors.stepping import in_turn
from mailkeep.errors import GiveUp, MailkeepError, RetryLater
from mailkeep.mail.items import Section

_INBOX = Shape(fields=("folder:TotalCount",))
_SIGNED_IN_ALL_THE_SAME = frozenset({"mailbox_not_found", "access_denied", "folder_not_found", "account_disabled"})
_PERMISSION = frozenset({"impersonation_denied", "access_denied"})


class Trial:
    """One test of one endpoint."""

    def __init__(self, endpoint: Endpoint, opening: Opening) -> None:
        self._endpoint = endpoint
        self._opening = opening
        self._mailbox = endpoint.mailbox_check or _own_address(endpoint)
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

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()

    def _dns(self) -> str:
        host = self._endpoint.host
        try:
            found = socket.getaddrinfo(host, port(self._endpoint), type=socket.SOCK_STREAM)
        except OSError as error:
            message = f"the host name {host} is not known: {error.strerror or error}"
            hint = "check the host of the connection, and this machine's DNS"
            raise RetryLater("unreachable", message, hint) from error
        return f"{host} is {', '.join(dict.fromkeys(str(where[4][0]) for where in found))}"

    def _tcp(self) -> str:
        with self._line():
            return f"port {port(self._endpoint)} answers"

    def _tls(self) -> str:
        if self._endpoint.tls == "none":
            return "not encrypted: this machine talks to itself"
        host, at = self._endpoint.host, port(self._endpoint)
        trusted = certificate.context(self._endpoint)
        try:
            with self._line() as line, trusted.wrap_socket(line, server_hostname=host.strip("[]")) as encrypted:
                return f"encrypted with {encrypted.version()}, the certificate is trusted"
        except ssl.SSLCertVerificationError as error:
            raise certificate.untrusted(host, at, error.verify_message) from error
        except (ssl.SSLError, OSError) as error:
            message = f"{host} port {at} does not answer in TLS: {error.strerror or error}"
            raise RetryLater("unreachable", message, "check the port of the connection") from error

    def _sign_in(self) -> str:
        """As the account itself, whatever it may do for others. Finds the place by autodiscover where it must."""
        if not self._mailbox:
            message = "the connection names no mailbox that could be opened"
            raise GiveUp("mailbox_not_found", message, "fill in the mailbox to check")
        account = account_for(self._endpoint, self._mailbox)
        session = self._opening.session(self._endpoint, self._mailbox)
        self._session = session
        where = self._signed_in(session, account)
        who = account.user or "the token"
        return f"{who} signed in{where}"

    def _signed_in(self, session: Session, account: Endpoint) -> str:
        """Keeps what the mailbox itself refuses for the steps that follow; returns where EWS was found if elsewhere."""
        where = ""
        for found in (False, True):
            try:
                root(session)
            except GiveUp as error:
                if error.code == "autodiscover_failed" and not found:
                    place = autodiscover.find(account, self._mailbox, session.usage)
                    session.move(Transport(place.endpoint, self._mailbox, path=place.path))
                    where = f" at {place.endpoint.host}, which autodiscover found"
                    continue
                clear = clearer(error, session)
                if clear.code not in _SIGNED_IN_ALL_THE_SAME | _PERMISSION:
                    raise
                self._refused = clear
            return where
        return where

    def _permission(self) -> str:
        user = self._endpoint.user or "the account"
        if self._refused is not None and self._refused.code in _PERMISSION:
            raise self._refused
        if not self._endpoint.impersonate:
            return f"{user} opens mailboxes with its own rights"
        return f"{user} may act as the owners of mailboxes (ApplicationImpersonation)"

    def _mailbox_check(self) -> str:
        if self._refused is not None:
            raise self._refused
        session = self._session
        if session is None:
            raise RuntimeError("no session yet")
        inbox = look(session, session.known("inbox"), _INBOX)
        folders = Hierarchy(session, frozenset({Section.PRIMARY})).listed()
        count = inbox.total if inbox is not None and inbox.total is not None else 0
        return f"{self._mailbox}: {len(folders)} folders, {count:,} items in the inbox"

    def _line(self) -> socket.socket:
        host, at = self._endpoint.host.strip("[]"), port(self._endpoint)
        try:
            return socket.create_connection((host, at), CONNECT_SECONDS_MAX)
        except TimeoutError as error:
            message = f"{host} port {at} did not answer within {CONNECT_SECONDS_MAX:.0f} seconds"
            raise RetryLater("unreachable", message, "check host, port and any firewall in between") from error
        except OSError as error:
            message = f"{host} port {at} cannot be reached: {error.strerror or error}"
            raise RetryLater("unreachable", message, "check host and port, and that the server runs") from error


def _own_address(endpoint: Endpoint) -> str:
    if endpoint.logins:
        return endpoint.logins[0][0]
    return endpoint.user if "@" in endpoint.user and not endpoint.impersonate else ""
