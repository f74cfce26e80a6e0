"""The connection test: every step by name, and for each trouble its own words and its fix (SPEC B2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ews_world import Simulated
from http_peer import Said, answer, peer

from mailkeep.connectors.base import Endpoint, Step
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.simulator.ews.faults import Fault
from tests.servers.exchange import address, password_of

NAMES = ["dns", "tcp", "tls", "sign_in", "permission", "mailbox_check"]


@pytest.fixture
def exchange(exchanges: dict[str, Simulated]) -> Simulated:
    return exchanges["exchange"]


def steps(endpoint: Endpoint) -> list[Step]:
    return list(EwsProvider(Opening(rests=BackOff(), answer_seconds_max=5.0)).test(endpoint))


def last(endpoint: Endpoint) -> Step:
    """The step that failed, the ones before having passed."""
    told = steps(endpoint)
    assert [step.name for step in told] == NAMES[: len(told)]
    assert all(step.ok for step in told[:-1])
    assert not told[-1].ok
    assert told[-1].hint
    return told[-1]


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_all_is_well(exchange: Simulated, auth: str) -> None:
    told = steps(exchange.endpoint(auth=auth, mailbox_check=address("alice")))
    assert [step.name for step in told] == NAMES
    assert all(step.ok for step in told)
    assert "trusted" in told[2].message
    assert "ApplicationImpersonation" in told[4].message
    assert "folders" in told[5].message


def test_a_token_in_place_of_a_password(exchange: Simulated) -> None:
    token = exchange.server.server.authenticator.make_token("FIRMA\\svc-mailkeep")
    told = steps(exchange.endpoint(auth="bearer", user="", password=token, mailbox_check=address("alice")))
    assert all(step.ok for step in told)
    step = last(exchange.endpoint(auth="bearer", user="", password="no.such.token", mailbox_check=address("alice")))
    assert (step.name, "token" in step.hint) == ("sign_in", True)


def test_full_access_and_none(exchange: Simulated) -> None:
    carol = replace(exchange.endpoint(), impersonate=False, user="FIRMA\\carol", password=password_of("carol"))
    assert all(step.ok for step in steps(replace(carol, mailbox_check=address("alice"))))
    step = last(replace(carol, mailbox_check=address("bob")))
    assert (step.name, "full access" in step.hint) == ("permission", True)


def test_impersonation_denied(exchange: Simulated) -> None:
    carol = exchange.endpoint(user="FIRMA\\carol", password=password_of("carol"), mailbox_check=address("bob"))
    step = last(carol)
    assert step.name == "permission"
    assert "may not act for" in step.message
    assert "ApplicationImpersonation" in step.hint


def test_a_wrong_password(exchange: Simulated) -> None:
    step = last(exchange.endpoint(password="wrong", mailbox_check=address("alice")))
    assert (step.name, "user name or password" in step.message) == ("sign_in", True)


def test_a_mailbox_that_is_not_there(exchange: Simulated) -> None:
    step = last(exchange.endpoint(mailbox_check="nobody@firma.example"))
    assert (step.name, "nobody@firma.example" in step.message) == ("mailbox_check", True)


def test_no_mailbox_to_check(exchange: Simulated) -> None:
    step = last(exchange.endpoint())
    assert (step.name, "mailbox to check" in step.hint) == ("sign_in", True)


def test_an_untrusted_certificate_is_shown(exchange: Simulated) -> None:
    step = last(exchange.endpoint(ca_pem="", mailbox_check=address("alice")))
    assert step.name == "tls"
    assert "not trusted" in step.message
    assert "made for localhost" in step.message
    assert "SHA-256" in step.message


def test_a_certificate_for_another_name(exchange: Simulated) -> None:
    number = exchange.server.server.faults.add(Fault("certificate_other_name"))
    try:
        step = last(exchange.endpoint(mailbox_check=address("alice")))
    finally:
        exchange.server.server.faults.remove(number)
    assert (step.name, "not trusted" in step.message) == ("tls", True)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("login_page", "forms login page"),
        ("redirected", "sends us on"),
        ("busy_long", "left alone"),
        ("throttled_seconds", "busy"),
        ("bad_gateway", "load balancer"),
        ("unavailable", "busy"),
    ],
)
def test_what_stands_in_front(exchange: Simulated, kind: str, words: str) -> None:
    mailbox = exchange.new_mailbox()
    number = exchange.server.server.faults.add(Fault(kind, mailbox=mailbox, times=5))
    try:
        step = last(exchange.endpoint(mailbox_check=mailbox))
    finally:
        exchange.server.server.faults.remove(number)
        exchange.server.server.watch.forget()
    assert step.name == "sign_in"
    assert words in step.message


def test_a_server_that_is_no_exchange() -> None:
    with peer(after=lambda _: Said(404)) as server:
        step = last(Endpoint("exchange", "127.0.0.1", server.port, tls="none", user="anna@localhost", password="p"))
    assert (step.name, "no EWS" in step.message) == ("sign_in", True)
    with peer(after=lambda _: Said(body=answer("GetFolder", code="ErrorAccountDisabled"))) as server:
        step = last(Endpoint("exchange", "127.0.0.1", server.port, tls="none", user="anna@localhost", password="p"))
    assert (step.name, "disabled" in step.message) == ("mailbox_check", True)


def test_nobody_listens() -> None:
    with peer() as server:
        port = server.port
    step = last(Endpoint("exchange", "127.0.0.1", port, user="u", password="p", mailbox_check="a@b.example"))
    assert (step.name, "cannot be reached" in step.message) == ("tcp", True)
    step = last(Endpoint("exchange", "no-such-host.invalid", user="u", password="p", mailbox_check="a@b.example"))
    assert (step.name, "not known" in step.message) == ("dns", True)


def test_a_line_that_speaks_no_tls() -> None:
    with peer(after=lambda _: Said(400)) as server:
        step = last(Endpoint("exchange", "127.0.0.1", server.port, user="u", password="p", mailbox_check="a@b.example"))
    assert (step.name, "does not answer in TLS" in step.message) == ("tls", True)
