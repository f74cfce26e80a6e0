"""The benchmarks' server and its mailboxes, made once and kept in `.cache/bench/server`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from bench import mailset
from mailkeep.simulator import compose
from mailkeep.simulator.attachments import Attachment
from mailkeep.simulator.dovecot import SPECIAL_USE, Delivery, Dovecot

USER, BIG_USER, PASSWORD = "office@bench.example", "big@bench.example", "bench"
NEW_THREADS = 10**6  # threads from this number on are not in the set: the hundred new ones
BIG_BYTES = 150 * 10**6
PYTHON = sys.executable


def server(folder: Path) -> Dovecot:
    """Not started. It does not sync its own files to the disk: only the client's side is measured."""
    return Dovecot(folder, users={USER: PASSWORD, BIG_USER: PASSWORD})


def corpus() -> Path:
    named = os.environ.get("MAILKEEP_CORPUS", "")
    for place in (
        Path(named) if named else None,
        Path.home() / ".cache/mailkeep-corpus/open",
    ):
        if place and (place / "spamassassin-a").is_dir():
            return place
        if place and (place / "open" / "spamassassin-a").is_dir():
            return place / "open"
    raise SystemExit("The benchmark needs the test corpus, unpacked: set MAILKEEP_CORPUS to its folder `open`.")


def prepare(dovecot: Dovecot, count: int) -> dict[str, int]:
    """The mailbox with `count` messages, made anew unless it stands from an earlier run; what it holds."""
    edition = hashlib.sha256(Path(mailset.__file__).read_bytes()).hexdigest()[:12]
    stamp = dovecot.folder / f"bench-{count}-{edition}.json"
    restore = dovecot.folder / "mail" / USER
    if stamp.exists() and restore.exists():
        facts: dict[str, int] = json.loads(stamp.read_text())
        _drop_new(restore)
        return facts
    shutil.rmtree(dovecot.folder / "mail", ignore_errors=True)
    for old in dovecot.folder.glob("bench-*.json"):
        old.unlink()
    texts = mailset.bodies(corpus())
    sizes = _deliver(dovecot, mailset.make(count, texts))
    facts = {
        "messages": len(sizes),
        "bytes": sum(sizes),
        "smallest": min(sizes),
        "largest": max(sizes),
        "folders": _folders(dovecot),
    }
    stamp.write_text(json.dumps(facts))
    return facts


def deliver_new(dovecot: Dovecot, count: int) -> None:
    """That many further messages into the inbox."""
    texts = mailset.bodies(corpus())
    made = mailset.make(count, texts, NEW_THREADS)
    now = datetime.now(UTC).replace(microsecond=0)
    dovecot.deliver_many(USER, "INBOX", (Delivery(one.content, frozenset({"bench-new"}), now) for one in made))


def _folders(dovecot: Dovecot) -> int:
    """How many folders the server shows, its own special ones included."""
    root = dovecot.folder / "mail" / USER
    shown = {"INBOX", *SPECIAL_USE, *(path.parent.relative_to(root).as_posix() for path in root.glob("*/**/cur"))}
    return len(shown)


def _drop_new(maildir: Path) -> None:
    """Take away what an earlier run's `deliver_new` left: files younger than any message of the set."""
    newest = mailset.BEGIN.timestamp() + 600 * 86400
    for path in (maildir / "cur").iterdir():
        if path.stat().st_mtime > newest:
            path.unlink()


def _deliver(dovecot: Dovecot, messages: Iterable[mailset.Made]) -> list[int]:
    sizes: list[int] = []
    waiting: dict[str, list[Delivery]] = {}
    for one in messages:
        sizes.append(len(one.content))
        waiting.setdefault(one.folder, []).append(Delivery(one.content, one.flags, one.received))
        if len(waiting[one.folder]) == 500:
            dovecot.deliver_many(USER, one.folder, waiting.pop(one.folder))
    for folder, deliveries in waiting.items():
        dovecot.deliver_many(USER, folder, deliveries)
    return sizes


def prepare_big(dovecot: Dovecot) -> None:
    """A mailbox with one message of 150 MB: an attachment that does not compress."""
    if (dovecot.folder / "mail" / BIG_USER / "cur").exists():
        return
    raw = Random(150).randbytes(
        BIG_BYTES * 54 // 74 // 54 * 54
    )  # 54 bytes become a line of 72 letters and CRLF … near enough
    parts = [
        compose.text("The film, as promised.\n"),
        compose.attached(Attachment("film.bin", "application/octet-stream", raw)),
    ]
    headers = [
        ("From", "a@bench.example"),
        ("To", BIG_USER),
        ("Subject", "The film"),
        ("Message-ID", "<film@bench.example>"),
    ]
    dovecot.deliver(BIG_USER, "INBOX", compose.compose(headers, compose.multi("mixed", "_film_", parts)))
