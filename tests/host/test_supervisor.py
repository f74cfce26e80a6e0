"""The processes behind `serve`: kept running, ended in order, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailkeep.errors import GiveUp
from mailkeep.host import supervisor
from tests.host.programs import said, servers, wait_until

SERVE = """
import pathlib, signal, sys, time
from mailkeep.host import database, home, supervisor
here = home.prepare()
notes, stubborn = pathlib.Path(sys.argv[1]), sys.argv[2]
port = int(sys.argv[3])
worker = supervisor.Child("worker", [sys.executable, "-c", '''
import os, pathlib, signal, subprocess, sys, time
from mailkeep.host import home, postgres
notes = pathlib.Path(sys.argv[1])
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with postgres.sign_in(home.prepare()) as connection:
    connection.execute("SELECT 1")
with notes.open("a") as file:
    file.write(f"{os.getpid()}\\\\n")
time.sleep(600)
''', str(notes), stubborn])
(notes.parent / "app_of_test.py").write_text('''
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
''')
console = supervisor.gunicorn("app_of_test:application", port)
console = supervisor.Child(console.name, console.argv, {"PYTHONPATH": str(notes.parent)}, console.death)
supervisor.STOP_SECONDS = 3.0
with database.serving(here, {"fsync": "off"}) as cluster:
    print("database", cluster.process.pid, flush=True)
    supervisor.supervise([console, worker], cluster, up=lambda: print("up", flush=True), ready=lambda: supervisor.answers(port))
print("over", flush=True)
"""


class Serve:
    def __init__(self, folder: Path, stubborn: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.notes = folder / "notes"
        command = [sys.executable, "-W", "error", "-c", SERVE, str(self.notes), stubborn, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        word, pid = said(self.process).split()
        assert word == "database"
        self.database = int(pid)
        assert said(self.process) == "up"
        wait_until(self.workers, "a worker has signed in to the database")

    def workers(self) -> list[int]:
        return [int(line) for line in self.notes.read_text().split()] if self.notes.exists() else []

    def left(self) -> list[int]:
        """Processes of ours, the console's own included; each has the folder of the notes in its environment or arguments."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError):
                continue
            if str(self.notes.parent).encode() in words and state != "Z":
                found.append(int(entry.name))
        return found


@pytest.fixture
def serve(home: Path, tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    started: list[Serve] = []

    def one(stubborn: str = "") -> Serve:
        started.append(Serve(tmp_path, stubborn))
        return started[-1]

    yield one
    for serve in started:
        serve.process.kill()
        serve.process.wait()
        assert serve.process.stdout is not None
        serve.process.stdout.close()


def test_it_serves_and_ends_cleanly(home: Path, serve: Callable[..., Serve]) -> None:
    one = serve()
    with socket.create_connection(("127.0.0.1", one.port)) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"hello" in client.makefile("rb").read()
    assert len(one.left()) >= 4, "supervisor, gunicorn, its process, the worker"
    began = time.monotonic()
    one.process.send_signal(signal.SIGTERM)
    assert said(one.process) == "over"
    assert one.process.wait(10) == 0
    assert time.monotonic() - began < 3, "nobody was in the way"
    assert one.left() == []
    assert servers(home) == []


def test_a_child_that_does_not_end_is_killed_in_time(home: Path, serve: Callable[..., Serve]) -> None:
    one = serve("stubborn")
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(3 + 5) == 0
    assert one.left() == []
    assert servers(home) == []


def test_what_dies_is_started_again(home: Path, serve: Callable[..., Serve]) -> None:
    one = serve()
    os.kill(one.workers()[0], signal.SIGKILL)
    wait_until(lambda: len(one.workers()) == 2, "another worker")
    os.kill(one.database, signal.SIGKILL)
    wait_until(lambda: one.database not in servers(home) and servers(home), "another database")
    os.kill(one.workers()[1], signal.SIGKILL)
    wait_until(lambda: len(one.workers()) == 3, "a worker that has signed in to it")
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(10) == 0


def test_killed_it_leaves_nothing_and_can_be_started_again(home: Path, serve: Callable[..., Serve]) -> None:
    one = serve()
    one.process.kill()
    wait_until(lambda: not one.left() and not servers(home), "all have gone", 10)
    serve().process.send_signal(signal.SIGTERM)


def test_a_taken_port_is_refused_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GiveUp) as caught:
            supervisor.refuse_taken_port(port)
    assert caught.value.code == "port_taken"
    assert str(port) in caught.value.message
    assert "--port" in caught.value.hint
