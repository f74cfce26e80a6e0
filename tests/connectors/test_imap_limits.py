"""What a server may make us hold: no announcement takes memory, no response and no queue grows without end."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Iterator

import pytest

from mailkeep.connectors.base import Usage
from mailkeep.connectors.imap import line as line_module
from mailkeep.connectors.imap.line import Line
from mailkeep.connectors.imap.opened import examine
from mailkeep.connectors.imap.session import Session
from mailkeep.connectors.imap.wire import Claim, WireError
from mailkeep.errors import RetryNow


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket]]:
    """Our line, and the server's end of it."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    line = Line(ours, "localhost", Usage())
    yield line, theirs
    line.close()
    theirs.close()


def say(server: socket.socket, *parts: bytes) -> None:
    """From a thread of its own; then the server hangs up."""

    def speak() -> None:
        try:
            for part in parts:
                server.sendall(part)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            return  # we hung up first: that is what is tested

    threading.Thread(target=speak, daemon=True).start()


def test_a_large_literal_comes_whole(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    content = bytes(range(256)) * (20 << 12)  # 20 MiB: several steps
    line.literal_bytes_max = len(content)
    say(server, b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(content), content, b")\r\n")
    assert line.response() == [b"* 1 FETCH (UID 1 BODY[] ", content, b")"]


def test_an_announcement_takes_no_memory(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    line.literal_bytes_max = 256 << 20
    say(server, b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % (250 << 20), b"x" * 100)
    tracemalloc.start()
    try:
        with pytest.raises(RetryNow):
            line.response()
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_many_literals_of_one_response_have_a_limit_together(
    ends: tuple[Line, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "BESIDE_BYTES_MAX", 10_000)
    line, server = ends
    line.literal_bytes_max = 1_000
    say(server, b"* LIST (", *[b"{1000}\r\n" + b"x" * 1_000] * 20, b")\r\n")
    with pytest.raises(RetryNow, match="more than 11,000 bytes"):
        line.response()


def test_what_nobody_has_read_yet_has_a_limit(
    ends: tuple[Line, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "BESIDE_BYTES_MAX", 10_000)
    line, server = ends
    line.literal_bytes_max = 1_000
    session = Session(line, Usage())
    paused = session.send(b"UID FETCH 1:9 (FLAGS)", claim=Claim(attribute=b"FLAGS", uids=range(1, 10)))
    read = session.send(b"NOOP")
    say(server, *[b"* 1 FETCH (UID 1 FLAGS ())\r\n"] * 1_000, paused.tag + b" OK\r\n", read.tag + b" OK\r\n")
    with pytest.raises(RetryNow, match="nobody has read"):
        session.finish(read, "do nothing")


def test_what_is_read_as_it_comes_has_none(ends: tuple[Line, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "BESIDE_BYTES_MAX", 10_000)
    line, server = ends
    line.literal_bytes_max = 1_000
    session = Session(line, Usage())
    asked = session.send(b"UID FETCH 1:9 (FLAGS)", claim=Claim(attribute=b"FLAGS", uids=range(1, 10)))
    say(server, *[b"* 1 FETCH (UID 1 FLAGS ())\r\n"] * 1_000, asked.tag + b" OK\r\n")
    assert sum(1 for _ in session.responses(asked)) == 1_000


def test_an_answer_that_is_gathered_has_one(ends: tuple[Line, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "BESIDE_BYTES_MAX", 10_000)
    line, server = ends
    line.literal_bytes_max = 1_000
    say(server, *[b"* 1 EXISTS\r\n"] * 1_000, b"m1 OK\r\n")
    with pytest.raises(RetryNow, match="open a folder"):
        Session(line, Usage()).run("open a folder", b"EXAMINE x")


def test_more_uids_than_there_are(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    say(server, b"* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 9223372036854775807] .\r\nm1 OK\r\n")
    with pytest.raises(WireError, match="32 bits"):
        examine(Session(line, Usage()), b"INBOX")
