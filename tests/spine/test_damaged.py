"""Damaged: a flipped bit, a torn pack, a removed and a rolled-back history entry are each found by `verify`, and named."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import Installation

DORA = "dora@damaged.test"


@pytest.fixture(scope="module")
def whole(dovecot: Callable[..., Dovecot], installation: Callable[[], Installation]) -> Installation:
    server = dovecot(DORA)
    kept = installation()
    kept.connect(server, [DORA])
    for turn in range(3):
        for number in range(15):
            text = f"Subject: {turn} {number}\r\n\r\n{'words and more words ' * 40}\r\n".encode()
            server.deliver(DORA, "INBOX", text)
        kept.sync()
    assert kept.ok("verify").one["ok"]
    return kept


@pytest.fixture
def damaged(whole: Installation, tmp_path: Path) -> Installation:
    """A copy to damage, with the database's state in it."""
    home = tmp_path / "h"
    shutil.copytree(whole.home, home, symlinks=True, ignore=shutil.ignore_patterns("run"))
    _same_owners(whole.home, home)
    return Installation(home)


def _same_owners(source: Path, target: Path) -> None:
    for path in [source, *source.rglob("*")]:
        copy = target / path.relative_to(source)
        if copy.exists():
            found = path.lstat()
            os.chown(copy, found.st_uid, found.st_gid, follow_symlinks=False)


def history(kept: Installation) -> list[Path]:
    (mailbox,) = kept.ok("mailboxes").rows
    return sorted((kept.home / "archive" / "history" / mailbox["id"]).iterdir())


def packs(kept: Installation) -> list[Path]:
    return sorted(path for path in (kept.home / "archive" / "packs").rglob("*") if path.is_file())


def found(kept: Installation, *words: str) -> str:
    done = kept.run("verify")
    assert done.status == 1, done.out
    damage = done.rows[0]["damaged"]
    assert damage
    text = str(damage)
    for word in words:
        assert word in text, text
    return text


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def test_flipped_bits(damaged: Installation) -> None:
    dice = random.Random("flipped bits")
    for path in [dice.choice(packs(damaged)), dice.choice(history(damaged))]:
        content = bytearray(path.read_bytes())
        place = dice.randrange(len(content))
        content[place] ^= 1 << dice.randrange(8)
        original = path.read_bytes()
        rewrite(path, bytes(content))
        found(damaged, path.name)
        rewrite(path, original)
    assert damaged.ok("verify").one["ok"]


def test_torn_pack_names_what_it_hits(damaged: Installation) -> None:
    path = max(packs(damaged), key=lambda one: one.stat().st_size)
    rewrite(path, path.read_bytes()[: path.stat().st_size // 2])
    mailbox = damaged.ok("mailboxes").rows[0]["id"]
    found(damaged, path.name, mailbox)


def test_removed_entry_in_the_middle(damaged: Installation) -> None:
    history(damaged)[1].unlink()
    found(damaged, "000002")


def test_rolled_back_history(damaged: Installation) -> None:
    history(damaged)[-1].unlink()
    text = found(damaged, damaged.ok("mailboxes").rows[0]["id"])
    assert "roll" in text or "missing" in text or "behind" in text, text


def test_rolled_back_together_with_the_catalog_is_found_by_the_statement(damaged: Installation) -> None:
    """The newest entry and its catalog are both taken back; the signed statement still knows better."""
    _state_heads_now(damaged)
    history(damaged)[-1].unlink()
    _drop_database(damaged)
    damaged.run("rebuild")
    _state_heads_now(damaged)  # no signature makes the rollback good, however long one waits
    done = damaged.run("verify")
    assert done.status == 1, done.out
    assert "statement" in str(done.rows[0]["compared_with"]) + str(done.rows[0]["damaged"])


def _state_heads_now(kept: Installation) -> None:
    """What happens by itself within a minute."""
    code = (
        "import os, django; from mailkeep.host import home; home.prepare(); django.setup()\n"
        "from mailkeep.operations import installation, witness\n"
        "with installation.opened(): witness.state_heads(at_once=True)\n"
    )
    environment = {**os.environ, "MAILKEEP_HOME": str(kept.home), "DJANGO_SETTINGS_MODULE": "mailkeep.settings"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def _drop_database(kept: Installation) -> None:
    shutil.rmtree(kept.home / "postgres")
