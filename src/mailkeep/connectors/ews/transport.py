"""One keep-alive HTTP connection to an EWS endpoint: sign-in, affinity, time-outs, and bodies read as a stream.

    transport = Transport(endpoint, "anna@firma.example")
    with transport.post(request, usage) as answer:
        for chunk in answer.chunks(): …

A password goes to one host only: environment proxies and `.netrc` are ignored, a redirect to another host is refused, one
within the host is followed. Compression is off: base64 of mail that is compressed anyhow costs more time than it saves on
a local network (see docs/decisions/0006-ews-transport.md).
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import requests_ntlm
import spnego.exceptions
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from mailkeep.connectors.base import Endpoint, Usage
from mailkeep.connectors.ews import certificate, refusals
from mailkeep.connectors.ews.wire.envelope import Payload
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow

PATH = "/EWS/Exchange.asmx"
CONNECT_SECONDS_MAX = 20.0
ANSWER_SECONDS_MAX = 180.0  # of silence; a server may convert a large item before its first byte
_CHUNK_BYTES = 256 * 1024
_BEGINNING_BYTES = 16 * 1024
_REDIRECTS_MAX = 3
_AUTH_KINDS = ("basic", "ntlm", "bearer")


class Transport:
    """One connection, for one request at a time: who uses it holds `busy`. `mailbox`: whose server the front end is to pick."""

    def __init__(
        self, endpoint: Endpoint, mailbox: str, *, path: str = PATH, answer_seconds_max: float = ANSWER_SECONDS_MAX
    ) -> None:
        self.endpoint = endpoint
        self.mailbox = mailbox
        self.url = f"{origin(endpoint)}{path}"
        self.busy = threading.Lock()  # held while a request is under way
        self._answer_seconds_max = answer_seconds_max
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.auth = _sign_in(endpoint)
        self._http.mount("http://", _Adapter(None))
        self._http.mount("https://", _Adapter(certificate.context(endpoint) if endpoint.tls != "none" else None))
        self._http.headers.clear()
        self._http.headers.update(
            {
                "User-Agent": "Mailkeep",
                "Accept": "text/xml",
                "Accept-Encoding": "identity",
                "Content-Type": "text/xml; charset=utf-8",
                "Connection": "keep-alive",
                "X-PreferServerAffinity": "true",
            }
        )
        if mailbox.isascii():
            self._http.headers["X-AnchorMailbox"] = mailbox

    def beside(self) -> Transport:
        """A second connection that the front end leads to the same server."""
        second = Transport(
            self.endpoint,
            self.mailbox,
            path=urlsplit(self.url).path,
            answer_seconds_max=self._answer_seconds_max,
        )
        second.url = self.url
        for cookie in self._http.cookies:
            second._http.cookies.set_cookie(cookie)
        return second

    def post(self, body: bytes | Payload, usage: Usage, headers: dict[str, str] | None = None) -> Answer:
        """The XML answer of a request (also one of status 500, which holds a fault). Raises what `refusals.http` says."""
        url = self.url
        for _ in range(_REDIRECTS_MAX + 1):
            response = self._send(url, body, usage, headers or {})
            place = response.headers.get("Location", "")
            if response.status_code not in (301, 302, 307, 308) or not _within(url, place):
                break
            response.close()
            url = urljoin(url, place)
        answer = Answer(response, usage, self.endpoint.host)
        if not answer.is_xml:
            raise self._refusal(answer)
        return answer

    def close(self) -> None:
        self._http.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _send(self, url: str, body: bytes | Payload, usage: Usage, headers: dict[str, str]) -> requests.Response:
        usage.requests += 1
        with self._troubles(), _waited(usage):
            return self._http.post(
                url,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS_MAX, self._answer_seconds_max),
            )

    def _refusal(self, answer: Answer) -> MailkeepError:
        with answer:
            beginning = answer.beginning()
        told = refusals.Answered(answer.status, answer.headers, beginning)
        return refusals.http(told, self.endpoint, datetime.now(UTC))

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        """What goes wrong before the first byte of an answer, in our words."""
        host, where = self.endpoint.host, f"{self.endpoint.host} port {port(self.endpoint)}"
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise self._tls_trouble(error) from error
        except requests.exceptions.ConnectTimeout as error:
            message = f"{where} did not answer within {CONNECT_SECONDS_MAX:.0f} seconds"
            raise RetryLater("unreachable", message, "check host, port and any firewall in between") from error
        except requests.exceptions.ReadTimeout as error:
            raise silent(host, self._answer_seconds_max) from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise _connection_trouble(error, host, where) from error
        except (PermissionError, spnego.exceptions.SpnegoError, KeyError) as error:
            message = f"the NTLM sign-in of {self.endpoint.user} at {host} failed: {error}"
            hint = "check the user (DOMAIN\\name), the password, and that no gateway breaks TLS (channel binding)"
            raise GiveUp("auth_failed", message, hint) from error
        except requests.exceptions.RequestException as error:
            raise RetryLater("unreachable", f"{where}: {error}", "check host and port of the connection") from error

    def _tls_trouble(self, error: Exception) -> MailkeepError:
        host, at = self.endpoint.host, port(self.endpoint)
        cause = _inside(error, ssl.SSLCertVerificationError)
        if cause is not None:
            return certificate.untrusted(host, at, str(getattr(cause, "verify_message", cause)))
        hint = "check the port of the connection, and that nothing in between breaks TLS"
        return RetryLater("unreachable", f"{host} port {at} does not answer in TLS: {_reason(error)}", hint)


class Answer:
    """An HTTP answer whose body is still to be read. Closed by `with`: what was not read is thrown away."""

    def __init__(self, response: requests.Response, usage: Usage, host: str) -> None:
        self._response = response
        self._usage = usage
        self._host = host
        self._whole = False
        self.status = response.status_code
        self.headers = response.headers

    @property
    def is_xml(self) -> bool:
        """An EWS answer or fault; a page of anything else is not."""
        kind = self.headers.get("Content-Type", "").lower()
        return self.status in (200, 500) and "xml" in kind and "xhtml" not in kind

    @property
    def date(self) -> datetime | None:
        """The server's own clock when it answered."""
        return refusals.http_date(self.headers.get("Date", ""))

    def chunks(self) -> Iterator[bytes]:
        """The body. RetryNow("connection_lost") where it breaks off, RetryLater where it stops coming."""
        while chunk := self._read(_CHUNK_BYTES):
            yield chunk
        self._whole = True

    def beginning(self) -> bytes:
        """The first kilobytes of a page, for a diagnosis; what the line breaks off is left out."""
        try:
            return self._read(_BEGINNING_BYTES)
        except MailkeepError:
            return b""

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._whole:
            self._response.raw.release_conn()
        else:
            self._response.close()

    def _read(self, size: int) -> bytes:
        lost = "it is tried again"
        try:
            with _waited(self._usage):
                chunk: bytes = self._response.raw.read(size, decode_content=True)  # who compresses unasked
        except urllib3.exceptions.ReadTimeoutError as error:
            raise RetryNow("connection_lost", f"{self._host} fell silent in the middle of an answer", lost) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            message = f"the answer of {self._host} broke off: {_reason(error)}"
            raise RetryNow("connection_lost", message, lost) from error
        self._usage.bytes_received += len(chunk)
        return chunk


def origin(endpoint: Endpoint) -> str:
    """Scheme, host and port: "https://mail.firma.example:443"."""
    scheme = "http" if endpoint.tls == "none" else "https"
    host = f"[{endpoint.host}]" if ":" in endpoint.host and not endpoint.host.startswith("[") else endpoint.host
    return f"{scheme}://{host}:{port(endpoint)}"


def port(endpoint: Endpoint) -> int:
    return endpoint.port or (80 if endpoint.tls == "none" else 443)


def silent(host: str, seconds: float) -> RetryNow:
    message = f"{host} gave no answer within {seconds:.0f} seconds"
    return RetryNow("connection_lost", message, "it is tried again; look at the server's load if this lasts")


class _Adapter(HTTPAdapter):
    """One connection per host, with this TLS context and no other certificates than its own."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        if self._context is not None:
            more["ssl_context"] = self._context
        more["socket_options"] = [
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ]
        super().init_poolmanager(connections, maxsize, block, **more)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Left to the context: requests would add its own bundle to a connection's one authority."""


class _Header(AuthBase):
    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _sign_in(endpoint: Endpoint) -> AuthBase:
    if any(byte in text for text in (endpoint.user, endpoint.password) for byte in "\0\r\n"):
        raise GiveUp("auth_failed", "a user name or password holds a line break", "type it again in the connection")
    if endpoint.auth == "ntlm":
        return requests_ntlm.HttpNtlmAuth(endpoint.user, endpoint.password, send_cbt=True)
    if endpoint.auth == "bearer":
        if not endpoint.password.isascii():
            raise GiveUp("auth_failed", "the token holds characters that no token has", "set it again")
        return _Header(f"Bearer {endpoint.password}")
    if endpoint.auth != "basic":
        raise GiveUp("auth_failed", f"{endpoint.auth} is no way to sign in", f"use one of: {', '.join(_AUTH_KINDS)}")
    pair = f"{endpoint.user}:{endpoint.password}".encode()
    return _Header(f"Basic {base64.b64encode(pair).decode('ascii')}")


def _within(url: str, place: str) -> bool:
    """Whether a redirect stays on this very host, port and scheme, and is no login page."""
    here, there = urlsplit(url), urlsplit(urljoin(url, place))
    same = (here.scheme, here.hostname, _port_of(here)) == (there.scheme, there.hostname, _port_of(there))
    return bool(place) and same and not refusals.is_login_place(there.path)


def _port_of(parts: Any) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def _waited(usage: Usage) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        usage.seconds_waiting += time.perf_counter() - began


def _connection_trouble(error: Exception, host: str, where: str) -> MailkeepError:
    """The name is unknown, nobody listens, or the line was cut before an answer."""
    hint = "check host and port, and that the server runs"
    if _inside(error, urllib3.exceptions.NameResolutionError) is not None:
        hint = "check the host of the connection, and this machine's DNS"
        return RetryLater("unreachable", f"the host name {host} is not known", hint)
    if _inside(error, urllib3.exceptions.NewConnectionError) is not None:
        return RetryLater("unreachable", f"{where} cannot be reached: {_reason(error)}", hint)
    message = f"the line to {host} was cut before an answer: {_reason(error)}"
    return RetryNow("connection_lost", message, "it is tried again")


def _inside(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The error of that kind that lies at the bottom of this one, where requests and urllib3 wrapped it."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or one in seen:
            continue
        if isinstance(one, kind):
            return one
        seen.append(one)
        todo += [one.__cause__, one.__context__, getattr(one, "reason", None)]
        todo += [argument for argument in one.args if isinstance(argument, BaseException)]
    return None


def _reason(error: BaseException) -> str:
    bottom = _inside(error, OSError) if not isinstance(error, OSError) else error
    strerror = getattr(bottom, "strerror", None)
    if strerror:
        return str(strerror)
    text = str(error.args[-1] if error.args else error)
    return text.rpartition(": ")[2][:200]
