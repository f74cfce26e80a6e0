"""Autodiscover, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from lxml import etree

from tests.servers.exchange import World, running
from tests.simulator.test_ews_server import ALICE

POX = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
ANSWER = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
SOAP = "http://schemas.microsoft.com/exchange/2010/Autodiscover"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        made.server.site.redirects["old@firma.example"] = "alice@firma.example"
        yield made


def ask(world: World, path: str, body: str) -> etree._Element:
    answer = requests.post(
        f"{world.server.base_url}/autodiscover/{path}", body.encode(), auth=ALICE, verify=str(world.ca), timeout=10,
        headers={"Content-Type": "text/xml; charset=utf-8"},
    )  # fmt: skip
    assert answer.status_code == 200
    return etree.fromstring(answer.content)


def pox(address: str) -> str:
    return (
        f'<Autodiscover xmlns="{POX}"><Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>'
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    )


def soap(*addresses: str) -> str:
    users = "".join(f"<a:User><a:Mailbox>{address}</a:Mailbox></a:User>" for address in addresses)
    return (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="{SOAP}"><s:Body>'
        f"<a:GetUserSettingsRequestMessage><a:Request><a:Users>{users}</a:Users><a:RequestedSettings>"
        "<a:Setting>ExternalEwsUrl</a:Setting><a:Setting>UserDisplayName</a:Setting><a:Setting>Horoscope</a:Setting>"
        "</a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>"
    )


def test_pox_tells_where_ews_is(world: World) -> None:
    root = ask(world, "autodiscover.xml", pox("Bob@firma.example"))
    assert {found.text for found in root.iter(f"{ANSWER}EwsUrl")} == {world.server.url}
    assert root.findtext(f".//{ANSWER}DisplayName") == "Bob Kern"
    assert root.findtext(f".//{ANSWER}ServerVersion") == "73C189CB"  # 15.1.2507


def test_pox_sends_elsewhere(world: World) -> None:
    root = ask(world, "Autodiscover.xml", pox("old@firma.example"))
    assert root.findtext(f".//{ANSWER}Action") == "redirectAddr"
    assert root.findtext(f".//{ANSWER}RedirectAddr") == "alice@firma.example"


@pytest.mark.parametrize(("body", "code"), [(pox("nobody@firma.example"), "500"), (pox(""), "600"), ("<", "600")])
def test_pox_refuses(world: World, body: str, code: str) -> None:
    root = ask(world, "autodiscover.xml", body)
    assert root.xpath("string(//*[local-name()='ErrorCode'])") == code


def test_soap_answers_for_each_address(world: World) -> None:
    root = ask(world, "autodiscover.svc", soap("bob@firma.example", "nobody@firma.example", "old@firma.example"))
    responses = list(root.iter(f"{{{SOAP}}}UserResponse"))
    assert [each.findtext(f"{{{SOAP}}}ErrorCode") for each in responses] == [
        "NoError",
        "InvalidUser",
        "RedirectAddress",
    ]
    values = [found.text for found in responses[0].iter(f"{{{SOAP}}}Value")]
    assert values == [world.server.url, "Bob Kern"]
    assert [found.text for found in responses[0].iter(f"{{{SOAP}}}SettingName")] == ["Horoscope"]
    assert responses[2].findtext(f"{{{SOAP}}}RedirectTarget") == "alice@firma.example"
