"""Tasks on a real server: ownership, leavers, options that widen, statuses, change and delete."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import Installation

IDA, JON = "ida@tasks.test", "jon@tasks.test"


@pytest.fixture(scope="module")
def server(dovecot: Callable[..., Dovecot]) -> Dovecot:
    made = dovecot(IDA, JON)
    for person in (IDA, JON):
        for number in range(4):
            made.deliver(person, "INBOX", f"Subject: plain {number}\r\n\r\n{number}\r\n".encode())
        made.deliver(person, "INBOX", b"Sensitivity: Private\r\nSubject: private\r\n\r\nprivate\r\n")
        made.deliver(person, "INBOX", b"Sensitivity: Company-Confidential\r\nSubject: confidential\r\n\r\nc\r\n")
        made.deliver(person, "INBOX", b"Sensitivity: Personal\r\nSubject: personal is ordinary\r\n\r\np\r\n")
        signed = b"Content-Type: multipart/signed; protocol=application/pkcs7-signature; boundary=b\r\n"
        made.deliver(person, "INBOX", signed + b"Subject: signed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n")
    return made


@pytest.fixture
def kept(installation: Callable[[], Installation], server: Dovecot) -> Installation:
    made = installation()
    made.connect(server, [IDA, JON])
    return made


def by_mailbox(rows: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {row["mailbox"]: row for row in rows}


def status(kept: Installation, name: str) -> dict[str, object]:
    (row,) = [one for one in kept.ok("task", "list").rows if one["name"] == name]
    return dict(row)


def test_sensitive_items_are_left_out_and_widening_picks_up_exactly_those(kept: Installation) -> None:
    """A9, A11: nothing vanishes silently; a wider task fetches what was left out, and nothing else."""
    kept.sync()
    left = kept.ok("left-out", IDA).rows
    assert sorted((row["subject"], row["reason"]) for row in left) == [
        ("confidential", "sensitive"),
        ("private", "sensitive"),
    ]
    assert len(kept.items(IDA)) == 6
    (line,) = [row for row in kept.ok("ledger", IDA).rows if row["folder"] == "INBOX"]
    assert (line["server"], line["archived"], line["left_out"], line["pending"]) == (8, 6, {"sensitive": 2}, 0)
    kept.ok("task", "change", "Everybody", "--sensitive")
    rows = by_mailbox(kept.sync())
    assert rows[IDA]["fetched"] == 2
    assert len(kept.items(IDA)) == 8
    assert kept.ok("left-out", IDA).rows == []
    kept.ok("task", "change", "Everybody", "--no-sensitive")
    assert by_mailbox(kept.sync())[IDA]["fetched"] == 0
    assert len(kept.items(IDA)) == 8  # nothing archived is removed


def test_one_owner_per_mailbox_and_hand_over(kept: Installation) -> None:
    """A15: the second task's result is a warning that names the owner; a stopped owner hands over, and does not take back."""
    kept.sync()
    kept.ok("task", "create", "Second", "--connection", "Dovecot", "--group", "People")
    rows = kept.run("sync", "Second", "--wait").rows
    assert {row["code"] for row in rows} == {"owned_by_other_task"}
    assert all("Everybody" in row["message"] for row in rows)
    assert status(kept, "Second")["status"] == "Enabled With Warning"
    assert status(kept, "Everybody")["status"] == "Enabled"
    kept.ok("task", "stop", "Everybody")
    assert status(kept, "Everybody")["status"] == "Disabled"
    rows = kept.sync("Second")
    assert [(row["result"], row["fetched"]) for row in rows] == [("ok", 0), ("ok", 0)]
    assert {row["owner"] for row in kept.ok("mailboxes").rows} == {"Second"}
    kept.ok("task", "start", "Everybody")
    assert {row["code"] for row in kept.run("sync", "Everybody", "--wait").rows} == {"owned_by_other_task"}


def test_leavers_keep_their_archive(kept: Installation) -> None:
    """A6, E1."""
    kept.sync()
    kept.ok("group", "change", "People", "--leave", JON)
    assert [row["mailbox"] for row in kept.sync()] == [IDA]
    rows = {row["address"]: row for row in kept.ok("mailboxes").rows}
    assert (rows[IDA]["active"], rows[JON]["active"]) == (True, False)
    assert len(kept.items(JON)) == 6
    kept.ok("group", "change", "People", "--member", JON)
    assert by_mailbox(kept.sync())[JON]["fetched"] == 0


def test_a_deleted_task_goes_and_the_archive_stays(kept: Installation) -> None:
    """A14."""
    kept.sync()
    assert kept.ok("task", "delete", "Everybody").one == {"name": "Everybody", "deleted": True}
    assert kept.ok("task", "list").rows == []
    assert len(kept.items(IDA)) == 6
    refused = kept.run("connection", "remove", "Dovecot")
    assert (refused.status, refused.error["code"]) == (1, "in_use")


def test_message_classes_and_exclusions(kept: Installation) -> None:
    """A8, A10, A11: with mail off nothing is asked for; an exclusion that covers every hour leaves everything out, with the reason."""
    kept.ok("task", "change", "Everybody", "--exclude", "All 00:00-24:00 Europe/Berlin items")
    kept.sync()
    assert kept.items(IDA) == []
    reasons = [row["reason"] for row in kept.ok("left-out", IDA).rows]
    assert sorted(reasons) == ["excluded"] * 6 + ["sensitive"] * 2
    kept.ok("task", "change", "Everybody", "--no-exclusions")
    assert by_mailbox(kept.sync())[IDA]["fetched"] == 6
    signed = [row["class"] for row in kept.items(IDA) if row["subject"] == "signed"]
    assert signed == ["IPM.Note.SMIME.MultipartSigned"]


def test_an_empty_group_warns(kept: Installation) -> None:
    """A3."""
    kept.sync()
    kept.ok("group", "change", "People", "--leave", IDA, "--leave", JON)
    row = status(kept, "Everybody")
    assert (row["status"], row["mailboxes"]) == ("Enabled With Warning", 0)
    assert row["details"]


def test_bad_options_change_nothing(kept: Installation) -> None:
    before = kept.ok("task", "show", "Everybody").one
    for arguments in (
        ("--no-mail",),
        ("--exclude", "Mon 09:00-09:00 Europe/Berlin items"),
        ("--exclude", "Someday 09:00-10:00 Europe/Berlin items"),
        ("--exclude", "Mon 09:00-10:00 Atlantis/Poseidonis items"),
        ("--class", "IPM..Note"),
        ("--class", "IPM.Appointment"),
        ("--name", "x" * 101),
        ("--group", "nobody"),
    ):
        done = kept.run("task", "change", "Everybody", *arguments)
        assert done.status in (1, 2), arguments
        assert done.error["message"]
        assert done.error["hint"], (arguments, done.error)
    assert kept.ok("task", "show", "Everybody").one == before
