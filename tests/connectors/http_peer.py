"""A scripted HTTP peer: it says what the test wrote, one answer per request, and remembers what it was asked."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    line: str
    headers: dict[str, str]
    body: bytes
    connection: int  # counted from 1


@dataclass(slots=True)
class Said:
    """`cut`: so many bytes of the body are sent, then the line is cut. `silent_seconds`: before the first byte."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = XML
    cut: int | None = None
    hang_up: bool = False  # at once, without a word
    silent_seconds: float = 0.0

    def encoded(self) -> bytes:
        head = {"Content-Type": self.kind, "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in head.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body[: self.cut]


class Peer:
    def __init__(self, said: list[Said], after: Callable[[Asked], Said] | None) -> None:
        self._said = deque(said)
        self._after = after
        self.asked: list[Asked] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # or the thread in `accept` would take one more
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(line, self.connections), daemon=True).start()

    def _talk(self, line: socket.socket, number: int) -> None:
        with line, line.makefile("rb") as read:
            while asked := self._request(read, number):
                self.asked.append(asked)
                said = self._said.popleft() if self._said else self._after(asked) if self._after else Said(500)
                time.sleep(said.silent_seconds)
                if said.hang_up:
                    return
                line.sendall(said.encoded())
                if said.cut is not None:
                    return

    def _request(self, read: object, number: int) -> Asked | None:
        first = read.readline().decode("latin-1").strip()  # type: ignore[attr-defined]
        if not first:
            return None
        headers = {}
        while row := read.readline().decode("latin-1").strip():  # type: ignore[attr-defined]
            name, _, value = row.partition(":")
            headers[name.strip()] = value.strip()
        body = read.read(int(headers.get("Content-Length", "0")))  # type: ignore[attr-defined]
        return Asked(first, headers, body, number)


@contextmanager
def peer(*said: Said, after: Callable[[Asked], Said] | None = None) -> Iterator[Peer]:
    running = Peer(list(said), after)
    try:
        yield running
    finally:
        running.close()


def soap(inner: str, header: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<s:Header>{header}</s:Header><s:Body>{inner}</s:Body></s:Envelope>"
    ).encode()


def answer(
    operation: str, inner: str = "", code: str = "NoError", text: str = "", back_off: int | None = None
) -> bytes:
    """One response message of that operation."""
    verdict = "Success" if code == "NoError" else "Error"
    wait = ""
    if back_off is not None:
        wait = f'<m:MessageXml><t:Value Name="BackOffMilliseconds">{back_off}</t:Value></m:MessageXml>'
    told = f"<m:MessageText>{text}</m:MessageText>" if text else ""
    return soap(
        f'<m:{operation}Response xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
        ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>'
        f'<m:{operation}ResponseMessage ResponseClass="{verdict}">{told}<m:ResponseCode>{code}</m:ResponseCode>{wait}'
        f"{inner}</m:{operation}ResponseMessage></m:ResponseMessages></m:{operation}Response>"
    )


def fault(text: str, code: str = "") -> bytes:
    """As Exchange says it; without a code, as grommunio does."""
    detail = ""
    if code:
        detail = f'<detail><e:ResponseCode xmlns:e="urn:x">{code}</e:ResponseCode></detail>'
    return soap(f"<s:Fault><faultcode>Server</faultcode><faultstring>{text}</faultstring>{detail}</s:Fault>")


ROOT = answer("GetFolder", '<m:Folders><t:Folder><t:FolderId Id="root"/></t:Folder></m:Folders>')
