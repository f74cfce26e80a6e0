"""Programs that the tests of this folder start, and a look at what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HOLD = """
import logging, sys, time
from mailkeep.errors import MailkeepError
from mailkeep.host import database, home, postgres
logging.basicConfig(level="WARNING")
tuning = {"fsync": "off"}
hold = {"running": database.running, "serving": database.serving}[sys.argv[1]]
try:
    with hold(home.prepare(), tuning) as cluster:
        with postgres.sign_in(home.prepare()) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS seen (who text)")
            connection.execute("INSERT INTO seen VALUES ('me')")
            seen = connection.execute("SELECT count(*) FROM seen").fetchone()[0]
        print("owns" if cluster else "shares", seen, flush=True)
        sys.stdin.readline()
    print("over", flush=True)
except MailkeepError as error:
    print("refused", error.code, error.message, error.hint, sep="|", flush=True)
"""


def hold(how: str = "running", **popen: object) -> subprocess.Popen[str]:
    """A process that holds the database of MAILKEEP_HOME until its standard input ends; it says `owns N` or `shares N`."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HOLD, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **popen,  # type: ignore[call-overload]
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def wait_until(true: Callable[[], object], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def mentioning(word: str) -> list[int]:
    """Living processes whose command line holds `word`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word in (entry / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [pid for pid in found if pid != os.getpid()]


def servers(home: Path) -> list[int]:
    """Processes at work in the home's cluster (every one of PostgreSQL's has it as its working directory)."""
    found = []
    data = home / "postgres" / "data"
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").samefile(data):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
