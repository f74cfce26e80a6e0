"""The Dovecot we start for tests, the demo and the benchmarks is a real one, keeps bytes, and leaves nothing behind."""

from __future__ import annotations

import imaplib
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Delivery, Dovecot

MESSAGE = b"Subject: hello\r\n\r\nbody with a dot\r\n.\r\nand \xff bytes\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Dovecot]:
    with Dovecot(tmp_path / "a rather long name of a folder " / "dovecot", users=USERS, masters={"svc": "m"}) as server:
        yield server


USERS = {"anna@firma.example": "pass:word {x}", "bob": "b"}


def sign_in(server: Dovecot, user: str = "anna@firma.example") -> imaplib.IMAP4:
    session = imaplib.IMAP4("127.0.0.1", server.port)
    session.login(user, USERS[user])
    return session


def test_bytes_flags_and_dates_come_back(server: Dovecot) -> None:
    received = datetime(2019, 5, 6, 7, 8, 9, tzinfo=UTC)
    deliveries = [Delivery(MESSAGE, frozenset({"seen", "$Forwarded", "work"}), received), Delivery(MESSAGE)]
    assert server.deliver_many("anna@firma.example", "Entwürfe/Ünter.ordner & mehr", deliveries) == 2
    session = sign_in(server)
    assert session.select('"Entw&APw-rfe/&ANw-nter.ordner &- mehr"')[0] == "OK"
    _, data = session.fetch("1", "(FLAGS INTERNALDATE BODY.PEEK[])")
    assert data[0][1] == MESSAGE
    described = data[0][0] + data[1]
    assert b'"06-May-2019 07:08:09 +0000"' in described
    assert {b"\\Seen", b"$Forwarded", b"work"} <= set(described.split(b"FLAGS (")[1].split(b")")[0].split())
    session.logout()


def test_master_signs_in_over_tls(server: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_path))
    session = imaplib.IMAP4_SSL("127.0.0.1", server.tls_port, ssl_context=context)
    session.authenticate("PLAIN", lambda _: b"bob\0svc\0m")
    assert session.state == "AUTH"
    session.logout()


def test_mail_is_there_again_after_a_restart(server: Dovecot) -> None:
    server.deliver("bob", "INBOX", MESSAGE)
    port = server.port
    server.stop()
    assert not server.running()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1).close()
    server.start()
    assert server.port == port
    assert "messages=1" in server.doveadm("mailbox", "status", "-u", "bob", "messages", "INBOX")


def test_what_it_advertises_is_ours_to_say(tmp_path: Path, server: Dovecot) -> None:
    with sign_in(server) as session:
        assert b" CONDSTORE " in session.capability()[1][0]
    poorer = Dovecot(tmp_path / "poorer", users=USERS, capability=server.without("CONDSTORE", "QRESYNC"))
    with poorer, sign_in(poorer, "bob") as session:
        advertised = session.capability()[1][0].split()
        assert b"UIDPLUS" in advertised
        assert not {b"CONDSTORE", b"QRESYNC"} & set(advertised)


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from mailkeep.simulator.dovecot import Dovecot\n"
        "server = Dovecot(Path(sys.argv[1])).start(); print(server.port, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "d")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    pytest.fail("Dovecot outlived the process that started it")
