"""`mailkeep demo`, as `make demo` starts it: an organisation, its mail archived, the console; it goes on where it was."""

from __future__ import annotations

import re
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.spine.installation import Installation
from tests.spine.test_serve import answers, free_port, processes_of, until


@pytest.mark.timeout(300)
def test_the_demo_archives_its_organisation_and_starts_again_where_it_was(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kept = Installation(tmp_path_factory.mktemp("demo") / "home")
    first = once(kept)
    assert first["mailboxes"] >= 12
    second = once(kept)
    assert second["password"] == first["password"]
    assert second["mailboxes"] == first["mailboxes"]


def once(kept: Installation) -> dict[str, object]:
    port = free_port()
    running = kept.start("demo", "--port", str(port))
    until(lambda: answers(port) or running.poll() is not None, 120)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert answer.status == 200
    until(lambda: all_archived(kept), 120)
    count = len(kept.ok("mailboxes").rows)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=40)
    assert running.returncode == 0, out
    until(lambda: not processes_of(kept.home), 5)
    assert str(port) in out
    found = re.search(r"Sign in\s+(\S+)\s+(\S+)", out)
    assert found, out
    assert Path(kept.home / "demo.json").stat().st_mode & 0o77 == 0
    return {"password": found[2], "mailboxes": count}


def all_archived(kept: Installation) -> bool:
    rows = kept.ok("mailboxes").rows
    assert not [row for row in rows if row["result"] == "error"], rows
    return bool(rows) and all(row["initial_replication"] for row in rows)
