"""What a command says when it cannot go on."""

from __future__ import annotations

import json

import psycopg
import pytest
from django.db import InterfaceError, OperationalError

from mailkeep.cli.command import bare
from mailkeep.cli.output import Output


@bare
def losing_its_database(out: Output, error: type[Exception] = OperationalError) -> None:
    raise error("consuming input failed:\nserver closed the connection unexpectedly")


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError, psycopg.OperationalError])
def test_a_database_that_goes_away_is_an_error_with_a_hint(
    lost: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        losing_its_database(lost, json=True)
    assert ended.value.code == 1
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "database_offline"
    assert "server closed the connection" in error["message"]
    assert error["hint"]


def test_a_database_that_goes_away_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        losing_its_database()
    said, hint = capsys.readouterr().err.splitlines()
    assert said.startswith("mailkeep: the database does not answer: consuming input failed: server closed")
    assert "what to do" in hint
