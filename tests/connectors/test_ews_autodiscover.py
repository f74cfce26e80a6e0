"""Where EWS is, for a host that is not the Exchange server: found within what was entered, and never beyond."""

from __future__ import annotations

import pytest
from http_peer import ROOT, Asked, Said, peer

from mailkeep.connectors.base import Endpoint, Usage
from mailkeep.connectors.ews import autodiscover
from mailkeep.connectors.ews.autodiscover import Places
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.transport import Transport
from mailkeep.errors import GiveUp

ANNA = "anna@localhost"  # a domain without a dot: no further hosts to ask


def pox(inner: str) -> bytes:
    return (
        '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">'
        '<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>'
        f"{inner}</Account></Response></Autodiscover>"
    ).encode()


def settings(url: str) -> bytes:
    return pox(f"<Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>{url}</EwsUrl></Protocol>")


def endpoint(port: int) -> Endpoint:
    return Endpoint("exchange", "127.0.0.1", port, tls="none", user="svc", password="p", impersonate=True)


def test_the_host_says_where_and_it_is_remembered() -> None:
    found = "/elsewhere/Exchange.asmx"

    def said(asked: Asked) -> Said:
        path = asked.line.split()[1]
        if path == found:
            return Said(body=ROOT)
        if path.endswith("autodiscover.xml"):
            return Said(body=settings(f"http://127.0.0.1:{server.port}{found}"))
        return Said(404)

    with peer(after=said) as server:
        opening = Opening(rests=BackOff())
        opening.enter(endpoint(server.port), ANNA).close()
        paths = [asked.line.split()[1] for asked in server.asked]
        assert paths == ["/EWS/Exchange.asmx", "/autodiscover/autodiscover.xml", found]
        opening.enter(endpoint(server.port), ANNA).close()
        assert [asked.line.split()[1] for asked in server.asked[3:]] == [found]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (settings("https://mail.evil.example/EWS/Exchange.asmx"), "mail.evil.example"),
        (settings("https://127.0.0.1.evil.example/EWS/Exchange.asmx"), "127.0.0.1.evil.example"),
        (pox("<Action>redirectUrl</Action><RedirectUrl>https://a.evil.example/x</RedirectUrl>"), "a.evil.example"),
    ],
)
def test_it_leads_nowhere_that_nobody_entered(body: bytes, named: str) -> None:
    with peer(Said(404), Said(body=body)) as server, pytest.raises(GiveUp) as raised:
        Opening(rests=BackOff()).enter(endpoint(server.port), ANNA)
    assert raised.value.code == "autodiscover_failed"
    assert f"enter {named} as the host" in raised.value.hint
    assert len(server.asked) == 2


def test_nothing_found_says_what_was_tried() -> None:
    with peer(after=lambda _: Said(404)) as server, pytest.raises(GiveUp) as raised:
        Opening(rests=BackOff()).enter(endpoint(server.port), ANNA)
    assert raised.value.code == "autodiscover_failed"
    assert "127.0.0.1 has no autodiscover" in raised.value.message
    assert "enter the host" in raised.value.hint


def test_a_circle_of_addresses_ends() -> None:
    again = pox(f"<Action>redirectAddr</Action><RedirectAddr>{ANNA}</RedirectAddr>")
    with peer(Said(404), after=lambda _: Said(body=again)) as server, pytest.raises(GiveUp) as raised:
        Opening(rests=BackOff()).enter(endpoint(server.port), ANNA)
    assert raised.value.code == "autodiscover_failed"
    assert len(server.asked) < 6


def test_a_refused_password_is_told_as_such() -> None:
    with peer(Said(404), Said(401)) as server, pytest.raises(GiveUp) as raised:
        Opening(rests=BackOff()).enter(endpoint(server.port), ANNA)
    assert raised.value.code == "auth_failed"


def test_which_hosts_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at most, over TLS, and each once."""
    asked: list[str] = []

    def unreachable(self: Transport, *_: object, **__: object) -> None:
        asked.append(self.url)
        raise GiveUp("unreachable", "not today", "")

    monkeypatch.setattr(Transport, "post", unreachable)
    where = Endpoint("exchange", "firma.example", user="svc", password="p")
    with pytest.raises(GiveUp):
        autodiscover.find(where, "anna@Firma.example", Usage())
    assert asked == [
        "https://firma.example:443/autodiscover/autodiscover.xml",
        "https://autodiscover.firma.example:443/autodiscover/autodiscover.xml",
    ]


def test_places_are_kept_apart() -> None:
    places = Places()
    one, two = endpoint(1), endpoint(2)
    places.note(one, ANNA, autodiscover.Place(one, "/x"))
    assert places.known(one, "bob@localhost") is not None
    assert places.known(two, ANNA) is None
    places.forget(one, ANNA)
    assert places.known(one, ANNA) is None
