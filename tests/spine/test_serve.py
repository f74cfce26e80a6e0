"""`serve` as an administrator runs it: it synchronises by itself, survives its workers, and ends leaving nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import Installation

KIM = "kim@serve.test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_of(home: Path) -> list[int]:
    """Every process that has our home in its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue  # it has just ended
            if f"MAILKEEP_HOME={home}\0".encode() in environment:
                found.append(int(entry.name))
    return found


@pytest.fixture
def served(
    dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]
) -> Iterator[tuple[Installation, subprocess.Popen[str], int, Dovecot]]:
    server = dovecot(KIM)
    for number in range(50):
        server.deliver(KIM, "INBOX", f"Subject: {number}\r\n\r\n{number}\r\n".encode())
    kept = installation()
    kept.connect(server, [KIM])
    port = free_port()
    running = kept.start("serve", "--port", str(port))
    until(lambda: answers(port) or running.poll() is not None)
    yield kept, running, port, server
    running.kill()
    running.wait()
    if running.stdout is not None:
        running.stdout.close()
    until(lambda: not processes_of(kept.home), 20)


def test_it_synchronises_by_itself_and_ends_cleanly(
    served: tuple[Installation, subprocess.Popen[str], int, Dovecot],
) -> None:
    kept, running, port, server = served
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert b"Mailkeep" in answer.read()
    until(lambda: len(kept.items(KIM)) == 50)
    server.deliver(KIM, "INBOX", b"Subject: late\r\n\r\nlate\r\n")
    (row,) = kept.sync()  # asks the workers, and waits for them
    assert (row["result"], row["fetched"]) == ("ok", 1)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 0, out
    assert "password" in out
    until(lambda: not processes_of(kept.home), 5)


def test_a_killed_worker_is_replaced(served: tuple[Installation, subprocess.Popen[str], int, Dovecot]) -> None:
    kept, _, _, server = served
    until(lambda: len(kept.items(KIM)) == 50)
    workers = [pid for pid in processes_of(kept.home) if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    server.deliver(KIM, "INBOX", b"Subject: after\r\n\r\nafter\r\n")
    (row,) = kept.sync()
    assert (row["result"], row["fetched"]) == ("ok", 1)


def test_a_killed_serve_leaves_nothing_behind(
    served: tuple[Installation, subprocess.Popen[str], int, Dovecot],
) -> None:
    kept, running, port, _ = served
    running.kill()
    running.communicate()
    until(lambda: not processes_of(kept.home), 20)
    assert not answers(port)
    assert kept.ok("verify").one["ok"]
