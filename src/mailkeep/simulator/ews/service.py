"""One SOAP request, from its bytes to its answer, in the order in which Exchange looks at it:

    readable XML?  the version?  whose mailbox?  → within a back-off?  a fault on request?  within budget?
    → the operation → tampering → bytes

The operations themselves are `operations.OPERATIONS`; this file knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from mailkeep.simulator.ews import refusals
from mailkeep.simulator.ews.authentication import Signed
from mailkeep.simulator.ews.caller import Denied, mailbox_of
from mailkeep.simulator.ews.connection import Request
from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Face, Handler, as_error
from mailkeep.simulator.ews.fault_kinds import KINDS
from mailkeep.simulator.ews.faults import Faults, Order
from mailkeep.simulator.ews.operations import OPERATIONS
from mailkeep.simulator.ews.recorder import Recorder, Seen
from mailkeep.simulator.ews.reply import Asked, Reply, Sending
from mailkeep.simulator.ews.throttling import Refused, Throttle, Watch
from mailkeep.simulator.ews.versions import ServerVersion
from mailkeep.simulator.exchange.errors import Refusal

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.mailbox import Mailbox
    from mailkeep.simulator.exchange.organisation import Organisation

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_T = f"{{{refusals.TYPES}}}"
_PIECE = 65_536  # a larger answer goes out in chunks of this size, as Exchange's do

_OPEN = (
    b'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    b'<s:Header>%b</s:Header><s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    b'xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
)
_CLOSE = b"</s:Body></s:Envelope>"


def parse(body: bytes) -> etree._Element | None:
    """The root of a small document; None for what is no XML, or has a DOCTYPE."""
    try:
        return read(body)
    except Unreadable:
        return None


class Unreadable(Exception):
    """Why, and where: `line` and `position` count from 1."""

    def __init__(self, text: str, line: int, position: int) -> None:
        super().__init__(text)
        self.text, self.line, self.position = text, line, position


def read(body: bytes) -> etree._Element:
    """The root element. Raises Unreadable."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        line, position = error.position
        raise Unreadable(str(error.msg), line, position) from error
    if etree.ElementTree(root).docinfo.internalDTD is not None:
        raise Unreadable("For security reasons DTD is prohibited in this XML document.", 1, 1)
    return root


class Service:
    """`throttle` None: budgets are off."""

    def __init__(
        self,
        organisation: Organisation,
        version: ServerVersion,
        faults: Faults,
        watch: Watch,
        recorder: Recorder,
        throttle: Throttle | None,
        clock: Callable[[], float],
        *,
        face: Face,
        schema: Path | None = None,
        operations: Mapping[str, Handler] = OPERATIONS,
    ) -> None:
        self.organisation = organisation
        self.version = version
        self._faults, self._watch, self._recorder = faults, watch, recorder
        self._throttle = throttle
        self._clock = clock
        self._operations = operations
        self._face = face
        self._schema = None if schema is None else etree.XMLSchema(etree.parse(schema / "messages.xsd"))

    def answer(self, request: Request, signed: Signed) -> Reply:
        try:
            envelope = read(request.body)
        except Unreadable as error:
            return refusals.schema_violation(error.text, error.line, error.position)
        body = envelope.find(f"{_SOAP}Body")
        if body is None or len(body) != 1:
            return refusals.refused("ErrorInvalidRequest")
        started = self._clock()
        asked = self._understood(request, signed, envelope, body[0])
        owner = self._budget_owner(asked, signed)
        self._watch.arrived(owner, asked.operation)
        hit = self._faults.strike(asked)
        self._recorder.hear("request", asked.operation, request.body)
        reply = self._refusal(asked, hit) or self._within_budget(asked, signed, hit)
        reply.sending = _sending(hit)
        if reply.back_off_seconds is not None:
            self._watch.tell(owner, reply.back_off_seconds)
        self._note(asked, request, reply, hit, started)
        return reply

    # --- understanding ---------------------------------------------------------------------------------------------

    def _understood(self, request: Request, signed: Signed, envelope: etree._Element, body: etree._Element) -> Asked:
        """Whose mailbox it is for is needed before it is known whether the caller may."""
        named = envelope.findtext(f".//{_T}ExchangeImpersonation/{_T}ConnectingSID/*") or ""
        mailbox = named.strip() or request.headers.get("X-AnchorMailbox", "") or self._own_address(signed)
        found = self.organisation.mailbox(mailbox)
        address = mailbox if found is None else found.address
        operation = etree.QName(body).localname
        own = self._own_address(signed)
        return Asked(own, address, operation, envelope, body, signed.scheme)

    def _own_address(self, signed: Signed) -> str:
        return signed.account.mailbox or signed.account.user

    # --- refusing --------------------------------------------------------------------------------------------------

    def _refusal(self, asked: Asked, hit: list[Order]) -> Reply | None:
        """By a fault, or for the request's own sake."""
        for order in hit:
            kind = KINDS[order.fault.kind]
            reply = kind.refuse(order, kind.seconds_of(order), asked) if kind.refuse else None
            if reply is not None:
                return reply
        code = self.version.refusal(_version_asked(asked), asked.operation)
        if code:
            return refusals.refused(code)
        if self._schema is not None and not self._schema.validate(asked.body):
            log: Any = self._schema.error_log  # the type stubs know nothing of what is in it
            violation = log[0]
            return refusals.schema_violation(violation.message, violation.line, violation.column)
        if asked.operation not in self._operations:
            return refusals.refused("ErrorInvalidRequest")
        return None

    # --- doing -----------------------------------------------------------------------------------------------------

    def _within_budget(self, asked: Asked, signed: Signed, hit: list[Order]) -> Reply:
        owner = self._budget_owner(asked, signed)
        try:
            with self._throttle.admitted(owner) if self._throttle else nullcontext():
                return self._done(asked, signed, hit)
        except Refused as refused:
            if refused.code == "ErrorServerBusy":
                return refusals.busy(refused.back_off_ms)
            return refusals.refused(refused.code)

    def _budget_owner(self, asked: Asked, signed: Signed) -> str:
        """The mailbox impersonated, else the account: full access is charged to who has it."""
        impersonates = asked.envelope.find(f".//{_T}ExchangeImpersonation") is not None
        return asked.mailbox if impersonates else f"account {signed.account.user}"

    def _done(self, asked: Asked, signed: Signed, hit: list[Order]) -> Reply:
        try:
            mailbox = mailbox_of(self.organisation, signed, asked.envelope)
            for order in hit:
                if before := KINDS[order.fault.kind].before:
                    before(order, asked, self.organisation)
            answer = self._run(asked, signed, mailbox, hit)
        except Denied as denied:
            return refusals.refused(denied.code)
        except EwsError as error:
            return Reply(500, refusals.soap_fault(error.code, error.text, error.values))
        except Refusal as refusal:
            worded = as_error(refusal)
            return refusals.refused(worded.code, worded.text)
        for order in hit:
            if after := KINDS[order.fault.kind].after:
                after(order, asked, answer, self.organisation)
        return self._written(asked, answer, hit)

    def _run(self, asked: Asked, signed: Signed, mailbox: Mailbox | None, hit: list[Order]) -> Answer:
        face = self._face
        if any(KINDS[order.fault.kind].regenerated for order in hit):
            face = replace(face, regenerate_mime=True)
        call = Call(self.organisation, signed.account, mailbox, _version_asked(asked) or "Exchange2007", face)
        return self._operations[asked.operation](call, asked.body)

    def _written(self, asked: Asked, answer: Answer, hit: list[Order]) -> Reply:
        """A large answer that nobody needs whole is not put together a second time: it goes out in pieces."""
        parts = (_OPEN % self.version.info().encode(), etree.tostring(answer, encoding="utf-8"), _CLOSE)
        size = sum(map(len, parts))
        if size > _PIECE and not hit and not self._recorder.listeners:
            return Reply(200, _pieces(parts), body_bytes=size)
        body = b"".join(parts)
        self._recorder.hear("response", asked.operation, body)
        for order in hit:
            if rewrite := KINDS[order.fault.kind].rewrite:
                body = rewrite(order, body)
        return Reply(200, body if hit or size <= _PIECE else _pieces((body,)), body_bytes=size)

    def _note(self, asked: Asked, request: Request, reply: Reply, hit: list[Order], started: float) -> None:
        self._recorder.note(
            Seen(
                asked.account, asked.mailbox, asked.operation, reply.status, started, self._clock() - started,
                len(request.body), reply.body_bytes or (len(reply.body) if isinstance(reply.body, bytes) else 0),
                request.headers.get("X-AnchorMailbox", ""), request.headers.get("Cookie", ""),
                tuple(order.fault.kind for order in hit),
            )
        )  # fmt: skip


def _sending(hit: list[Order]) -> Sending:
    for order in hit:
        kind = KINDS[order.fault.kind]
        if kind.send is not None:
            return kind.send(order, kind.seconds_of(order), kind.share_of(order))
    return Sending()


def _version_asked(asked: Asked) -> str:
    version = asked.envelope.find(f"{_SOAP}Header/{_T}RequestServerVersion")
    return "" if version is None else version.get("Version", "")


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(part), _PIECE):
            yield bytes(view[start : start + _PIECE])
