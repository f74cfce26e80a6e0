"""Every fault on request does on the line what the table says."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests
from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, m, success, t
from mailkeep.simulator.ews.fault_kinds import KINDS
from mailkeep.simulator.ews.faults import CERTIFICATE, Fault, Faults
from mailkeep.simulator.ews.ids import folder_id, item_id
from mailkeep.simulator.ews.reply import Asked
from tests.servers.exchange import PASSWORD, SERVICE, World, running
from tests.simulator.test_ews_server import ALICE, code_of, envelope, impersonating, post

M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
T = "{http://schemas.microsoft.com/exchange/services/2006/types}"


def _get_item(call: Call, request: etree._Element) -> Answer:
    messages = [
        success("GetItem", m("Items", None, t("Message", None, t("ItemId", Id=each.get("Id", "")), t("Subject", "Hi"))))
        for each in request.iter(f"{T}ItemId")
    ]
    return m("GetItemResponse", None, m("ResponseMessages", None, *messages))


def _sync(call: Call, request: etree._Element) -> Answer:
    """Ten new items; the state counts the calls."""
    state = int(request.findtext(f"{M}SyncState") or 0)
    changes = [t("Create", None, t("Message", None, t("ItemId", Id=str(number)))) for number in range(10)]
    parts = (m("SyncState", str(state + 1)), m("IncludesLastItemInRange", "false"), m("Changes", None, *changes))
    message = success("SyncFolderItems", *parts)
    return m("SyncFolderItemsResponse", None, m("ResponseMessages", None, message))


STUB = {
    "GetFolder": lambda *_: m("GetFolderResponse", "x" * 20_000),
    "GetItem": _get_item,
    "SyncFolderItems": _sync,
    "ExportItems": lambda *_: m("ExportItemsResponse"),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, operations=STUB) as made:
        yield made


def _envelope(body: str) -> bytes:
    plain = envelope(version="Exchange2016")
    start, end = plain.index(b"<s:Body>") + 8, plain.index(b"</s:Body>")
    return plain[:start] + body.encode() + plain[end:]


def sync(state: str = "", folder: str = '<t:DistinguishedFolderId Id="inbox"/>') -> bytes:
    known = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    return _envelope(f"<m:SyncFolderItems><m:SyncFolderId>{folder}</m:SyncFolderId>{known}</m:SyncFolderItems>")


def get_items(*ids: str) -> bytes:
    wanted = "".join(f'<t:ItemId Id="{each}"/>' for each in ids)
    shape = "<m:ItemShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>"
    return _envelope(f"<m:GetItem>{shape}<m:ItemIds>{wanted}</m:ItemIds></m:GetItem>")


def codes(answer: requests.Response) -> list[str]:
    return [found.text or "" for found in etree.fromstring(answer.content).iter(f"{M}ResponseCode")]


def ids(answer: requests.Response) -> list[str]:
    return [found.get("Id", "") for found in etree.fromstring(answer.content).iter(f"{T}ItemId")]


def state_of(answer: requests.Response) -> str:
    return etree.fromstring(answer.content).findtext(f".//{M}SyncState") or ""


# --- the register --------------------------------------------------------------------------------------------------


def test_the_table_has_forty_kinds_and_says_what_each_does() -> None:
    assert len(KINDS) >= 40
    for name, kind in KINDS.items():
        assert kind.meaning, name
        acts = (kind.show, kind.refuse, kind.before, kind.after, kind.rewrite, kind.send, kind.regenerated)
        assert any(acts), name


def _asked(operation: str = "GetItem", mailbox: str = "alice@firma.example") -> Asked:
    node = etree.Element("x")
    return Asked("svc", mailbox, operation, node, node)


def test_after_and_times_are_counted_on_fitting_requests_only() -> None:
    faults = Faults(KINDS.__getitem__)
    faults.add(Fault("busy_short", mailbox="ALICE@firma.example", operation="GetItem", after=1, times=2))
    struck = []
    for operation, mailbox in [("GetItem", "bob@x"), ("FindItem", "alice@firma.example")] * 3:
        assert faults.strike(_asked(operation, mailbox)) == []
    for _ in range(5):
        struck.append(len(faults.strike(_asked())))
    assert struck == [0, 1, 1, 0, 0]
    assert faults.waiting() == []


def test_a_lasting_fault_lasts_until_it_is_removed() -> None:
    faults = Faults(KINDS.__getitem__)
    number = faults.add(Fault("mailbox_disabled"))
    assert all(faults.strike(_asked()) for _ in range(20))
    faults.remove(number)
    assert not faults.strike(_asked())


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(KeyError):
        Faults(KINDS.__getitem__).add(Fault("earthquake"))


# --- answers in place of an operation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttled_seconds", 429), ("throttled_date", 429), ("throttled_bare", 429), ("throttled_huge", 429),
        ("unavailable_until", 503), ("unavailable", 503), ("internal_error", 500), ("bad_gateway", 502),
        ("gateway_timeout", 504), ("login_page", 200), ("unauthorized", 401), ("redirected", 302),
    ],
)  # fmt: skip
def test_plain_http(world: World, kind: str, status: int) -> None:
    world.server.faults.add(Fault(kind))
    answer = post(world, allow_redirects=False)
    assert answer.status_code == status
    assert post(world).status_code == 200


def test_retry_after_in_all_its_forms(world: World) -> None:
    for kind in ("throttled_seconds", "throttled_date", "throttled_bare", "throttled_huge"):
        world.server.faults.add(Fault(kind))
    said = [post(world).headers.get("Retry-After") for _ in range(4)]
    assert said[0] == "1"
    assert -1 < parsedate_to_datetime(said[1] or "").timestamp() - time.time() <= 2
    assert said[2:] == [None, "86400"]


SOAP_FAULTS = {
    "busy_short": "ErrorServerBusy", "busy_long": "ErrorServerBusy", "busy_bare": "ErrorServerBusy",
    "connections_exceeded": "ErrorExceededConnectionCount", "internal_fault": "ErrorInternalServerError",
    "transient_fault": "ErrorInternalServerTransientError", "store_unavailable": "ErrorMailboxStoreUnavailable",
    "failed_over": "ErrorMailboxFailover", "mailbox_moving": "ErrorMailboxMoveInProgress",
    "mailbox_disabled": "ErrorNonExistentMailbox", "account_disabled": "ErrorAccountDisabled",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "code"), SOAP_FAULTS.items())
def test_soap_faults(world: World, kind: str, code: str) -> None:
    world.server.faults.add(Fault(kind))
    answer = post(world)
    assert answer.status_code == 500
    assert code_of(answer) == code
    assert (b"BackOffMilliseconds" in answer.content) == (kind in ("busy_short", "busy_long"))


def test_revoked_impersonation_leaves_the_account_its_own_mailbox(world: World) -> None:
    world.server.faults.add(Fault("impersonation_revoked"))
    for_bob = envelope(header=impersonating("bob@firma.example"))
    assert code_of(post(world, for_bob, auth=(SERVICE, PASSWORD))) == "ErrorImpersonateUserDenied"
    assert post(world).status_code == 200


def test_a_revoked_token_does_not_touch_passwords(world: World) -> None:
    token = world.server.authenticator.make_token("FIRMA\\alice")
    world.server.faults.add(Fault("token_revoked"))
    assert post(world, auth=None, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert post(world).status_code == 200


def test_no_export_leaves_the_rest_alone(world: World) -> None:
    world.server.faults.add(Fault("no_export"))
    assert post(world, _envelope("<m:ExportItems/>")).status_code == 500
    assert post(world).status_code == 200


# --- the line ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["truncated", "cut", "dropped", "silence"])
def test_a_broken_line(world: World, kind: str) -> None:
    world.server.faults.add(Fault(kind, seconds=0.2))
    with pytest.raises(requests.exceptions.RequestException):
        post(world)
    assert post(world).status_code == 200


def test_a_neat_truncation_is_whole_to_http_and_broken_to_xml(world: World) -> None:
    world.server.faults.add(Fault("truncated_neatly", share=0.7))
    answer = post(world)
    assert 10_000 < len(answer.content) < 20_000
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.content)


@pytest.mark.parametrize("kind", ["slow_drip", "slow_start"])
def test_a_slow_answer_is_whole(world: World, kind: str) -> None:
    world.server.faults.add(Fault(kind, seconds=0.4))
    started = time.monotonic()
    answer = post(world)
    assert time.monotonic() - started >= 0.3  # the last drop has nobody waiting after it
    assert b"x" * 20_000 in answer.content


def test_a_stale_connection_is_closed_without_a_word(world: World) -> None:
    world.server.faults.add(Fault("stale_connection"))
    context = ssl.create_default_context(cafile=str(world.ca))
    line = http.client.HTTPSConnection("localhost", world.server.port, context=context, timeout=10)
    asking = {"Authorization": requests.auth._basic_auth_str(*ALICE)}
    line.request("POST", "/EWS/Exchange.asmx", envelope(), asking)
    answer = line.getresponse()
    assert answer.headers["Connection"] is None
    answer.read()
    assert line.sock.recv(1) == b""
    line.close()


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if CERTIFICATE in kind.operations])
def test_bad_certificates(world: World, kind: str) -> None:
    number = world.server.faults.add(Fault(kind))
    said = {"expired": "expired", "other_name": "Hostname mismatch", "untrusted": "unable to get local issuer"}
    with pytest.raises(requests.exceptions.SSLError, match=said[KINDS[kind].show]):
        post(world)
    world.server.faults.remove(number)
    assert post(world).status_code == 200


def test_what_no_parser_takes(world: World) -> None:
    world.server.faults.add(Fault("doctype"))
    assert b"<!DOCTYPE" in post(world).content
    world.server.faults.add(Fault("invalid_characters"))
    answer = post(world, get_items("a"))
    assert b"<t:Subject>&#x1;&#xFFFE;Hi" in answer.content


# --- lists and batches ---------------------------------------------------------------------------------------------


def test_duplicated_and_disordered_changes(world: World) -> None:
    world.server.faults.add(Fault("duplicated_changes"))
    assert ids(post(world, sync())) == [str(number) for number in range(10)] * 2
    world.server.faults.add(Fault("disordered_changes", seed=3))
    mixed = ids(post(world, sync()))
    assert mixed != sorted(mixed)
    assert sorted(mixed) == [str(number) for number in range(10)]


def test_sync_states_that_do_not_hold(world: World) -> None:
    for kind in ("sync_state_invalid", "sync_state_reset", "sync_state_back"):
        number = world.server.faults.add(Fault(kind))
        assert state_of(post(world, sync())) == "1"  # without a state there is nothing to strike
        answer = post(world, sync("5"))
        expected = {"sync_state_invalid": "", "sync_state_reset": "1", "sync_state_back": "5"}
        assert state_of(answer) == expected[kind]
        assert codes(answer) == (["ErrorInvalidSyncStateData"] if kind == "sync_state_invalid" else ["NoError"])
        world.server.faults.remove(number)
        assert state_of(post(world, sync("5"))) == "6"


def test_a_moved_mailbox_knows_only_the_states_it_gave_itself(world: World) -> None:
    world.server.faults.add(Fault("mailbox_moved"))
    assert codes(post(world, sync("5"))) == ["ErrorInvalidSyncStateData"]
    fresh = state_of(post(world, sync()))
    assert codes(post(world, sync(fresh))) == ["NoError"]


def test_a_folder_that_is_suddenly_empty(world: World) -> None:
    held = [world.deliver("alice", "inbox", subject=f"Letter {number}") for number in range(3)]
    world.server.faults.add(Fault("folder_empty", times=2))
    first = post(world, sync())
    assert ids(first) == []
    assert b"<m:IncludesLastItemInRange>true" in first.content
    known = post(world, sync("5"))
    assert sorted(ids(known)) == sorted(item_id(item)[0] for item in held)
    assert b"<t:Delete>" in known.content or b"Delete" in known.content


def test_an_item_vanishes_between_list_and_fetch(world: World) -> None:
    held = [item_id(world.deliver("alice", "inbox", subject=f"Letter {number}"))[0] for number in range(4)]
    world.server.faults.add(Fault("items_vanish", seed=2))
    post(world, get_items(*held))
    inbox = world.mailbox("alice").well_known("inbox")
    assert world.mailbox("alice").count(inbox) == 3


def test_a_folder_vanishes_but_never_the_inbox(world: World) -> None:
    mailbox = world.mailbox("alice")
    own = mailbox.add_folder(mailbox.well_known("msgfolderroot"), "Projects")
    world.server.faults.add(Fault("folder_vanishes", times=0))
    inbox = mailbox.well_known("inbox")
    for folder in (inbox, own):
        post(world, sync(folder=f'<t:FolderId Id="{folder_id(folder)[0]}"/>'))
    assert mailbox.folder(inbox.id) is not None
    held = mailbox.folder(own.id)
    assert held is None or mailbox.in_recoverable_items(held)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("item_corrupt", "ErrorItemCorrupt"), ("item_too_large", "ErrorMessageSizeExceeded"),
        ("mime_conversion_failed", "ErrorMimeContentConversionFailed"),
    ],
)  # fmt: skip
def test_one_item_of_a_batch_is_refused_and_it_stays_the_same_one(world: World, kind: str, code: str) -> None:
    world.server.faults.add(Fault(kind, seed=5))
    first = codes(post(world, get_items("a", "b", "c", "d")))
    assert sorted(first) == sorted([code, "NoError", "NoError", "NoError"])
    victim = "abcd"[first.index(code)]
    assert codes(post(world, get_items(victim))) == [code]
    assert set(codes(post(world, get_items(*"abcd".replace(victim, ""))))) == {"NoError"}


def test_a_poisoned_item_takes_its_batch_along(world: World) -> None:
    world.server.faults.add(Fault("poisoned_item", target="c"))
    assert post(world, get_items("a", "b", "c", "d")).status_code == 500
    assert post(world, get_items("a", "b")).status_code == 200
    assert post(world, get_items("d")).status_code == 200
    assert post(world, get_items("c")).status_code == 500


def test_busy_from_the_middle_of_a_batch_on(world: World) -> None:
    world.server.faults.add(Fault("busy_in_batch", seed=4))
    said = codes(post(world, get_items(*"abcdef")))
    first = said.index("ErrorServerBusy")
    assert set(said[first:]) == {"ErrorServerBusy"}
    assert set(said[:first]) <= {"NoError"}


def test_the_same_seed_does_the_same(tmp_path: Path) -> None:
    def run(seed: int) -> list[str]:
        with running(tmp_path, operations=STUB) as world:
            world.server.faults.add(Fault("disordered_changes", seed=seed))
            return ids(post(world, sync()))

    assert run(1) == run(1) != run(2)
