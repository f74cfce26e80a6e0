"""The outside of the simulated Exchange: HTTP, signing in, versions, impersonation. The operation is a stub that says whose
mailbox it was called for; how real operations answer is for others to test.
"""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from lxml import etree
from requests_ntlm import HttpNtlmAuth

from mailkeep.errors import GiveUp
from mailkeep.simulator.ews.envelope import Answer, Call, m
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.refusals import ERRORS
from mailkeep.simulator.ews.server import ExchangeServer, Settings
from tests.servers.exchange import PASSWORD, SERVICE, World, organise, password_of, running

ALICE = ("FIRMA\\alice", password_of("alice"))


def _whose(call: Call, request: etree._Element) -> Answer:
    """Says whose mailbox it is, and as much as it was asked for."""
    mailbox = "" if call.mailbox is None else call.mailbox.address
    return m("GetFolderResponse", mailbox + "x" * int(request.get("size", "0")))


STUB = {"GetFolder": _whose}


def envelope(
    *, version: str = "Exchange2013_SP1", header: str = "", size: int = 0, operation: str = "GetFolder"
) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" '
        'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>'
        f'<t:RequestServerVersion Version="{version}"/>{header}</s:Header>'
        f'<s:Body><m:{operation} size="{size}"/></s:Body></s:Envelope>'
    ).encode()


def impersonating(who: str, way: str = "PrimarySmtpAddress") -> str:
    return f"<t:ExchangeImpersonation><t:ConnectingSID><t:{way}>{who}</t:{way}></t:ConnectingSID></t:ExchangeImpersonation>"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, operations=STUB) as made:
        yield made


def post(world: World, body: bytes = b"", **options: object) -> requests.Response:
    options.setdefault("auth", ALICE)
    headers = {"Content-Type": "text/xml; charset=utf-8"} | dict(options.pop("headers", {}))  # type: ignore[call-overload]
    return requests.post(
        world.server.url, data=body or envelope(), verify=str(world.ca), headers=headers, timeout=20, **options
    )  # type: ignore[arg-type]


def code_of(answer: requests.Response) -> str:
    return etree.fromstring(answer.content).findtext(f".//{{{ERRORS}}}ResponseCode") or ""


# --- HTTP ----------------------------------------------------------------------------------------------------------


def test_headers_are_those_of_an_exchange_front_end(world: World) -> None:
    answer = post(world, headers={"X-AnchorMailbox": "alice@firma.example"})
    assert answer.status_code == 200
    assert "alice@firma.example" in answer.text
    assert answer.headers["Server"].startswith("Microsoft-IIS")
    assert answer.headers["X-FEServer"]
    assert answer.headers["request-id"]
    assert {"exchangecookie", "X-BackEndCookie"} <= set(answer.cookies.keys())
    assert 'MajorVersion="15" MinorVersion="1"' in answer.text


def test_a_large_answer_comes_in_chunks(world: World) -> None:
    answer = post(world, envelope(size=300_000))
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.content.count(b"x" * 300_000) == 1


def test_a_request_may_come_in_chunks(world: World) -> None:
    whole = envelope()
    assert "alice@" in post(world, (whole[at : at + 50] for at in range(0, len(whole), 50))).text  # type: ignore[arg-type]


def test_one_connection_serves_many_requests(world: World) -> None:
    context = ssl.create_default_context(cafile=str(world.ca))
    line = http.client.HTTPSConnection("localhost", world.server.port, context=context, timeout=10)
    try:
        for _ in range(3):
            line.request("POST", "/EWS/Exchange.asmx", envelope(), {"Authorization": _basic(*ALICE)})
            used = line.sock
            assert line.getresponse().read().count(b"alice@") == 1
            assert line.sock is used
    finally:
        line.close()


def test_what_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (
        running(tmp_path, Settings(request_bytes_max=1000, tls=False), operations=STUB) as world,
        socket.create_connection(("127.0.0.1", world.server.port), 10) as line,
    ):
        line.sendall(b"POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_plain_http_is_for_loopback_only() -> None:
    everywhere = Settings(tls=False, address="0.0.0.0")  # noqa: S104 - that it is refused is the point
    with organise() as organisation, pytest.raises(GiveUp):
        ExchangeServer(organisation, everywhere)


def test_plain_http_answers_on_loopback(tmp_path: Path) -> None:
    with running(tmp_path, Settings(tls=False), operations=STUB) as world:
        assert world.server.url.startswith("http:")
        assert "alice@" in post(world).text


def test_stopping_ends_connections_in_mid_air(tmp_path: Path) -> None:
    with running(tmp_path, Settings(tls=False), operations=STUB) as world:
        line = http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=5)
        line.request("POST", "/EWS/Exchange.asmx", envelope(), {"Authorization": _basic(*ALICE)})
        line.getresponse().read()
    with line.sock:
        assert line.sock.recv(100) == b""


# --- signing in ----------------------------------------------------------------------------------------------------


def _basic(user: str, password: str) -> str:
    return requests.auth._basic_auth_str(user, password)


@pytest.mark.parametrize("user", ["FIRMA\\alice", "firma\\ALICE", "alice", "alice@firma.example"])
def test_basic_takes_every_form_of_a_name(world: World, user: str) -> None:
    assert post(world, auth=(user, ALICE[1])).status_code == 200


@pytest.mark.parametrize("auth", [None, ("FIRMA\\alice", "wrong"), ("nobody", "x"), ("FIRMA\\alice", "")])
def test_others_are_told_which_schemes_there_are(world: World, auth: tuple[str, str] | None) -> None:
    answer = post(world, auth=auth)
    assert answer.status_code == 401
    assert [value.partition(" ")[0] for value in answer.raw.headers.getlist("WWW-Authenticate")] == [
        "Negotiate",
        "NTLM",
        "Basic",
        "Bearer",
    ]


def test_an_account_that_is_disabled_may_not(world: World) -> None:
    world.organisation.add_account(ALICE[0], ALICE[1], "alice@firma.example", disabled=True)
    assert post(world).status_code == 401


def test_a_scheme_that_is_switched_off_counts_for_nothing(tmp_path: Path) -> None:
    with running(tmp_path, Settings(schemes=("NTLM",)), operations=STUB) as world:
        answer = post(world)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "NTLM"


@pytest.mark.parametrize("user", ["FIRMA\\alice", "alice@firma.example"])
def test_ntlm_signs_in_the_connection(world: World, user: str) -> None:
    with requests.Session() as session:
        session.trust_env = False  # this machine names another bundle of authorities there
        session.auth = HttpNtlmAuth(user, ALICE[1])
        session.verify = str(world.ca)
        for _ in range(2):
            answer = session.post(world.server.url, envelope(), timeout=20)
            assert answer.status_code == 200
            assert "alice@firma.example" in answer.text


def test_ntlm_refuses_a_wrong_password(world: World) -> None:
    answer = post(world, auth=HttpNtlmAuth("FIRMA\\alice", "wrong"))
    assert answer.status_code == 401


def test_ntlm_by_curl(world: World) -> None:
    answer = _curl(world, "--ntlm", "--user", "FIRMA\\alice:" + ALICE[1])
    assert "alice@firma.example" in answer
    assert _curl(world, "--ntlm", "--user", "FIRMA\\alice:wrong").endswith("401")


def test_extended_protection_wants_to_hear_of_the_certificate(tmp_path: Path) -> None:
    """requests_ntlm tells which certificate it saw, curl 7.88 does not."""
    with running(tmp_path, Settings(extended_protection="require"), operations=STUB) as world:
        assert post(world, auth=HttpNtlmAuth(*ALICE)).status_code == 200
        assert post(world, auth=HttpNtlmAuth(*ALICE, send_cbt=False)).status_code == 401
        assert _curl(world, "--ntlm", "--user", "FIRMA\\alice:" + ALICE[1]).endswith("401")


def _curl(world: World, *options: str) -> str:
    command = ["curl", "--silent", "--cacert", str(world.ca), "--max-time", "20", "--write-out", "\n%{http_code}"]
    command += ["--data-binary", "@-", "--header", "Content-Type: text/xml", *options, world.server.url]
    return subprocess.run(command, input=envelope(), capture_output=True, check=True).stdout.decode()


def test_a_token_is_good_until_it_ends_or_is_revoked(world: World) -> None:
    token = world.server.authenticator.make_token("FIRMA\\alice")
    bearing = {"Authorization": f"Bearer {token}"}
    assert post(world, auth=None, headers=bearing).status_code == 200
    world.server.authenticator.revoke_tokens("FIRMA\\alice")
    refused = post(world, auth=None, headers=bearing)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    over = world.server.authenticator.make_token("FIRMA\\alice", seconds=-1)
    assert post(world, auth=None, headers={"Authorization": f"Bearer {over}"}).status_code == 401


def test_the_token_of_an_application_must_impersonate(world: World) -> None:
    token = world.server.authenticator.make_token(SERVICE, app_only=True)
    bearing = {"Authorization": f"Bearer {token}"}
    alone = post(world, auth=None, headers=bearing)
    assert code_of(alone) == "ErrorInvalidExchangeImpersonationHeaderData"
    for_bob = envelope(header=impersonating("bob@firma.example"))
    assert "bob@firma.example" in post(world, for_bob, auth=None, headers=bearing).text


# --- impersonation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["PrimarySmtpAddress", "SmtpAddress", "PrincipalName"])
def test_the_service_account_impersonates(world: World, way: str) -> None:
    answer = post(world, envelope(header=impersonating("bob@firma.example", way)), auth=(SERVICE, PASSWORD))
    assert "bob@firma.example" in answer.text


@pytest.mark.parametrize(
    ("who", "way", "auth", "code"),
    [
        ("bob@firma.example", "PrimarySmtpAddress", ALICE, "ErrorImpersonateUserDenied"),
        ("nobody@firma.example", "PrimarySmtpAddress", (SERVICE, PASSWORD), "ErrorNonExistentMailbox"),
        ("nobody@firma.example", "PrincipalName", (SERVICE, PASSWORD), "ErrorInvalidUserPrincipalName"),
        ("S-1-5-21-1-2-3", "SID", (SERVICE, PASSWORD), "ErrorInvalidUserSid"),
    ],
)
def test_impersonation_is_denied(world: World, who: str, way: str, auth: tuple[str, str], code: str) -> None:
    answer = post(world, envelope(header=impersonating(who, way)), auth=auth)
    assert answer.status_code == 500
    assert code_of(answer) == code


def test_a_mailbox_that_moves_or_is_disabled_answers_so(world: World) -> None:
    world.mailbox("alice").moving = True
    assert code_of(post(world)) == "ErrorMailboxMoveInProgress"
    world.mailbox("alice").disabled = True
    assert code_of(post(world)) == "ErrorNonExistentMailbox"


def test_a_service_account_without_mailbox_is_nobody_s(world: World) -> None:
    answer = post(world, auth=(SERVICE, PASSWORD))
    assert answer.status_code == 200
    assert "firma.example" not in etree.fromstring(answer.content)[-1][0].xpath("string()")


# --- requests that make no sense -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<s:Envelope", "ErrorSchemaValidation"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + envelope().partition(b"?>")[2], "ErrorSchemaValidation"),
        (envelope().replace(b"s:Body", b"s:Corpse"), "ErrorInvalidRequest"),
        (envelope(version="Exchange2099"), "ErrorInvalidServerVersion"),
        (envelope(operation="MakeTea"), "ErrorInvalidRequest"),
        (envelope(version="Exchange2010", operation="ExportItems"), "ErrorIncorrectSchemaVersion"),
    ],
)
def test_nonsense_is_refused_as_exchange_words_it(world: World, body: bytes, code: str) -> None:
    answer = post(world, body)
    assert answer.status_code == 500
    assert code_of(answer) == code


@pytest.mark.parametrize(
    ("version", "asked", "fine"),
    [
        ("Exchange2013_SP1", "Exchange2016", False),
        ("Exchange2013_SP1", "Exchange2013_SP1", True),
        ("Exchange2016", "Exchange2007_SP1", True),
        ("ExchangeSE", "Exchange2016", True),
    ],
)
def test_a_server_takes_versions_up_to_its_own(tmp_path: Path, version: str, asked: str, fine: bool) -> None:
    with running(tmp_path, organisation=organise(version=version), operations=STUB) as world:
        assert post(world, envelope(version=asked)).ok == fine


def test_requests_are_held_to_the_schema_where_there_is_one(tmp_path: Path, corpus: Path) -> None:
    with running(tmp_path, Settings(schema=corpus / "ews-xsd-ready"), operations=STUB) as world:
        assert code_of(post(world)) == "ErrorSchemaValidation"


# --- around EWS ----------------------------------------------------------------------------------------------------


def test_other_paths(world: World) -> None:
    known = requests.get(world.server.url, auth=ALICE, verify=str(world.ca), timeout=10)
    assert known.status_code == 200
    unknown = requests.get(f"{world.server.base_url}/owa/", auth=ALICE, verify=str(world.ca), timeout=10)
    assert unknown.status_code == 404


def test_what_the_recorder_knows(world: World) -> None:
    post(
        world, envelope(header=impersonating("bob@firma.example")), auth=(SERVICE, PASSWORD), headers={"Cookie": "a=b"}
    )
    seen = world.server.recorder.seen[-1]
    assert (seen.mailbox, seen.operation, seen.status, seen.cookies) == ("bob@firma.example", "GetFolder", 200, "a=b")
    assert world.server.recorder.counts() == {"GetFolder": 1}


def test_gzip_for_who_accepts_it(world: World) -> None:
    world.server.faults.add(Fault("gzip"))
    answer = post(world, headers={"Accept-Encoding": "gzip"}, stream=True)
    raw = answer.raw.read(decode_content=False)
    assert b"alice@" in gzip.decompress(raw)
    plain = post(world, headers={"Accept-Encoding": "identity"}, stream=True)
    assert b"alice@" in plain.raw.read(decode_content=False)
