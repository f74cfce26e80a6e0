"""One HTTP/1.1 connection: TLS, requests in, answers out, and every way in which an answer may go wrong on the line.

It knows nothing of SOAP: `Host.respond` is given the request and gives the reply. What belongs to the connection (an NTLM
sign-in holds for as long as it lives) is kept here, in `signed_in`.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from mailkeep.simulator.ews.authentication import SignedIn
from mailkeep.simulator.ews.reply import Reply, Sending

_CHUNK = 65_536
_IDLE_SECONDS_MAX = 120  # IIS's own default
_LINE_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came. `headers` as received, looked up without regard to case."""

    method: str
    path: str  # without the query
    headers: Message
    body: bytes
    signed_in: SignedIn = field(compare=False)


class Host(Protocol):
    """What the connection needs of the server around it."""

    request_bytes_max: int

    def context(self) -> ssl.SSLContext | None:
        """The TLS of a new connection; None for plain HTTP."""

    def respond(self, request: Request) -> Reply: ...

    def common_headers(self, request: Request) -> list[tuple[str, str]]: ...

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the server lives."""


class TooLarge(Exception):
    """The request is larger than the server takes."""


class Connection(BaseHTTPRequestHandler):
    """`server.host` is the Host."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-IIS/10.0"
    sys_version = ""
    timeout = _IDLE_SECONDS_MAX

    def setup(self) -> None:
        self.host: Host = self.server.host  # type: ignore[attr-defined]
        self.signed_in = SignedIn()
        self.request.settimeout(self.timeout)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        context = self.host.context()
        if context is not None:
            self.request = context.wrap_socket(self.request, server_side=True)
        self.server.connected(self)  # type: ignore[attr-defined]
        super().setup()

    def drop(self) -> None:
        """End it from another thread: whoever reads or writes here gets an error."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.request, socket.SHUT_RDWR)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        with contextlib.suppress(OSError):
            self.request.close()

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_OPTIONS(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Standard error is no log of ours; the recorder has what was asked."""

    def _answer(self) -> None:
        try:
            body = self._body()
        except TooLarge:
            self.close_connection = True
            self._send(None, Reply(413))
            return
        except ValueError:
            self.close_connection = True
            self._send(None, Reply(400))
            return
        request = Request(self.command, self.path.partition("?")[0], self.headers, body, self.signed_in)
        self._send(request, self.host.respond(request))

    # --- in --------------------------------------------------------------------------------------------------------

    def _body(self) -> bytes:
        """Raises TooLarge, and ValueError for a length or chunks that make no sense."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length = int(self.headers.get("Content-Length") or 0)
        if length > self.host.request_bytes_max:
            raise TooLarge
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client left in the middle of its request")
        return body

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            size = int(self.rfile.readline(_LINE_BYTES_MAX).partition(b";")[0], 16)
            total += size
            if total > self.host.request_bytes_max:
                raise TooLarge
            if size == 0:
                while self.rfile.readline(_LINE_BYTES_MAX).strip():  # trailers
                    pass
                return
            yield self.rfile.read(size)
            self.rfile.readline(_LINE_BYTES_MAX)

    # --- out -------------------------------------------------------------------------------------------------------

    def _send(self, request: Request | None, reply: Reply) -> None:
        sending = reply.sending
        if sending.hang_seconds:
            self.host.pause(sending.hang_seconds)
        if not sending.answer:
            self.close_connection = True
            return
        if sending != Sending() and not isinstance(reply.body, bytes):
            reply.body = b"".join(reply.body)  # a fault must know how much there is
        self._head(request, reply)
        if self.command == "HEAD":
            return
        if isinstance(reply.body, bytes):
            self._send_bytes(reply.body, sending)
        else:
            self._send_chunks(reply.body)
        if sending.close_after:
            self.close_connection = True

    def _head(self, request: Request | None, reply: Reply) -> None:
        if reply.sending.gzip and "gzip" in self.headers.get("Accept-Encoding", "") and isinstance(reply.body, bytes):
            reply.body = gzip.compress(reply.body)
            reply.headers.append(("Content-Encoding", "gzip"))
        self.send_response(reply.status)
        for name, value in reply.headers + (self.host.common_headers(request) if request else []):
            self.send_header(name, value)
        if reply.body:
            self.send_header("Content-Type", reply.content_type)
        if isinstance(reply.body, bytes):
            self.send_header("Content-Length", str(self._announced(reply.body, reply.sending)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    @staticmethod
    def _announced(body: bytes, sending: Sending) -> int:
        if sending.cut_share is not None and sending.end_early:
            return int(len(body) * sending.cut_share)
        return len(body)

    def _send_bytes(self, body: bytes, sending: Sending) -> None:
        if sending.cut_share is None:
            self._write(body, sending.drip_seconds)
            return
        self._write(body[: int(len(body) * sending.cut_share)], sending.drip_seconds)
        if sending.end_early:
            return
        self.close_connection = True
        if sending.reset:  # closing with a lingering time of nothing sends RST
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _write(self, body: bytes, seconds: float) -> None:
        if not seconds:
            self.wfile.write(body)
            return
        drops = 20
        size = max(1, -(-len(body) // drops))
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            self.wfile.flush()
            self.host.pause(seconds / drops)

    def _send_chunks(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")
