"""Requests on one mailbox: the envelope round them, back-off before them, and what a refusal of the whole request means.

A session has one line, and a second one beside it while items are fetched. Every request first asks the back-off of whose
budget it spends, so nothing goes out while the server wants a rest, whichever session of this process was told so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from mailkeep.connectors.base import Usage
from mailkeep.connectors.ews import backoff
from mailkeep.connectors.ews.transport import Answer, Transport
from mailkeep.connectors.ews.wire import codes, responses
from mailkeep.connectors.ews.wire.envelope import Header, Payload, Request, envelope
from mailkeep.connectors.ews.wire.ids import Distinguished
from mailkeep.connectors.ews.wire.responses import ResponseMessage, SoapFault
from mailkeep.errors import GiveUp, MailkeepError, RetryLater

_COPIED_BYTES_MAX = 1 << 20  # a larger request goes out in pieces
_EXCHANGE_HEADERS = ("X-FEServer", "X-BEServer", "X-CalculatedBETarget", "X-DiagInfo")
CONTENT_BYTES_MAX = 400 << 20  # of one MIME or attachment; more is refused while it comes


class Session:
    """`impersonate`: act as the mailbox's owner; else the account itself opens the mailbox (`own`: it is the account's own;
    `own_login`: the account is nobody else's, so that its throttling budget is this mailbox's alone).
    `server_time`: of the last answer.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        impersonate: bool,
        own: bool = False,
        own_login: bool = False,
        rests: backoff.BackOff = backoff.SHARED,
        content_bytes_max: int = CONTENT_BYTES_MAX,
    ) -> None:
        self.transport = transport
        self.mailbox = transport.mailbox
        self.usage = Usage()
        self.server_time: datetime | None = None
        self.exchange = False  # known once Exchange's own headers were seen
        self.content_bytes_max = content_bytes_max
        self.impersonates = impersonate
        self._whose = "" if impersonate or own else self.mailbox
        self._budget = self.mailbox if impersonate else transport.endpoint.user or "the token's account"
        self._shared = not impersonate and not own_login
        self._header = Header(impersonate=self.mailbox if impersonate else "")
        self._rests = rests
        self._second: Transport | None = None
        self._signed_in = False  # once a request got through: a later 401 may be a line that lost its sign-in

    def known(self, name: str) -> Distinguished:
        """A well-known folder of this mailbox."""
        return Distinguished(name, self._whose)

    def move(self, transport: Transport) -> None:
        """Go on over this line: the mailbox's EWS was found elsewhere."""
        self.close()
        self.transport, self._second = transport, None

    def second(self) -> Transport:
        """The line beside the first."""
        if self._second is None:
            self._second = self.transport.beside()
        return self._second

    def call(self, request: Request, what: str) -> list[ResponseMessage]:
        """All messages of an answer that is small. Raises where the request as a whole is refused, never for one message."""
        try:
            return list(self.stream(request))
        except SoapFault as fault:
            raise self.error(fault.message, what) from fault

    def one(self, request: Request, what: str) -> ResponseMessage:
        """The one message of an answer; raises where it is an error."""
        messages = self.call(request, what)
        if not messages:
            message = f"the server gave an empty answer where it was to {what}"
            raise RetryLater("unreachable", message, "it is tried again; look into the server's log if this lasts")
        if messages[0].response_class == "Error":
            raise self.error(messages[0], what)
        return messages[0]

    def stream(
        self, request: Request, *, transport: Transport | None = None, usage: Usage | None = None
    ) -> Iterator[ResponseMessage]:
        """The messages as they come. Raises `SoapFault`, and what a line or a page in place of EWS means."""
        payload = envelope(request, self._header)
        body = bytes(payload) if len(payload) <= _COPIED_BYTES_MAX else payload
        line = transport or self.transport
        with line.busy, self._post(line, request, body, usage or self.usage) as answer:
            self.server_time = answer.date or self.server_time
            self.exchange = self.exchange or any(name in answer.headers for name in _EXCHANGE_HEADERS)
            self._signed_in = True
            try:
                yield from responses.read(answer.chunks(), content_bytes_max=self.content_bytes_max)
            except SoapFault as fault:
                raise SoapFault(_coded(fault.message)) from fault

    def error(self, message: ResponseMessage, what: str, *, writing: bool = False) -> MailkeepError:
        """The error of a refusal; a wait that the server asks for is noted for every session on this mailbox."""
        error = codes.error_of(message, what, self.mailbox, writing=writing)
        self._note(error)
        return error

    def close(self) -> None:
        self.transport.close()
        if self._second is not None:
            self._second.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _post(self, line: Transport, request: Request, body: bytes | Payload, usage: Usage) -> Answer:
        headers = {"SOAPAction": request.soap_action}
        for again in (False, True):
            self._rests.check(line.endpoint.host, self._budget, whole_server=self._shared)
            try:
                return line.post(body, usage, headers)
            except GiveUp as error:
                if error.code != "auth_failed" or again or not self._signed_in:
                    raise
                line.close()  # it was let in before: once more, from the handshake on
            except RetryLater as error:
                self._note(error)
                raise
        raise AssertionError("unreachable")

    def _note(self, error: MailkeepError) -> None:
        """Remember the wait for the budget's owner. An account that opens many mailboxes has one budget for all of them."""
        if isinstance(error, RetryLater) and error.code == "throttled":
            error.whole_server = self._shared
            if error.wait_seconds:
                self._rests.note(self.transport.endpoint.host, self._budget, error.wait_seconds)


# Servers that fault with words and without a response code (grommunio: "E-3243: …"), read as what Exchange would say.
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"impersonat|E-3243\b", re.IGNORECASE), "ErrorImpersonateUserDenied"),
    (re.compile(r"get user maildir|no such (user|mailbox)|unknown user", re.IGNORECASE), "ErrorNonExistentMailbox"),
    (
        re.compile(r"unknown request|not (yet )?(implemented|supported)|marked as beta", re.IGNORECASE),
        "ErrorInvalidOperation",
    ),
    (re.compile(r"folder entry id|distinguished folder id|target folder", re.IGNORECASE), "ErrorFolderNotFound"),
    (re.compile(r"sync state|idset|cnset", re.IGNORECASE), "ErrorInvalidSyncStateData"),
)


def _coded(message: ResponseMessage) -> ResponseMessage:
    """A fault with a response code, told from its words where it has none."""
    if message.code.startswith("Error"):
        return message
    meant = next((code for words, code in _WORDS if words.search(message.text)), "ErrorInternalServerError")
    return replace(message, code=meant)
