"""Rebuilt: drop the database, `mailkeep rebuild`, and every view is equal; the stand-alone reader needs neither."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mailkeep.archive
from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import Installation

EVA, FRED = "eva@rebuilt.test", "fred@rebuilt.test"


@pytest.fixture(scope="module")
def kept(dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]) -> Installation:
    server = dovecot(EVA, FRED)
    for number in range(40):
        person, folder = (EVA, FRED)[number % 2], ("INBOX", "Projets/Été", "Sent")[number % 3]
        sensitivity = "Sensitivity: Private\r\n" if number % 10 == 0 else ""
        text = f"From: {number}@rebuilt.test\r\n{sensitivity}Subject: n° {number}\r\n\r\ntext {number}\r\n"
        server.deliver(person, folder, text.encode(), flags={"seen"} if number % 4 else set())
    made = installation()
    made.connect(server, [EVA, FRED])
    made.sync()
    server.doveadm("move", "-u", EVA, "Sent", "mailbox", "INBOX", "1:2")
    server.doveadm("expunge", "-u", FRED, "mailbox", "INBOX", "1")
    server.doveadm("flags", "add", "-u", FRED, "\\Flagged", "mailbox", "INBOX", "1:3")
    made.sync()
    return made


def views(kept: Installation) -> dict[str, Any]:
    """Everything the command line shows of what must come back."""
    items = {who: sorted(kept.items(who), key=lambda row: row["id"]) for who in (EVA, FRED)}
    moments = sorted({row["since"] for rows in items.values() for row in rows})
    return {
        "items": items,
        "earlier": {
            at: [sorted(kept.items(who, "--as-of", at), key=lambda row: row["id"]) for who in items] for at in moments
        },
        "folders": {who: kept.ok("folders", who).rows for who in items},
        "left out": {who: kept.ok("left-out", who).rows for who in items},
        "history": {row["id"]: kept.ok("item", row["id"]).one for row in items[EVA][:5]},
        "mailboxes": [
            {key: row[key] for key in ("id", "address", "connection", "owner", "initial_replication", "counts")}
            for row in kept.ok("mailboxes").rows
        ],
        "connections": kept.ok("connection", "list").rows,
        "groups": kept.ok("group", "list").rows,
        "task": {key: value for key, value in kept.ok("task", "show", "Everybody").one.items() if key != "active"},
        "audit": [row for row in kept.ok("audit").rows if row["action"] != "rebuild"],
    }


def test_every_view_is_equal_after_a_rebuild(kept: Installation) -> None:
    before = views(kept)
    assert len(before["items"][EVA]) + len(before["items"][FRED]) == 40 - 4 - 1
    assert sum(len(rows) for rows in before["left out"].values()) == 4
    shutil.rmtree(kept.home / "postgres")
    refused = kept.run("task", "list")
    assert (refused.status, refused.error["code"]) == (1, "catalog_behind")
    kept.ok("rebuild")
    assert views(kept) == before
    (task,) = kept.ok("task", "list").rows
    assert task["status"] == "Disabled"


def test_after_a_rebuild_a_synchronisation_downloads_nothing(kept: Installation) -> None:
    shutil.rmtree(kept.home / "postgres")
    kept.ok("rebuild")
    kept.ok("task", "start", "Everybody")
    rows = kept.sync()
    assert [(row["result"], row["fetched"]) for row in rows] == [("ok", 0), ("ok", 0)]


def test_the_reader_restores_all_without_database_or_django(kept: Installation, tmp_path: Path) -> None:
    reader = Path(mailkeep.archive.__file__).with_name("reader.py")
    alone = tmp_path / "reader.py"
    alone.write_bytes(reader.read_bytes())
    out = tmp_path / "out"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            str(alone),
            str(kept.home / "archive"),
            str(kept.home / "keys" / "archive.key"),
            "--out",
            str(out),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in out.rglob("*") if path.is_file()}
    assert {row["sha256"] for who in (EVA, FRED) for row in kept.items(who)} <= hashes
