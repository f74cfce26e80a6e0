"""What earlier restores made, as the catalog knows it: same mailbox, same target, not undone; with the version that was read back."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.utils import timezone

from mailkeep.catalog.journal import EarlierRestores, RestoreJournal
from mailkeep.catalog.models import Connection, Mailbox, Restore
from mailkeep.recover.ports import Difference, Line
from tests.recover.memory import item

TARGET = uuid.uuid4()
LINE = Line(1, ("Calendar",), b"s" * 32, "new-1", "differs", b"t" * 32, (Difference("Body", "a", "b"),), "v7")


@pytest.fixture
def mailbox(db: None, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    monkeypatch.setattr("mailkeep.catalog.records.record", lambda *_: None)
    connection = Connection.objects.create(name="mail", kind="exchange", settings={})
    return Mailbox.objects.create(connection=connection, address="anna@x")


def restore(mailbox: Mailbox, *lines: Line, to: str = "bob@y", connection: uuid.UUID = TARGET) -> Restore:
    row = Restore.objects.create(
        source=mailbox, target_connection=connection, target_address=to, into=[], folder=[], entry=1,
        reason="r", actor="a", started_at=timezone.now(),
    )  # fmt: skip
    RestoreJournal(row, "a").update(lines)
    return row


def test_a_line_keeps_its_version(mailbox: Mailbox) -> None:
    assert list(RestoreJournal(restore(mailbox, LINE), "a").lines()) == [LINE]


def test_earlier_lines_are_those_of_other_restores_into_that_target(mailbox: Mailbox) -> None:
    first = restore(mailbox, LINE, replace(LINE, item=2, state="undone"), replace(LINE, item=3, state="intended"))
    restore(mailbox, replace(LINE, item=4), to="carol@y")
    restore(mailbox, replace(LINE, item=5), connection=uuid.uuid4())
    wanted = [item(number, b"x") for number in range(1, 7)]
    assert EarlierRestores(mailbox, TARGET, "BOB@y")(wanted) == [LINE]
    assert EarlierRestores(mailbox, TARGET, "bob@y", but=first)(wanted) == []
    assert EarlierRestores(mailbox, TARGET, "bob@y")(wanted[1:]) == []
