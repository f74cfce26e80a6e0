"""Restored and exported through the command line: planned, created, read back, undone; a second run writes nothing."""

from __future__ import annotations

import hashlib
import json
import mailbox
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import Installation
from tests.spine.server_truth import messages

LEO, MIA = "leo@restored.test", "mia@restored.test"


@pytest.fixture
def world(dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]) -> tuple[Dovecot, Installation]:
    server = dovecot(LEO, MIA)
    for number in range(12):
        text = (
            f"Subject: letter {number}\r\n\r\nFrom here on it is text {number}\r\nFrom a line that looks like mbox\r\n"
        )
        server.deliver(
            LEO, ("INBOX", "Work/Été")[number % 2], text.encode(), flags={"seen", "flagged"} if number % 3 else set()
        )
    kept = installation()
    kept.connect(server, [LEO, MIA])
    kept.sync()
    return server, kept


def picture(server: Dovecot, user: str) -> Counter[tuple[str, str, frozenset[str], str]]:
    return Counter(
        (one.folder, hashlib.sha256(one.content).hexdigest(), one.flags, one.received.isoformat())
        for one in messages(server, user)
    )


def restore(kept: Installation, *arguments: str) -> dict[str, object]:
    return dict(kept.ok("restore", LEO, *arguments, "--reason", "test").one)


def test_lost_mail_comes_back_exactly_and_only_once(world: tuple[Dovecot, Installation]) -> None:
    server, kept = world
    before = picture(server, LEO)
    server.doveadm("expunge", "-u", LEO, "mailbox", "INBOX", "1:4")
    planned = restore(kept, "--to", LEO, "--dry-run")
    assert (planned["create"], planned["skip"], planned["cannot"]) == (4, 8, [])
    done = restore(kept, "--to", LEO)
    assert (done["create"], done["skip"], done["restored"], done["differences"]) == (4, 8, 4, [])
    assert picture(server, LEO) == before
    again = restore(kept, "--to", LEO)
    assert (again["create"], again["skip"], again["restored"]) == (0, 12, 0)
    assert picture(server, LEO) == before


def test_into_another_mailbox_and_undone_but_for_what_changed(world: tuple[Dovecot, Installation]) -> None:
    server, kept = world
    done = restore(kept, "--to", MIA, "--into", "Recovered/2026")
    assert (done["create"], done["restored"]) == (12, 12)
    wanted = Counter((digest, flags, at) for _, digest, flags, at in picture(server, LEO).elements())
    assert Counter((digest, flags, at) for _, digest, flags, at in picture(server, MIA).elements()) == wanted
    server.deliver(MIA, "Recovered/2026/INBOX", b"Subject: hers\r\n\r\nhers\r\n")
    undone = kept.ok("undo", str(done["id"]), "--reason", "wrong person").one
    assert (undone["removed"], undone["kept"]) == (12, 0)
    assert sum(picture(server, MIA).values()) == 1
    assert picture(server, LEO)


def test_one_folder_of_an_earlier_moment(world: tuple[Dovecot, Installation]) -> None:
    server, kept = world
    moment = kept.items(LEO)[0]["since"]
    server.doveadm("expunge", "-u", LEO, "mailbox", "Work/Été", "1:*")
    kept.sync()
    assert len(kept.items(LEO)) == 6
    done = restore(kept, "--to", LEO, "--folder", "Work/Été", "--as-of", moment)
    assert (done["create"], done["restored"]) == (6, 6)


def test_a_restore_without_a_reason_is_refused(world: tuple[Dovecot, Installation]) -> None:
    _, kept = world
    done = kept.run("restore", LEO, "--to", LEO, "--reason", " ")
    assert (done.status, done.error["code"]) == (2, "bad_reason")


def test_exports_of_every_format_give_the_same_bytes(world: tuple[Dovecot, Installation], tmp_path: Path) -> None:
    server, kept = world
    wanted = Counter(hashlib.sha256(one.content).hexdigest() for one in messages(server, LEO))
    for format_, name in (("eml", "out.zip"), ("mbox", "out.mbox"), ("maildir", "out")):
        done = kept.ok("export", LEO, "--format", format_, "--out", str(tmp_path / name), "--reason", "test").one
        assert (done["items"], done["cannot"]) == (12, [])
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        found = [archive.read(one) for one in archive.namelist() if one.endswith(".eml")]
    assert Counter(hashlib.sha256(one).hexdigest() for one in found) == wanted
    with closing(mailbox.mbox(tmp_path / "out.mbox", create=False)) as opened:
        assert len(opened) == 12
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert Counter(line["sha256"] for line in lines) == wanted
    again = kept.run("export", LEO, "--format", "eml", "--out", str(tmp_path / "out.zip"), "--reason", "test")
    assert (again.status, again.error["code"]) == (1, "not_empty")
    actions = [row["action"] for row in kept.ok("audit").rows]
    assert actions.count("export") >= 3


def test_what_was_undone_can_be_restored_again(world: tuple[Dovecot, Installation]) -> None:
    """Also by the very same command, and when the first attempt never came to its end."""
    server, kept = world
    first = restore(kept, "--to", MIA, "--into", "Recovered")
    kept.ok("undo", str(first["id"]), "--reason", "test")
    again = restore(kept, "--to", MIA, "--into", "Recovered")
    assert (again["create"], again["restored"]) == (12, 12)
    assert again["id"] != first["id"]
    assert sum(picture(server, MIA).values()) == 12
