"""A small proxy between client and server that breaks the line on request, and a server that says what a script says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType


class FaultyLine:
    """Listens on `port` and passes everything on to `target`. `cut_after`: bytes from the server, then the line drops.

    `cuts`: how many connections are cut; those after it are whole. `poison`: the line drops when the client sends this.
    """

    def __init__(self, target: int, *, cut_after: int = -1, cuts: int = 1, poison: bytes = b"") -> None:
        self._target = target
        self._cut_after = cut_after
        self._cuts = cuts
        self._poison = poison
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> FaultyLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for line in self._open:
            _drop(line)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                cut = self._cut_after if self.connections <= self._cuts else -1
                for work in (
                    lambda c=client, s=server: self._up(c, s),
                    lambda s=server, c=client, n=cut: self._down(s, c, n),
                ):
                    threading.Thread(target=work, daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._poison and self._poison in data:
                    break
                server.sendall(data)
        _drop(client)
        _drop(server)

    def _down(self, server: socket.socket, client: socket.socket, left: int) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if 0 <= left < len(data):
                    client.sendall(data[:left])
                    break
                client.sendall(data)
                left -= len(data) if left >= 0 else 0
        _drop(client)
        _drop(server)


class ScriptedServer:
    """Answers each command line by `answer(tag, command)`; the connection ends where that gives None."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes | None], greeting: bytes = b"* OK ready\r\n") -> None:
        self._answer = answer
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for line in self._open:
            _drop(line)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client.makefile("rb") as lines:
            client.sendall(self._greeting)
            for line in lines:
                tag, _, command = line.rstrip(b"\r\n").partition(b" ")
                said = self._answer(tag, command)
                if said is None:
                    break
                client.sendall(said)
        _drop(client)


def _drop(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
