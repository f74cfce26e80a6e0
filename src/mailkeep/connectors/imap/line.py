"""The line to a server: bytes on a socket, cut into responses.

Small things are cut out of one buffer; a literal that reaches beyond it is received straight into its own bytearray, so that a
message is copied once. SO_RCVBUF is never set: the kernel's own tuning is twice as fast.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from mailkeep.connectors.base import Usage
from mailkeep.connectors.imap.wire import LINE_BYTES_MAX, PIECES_MAX, Pieces, literal_size
from mailkeep.errors import RetryNow

BUFFER_BYTES = 256 * 1024
LITERAL_BYTES_MAX = 16 << 20  # where nothing larger was asked for
BESIDE_BYTES_MAX = 16 << 20  # all that one response holds beside its largest literal
_STEP_BYTES = 8 << 20  # a literal's memory is taken as it arrives, not as it is announced


class Line:
    """`literal_bytes_max` is raised by whoever asks for whole messages. A line that broke once stays broken."""

    def __init__(self, connection: socket.socket, host: str, usage: Usage) -> None:
        self.literal_bytes_max = LITERAL_BYTES_MAX
        self.broken: RetryNow | None = None
        self._connection = connection
        self._host = host
        self.usage = usage
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0  # what was received and not yet read

    def response(self) -> Pieces:
        """The next response. RetryNow("connection_lost") where the line drops or breaks a limit."""
        pieces: Pieces = []
        held = 0
        while True:
            text = self._text()
            announced = literal_size(text) if text[-1:] == b"}" else None
            if announced is None:
                pieces.append(text)
                return pieces
            text, size = announced
            if size > self.literal_bytes_max or len(pieces) > PIECES_MAX:
                raise self.lost(f"it announced {size:,} bytes where at most {self.literal_bytes_max:,} are taken")
            held += len(text) + size
            if held > self.held_bytes_max:
                raise self.lost(f"a response of more than {self.held_bytes_max:,} bytes")
            pieces.append(text)
            pieces.append(self._literal(size))

    @property
    def held_bytes_max(self) -> int:
        """Of one response, and of all that wait for whoever asked for them."""
        return self.literal_bytes_max + BESIDE_BYTES_MAX

    def send(self, data: bytes) -> None:
        self._check()
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise self.lost(_why(error)) from error

    def start_tls(self, context: ssl.SSLContext) -> None:
        """TLS from here on. What came unencrypted after the go-ahead is refused (an injection). ssl.SSLError as it comes."""
        if self._start != self._end:
            raise self.lost("it sent more before the encryption began")
        self._connection = context.wrap_socket(self._connection, server_hostname=self._host)

    def peer_is_this_machine(self) -> bool:
        address = str(self._connection.getpeername()[0])
        return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")

    def tls_version(self) -> str:
        return str(self._connection.version()) if isinstance(self._connection, ssl.SSLSocket) else "no TLS"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()

    def _text(self) -> bytes:
        scanned = 0
        while True:
            found = self._buffer.find(b"\n", self._start + scanned, self._end)
            if found >= 0:
                end = found - 1 if found > self._start and self._buffer[found - 1] == 13 else found
                text = bytes(self._view[self._start : end])
                self._start = found + 1
                return text
            scanned = self._end - self._start
            if scanned > LINE_BYTES_MAX:
                raise self.lost(f"a line of more than {LINE_BYTES_MAX:,} bytes")
            self._more()

    def _literal(self, size: int) -> bytes | bytearray:
        held = self._end - self._start
        if size <= held:
            self._start += size
            return bytes(self._view[self._start - size : self._start])
        content = bytearray(min(size, held + _STEP_BYTES))
        content[:held] = self._view[self._start : self._end]
        self._start = self._end = 0
        while True:
            with memoryview(content) as view:
                while held < len(content):
                    with view[held:] as rest:
                        held += self._receive(rest)
            if held == size:
                return content
            content += bytes(min(size - held, _STEP_BYTES))

    def _more(self) -> None:
        """Room first: what is unread moves to the front, and a line longer than the buffer makes it grow."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            unread = self._end - self._start
            grown = bytearray(len(self._buffer) if self._start else 2 * len(self._buffer))
            grown[:unread] = self._view[self._start : self._end]
            self._buffer, self._view = grown, memoryview(grown)
            self._start, self._end = 0, unread
        self._end += self._receive(self._view[self._end :])

    def _receive(self, into: memoryview) -> int:
        self._check()
        began = time.perf_counter()
        try:
            received = self._connection.recv_into(into)
        except OSError as error:
            raise self.lost(_why(error)) from error
        finally:
            self.usage.seconds_waiting += time.perf_counter() - began
        if not received:
            raise self.lost("it closed the line")
        self.usage.bytes_received += received
        return received

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken

    def lost(self, why: str) -> RetryNow:
        """Hang up for good; the error to raise."""
        self.broken = RetryNow(
            "connection_lost", f"the line to {self._host} was lost: {why}", "nothing to do: it is tried again"
        )
        self.close()
        return self.broken


def _why(error: OSError) -> str:
    return "it did not answer in time" if isinstance(error, TimeoutError) else str(error.strerror or error)
