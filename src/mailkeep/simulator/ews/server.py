"""The simulated Exchange, listening.

    with ExchangeServer(organisation, Settings()) as server:
        server.url                 # https://localhost:41873/EWS/Exchange.asmx
        server.authority           # PEM of the authority that signed its certificate
        server.faults.add(Fault("busy_short", operation="GetItem"))
        server.watch.broken        # requests made inside a back-off: a test asserts that there are none
        server.recorder.seen       # requests, and how they ended

One thread per connection; `Service` has the meaning of a request, `Connection` the line, this file the two together:
paths, headers as Exchange sends them, certificates.
"""

from __future__ import annotations

import ipaddress
import secrets
import socketserver
import ssl
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailkeep.errors import GiveUp
from mailkeep.simulator.certificates import Authority, Issued
from mailkeep.simulator.ews import autodiscover, pox, refusals
from mailkeep.simulator.ews.authentication import SCHEMES, Authenticator, Challenge, Signed
from mailkeep.simulator.ews.connection import Connection, Request
from mailkeep.simulator.ews.envelope import Face, Handler
from mailkeep.simulator.ews.fault_kinds import KINDS
from mailkeep.simulator.ews.faults import Faults
from mailkeep.simulator.ews.operations import OPERATIONS
from mailkeep.simulator.ews.recorder import Recorder
from mailkeep.simulator.ews.reply import Reply
from mailkeep.simulator.ews.service import Service, parse
from mailkeep.simulator.ews.throttling import Policy, Throttle, Watch
from mailkeep.simulator.ews.versions import VERSIONS

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.organisation import Organisation

EWS_PATH = "/ews/exchange.asmx"
_COOKIE_END = "Mon, 23-Nov-2037 12:00:00 GMT"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server shows itself. `schema`: a folder with messages.xsd against which requests are checked."""

    name: str = "localhost"  # in URLs and in the certificate
    address: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    tls: bool = True
    schemes: tuple[str, ...] = SCHEMES
    extended_protection: str = "allow"
    policy: Policy | None = None  # None: nobody is throttled
    regenerate: bool = False
    request_bytes_max: int = 67_108_864  # Exchange's maxAllowedContentLength for EWS
    schema: Path | None = None


class ExchangeServer:
    """`clock` in seconds, for budgets and back-offs: the wall's, since clients wait by it."""

    def __init__(
        self,
        organisation: Organisation,
        settings: Settings | None = None,
        *,
        authority: Authority | None = None,
        clock: Callable[[], float] = time.monotonic,
        operations: Mapping[str, Handler] = OPERATIONS,
    ) -> None:
        self.settings = settings or Settings()
        _refuse_open_plain_text(self.settings)
        self.organisation = organisation
        self.request_bytes_max = self.settings.request_bytes_max
        self.faults = Faults(KINDS.__getitem__)
        self.watch = Watch(clock)
        self.recorder = Recorder()
        self.version = VERSIONS[organisation.version]
        self.authenticator = Authenticator(
            organisation,
            host=self.settings.name,
            schemes=self.settings.schemes,
            extended_protection=self.settings.extended_protection,
            unix_time=time.time,
        )
        self._authority = authority or Authority(datetime.now(UTC))
        self.authority = self._authority.pem
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._stopping = threading.Event()
        self._listener = _Listener((self.settings.address, self.settings.port), Connection, bind_and_activate=False)
        self._listener.host = self
        self._thread: threading.Thread | None = None
        self._clock = clock
        self._operations = operations
        policy = self.settings.policy or Policy()
        self.face = Face(regenerate_mime=self.settings.regenerate, find_count_limit=policy.find_count_limit)
        self.port = 0

    # --- running ---------------------------------------------------------------------------------------------------

    def start(self) -> ExchangeServer:
        """Listen; from now on it answers."""
        self._listener.server_bind()
        self.port = self._listener.server_address[1]
        if self.settings.tls:
            self._contexts[""] = self._certified("")
        self._listener.server_activate()
        self.site = autodiscover.Site(self.organisation, self.version, self.settings.name, self.url)
        throttle = Throttle(self.settings.policy, self._clock) if self.settings.policy else None
        self.service = Service(
            self.organisation, self.version, self.faults, self.watch, self.recorder, throttle, self._clock,
            face=self.face, schema=self.settings.schema, operations=self._operations,
        )  # fmt: skip
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name="exchange", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, drop every connection, wait for their threads; harmless when it does not run."""
        self._stopping.set()
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
            self._thread = None
        self._listener.server_close()
        self._listener.drop_all()

    def __enter__(self) -> ExchangeServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        return f"{'https' if self.settings.tls else 'http'}://{self.settings.name}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base_url}/EWS/Exchange.asmx"

    # --- what a connection asks ------------------------------------------------------------------------------------

    def context(self) -> ssl.SSLContext | None:
        if not self.settings.tls:
            return None
        kind = self.faults.certificate()
        shown = KINDS[kind].show if kind else ""
        if shown not in self._contexts:
            self._contexts[shown] = self._certified(shown)
        return self._contexts[shown]

    def pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def respond(self, request: Request) -> Reply:
        try:
            return self._respond(request)
        except Exception:  # noqa: BLE001 - a mistake of ours: on record, and to the client as Exchange would say it
            self.recorder.fail(traceback.format_exc())
            return refusals.refused("ErrorInternalServerError")

    def common_headers(self, request: Request) -> list[tuple[str, str]]:
        """As Exchange's front end sends them; the cookies bind a client to its mailbox server."""
        headers = [
            ("Cache-Control", "private"),
            ("request-id", _guid(secrets.token_hex(16))),
            ("X-CalculatedBETarget", f"ex01.{self.organisation.domain}"),
            ("X-DiagInfo", "EX01"), ("X-BEServer", "EX01"), ("X-AspNet-Version", "4.0.30319"),
            ("X-Powered-By", "ASP.NET"), ("X-FEServer", "EX01"),
        ]  # fmt: skip
        if request.signed_in.signed is not None or request.headers.get("Authorization"):
            headers += [("Set-Cookie", cookie) for cookie in self._cookies(request)]
        return headers

    def _cookies(self, request: Request) -> list[str]:
        """Each once: a client that brings them back is not given new ones."""
        held = request.headers.get("Cookie", "")
        secure = "secure; " if self.settings.tls else ""
        anchor = request.headers.get("X-AnchorMailbox", "").lower() or request.headers.get("Authorization", "")
        target = blake2b(anchor.encode(), digest_size=16).hexdigest()
        cookies = {
            "exchangecookie": f"{secrets.token_hex(16)}; expires={_COOKIE_END}; path=/; {secure}HttpOnly",
            "X-BackEndCookie": f"{target}; expires={_COOKIE_END}; path=/EWS; {secure}HttpOnly",
        }
        return [f"{name}={value}" for name, value in cookies.items() if f"{name}=" not in held]

    def _respond(self, request: Request) -> Reply:
        signed = self.authenticator.check(request.headers.get("Authorization"), request.signed_in)
        if isinstance(signed, Challenge):
            return self._unauthorized(signed)
        reply = self._route(request, signed)
        if reply.status == 401:
            request.signed_in.signed = None
            return self._unauthorized(self.authenticator.challenge(), reply)
        return reply

    def _unauthorized(self, challenge: Challenge, reply: Reply | None = None) -> Reply:
        reply = reply or Reply(401)
        reply.headers.extend(("WWW-Authenticate", value) for value in challenge.values)
        return reply

    def _route(self, request: Request, signed: Signed) -> Reply:
        path = request.path.lower()
        if path == EWS_PATH:
            if request.method != "POST":
                return refusals.page(200, "Service", "You have created a service.")
            return self.service.answer(request, signed)
        if path == "/autodiscover/autodiscover.xml":
            return pox.answer(self.site, parse(request.body))
        if path == "/autodiscover/autodiscover.svc":
            return autodiscover.answer(self.site, parse(request.body))
        return refusals.page(404, "404 - File or directory not found.")

    # --- certificates ----------------------------------------------------------------------------------------------

    def _certified(self, shown: str) -> ssl.SSLContext:
        issued = _issued(shown, self._authority, (self.settings.name, self.settings.address))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # SSLContext reads nothing but files
            file.write(issued.key + issued.certificate)
            file.flush()
            context.load_cert_chain(file.name)
        if not shown:
            certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
            self.authenticator.certificate_der = certificate.public_bytes(Encoding.DER)
        return context


def _issued(shown: str, authority: Authority, names: tuple[str, ...]) -> Issued:
    names = tuple(dict.fromkeys((*names, "localhost")))
    if shown == "expired":
        return authority.issue(*names, until=datetime(2020, 1, 1, tzinfo=UTC))
    if shown == "other_name":
        return authority.issue("mail.elsewhere.example")
    if shown == "untrusted":
        return Authority(datetime.now(UTC)).issue(*names)
    return authority.issue(*names)


def _refuse_open_plain_text(settings: Settings) -> None:
    if not settings.tls and not ipaddress.ip_address(settings.address).is_loopback:
        raise GiveUp("usage", f"plain HTTP is for loopback only, not for {settings.address}", "leave TLS on")


def _guid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class _Listener(ThreadingHTTPServer):
    """Keeps track of its connections, so that stopping ends them."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128
    host: ExchangeServer

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._open: dict[threading.Thread, Connection | None] = {}
        self._guard = threading.Lock()

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of the host's name, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open[threading.current_thread()] = None
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                del self._open[threading.current_thread()]

    def connected(self, connection: Connection) -> None:
        with self._guard:
            self._open[threading.current_thread()] = connection

    def drop_all(self) -> None:
        with self._guard:
            held = dict(self._open)
        for thread, connection in held.items():
            if connection is not None:
                connection.drop()
            thread.join(5)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that leaves, or does not like the certificate, is no error of ours."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.host.recorder.fail(traceback.format_exc())
