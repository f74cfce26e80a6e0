"""Fetching from EWS: batches, two lines, native parts, and items that would not come."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from ews_world import EwsWorld, Mailbox, Simulated
from test_ews_listing import fill, inbox, struck
from worlds import closed_after, message

from mailkeep.connectors.base import Fetched, Listed, Unfetched
from mailkeep.connectors.ews import fetching
from mailkeep.errors import GiveUp, RetryLater, RetryNow
from mailkeep.mail.items import ItemRef
from mailkeep.simulator.ews.faults import Fault

INBOX = ("INBOX",)


@pytest.fixture(params=["exchange", "exchange-plain"])
def exchange(request: pytest.FixtureRequest, exchanges: dict[str, Simulated]) -> Simulated:
    found: Simulated = exchanges[request.param]
    return found


@pytest.fixture
def world(exchange: Simulated, request: pytest.FixtureRequest) -> EwsWorld:
    mailbox = Mailbox(exchange.endpoint(), exchange.new_mailbox())
    return closed_after(EwsWorld(mailbox, exact=exchange.exact, stable_ids=True, many=100), request)


def refs(connector: object) -> list[ItemRef]:
    listing = connector.changes(inbox(connector), None)  # type: ignore[attr-defined]
    return [change.ref for change in listing if isinstance(change, Listed)]


def fetched(connector: object, wanted: list[ItemRef]) -> tuple[dict[str, Fetched], dict[str, Unfetched]]:
    come, gone = {}, {}
    for result in connector.fetch(inbox(connector), iter(wanted)):  # type: ignore[attr-defined]
        assert result.ref.subject not in come | gone
        if isinstance(result, Fetched):
            come[result.ref.subject] = result
        else:
            gone[result.ref.subject] = result
    assert len(come) + len(gone) == len(wanted)
    return come, gone


def test_a_message_comes_with_its_native_form(exchange: Simulated, world: EwsWorld) -> None:
    fill(world, 1)
    connector = world.connect()
    come, _ = fetched(connector, refs(connector))
    names = [part.name for part in come["n1"].parts]
    assert names == ["ews.properties", "ews.export"] if exchange.exact else ["ews.properties"]
    assert b"ItemId" in bytes(come["n1"].parts[0].content)


def test_a_server_without_export_is_asked_once(exchange: Simulated, world: EwsWorld) -> None:
    fill(world, *range(8))
    connector = world.connect()
    wanted = refs(connector)
    fetched(connector, wanted[:2])
    before = connector.usage.requests
    fetched(connector, wanted[2:])
    assert connector.usage.requests - before == 1 + 1 + exchange.exact  # the folders, GetItem, and ExportItems


def test_batches_are_bounded_and_two_are_under_way(world: EwsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_BATCH_ITEMS", 5)
    fill(world, *range(23))
    connector = world.connect()
    pulled: list[int] = []
    wanted = refs(connector)

    def source() -> object:
        for number, ref in enumerate(wanted):
            pulled.append(number)
            yield ref

    stream = connector.fetch(inbox(connector), source())  # type: ignore[arg-type]
    next(stream)
    assert len(pulled) <= 3 * 5 + 1, "more was pulled than is under way"
    assert len(list(stream)) == 22


def test_a_stream_that_is_left_leaves_the_session_usable(world: EwsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_BATCH_ITEMS", 2)
    fill(world, *range(9))
    connector = world.connect()
    wanted = refs(connector)
    stream = connector.fetch(inbox(connector), iter(wanted))
    next(stream)
    assert connector.count(inbox(connector)) == 9
    stream.close()  # type: ignore[attr-defined]
    come, _ = fetched(connector, wanted)
    assert len(come) == 9


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("items_vanish", "vanished"),
        ("item_too_large", "item_too_large"),
        ("item_corrupt", "unreadable"),
        ("poisoned_item", "unreadable"),
    ],
)
def test_one_bad_item_stops_no_other(exchange: Simulated, world: EwsWorld, kind: str, code: str) -> None:
    fill(world, *range(21))
    connector = world.connect()
    wanted = refs(connector)
    with struck(exchange, world, kind):
        come, gone = fetched(connector, wanted)
    assert len(gone) <= 1 or kind == "items_vanish"
    assert {one.code for one in gone.values()} <= {code}
    assert len(come) >= 20
    assert all(one.message for one in gone.values())


def test_a_poisoned_batch_costs_few_requests(exchange: Simulated, world: EwsWorld) -> None:
    """It is halved, not taken one by one."""
    fill(world, *range(40))
    connector = world.connect()
    wanted = refs(connector)
    with struck(exchange, world, "poisoned_item"):
        before = connector.usage.requests
        _, gone = fetched(connector, wanted)
    assert len(gone) == 1
    assert connector.usage.requests - before < 22


def test_what_has_no_mime_comes_without(exchange: Simulated, world: EwsWorld) -> None:
    fill(world, *range(3))
    connector = world.connect()
    wanted = refs(connector)
    with struck(exchange, world, "mime_conversion_failed"):
        come, gone = fetched(connector, wanted)
    assert gone == {}
    bare = [one for one in come.values() if bytes(one.content).startswith(b"<?xml")]
    assert len(bare) == 1
    assert bytes(bare[0].content) == bytes(bare[0].parts[0].content)


@pytest.mark.parametrize("kind", ["truncated", "truncated_neatly", "cut", "dropped"])
def test_a_line_that_breaks_is_told(exchange: Simulated, world: EwsWorld, kind: str) -> None:
    fill(world, *range(5))
    connector = world.connect()
    wanted = refs(connector)
    folder = inbox(connector)
    with struck(exchange, world, kind, times=1), pytest.raises(RetryNow):
        list(connector.fetch(folder, iter(wanted)))
    come, _ = fetched(connector, wanted)
    assert len(come) == 5


@pytest.mark.parametrize("seed", range(5))
def test_what_came_before_a_pause_is_not_fetched_again(exchange: Simulated, world: EwsWorld, seed: int) -> None:
    fill(world, *range(9))
    connector = world.connect()
    wanted = refs(connector)
    folder = inbox(connector)
    faults = exchange.server.server.faults
    number = faults.add(Fault("busy_in_batch", mailbox=world.place.address, times=2, seed=seed))
    come: list[str] = []
    pauses = 0
    try:
        while len(come) < 9 and pauses < 5:
            stream = connector.fetch(folder, iter([ref for ref in wanted if ref.subject not in come]))
            try:
                for result in stream:
                    assert isinstance(result, Fetched)
                    come.append(result.ref.subject)
            except RetryLater:
                pauses += 1
    finally:
        faults.remove(number)
    assert sorted(come) == sorted(ref.subject for ref in wanted)


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("mailbox_moving", RetryLater, "mailbox_moving"),
        ("impersonation_revoked", GiveUp, "impersonation_denied"),
        ("password_changed", GiveUp, "auth_failed"),
        ("login_page", GiveUp, "forms_login_page"),
        ("doctype", GiveUp, "unsafe_answer"),
        ("account_disabled", GiveUp, "account_disabled"),
        ("busy_long", RetryLater, "throttled"),
    ],
)
def test_what_concerns_the_mailbox_is_raised(
    exchange: Simulated, world: EwsWorld, kind: str, error: type[Exception], code: str
) -> None:
    fill(world, 1)
    connector = world.connect()
    wanted = refs(connector)
    folder = inbox(connector)
    with struck(exchange, world, kind, times=3), pytest.raises(error) as raised:
        list(connector.fetch(folder, iter(wanted)))
    exchange.server.server.watch.forget()
    world.opening.rests._until.clear()
    assert raised.value.code == code  # type: ignore[attr-defined]


def test_an_item_beyond_the_limit_is_not_asked_for(world: EwsWorld) -> None:
    world.deliver(INBOX, message("big", body="x" * 300_000))
    fill(world, 1)
    connector = world.connect()
    connector.inner._item_bytes_max = 100_000
    come, gone = fetched(connector, refs(connector))
    assert list(come) == ["n1"]
    assert gone["big"].code == "item_too_large"


CHILD = """
import sys
from pathlib import Path
from mailkeep.connectors.base import Endpoint, Fetched, Listed
from mailkeep.connectors.ews.provider import EwsProvider

port, ca, user, password, address, size = int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:6], int(sys.argv[6])
endpoint = Endpoint("exchange", "localhost", port, ca_pem=ca.read_text(), user=user, password=password, impersonate=True)
connector = EwsProvider().open(endpoint, address)
folder = next(one for one in connector.folders() if one.role == "inbox")
refs = [change.ref for change in connector.changes(folder, None) if isinstance(change, Listed)]
for result in connector.fetch(folder, iter(refs)):
    assert isinstance(result, Fetched), result
    assert len(result.content) > size, len(result.content)
print(next(row.split()[1] for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM")))
"""


def test_a_large_message_fits_into_bounded_memory(exchanges: dict[str, Simulated], tmp_path: Path) -> None:
    """150 MB under 512 MB of the process, measured in one of its own."""
    exchange = exchanges["exchange"]
    address = exchange.new_mailbox()
    size = 150_000_000
    line = b"z" * 1000 + b"\r\n"
    content = message("huge") + line * (size // len(line) + 1)
    exchange.server.deliver(address, "inbox", mime=content)
    del content
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    endpoint = exchange.endpoint()
    arguments = [str(endpoint.port), str(exchange.server.ca), endpoint.user, endpoint.password, address, str(size)]
    command = [sys.executable, str(script), *arguments]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    peak = int(ran.stdout)  # kB; of that process alone, unlike ru_maxrss, which it has from its parent
    print(f"resident: {peak / 1024:.0f} MB at most")
    assert peak < 300 * 1024


def test_headers_of_items_without_a_lasting_id(world: EwsWorld) -> None:
    """Twenty at a time, and the session is free for other things between them."""
    fill(world, *range(25))
    connector = world.connect()
    wanted = [replace(ref, stable_id="") for ref in refs(connector)]
    folder = inbox(connector)
    heads = {}
    for ref, head in connector.identify(folder, iter(wanted)):
        heads[ref.subject] = head
        if len(heads) % 10 == 1:
            assert connector.count(folder) == 25
    assert len(heads) == 25
    assert all(head.endswith(b"\r\n\r\n") and b"Message-ID" in head for head in heads.values())


def test_two_fetches_and_a_listing_at_once(world: EwsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_BATCH_ITEMS", 3)
    fill(world, *range(14))
    connector = world.connect()
    wanted = refs(connector)
    folder = inbox(connector)
    one, two = connector.fetch(folder, iter(wanted)), connector.fetch(folder, iter(reversed(wanted)))
    seen = []
    for first, second in zip(one, two, strict=True):
        assert isinstance(first, Fetched)
        assert isinstance(second, Fetched)
        seen += [first.ref.id, second.ref.id]
    assert sorted(seen) == sorted([ref.id for ref in wanted] * 2)
