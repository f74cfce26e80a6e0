"""Bad input: each a clear sentence with what to do, and nothing lost."""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import PASSWORD, Installation

GUS, HAL = "gus@bad.test", "hal@bad.test"


@pytest.fixture(scope="module")
def server(dovecot: Callable[..., Dovecot]) -> Dovecot:
    made = dovecot(GUS, HAL)
    for number in range(10):
        made.deliver(GUS, "INBOX", f"Subject: {number}\r\n\r\n{number}\r\n".encode())
    return made


@pytest.fixture
def kept(installation: Callable[[], Installation]) -> Installation:
    return installation()


def add(
    kept: Installation, port: int, *more: str, user: str = GUS, password: str = PASSWORD, host: str = "127.0.0.1"
) -> None:
    logins = kept.home.parent / "logins"
    logins.write_text(f"{user}\t{user}\t{password}\n")
    options = ["--kind", "imap", "--host", host, "--port", str(port), "--logins", str(logins), "--mailbox-check", user]
    kept.ok("connection", "add", "C", *options, *(more or ("--tls", "none")))
    kept.ok("group", "add", "G", "--member", user)
    kept.ok("task", "create", "T", "--connection", "C", "--group", "G")


def only_result(kept: Installation) -> dict[str, object]:
    done = kept.run("sync", "T", "--wait")
    (row,) = done.rows
    assert row["message"], row
    assert row["hint"], row
    return row


def failed_step(kept: Installation) -> dict[str, object]:
    done = kept.run("connection", "test", "C")
    assert done.status == 1
    steps = done.rows[0]["steps"]
    assert not steps[-1]["ok"]
    assert all(step["ok"] for step in steps[:-1])
    assert steps[-1]["hint"]
    return dict(steps[-1])


def test_wrong_password(kept: Installation, server: Dovecot) -> None:
    add(kept, server.port, password="wrong")
    row = only_result(kept)
    assert (row["result"], row["code"]) == ("error", "auth_failed")
    assert failed_step(kept)["name"] == "sign_in"
    (task,) = kept.ok("task", "list").rows
    assert task["status"] == "Failed"


def test_unknown_host(kept: Installation) -> None:
    add(kept, 143, "--tls", "implicit", host="no-such-host.invalid")
    assert only_result(kept)["code"] == "unreachable"
    assert failed_step(kept)["name"] == "dns"


def test_nobody_listens(kept: Installation) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    add(kept, port)
    assert only_result(kept)["code"] == "unreachable"
    assert failed_step(kept)["name"] == "tcp"


def test_untrusted_certificate_and_own_authority(installation: Callable[[], Installation], server: Dovecot) -> None:
    stranger = installation()
    add(stranger, server.tls_port, "--tls", "implicit", host="localhost")
    assert only_result(stranger)["code"] == "tls_untrusted"
    assert failed_step(stranger)["name"] == "tls"
    friend = installation()
    add(friend, server.tls_port, "--tls", "implicit", "--ca", str(server.ca_path), host="localhost")
    assert only_result_ok(friend)["fetched"] == 10


def only_result_ok(kept: Installation) -> dict[str, object]:
    (row,) = kept.sync("T")
    assert row["result"] == "ok", row
    return dict(row)


def test_a_mailbox_that_does_not_exist(kept: Installation, dovecot: Callable[..., Dovecot]) -> None:
    server = dovecot(GUS, masters={"svc": "master password"})
    secret = kept.home.parent / "master"
    secret.write_text("master password\n")
    kept.ok(
        "connection", "add", "C", "--kind", "imap", "--host", "127.0.0.1", "--port", str(server.port), "--tls", "none",
        "--master-user", "svc", "--master-password-file", str(secret), "--mailbox-check", GUS,
    )  # fmt: skip
    kept.ok("group", "add", "G", "--member", GUS, "--member", "nobody@bad.test")
    kept.ok("task", "create", "T", "--connection", "C", "--group", "G")
    rows = {row["mailbox"]: row for row in kept.run("sync", "T", "--wait").rows}
    assert rows[GUS]["result"] == "ok", rows
    assert (rows["nobody@bad.test"]["result"], rows["nobody@bad.test"]["code"]) == ("error", "mailbox_not_found")
    (task,) = kept.ok("task", "list").rows
    assert task["status"] == "Enabled With Errors"


class Cutter(socketserver.ThreadingTCPServer):
    """A proxy that drops the line after some bytes, again and again, each time a little later."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, target: int, after: int) -> None:
        super().__init__(("127.0.0.1", 0), Pipe)
        self.target, self.after, self.lines = target, after, 0


class Pipe(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Cutter)
        server.lines += 1
        left = server.after * server.lines
        with socket.create_connection(("127.0.0.1", server.target)) as there:
            threading.Thread(target=self._up, args=(there,), daemon=True).start()
            while left > 0 and (data := there.recv(min(65536, left))):
                self.request.sendall(data)
                left -= len(data)

    def _up(self, there: socket.socket) -> None:
        try:
            while data := self.request.recv(65536):
                there.sendall(data)
        except OSError:
            return  # the line was cut: that is what it is for


def test_a_line_dropped_in_mid_literal(kept: Installation, dovecot: Callable[..., Dovecot]) -> None:
    server = dovecot(GUS)
    for number in range(6):
        server.deliver(GUS, "INBOX", f"Subject: {number}\r\n\r\n".encode() + b"0123456789\r\n" * 40_000)
    with Cutter(server.port, 700_000) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        add(kept, proxy.server_address[1])
        for _ in range(6):
            done = kept.run("sync", "T", "--wait")
            (row,) = done.rows
            if row["result"] == "ok":
                break
            assert row["code"] in ("unreachable", "partial"), row
        assert row["result"] == "ok", row
        proxy.shutdown()
    rows = kept.items(GUS)
    assert sorted(one["subject"] for one in rows) == [str(number) for number in range(6)]
    assert proxy.lines > 1


@pytest.fixture
def small_disk(kept: Installation) -> Iterator[Path]:
    """The archive's folder is a disk of 6 MB."""
    place = kept.home / "archive"
    place.mkdir(parents=True)
    kept.home.chmod(0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "none", str(place)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        pytest.skip("only root can make a small disk here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path, kept: Installation, dovecot: Callable[..., Dovecot]) -> None:
    """When there is room again, the same synchronisation completes."""
    server = dovecot(GUS)
    server.deliver(GUS, "INBOX", b"Subject: small\r\n\r\nsmall\r\n")
    add(kept, server.port)
    only_result_ok(kept)
    for number in range(30):
        noise = os.urandom(500_000).hex().encode()
        server.deliver(GUS, "INBOX", f"Subject: {number}\r\n\r\n".encode() + noise + b"\r\n")
    row = only_result(kept)
    assert (row["result"], row["code"]) == ("error", "store_offline"), row
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    only_result_ok(kept)
    assert len(kept.items(GUS)) == 31
    assert kept.ok("verify").one["ok"]


def test_a_second_serve_on_the_same_home(kept: Installation) -> None:
    first = kept.start("serve", "--port", "18725")
    try:
        wait_for_port(18725)
        second = kept.run("serve", "--port", "18726")
        assert second.status == 1
        assert second.error["code"] == "already_serving"
        assert str(first.pid) in second.error["message"]
        assert kept.ok("task", "list").rows == []  # a command shares the database meanwhile
    finally:
        first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=30)
    assert first.returncode == 0, out


def test_sync_without_anybody_to_run_it(kept: Installation, server: Dovecot) -> None:
    add(kept, server.port)
    done = kept.run("sync", "T")
    assert (done.status, done.error["code"]) == (1, "no_worker")
    assert "serve" in done.error["hint"]


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("task", "show", "nothing"), 1, "task_not_found"),
        (("items", "nobody@bad.test"), 1, "no_such_mailbox"),
        (("item", "../../etc/passwd"), 1, "item_not_found"),
        (("group", "add", " ", "--member", "a@b.c"), 2, "bad_name"),
        (("group", "add", "G", "--member", "a b"), 2, "bad_address"),
        (("connection", "add", "C", "--kind", "imap", "--host", "a b", "--user", "u"), 2, "bad_host"),
        (
            ("connection", "add", "C", "--kind", "imap", "--host", "h.example", "--tls", "none", "--user", "u"),
            2,
            "bad_tls",
        ),
        (("connection", "add", "C", "--kind", "microsoft365", "--host", "h"), 1, "kind_not_built"),
        (("connection", "add", "C", "--kind", "exchange", "--host", "h"), 1, "no_credentials"),
        (("connection", "add", "C", "--kind", "imap", "--host", "h"), 1, "no_credentials"),
    ],
)
def test_words_that_mean_nothing(kept: Installation, arguments: tuple[str, ...], status: int, code: str) -> None:
    done = kept.run(*arguments)
    assert (done.status, done.error["code"]) == (status, code), done.err
    assert done.error["message"]


def wait_for_port(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nobody listens on {port}")
