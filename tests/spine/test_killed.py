"""Killed anywhere: SIGKILL before and after every write, fsync, link and commit of a run; restarted, nothing is lost and nothing is twice.

The calls of one run are listed first (`killer.py`), then each distinct place is killed at its first and at its last call. One more run is
killed from outside, by `strace` at its nth fsync, as a check on the list.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from mailkeep.host import environment
from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import MAILKEEP, Installation
from tests.spine.server_truth import messages

CLEO = "cleo@killed.test"
KILLER = [sys.executable, "-m", "tests.spine.killer"]
BIG = 9_000_000  # five of these make more than one batch


@dataclass
class Prepared:
    """A home and a database as they were just before the run that is killed; each attempt gets copies of its own."""

    server: Dovecot
    original: Installation
    admin: str
    numbers: Iterator[int] = field(default_factory=itertools.count)
    copying: threading.Lock = field(default_factory=threading.Lock)  # a template admits one copy at a time

    def attempt(self, folder: Path) -> Installation:
        name = f"attempt_{next(self.numbers)}"
        with self.copying, psycopg.connect(self.admin, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE prepared").format(sql.Identifier(name)))
        home = folder / name
        shutil.copytree(self.original.home, home, symlinks=True)
        return Installation(home, {"DATABASE_URL": url(name)})


def url(name: str) -> str:
    settings = environment.database()
    return f"postgresql://{settings['USER']}:{quote(settings['PASSWORD'])}@/{name}?host={quote(str(settings['HOST']), safe='')}"


def letter(number: int, size: int = 500) -> bytes:
    body = hashlib.shake_256(str(number).encode()).hexdigest(size // 2)
    lines = "\r\n".join(body[place : place + 76] for place in range(0, len(body), 76))
    return f"From: k{number}@killed.test\r\nSubject: letter {number}\r\n\r\n{lines}\r\n".encode()


@pytest.fixture(scope="module")
def prepared(
    embedded_database: None, dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]
) -> Prepared:
    admin = url("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS prepared")
        connection.execute("CREATE DATABASE prepared")
    server = dovecot(CLEO)
    for number in range(20):
        server.deliver(CLEO, ("INBOX", "Work")[number % 2], letter(number))
    kept = replace(installation(), environment={"DATABASE_URL": url("prepared")})
    kept.connect(server, [CLEO])
    kept.sync()
    for number in range(100, 105):
        server.deliver(CLEO, "INBOX", letter(number, BIG))
    for number in range(200, 220):
        server.deliver(CLEO, "Work", letter(number))
    server.doveadm("move", "-u", CLEO, "Work", "mailbox", "INBOX", "1:3")
    server.doveadm("expunge", "-u", CLEO, "mailbox", "Work", "1:2")
    server.doveadm("flags", "add", "-u", CLEO, "\\Flagged", "mailbox", "INBOX", "1:2")
    return Prepared(server, kept, admin)


def kill(attempt: Installation, order: str) -> int:
    return replace(attempt, program=[*KILLER, order, "--"]).run("sync", "Everybody", "--wait").status


def points(prepared: Prepared, folder: Path) -> dict[str, tuple[int, int]]:
    """Place → the numbers of its first and its last call in one whole run."""
    lines = folder / "points"
    attempt = prepared.attempt(folder)
    attempt.environment["KILLER_LIST"] = str(lines)
    assert kill(attempt, "LIST") == 0
    found: dict[str, tuple[int, int]] = {}
    for line in lines.read_text().splitlines():
        number, place = line.split(" ", 1)
        found[place] = (found.get(place, (int(number), 0))[0], int(number))
    return found


def truth(server: Dovecot) -> Counter[tuple[str, str, frozenset[str]]]:
    return Counter((one.folder, hashlib.sha256(one.content).hexdigest(), one.flags) for one in messages(server, CLEO))


def kept_items(attempt: Installation) -> Counter[tuple[str, str, frozenset[str]]]:
    return Counter((row["folder"], row["sha256"], frozenset(row["flags"])) for row in attempt.items(CLEO))


def converges(attempt: Installation, server: Dovecot) -> None:
    (result,) = attempt.sync()
    assert result["result"] == "ok", result
    assert kept_items(attempt) == truth(server)
    verdict = attempt.ok("verify").one
    assert verdict["ok"], verdict


def test_killed_at_every_point(prepared: Prepared, tmp_path: Path) -> None:
    found = points(prepared, tmp_path)
    expected = {"fsync", "link", "commit"}
    assert expected <= {place.rsplit(":", 1)[1] for place in found}, found
    assert len(found) >= 12, found
    orders = [
        (place, order)
        for place, numbers in found.items()
        for order in sorted({f"{numbers[0]}:before", f"{numbers[-1]}:after"})
    ]
    with ThreadPoolExecutor(2) as pool:  # each attempt has a home and a database of its own
        failed = [one for one in pool.map(lambda one: survives(prepared, tmp_path, *one), orders) if one]
    assert not failed, "\n".join(failed)


def survives(prepared: Prepared, folder: Path, place: str, order: str) -> str:
    """What went wrong, or ""."""
    attempt = prepared.attempt(folder)
    status = kill(attempt, order)
    try:
        assert status in (-signal.SIGKILL, 0), status  # 0: an interleaving with fewer calls
        converges(attempt, prepared.server)
    except AssertionError as error:
        return f"{place} {order}: {error}"
    shutil.rmtree(attempt.home)
    return ""


def test_killed_from_outside(prepared: Prepared, tmp_path: Path) -> None:
    attempt = prepared.attempt(tmp_path)
    traced = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        "inject=fsync:signal=KILL:when=4",
    ]
    done = subprocess.run(
        [*traced, *MAILKEEP, "sync", "Everybody", "--wait"],
        env={**os.environ, "MAILKEEP_HOME": str(attempt.home), **attempt.environment},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    converges(attempt, prepared.server)


def test_killed_twice_and_then_left_alone(prepared: Prepared, tmp_path: Path) -> None:
    attempt = prepared.attempt(tmp_path)
    total = max(last for _, last in points(prepared, tmp_path).values())
    for number in (total // 3, total // 2):
        kill(attempt, f"{number}:after")
    converges(attempt, prepared.server)
