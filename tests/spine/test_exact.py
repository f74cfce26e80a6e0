"""Exact: what the server returns for BODY.PEEK[] is what an export gives back, bit for bit, with flags and internal dates.

Real and torture mail of the corpus goes into a real Dovecot; the truth is read by the standard library's client.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Delivery, Dovecot
from tests.spine.installation import Installation
from tests.spine.server_truth import messages

ANNA = "anna@exact.test"
REAL = {"linux-hyperv": 9, "spamassassin-a": 3, "usrp-users": 2, "notmuch": 1}  # every nth, to keep the run short
TORTURE = ("mimekit", "mailcore2", "cpython-email", "enmime", "ruby-mail", "mail-mime-parser", "gmime")
FLAGS = (set(), {"seen"}, {"seen", "answered"}, {"flagged"}, {"draft", "seen"}, {"deleted"}, {"$Forwarded", "seen"})
BEGIN = datetime(2019, 2, 28, 23, 59, tzinfo=UTC)


def files(corpus: Path, name: str, step: int = 1) -> Iterator[bytes]:
    paths = sorted(path for path in (corpus / name).rglob("*") if path.is_file())
    for path in paths[::step]:
        content = path.read_bytes()
        if content:
            yield content


def deliveries(contents: Iterator[bytes]) -> Iterator[Delivery]:
    for number, content in enumerate(contents):
        yield Delivery(content, frozenset(FLAGS[number % len(FLAGS)]), BEGIN + timedelta(minutes=7 * number))


@pytest.fixture(scope="module")
def archived(
    corpus: Path, dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]
) -> tuple[Dovecot, Installation]:
    server = dovecot(ANNA)
    for name, step in REAL.items():
        server.deliver_many(ANNA, f"Lists/{name}", deliveries(files(corpus, name, step)))
    for name in TORTURE:
        server.deliver_many(ANNA, "Größe & Maß/日本語", deliveries(files(corpus, name)))
    server.deliver_many(ANNA, "INBOX", deliveries(iter([b"Subject: one\r\n\r\none\r\n", b"\r\n", b"no header at all"])))
    kept = installation()
    kept.connect(server, [ANNA], "--sensitive")  # the corpus holds a Private message
    (result,) = kept.sync()
    assert result["result"] == "ok", result
    return server, kept


def test_an_export_equals_the_server_bit_for_bit(archived: tuple[Dovecot, Installation], tmp_path: Path) -> None:
    server, kept = archived
    assert kept.ok("left-out", ANNA).rows == []
    out = tmp_path / "maildir"
    kept.ok("export", ANNA, "--format", "maildir", "--out", str(out), "--reason", "test")
    truth = Counter(
        (hashlib.sha256(one.content).hexdigest(), frozenset(flag.lower() for flag in one.flags), one.received)
        for one in messages(server, ANNA)
    )
    assert sum(truth.values()) > 2500
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    items = [row for row in rows if "sha256" in row]
    for row in items:
        content = (out / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
    exported = Counter(
        (row["sha256"], frozenset(flag.lower() for flag in row["flags"]), datetime.fromisoformat(row["received"]))
        for row in items
    )
    assert exported == truth


def test_folders_and_ledger_add_up(archived: tuple[Dovecot, Installation]) -> None:
    server, kept = archived
    on_server = Counter(one.folder for one in messages(server, ANNA))
    ledger = kept.ok("ledger", ANNA).rows
    assert sum(row["server"] for row in ledger) == sum(on_server.values())
    for row in ledger:
        assert row["server"] == row["archived"] + sum(row["left_out"].values()) + row["pending"], row
        assert row["pending"] == 0
    paths = {row["path"] for row in kept.ok("folders", ANNA).rows}
    assert {"INBOX", "Größe & Maß/日本語", "Lists/linux-hyperv"} <= paths


def test_one_item_comes_back_raw(archived: tuple[Dovecot, Installation]) -> None:
    _, kept = archived
    (row,) = [one for one in kept.items(ANNA, "--folder", "INBOX") if one["subject"] == "one"]
    done = kept.run("item", row["id"], "--raw", "--reason", "test", as_json=False)
    assert done.status == 0, done.err
    assert done.out.replace("\n", "\r\n").replace("\r\r", "\r") == "Subject: one\r\n\r\none\r\n"
    assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])


def test_nothing_changed_costs_little_and_writes_no_entry(archived: tuple[Dovecot, Installation]) -> None:
    _, kept = archived
    before = sorted(path.name for path in (kept.home / "archive" / "history").rglob("*") if path.is_file())
    (result,) = kept.sync()
    assert (result["result"], result["fetched"]) == ("ok", 0)
    after = sorted(path.name for path in (kept.home / "archive" / "history").rglob("*") if path.is_file())
    # The organisation's own chain may grow (a run is asked for); the mailbox's may not.
    mailbox = kept.ok("mailboxes").rows[0]["id"]
    folder = kept.home / "archive" / "history" / mailbox
    assert len(list(folder.iterdir())) <= len(before)
    assert result["requests"] <= 12, result
    assert len(after) - len(before) <= 1
