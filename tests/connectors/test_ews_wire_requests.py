"""What we send over EWS: every request is what the schema asks for, whatever text it holds, and sends nobody anything."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailkeep.connectors.ews.wire import autodiscover, ids, requests, shapes, writing
from mailkeep.connectors.ews.wire.envelope import Base64, Header, Payload, Request, envelope
from mailkeep.connectors.ews.wire.names import S, T, attribute, text

ODD = 'a"<&>\r\n\t\x01\ud800é😀'
ROOT = ids.Distinguished("msgfolderroot")
MESSAGE = writing.item_element("Message", "<t:Subject>x</t:Subject>", b"From: a@b.example\r\n\r\nhi")
TASK = writing.item_element("Task", f"<t:Subject>{text(ODD)}</t:Subject>")

REQUESTS = [
    requests.sync_folder_hierarchy(ROOT),
    requests.sync_folder_hierarchy("folder", "state="),
    requests.sync_folder_items("folder"),
    requests.sync_folder_items(ids.Id("folder", "key"), "state=", 5000),
    requests.get_folder([ROOT, ids.Distinguished("archivemsgfolderroot", ODD), "folder"]),
    requests.find_folder([ROOT]),
    requests.find_folder(["folder"], shapes.ID_ONLY, deep=False, offset=10, count=5),
    requests.find_item("folder"),
    requests.find_item("folder", offset=1000, equals=[("item:Subject", ODD)], order="item:DateTimeReceived"),
    requests.find_item("folder", equals=[(shapes.SEARCH_KEY, "AAA="), ("item:ItemClass", "IPM.Note")]),
    *(requests.get_item(["a", ids.Id("b", "k")], shape) for shape in (shapes.WHOLE, shapes.WHOLE_MAIL, shapes.MIME)),
    requests.get_item([ids.OccurrenceId("master", 3), ids.MasterId("occurrence")], shapes.OCCURRENCE),
    requests.get_attachment(["a", "b"]),
    requests.get_attachment(["a"], mime=True),
    requests.export_items(["a", "b"]),
    requests.resolve_names(ODD),
    requests.expand_dl("list@firma.example"),
    requests.get_server_time_zones(),
    requests.get_server_time_zones(["UTC"], full=True),
    writing.create_folder(ROOT, ODD),
    *(
        writing.create_folder("f", "n", name)
        for name in ("IPF.Appointment", "IPF.Contact", "IPF.Task", "IPF.StickyNote")
    ),
    writing.create_item("folder", [MESSAGE, TASK]),
    writing.create_item("folder", [writing.item_element("CalendarItem")], meetings=True),
    writing.upload_items([("folder", b"\x01\x02"), (ids.Id("folder", "key"), b"")]),
    writing.create_attachment(
        ids.Id("item", "key"),
        [
            writing.FileToAttach(ODD, b"bytes", "text/plain", "cid", "place", inline=True, contact_photo=True),
            writing.ItemToAttach("inner", MESSAGE, "message/rfc822"),
        ],
    ),
    writing.update_item(
        ids.OccurrenceId("master", 1),
        [
            writing.SetField("item:Subject", "CalendarItem", "<t:Subject>x</t:Subject>"),
            writing.SetField(shapes.LAST_VERB, "Message", writing.extended_property(shapes.LAST_VERB, "102")),
            writing.DeleteField("item:Body"),
        ],
        meetings=True,
    ),
    writing.delete_item(["a", ids.OccurrenceId("m", 2)]),
    writing.move_item(["a"], "folder"),
]


@pytest.fixture(scope="module")
def schema(corpus: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(corpus / "ews-xsd-ready" / "messages.xsd"))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.operation)
def test_every_request_is_as_the_schema_asks(schema: etree.XMLSchema, request_: Request) -> None:
    payload = envelope(request_, Header("Exchange2016", impersonate=ODD, time_zone="UTC"))
    root = etree.fromstring(bytes(payload))
    assert len(bytes(payload)) == len(payload)
    body = root.find(f"{S}Body")
    assert body is not None
    schema.assertValid(body[0])
    assert etree.QName(body[0]).localname == request_.operation


def test_the_header_says_version_owner_and_zone() -> None:
    root = etree.fromstring(bytes(envelope(REQUESTS[0], Header("Exchange2013_SP1", "anna@firma.example"))))
    assert root.find(f".//{T}RequestServerVersion").get("Version") == "Exchange2013_SP1"
    assert root.findtext(f".//{T}PrimarySmtpAddress") == "anna@firma.example"
    assert root.find(f".//{T}TimeZoneDefinition").get("Id") == "UTC"
    plain = bytes(envelope(REQUESTS[0], Header("Exchange2016", time_zone="")))
    assert b"Impersonation" not in plain
    assert b"TimeZone" not in plain


def test_nothing_is_ever_sent() -> None:
    """Of every request that could: its disposition is to save, and meetings tell nobody."""
    for request in REQUESTS:
        xml = bytes(Payload(request.pieces))
        assert b"SendOnly" not in xml
        assert b"SendAndSaveCopy" not in xml
        assert b"SendToAll" not in xml
        if request.operation in ("CreateItem", "UpdateItem"):
            assert b'MessageDisposition="SaveOnly"' in xml
        if request.operation == "DeleteItem":
            assert b'SendMeetingCancellations="SendToNone"' in xml


def test_an_upload_creates_and_never_updates() -> None:
    request = writing.upload_items([("folder", b"x")])
    assert b'CreateAction="CreateNew"' in bytes(Payload(request.pieces))


@given(st.binary(max_size=1000), st.integers(0, 3))
def test_base64_goes_out_in_pieces_that_join(content: bytes, more: int) -> None:
    piece = Base64(content * (1 + more * 300))
    joined = b"".join(piece)
    assert base64.b64decode(joined, validate=True) == bytes(piece.content)
    assert len(piece) == len(joined)


def test_a_payload_can_be_walked_twice() -> None:
    payload = envelope(writing.create_item("folder", [MESSAGE]), Header())
    assert b"".join(payload) == b"".join(payload)


@given(st.text())
def test_any_text_can_be_put_into_xml(value: str) -> None:
    root = etree.fromstring(f"<a b={attribute(value)}>{text(value)}</a>".encode())
    assert (root.text or "") == root.get("b")
    kept = "".join(
        c for c in value if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not 0xD800 <= ord(c) < 0xE000)
    )
    assert (root.text or "").replace("\ufffd", "") == kept.replace("\ufffd", "")


def test_property_keys_have_one_spelling() -> None:
    assert shapes.property_key("0x300b", "", "", None) == shapes.property_key("12299", "", "", None) == "0x300B"
    assert shapes.Extended("String", set="PublicStrings", name="Keywords").key == "PublicStrings/Keywords"
    assert shapes.property_key("nonsense", "", "", None) == "nonsense"


POX = b"""<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">%s</Response></Autodiscover>"""
INSIDE = b"<Account><AccountType>email</AccountType><Action>settings</Action>%s</Account>"
SOAP = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetUserSettingsResponseMessage
xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response><ErrorCode>NoError</ErrorCode><UserResponses>
<UserResponse>%s</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            POX % (INSIDE % b"<Protocol><Type>EXCH</Type><EwsUrl>https://in/ews</EwsUrl></Protocol>"
            b"<Protocol><Type>EXPR</Type><EwsUrl>https://out/ews</EwsUrl></Protocol>"),
            autodiscover.Discovered(ews_url="https://out/ews", ews_urls=("https://out/ews", "https://in/ews")),
        ),
        (
            POX % b"<Account><Action>redirectAddr</Action><RedirectAddr>a@new.example</RedirectAddr></Account>",
            autodiscover.Discovered(redirect_address="a@new.example"),
        ),
        (
            POX % b"<Account><Action>redirectUrl</Action><RedirectUrl>https://x/a.xml</RedirectUrl></Account>",
            autodiscover.Discovered(redirect_url="https://x/a.xml"),
        ),
        (
            POX % b"<Error><ErrorCode>500</ErrorCode><Message>The address can't be found.</Message></Error>",
            autodiscover.Discovered(error="500 The address can't be found."),
        ),
        (b"<html><body>sign in</body></html>", autodiscover.Discovered(error="a web page came instead of an answer")),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><Autodiscover>&b;</Autodiscover>", None),
        (b"", None),
    ],
)  # fmt: skip
def test_plain_autodiscover_answers(body: bytes, expected: autodiscover.Discovered | None) -> None:
    found = autodiscover.pox_answer(body)
    assert found == expected or (expected is None and found.error and not found.ews_url)


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (
            b"<ErrorCode>NoError</ErrorCode><UserSettings><UserSetting><Name>InternalEwsUrl</Name><Value>https://in/ews</Value>"
            b"</UserSetting><UserSetting><Name>EwsSupportedSchemas</Name><Value>Exchange2007, Exchange2013_SP1</Value>"
            b"</UserSetting></UserSettings>",
            autodiscover.Discovered(ews_url="https://in/ews", server="Exchange2013_SP1", ews_urls=("https://in/ews",)),
        ),
        (
            b"<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>a@new.example</RedirectTarget>",
            autodiscover.Discovered(redirect_address="a@new.example"),
        ),
        (
            b"<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://x/y.svc</RedirectTarget>",
            autodiscover.Discovered(redirect_url="https://x/y.svc"),
        ),
        (
            b"<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>No such user.</ErrorMessage>",
            autodiscover.Discovered(error="InvalidUser No such user."),
        ),
    ],
)
def test_soap_autodiscover_answers(inner: bytes, expected: autodiscover.Discovered) -> None:
    assert autodiscover.soap_answer(SOAP % inner) == expected


def test_autodiscover_requests_hold_any_address() -> None:
    for request in (autodiscover.pox_request(ODD), autodiscover.soap_request(ODD, f"https://x/{ODD}")):
        assert any("😀" in (element.text or "") for element in etree.fromstring(request).iter())


def test_autodiscover_samples_of_the_corpus(corpus: Path) -> None:
    folder = corpus / "ews-docs-reference" / "fragment"
    found = autodiscover.pox_answer((folder / "pox-autodiscover-response-for-exchange__01.xml").read_bytes())
    assert found.ews_url == "https://mail.contoso.com/ews/exchange.asmx"
    assert autodiscover.pox_answer((folder / "pox-autodiscover-response-for-exchange__02.xml").read_bytes()).error
