"""An Exchange mailbox of all five kinds through the whole installation: archived, exported, restored, archived again, compared.

The command line as a script would use it, against the simulated Exchange over TLS with ApplicationImpersonation. What the
server holds is read from the simulator itself, never through our own connector.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.server import ExchangeServer
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Item
from mailkeep.simulator.inhabit_exchange import move_in
from tests.spine.installation import Installation

YUKI, EMPTY = "yuki.tanaka@halden-moreau.example", "empty@halden-moreau.example"
SERVICE, PASSWORD = "HALDEN\\svc-mailkeep", "a made-up password"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KINDS = {"mail", "event", "contact", "task", "note"}
ALL = ("--calendars", "--contacts", "--tasks", "--notes", "--sensitive")
# What a server sets by itself when an item is made from its properties, so that it cannot be as it was.
SET_BY_SERVERS = {"mime"}  # made anew, with new stamps inside: reported, and no difference


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up house in a file, made once; a test works on a copy."""
    path = tmp_path_factory.mktemp("house") / "organisation.sqlite"
    with Organisation(path, clock=lambda: NOW) as organisation:
        move_in(organisation, 1, NOW)
        organisation.add_account(SERVICE, PASSWORD, impersonates=True)
        organisation.add_mailbox(EMPTY, "Empty")
    return path


@pytest.fixture
def server(house: Path, tmp_path: Path) -> Iterator[ExchangeServer]:
    path = tmp_path / "organisation.sqlite"
    path.write_bytes(house.read_bytes())
    with Organisation(path) as organisation, ExchangeServer(organisation) as server:
        yield server
        assert server.recorder.errors == []


@pytest.fixture
def kept(server: ExchangeServer, installation: Callable[[], Installation], tmp_path: Path) -> Installation:
    kept = installation()
    (tmp_path / "ca.pem").write_text(server.authority)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    kept.ok(
        "connection", "add", "Exchange", "--kind", "exchange", "--host", "localhost", "--port", str(server.port),
        "--ca", str(tmp_path / "ca.pem"), "--user", SERVICE, "--password-file", str(tmp_path / "password"),
        "--impersonate", "--mailbox-check", YUKI,
    )  # fmt: skip
    kept.ok("group", "add", "Two", "--member", YUKI, "--member", EMPTY)
    kept.ok("task", "create", "Everything", "--connection", "Exchange", "--group", "Two", *ALL)
    return kept


def mailbox_of(server: ExchangeServer, address: str) -> Mailbox:
    found = server.organisation.mailbox(address)
    assert found is not None
    return found


def held(mailbox: Mailbox) -> list[tuple[tuple[str, ...], Item]]:
    """Every item below the mailbox's top, with its folder's path."""
    top = mailbox.well_known("msgfolderroot")
    paths: dict[int, tuple[str, ...]] = {top.id: ()}
    found = []
    for folder in mailbox.folders(top):
        assert folder.parent is not None
        paths[folder.id] = (*paths[folder.parent], folder.name)
        found += [(paths[folder.id], item) for item in mailbox.items(folder)]
    return found


def sync(kept: Installation) -> dict[str, dict[str, Any]]:
    return {row["mailbox"]: row for row in kept.run("sync", "Everything", "--wait").rows}


def test_the_connection_is_tested_step_by_step(kept: Installation) -> None:
    steps = kept.ok("connection", "test", "Exchange").one["steps"]
    assert [step["name"] for step in steps] == ["dns", "tcp", "tls", "sign_in", "permission", "mailbox_check"]
    assert all(step["ok"] for step in steps)


def test_five_kinds_are_archived_and_exported_bit_for_bit(
    server: ExchangeServer, kept: Installation, tmp_path: Path
) -> None:
    rows = sync(kept)
    assert {row["result"] for row in rows.values()} == {"ok"}, rows
    there = held(mailbox_of(server, YUKI))
    shown = kept.items(YUKI)
    assert len(shown) == len(there) == rows[YUKI]["fetched"]
    assert {row["kind"] for row in shown} == KINDS
    assert Counter(row["class"] for row in shown) == Counter(item.item_class for _, item in there)
    assert Counter(row["folder"] for row in shown) == Counter("/".join(path) for path, _ in there)
    for line in kept.ok("ledger", YUKI).rows:
        assert line["pending"] == 0
        assert line["server"] == line["archived"]
    kept.ok("export", YUKI, "--format", "eml", "--out", str(tmp_path / "all.zip"), "--reason", "test")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = [name for name in archive.namelist() if not name.endswith(("/", ".jsonl"))]
        digests = Counter(hashlib.sha256(archive.read(name)).hexdigest() for name in names)
    wanted = [hashlib.sha256(item.mime).hexdigest() for _, item in there if item.mime]
    assert len(names) == len(there)
    assert not Counter(wanted) - digests
    assert digests == Counter(row["sha256"] for row in shown)
    assert kept.ok("verify").one["ok"]


def test_nothing_changed_costs_a_handful_of_requests(server: ExchangeServer, kept: Installation) -> None:
    sync(kept)
    before = server.recorder.counts()
    again = sync(kept)[YUKI]
    asked = {name: count - before.get(name, 0) for name, count in server.recorder.counts().items()}
    assert (again["listed"], again["fetched"]) == (0, 0)
    folders = len(kept.ok("folders", YUKI).rows)
    assert asked["FindFolder"] <= 4  # for each of two mailboxes one; the group's other one may come twice
    assert again["requests"] <= 2 * folders + 2


@pytest.mark.parametrize("way", ["upload", "create", "create, mime made anew"])
def test_what_is_restored_is_what_was_archived(server: ExchangeServer, kept: Installation, way: str) -> None:
    """Into an empty mailbox, by UploadItems and without it; property by property, twice, and undone."""
    assert sync(kept)[YUKI]["result"] == "ok"
    if way != "upload":
        server.faults.add(Fault("no_export"))
    if way == "create, mime made anew":
        server.faults.add(Fault("regenerated"))
    total = len(held(mailbox_of(server, YUKI)))
    planned = restore(kept, "--dry-run")
    assert (planned["create"], planned["skip"], planned["cannot"]) == (total, 0, [])
    done = restore(kept)
    assert done["create"] == total
    assert done["cannot"] == []
    lost = [one for one in done["differences"] if one["property"] not in SET_BY_SERVERS]
    assert lost == [], json.dumps(lost[:8], ensure_ascii=False, indent=1)
    report = done["properties"]
    assert {line["kind"] for line in report} == KINDS
    unequal = {(line["kind"], line["property"]) for line in report if line["differs"]}
    assert {name for _, name in unequal} <= SET_BY_SERVERS
    if way == "upload":
        assert unequal == set()
    _assert_same_items(server)
    again = restore(kept)
    assert (again["create"], again["skip"]) == (0, total)
    assert sync(kept)[EMPTY]["result"] == "ok"
    assert Counter((row["class"], row["subject"]) for row in kept.items(EMPTY)) == Counter(
        (row["class"], row["subject"]) for row in kept.items(YUKI)
    )
    undone = kept.ok("undo", done["id"], "--reason", "test").one
    assert (undone["removed"], undone["kept"]) == (total, 0)
    assert held(mailbox_of(server, EMPTY)) == []


def restore(kept: Installation, *arguments: str) -> dict[str, Any]:
    done = kept.run("restore", YUKI, "--to", EMPTY, "--reason", "test", *arguments)
    assert done.status in (0, 1), done.err  # 1: something did not come back as it was
    (row,) = done.rows
    return row


def _assert_same_items(server: ExchangeServer) -> None:
    """As the simulator has them: by folder, class and what identifies an item of its kind."""

    def picture(address: str) -> Counter[tuple[str, str, str, bool]]:
        return Counter(
            (path[-1], item.item_class, item.properties.get("Subject", ""), _is_mail(item) and item.read)
            for path, item in held(mailbox_of(server, address))
        )

    assert picture(EMPTY).total() == picture(YUKI).total()
    assert Counter(one[1:] for one in picture(EMPTY).elements()) == Counter(one[1:] for one in picture(YUKI).elements())


def _is_mail(item: Item) -> bool:
    return item.item_class.startswith(("IPM.Note", "IPM.Post", "IPM.Schedule", "REPORT."))


def test_a_revoked_right_names_itself_and_stops_nobody_else(server: ExchangeServer, kept: Installation) -> None:
    server.faults.add(Fault("impersonation_revoked", mailbox=YUKI))
    rows = sync(kept)
    assert (rows[YUKI]["result"], rows[YUKI]["code"]) == ("error", "impersonation_denied")
    assert "ApplicationImpersonation" in rows[YUKI]["hint"]
    assert rows[EMPTY]["result"] == "ok"
    server.faults.clear()
    assert sync(kept)[YUKI]["result"] == "ok"
