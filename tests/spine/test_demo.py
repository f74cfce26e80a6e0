"""`mailkeep demo` as a visitor meets it: it says where and how, archives everybody, ends cleanly, and is there again."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailkeep.operations import demo
from mailkeep.simulator.people import COLLEAGUES, SHARED
from tests.spine.installation import Installation
from tests.spine.test_serve import answers, free_port, processes_of, until

START_SECONDS, ARCHIVE_SECONDS, END_SECONDS = 120, 300, 60


@dataclass(slots=True)
class Visit:
    """What one start of the demo said and did."""

    said: str
    password: str
    mailboxes: list[str]


@pytest.mark.timeout(900)
def test_the_demo_archives_its_organisation_and_starts_again_where_it_was(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kept = Installation(tmp_path_factory.mktemp("demo") / "home")
    first = visit(kept)
    assert "moves into" in first.said
    assert len(first.mailboxes) == len(COLLEAGUES) + len(SHARED)
    assert_five_kinds_are_kept(kept)
    second = visit(kept)
    assert second.password == first.password
    assert second.mailboxes == first.mailboxes
    assert "moves into" not in second.said
    for name in ("demo.json", "exchange/organisation.json", "exchange/authority.key"):
        assert Path(kept.home / name).stat().st_mode & 0o77 == 0, name


def visit(kept: Installation) -> Visit:
    port = free_port()
    running = kept.start("demo", "--port", str(port))
    try:
        until(lambda: answers(port) or running.poll() is not None, START_SECONDS)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        began = time.monotonic()
        until(lambda: all_archived(kept), ARCHIVE_SECONDS)
        print(f"{time.monotonic() - began:.0f} s until all were archived")
        [again] = kept.ok("sync", demo.TASK, "--mailbox", COLLEAGUES[0].address, "--wait").rows
        assert again["result"] == "ok", again
        mailboxes = sorted(str(row["address"]) for row in kept.ok("mailboxes").rows)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=END_SECONDS)
    finally:
        end(running)
    assert running.returncode == 0, said
    until(lambda: not processes_of(kept.home), 5)
    assert str(port) in said
    found = re.search(r"Sign in\s+(\S+)\s+(\S+)", said)
    assert found, said
    return Visit(said, found[2], mailboxes)


def end(running: subprocess.Popen[str]) -> None:
    running.kill()
    running.wait()
    if running.stdout:
        running.stdout.close()


def all_archived(kept: Installation) -> bool:
    rows = kept.ok("mailboxes").rows
    assert not [row for row in rows if row["result"] == "error"], rows
    return bool(rows) and all(row["initial_replication"] for row in rows)


def assert_five_kinds_are_kept(kept: Installation) -> None:
    """By the purpose of each folder, whatever it is called in the owner's language."""
    for person in COLLEAGUES[3:7]:
        rows = kept.ok("folders", person.address).rows
        held = {row["kind"] for row in rows if row["items"]}
        assert held == {"mail", "event", "contact", "task", "note"}, rows


def test_a_demo_of_an_earlier_version_is_told_apart(tmp_path: Path) -> None:
    kept = Installation(tmp_path / "home")
    kept.home.mkdir()
    (kept.home / "demo.json").write_text(
        '{"port": 1143, "tls_port": 1993, "master_password": "m", "people_password": "p"}'
    )
    assert "start afresh" in refused(kept)


def test_an_archive_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    kept = Installation(tmp_path / "home")
    kept.ok("task", "list")  # makes the home and its archive
    assert "MAILKEEP_HOME=.demo" in refused(kept)
    assert not (kept.home / "exchange").exists()


def refused(kept: Installation) -> str:
    done = kept.run("demo", "--port", str(free_port()), as_json=False)
    assert done.status == 1, done.out
    return done.err + done.out
