"""Moments: after moves, expunges, reflags and deliveries behind our back, live equals the server, and every earlier moment stays."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import Installation
from tests.spine.server_truth import messages

BEN = "ben@moments.test"
FOLDERS = ("INBOX", "Work", "Work/Old", "Été")
WITHOUT = {"qresync": (), "condstore only": ("QRESYNC",), "plain": ("QRESYNC", "CONDSTORE")}

Picture = set[tuple[str, str, frozenset[str]]]


def letter(number: int) -> bytes:
    return f"From: a{number}@moments.test\r\nSubject: letter {number}\r\n\r\n{'text ' * (number % 50)}\r\n".encode()


def server_picture(server: Dovecot) -> Picture:
    """(folder, hash, flags); the wire's modified UTF-7 of the one folder name that needs it is known."""
    names = {"&AMk-t&AOk-": "Été"}
    return {
        (
            names.get(one.folder, one.folder),
            hashlib.sha256(one.content).hexdigest(),
            frozenset(f.lower() for f in one.flags),
        )
        for one in messages(server, BEN)
    }


def archive_picture(rows: list[dict[str, Any]]) -> Picture:
    return {(row["folder"], row["sha256"], frozenset(flag.lower() for flag in row["flags"])) for row in rows}


def disturb(server: Dovecot, dice: random.Random, first: int) -> None:
    """What other clients do between two synchronisations."""
    for number in range(first, first + 12):
        server.deliver(BEN, dice.choice(FOLDERS), letter(number), flags=dice.choice([set(), {"seen"}]))
    pairs = [dice.sample(FOLDERS, 2) for _ in range(3)]
    for source, target in pairs:
        server.doveadm("move", "-u", BEN, target, "mailbox", source, "1:2")
    server.doveadm("expunge", "-u", BEN, "mailbox", dice.choice(FOLDERS), "1:2")
    server.doveadm("flags", "add", "-u", BEN, "\\Flagged work", "mailbox", dice.choice(FOLDERS), "1:5")
    server.doveadm("flags", "remove", "-u", BEN, "\\Seen", "mailbox", dice.choice(FOLDERS), "1:*")


@pytest.mark.parametrize("poverty", WITHOUT)
def test_live_equals_the_server_and_the_past_stays(
    poverty: str, dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]
) -> None:
    server = dovecot(BEN)
    if WITHOUT[poverty]:
        capability = server.without(*WITHOUT[poverty])
        server = dovecot(BEN, capability=capability)
    kept = installation()
    dice = random.Random(f"moments {poverty}")
    for number in range(80):
        server.deliver(BEN, FOLDERS[number % 4], letter(number), flags=dice.choice([set(), {"seen"}]))
    kept.connect(server, [BEN])
    past: list[tuple[str, Picture]] = []
    for turn in range(3):
        (result,) = kept.sync()
        assert result["result"] == "ok", result
        picture = archive_picture(kept.items(BEN))
        assert picture == server_picture(server)
        past.append((datetime.now(UTC).isoformat(), picture))
        time.sleep(0.05)
        disturb(server, dice, 1000 + 100 * turn)
    kept.sync()
    for moment, picture in past:
        assert archive_picture(kept.items(BEN, "--as-of", moment)) == picture
    assert kept.ok("verify").one["ok"]


def test_moves_download_nothing(dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]) -> None:
    server = dovecot(BEN)
    for number in range(30):
        server.deliver(BEN, "INBOX", letter(number))
    kept = installation()
    kept.connect(server, [BEN])
    kept.sync()
    server.doveadm("mailbox", "create", "-u", BEN, "Elsewhere")
    server.doveadm("move", "-u", BEN, "Elsewhere", "mailbox", "INBOX", "1:20")
    (result,) = kept.sync()
    assert (result["result"], result["fetched"], result["removed"]) == ("ok", 0, 0), result
    assert archive_picture(kept.items(BEN)) == server_picture(server)


def test_a_shrink_waits_for_a_person(dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]) -> None:
    server = dovecot(BEN)
    for number in range(80):
        server.deliver(BEN, "INBOX", letter(number))
    kept = installation()
    kept.connect(server, [BEN])
    kept.sync()
    server.doveadm("expunge", "-u", BEN, "mailbox", "INBOX", "1:70")
    (result,) = kept.sync()
    assert (result["result"], result["code"], result["removed"]) == ("warning", "shrunk", 0)
    assert len(kept.items(BEN)) == 80
    kept.ok("mailboxes", "confirm", BEN, "--reason", "spring cleaning")
    (result,) = kept.sync()
    assert (result["result"], result["removed"]) == ("ok", 70)
    assert len(kept.items(BEN)) == 10
