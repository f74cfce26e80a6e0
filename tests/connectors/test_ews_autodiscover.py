"""Where EWS is, for a host that is not the Exchange server: found within what was entered, and never beyond."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from http_peer import ROOT, Asked, Said, peer

from mailkeep.connectors.base import Endpoint, Usage
from mailkeep.connectors.ews import autodiscover
from mailkeep.connectors.ews.autodiscover import Places
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.transport import Transport
from mailkeep.errors import GiveUp

ANNA = "anna@localhost"


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


@dataclass
class Internet:
    """Every host there is, as far as a `Transport` can tell: what each answers, and where the password went."""

    says: dict[str, bytes]  # by host; the others say 404
    told: list[str] = field(default_factory=list)  # URLs that were sent to, each with the password

    def post(self, transport: Transport) -> Page:
        self.told.append(transport.url)
        body = self.says.get(transport.endpoint.host)
        if body is None or not transport.url.endswith(".xml"):
            raise GiveUp("autodiscover_failed", "HTTP 404", "")
        return Page(body)


@dataclass
class Page:
    body: bytes

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def chunks(self) -> list[bytes]:
        return [self.body]


def sought(monkeypatch: pytest.MonkeyPatch, says: dict[str, bytes], host: str = "mail.firma.example") -> Internet:
    """The internet after somebody looked for the EWS of anna@firma.example from there."""
    internet = Internet(says)

    def post(self: Transport, *_: object, **__: object) -> Page:
        return internet.post(self)

    monkeypatch.setattr(Transport, "post", post)
    where = Endpoint("exchange", host, user="FIRMA\\svc", password="secret")
    with pytest.raises(GiveUp) as raised:
        autodiscover.find(where, "anna@Firma.example", Usage())
    assert raised.value.code == "autodiscover_failed"
    internet.told.append(raised.value.hint)
    return internet


def test_only_the_host_that_was_entered_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    *asked, hint = sought(monkeypatch, {}).told
    assert asked == [
        "https://mail.firma.example:443/autodiscover/autodiscover.xml",
        "https://mail.firma.example:443/autodiscover/autodiscover.svc",
    ]
    assert "try autodiscover.firma.example" in hint
    assert "try" not in sought(monkeypatch, {}, "autodiscover.firma.example").told[-1]


def test_another_address_is_asked_for_at_the_same_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers cannot choose a host by choosing an address."""
    says = {
        "mail.firma.example": pox("<Action>redirectAddr</Action><RedirectAddr>x@evil.example</RedirectAddr>"),
        "evil.example": settings("https://autodiscover.evil.example:8443/collect"),
        "autodiscover.evil.example": settings("https://autodiscover.evil.example:8443/collect"),
    }
    *asked, hint = sought(monkeypatch, says).told
    assert {url.split("/")[2] for url in asked} == {"mail.firma.example:443"}
    assert "evil" not in hint


@pytest.mark.parametrize("named", ["ex1.firma.example", "autodiscover.firma.example", "firma.example"])
def test_a_host_of_the_same_organisation_is_for_a_person_to_enter(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    says = {"mail.firma.example": settings(f"https://{named}/EWS/Exchange.asmx")}
    *asked, hint = sought(monkeypatch, says).told
    assert len(asked) == 1
    assert f"enter {named} as the host" in hint


def test_a_password_is_not_led_out_of_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    says = {"mail.firma.example": settings("http://mail.firma.example/EWS/Exchange.asmx")}
    assert "https://" in sought(monkeypatch, says).told[-1]


def test_places_are_kept_apart() -> None:
    places = Places()
    one, two = endpoint(1), endpoint(2)
    places.note(one, ANNA, autodiscover.Place(one, "/x"))
    assert places.known(one, "bob@localhost") is not None
    assert places.known(two, ANNA) is None
    places.forget(one, ANNA)
    assert places.known(one, ANNA) is None
