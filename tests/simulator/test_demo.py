"""`mailkeep demo` as a visitor meets it: it says where and how, archives everybody, ends cleanly, and is there again."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailkeep.simulator.people import COLLEAGUES

MAILKEEP = [sys.executable, "-m", "mailkeep.cli"]
START_SECONDS, ARCHIVE_SECONDS, END_SECONDS = 120, 240, 60


def test_a_visit_and_a_second_one(home: Path) -> None:
    with demo(home) as first:
        password = sign_in_line(first.said)
        assert answers(first.port)
        archived = wait_until_archived()
        assert len(archived) == len(COLLEAGUES)
        first.end()
    assert left_behind(home) == []
    with demo(home) as second:
        assert sign_in_line(second.said) == password
        assert "Moving" not in second.said
        assert answers(second.port)
        assert {row["address"] for row in mailboxes()} == {row["address"] for row in archived}
        second.end()
    assert left_behind(home) == []


class Running:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port, self.said = process, port, ""

    def read_until(self, pattern: str, seconds: float) -> None:
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        while not re.search(pattern, self.said):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            if select.select([self.process.stdout], [], [], 0.5)[0]:
                self.said += os.read(self.process.stdout.fileno(), 65536).decode()

    def end(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(END_SECONDS) == 0, self.said


@contextmanager
def demo(home: Path) -> Iterator[Running]:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    environment = {**os.environ, "MAILKEEP_HOME": str(home)}
    process = subprocess.Popen(
        [*MAILKEEP, "demo", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    running = Running(process, port)
    try:
        running.read_until(r"Ctrl-C ends it\.", START_SECONDS)
        yield running
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def sign_in_line(said: str) -> str:
    found = re.search(r"Sign in +(\S+) +(\S+)", said)
    assert found, said
    return found[2]


def answers(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        return bool(answer.status == 200)


def mailboxes() -> list[dict[str, object]]:
    done = subprocess.run([*MAILKEEP, "mailboxes", "--json"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_until_archived() -> list[dict[str, object]]:
    end = time.monotonic() + ARCHIVE_SECONDS
    while True:
        rows = mailboxes()
        if rows and all(row["result"] == "ok" for row in rows):
            return rows
        assert time.monotonic() < end, rows
        time.sleep(1)


def left_behind(home: Path) -> list[str]:
    """Processes that still work in this home."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(home) in words:
            found.append(words)
    return found
