"""The simulated Exchange as a process of its own: it starts, obeys its control, keeps what it has, and never outlives us."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mailkeep.errors import GiveUp
from mailkeep.simulator.process import ExchangeProcess
from tests.servers.exchange import message
from tests.simulator.test_ews_server import code_of, envelope, impersonating

DESCRIPTION: dict[str, Any] = {
    "domain": "firma.example",
    "version": "Exchange2019",
    "mailboxes": [
        {"address": "alice@firma.example", "name": "Alice Ott", "language": "de", "archive": True},
        {"address": "bob@firma.example", "name": "Bob Kern"},
    ],
    "accounts": [
        {"user": "FIRMA\\svc", "password": "secret", "impersonates": True},
        {"user": "FIRMA\\bob", "password": "bobs", "mailbox": "bob@firma.example"},
    ],
    "full_access": [{"user": "FIRMA\\bob", "mailbox": "alice@firma.example"}],
    "server": {"schemes": ["Basic"], "policy": {"find_count_limit": 50}},
}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    with ExchangeProcess(tmp_path_factory.mktemp("exchange"), DESCRIPTION) as running:
        yield running


def ask(exchange: ExchangeProcess, auth: tuple[str, str] = ("FIRMA\\svc", "secret")) -> requests.Response:
    body = envelope(header=impersonating("alice@firma.example")).replace(b'm:GetFolder size="0"/', _INBOX)
    return requests.post(
        exchange.url, body, auth=auth, verify=str(exchange.authority), timeout=20,
        headers={"Content-Type": "text/xml"},
    )  # fmt: skip


_INBOX = (
    b"m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>"
    b'<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder'
)


def test_it_serves_the_described_organisation(exchange: ExchangeProcess) -> None:
    answer = ask(exchange)
    assert answer.status_code == 200
    assert "Posteingang" in answer.text
    assert 'MinorVersion="2"' in answer.text
    assert ask(exchange, ("FIRMA\\svc", "wrong")).status_code == 401


def test_control_orders_faults_and_reads_the_record(exchange: ExchangeProcess) -> None:
    number = exchange.control(do="fault", kind="busy_short", mailbox="alice@firma.example", times=0)["number"]
    assert code_of(ask(exchange)) == "ErrorServerBusy"
    exchange.control(do="remove_fault", number=number)
    time.sleep(0.4)
    assert ask(exchange).status_code == 200
    record = exchange.control(do="record")
    assert record["told"] == 1
    assert record["broken"] == record["errors"] == []
    assert record["struck"] == [["busy_short", "alice@firma.example", "GetFolder"]]


def test_control_changes_mailboxes_behind_the_client_s_back(exchange: ExchangeProcess) -> None:
    mime = base64.b64encode(message("alice", "Hi", "Hello")).decode()
    common = {"mailbox": "alice@firma.example"}
    before = ask(exchange).text
    delivered = exchange.control(do="deliver", folder="inbox", mime=mime, **common)["id"]
    after = ask(exchange).text
    assert "<t:TotalCount>0<" in before
    assert "<t:TotalCount>1<" in after
    moved = exchange.control(do="move", id=delivered, folder="Projects/2026", **common)["id"]
    exchange.control(do="read", id=moved, **common)
    exchange.control(do="remove", id=moved, **common)
    assert "<t:TotalCount>0<" in ask(exchange).text


def test_control_refuses_nonsense_and_strangers(exchange: ExchangeProcess) -> None:
    for command in ({"do": "tea"}, {"do": "fault", "kind": "earthquake"}, {"do": "remove", "mailbox": "x@y", "id": 1}):
        with pytest.raises(GiveUp):
            exchange.control(**command)
    stranger = ExchangeProcess(exchange.folder)
    stranger._control, stranger._key = exchange._control, "guessed"
    with pytest.raises(GiveUp, match="key"):
        stranger.control(do="record")


def test_it_keeps_its_mail_and_its_authority(tmp_path: Path) -> None:
    with ExchangeProcess(tmp_path, DESCRIPTION) as first:
        mime = base64.b64encode(message("alice", "Hi", "Hello")).decode()
        first.control(do="deliver", mailbox="alice@firma.example", folder="inbox", mime=mime)
        trusted = first.authority.read_text()
    with ExchangeProcess(tmp_path) as second:
        assert second.authority.read_text() == trusted
        assert "<t:TotalCount>1<" in ask(second).text


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time, json; from pathlib import Path; from mailkeep.simulator.process import ExchangeProcess\n"
        f"exchange = ExchangeProcess(Path({str(tmp_path)!r}), {{}}).start()\n"
        "print(exchange._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_what_it_cannot_read_it_says(tmp_path: Path) -> None:
    with pytest.raises(GiveUp, match="dragons"):
        ExchangeProcess(tmp_path, {"dragons": 3}).start()
    (tmp_path / "organisation.json").write_text(json.dumps({"server": {"colour": "red"}}))
    with pytest.raises(GiveUp, match="colour"):
        ExchangeProcess(tmp_path).start()
