"""What we read over EWS: cut anywhere, whole; broken anywhere, refused or this one item's problem; never more memory than due."""

from __future__ import annotations

import base64
import contextlib
import gc
import itertools
import random
import sys
import time
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailkeep.connectors.ews.wire import carver
from mailkeep.connectors.ews.wire.base64_text import Base64Text
from mailkeep.connectors.ews.wire.names import MESSAGES, TYPES, T
from mailkeep.connectors.ews.wire.responses import (
    TOO_LARGE,
    UNREADABLE,
    Reader,
    ResponseMessage,
    SoapFault,
    parse_verbatim,
    read,
)
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow

HEADER = (
    '<s:Header><h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" MinorBuildNumber="4"'
    f' xmlns:h="{TYPES}"/></s:Header>'
)
OPENING = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    f'{HEADER}<s:Body><m:GetItemResponse xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>'
)
CLOSING = "</m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>"


def ok(item: str, kind: str = "GetItem") -> str:
    return (
        f'<m:{kind}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"<m:Items>{item}</m:Items></m:{kind}ResponseMessage>"
    )


def message(mime: bytes, subject: str = "Plan", extra: str = "") -> str:
    text = base64.b64encode(mime).decode()
    return ok(
        f'<t:Message><t:MimeContent CharacterSet="UTF-8">{text}</t:MimeContent><t:ItemId Id="AA=" ChangeKey="K"/>'
        f"<t:Subject>{subject}</t:Subject>{extra}</t:Message>"
    )


def answer(*messages: str) -> bytes:
    return (OPENING + "".join(messages) + CLOSING).encode()


def found_in(document: bytes, *borders: int) -> list[ResponseMessage]:
    cuts = [0, *sorted(borders), len(document)]
    return list(read(document[a:b] for a, b in itertools.pairwise(cuts)))


def told(messages: list[ResponseMessage]) -> list[object]:
    """All that a caller may see, comparable."""
    return [
        (one.name, one.response_class, one.code, one.text, dict(one.values), etree.tostring(one.element),
         [(part.element, bytes(part.content), part.problem) for part in one.carved], one.verbatim())
        for one in messages
    ]  # fmt: skip


TRICKY = f"""<?xml version='1.0' encoding='UTF-8' ?>
<!-- a > comment --><soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/' xmlns:é="urn:x" a="b>c">
 <soap:Header><!-- <soap:Body> --></soap:Header><soap:Body ><GetItemResponse xmlns="{MESSAGES}" xmlns:ty="{TYPES}" >
 <!-- x --> <?pi <ResponseMessages> ?><ResponseMessages>
 <GetItemResponseMessage ResponseClass = "Success" x=">"><ResponseCode>NoError</ResponseCode><Items>
  <ty:Message><ty:MimeContent
    CharacterSet="UTF-8" >
    RnJv <![CDATA[bTog]]><!-- YWJj -->YUBi&#xD;&#10;
    DQo=</ty:MimeContent><ty:Subject><![CDATA[</GetItemResponseMessage><ty:MimeContent>]]> &#x1; é😀</ty:Subject>
    <ty:Body BodyType="HTML">&lt;Content>x&lt;/Content></ty:Body><ty:Content/><ty:Data></ty:Data>
  </ty:Message></Items></GetItemResponseMessage>
 <GetItemResponseMessage ResponseClass="Error"><MessageText>gone</MessageText><ResponseCode>ErrorItemNotFound</ResponseCode>
  <MessageXml><ty:Value Name="BackOffMilliseconds">1500</ty:Value></MessageXml><Items/></GetItemResponseMessage >
 </ResponseMessages ></GetItemResponse></soap:Body></soap:Envelope> <!-- after -->
""".encode()


def test_the_tricky_answer_is_read_right() -> None:
    first, second = found_in(TRICKY)
    assert first.content is not None
    assert bytes(first.content.content) == b"From: a@b\r\n"
    assert [part.element for part in first.carved] == ["MimeContent", "Content", "Data"]
    assert first.item is not None
    assert first.item.findtext(f"{T}Subject") == "</GetItemResponseMessage><ty:MimeContent> \ufffd é😀"
    assert first.item.findtext(f"{T}Body") == "<Content>x</Content>"
    assert (second.code, second.text, second.back_off_seconds, second.ok) == ("ErrorItemNotFound", "gone", 1.5, False)
    assert b"&#x1;" in first.verbatim(), "the bytes stay as they came"


def test_cut_at_every_byte_it_is_the_same() -> None:
    whole = told(found_in(TRICKY))
    for border in range(1, len(TRICKY)):
        assert told(found_in(TRICKY, border)) == whole, border
    assert told(list(read(bytes([byte]) for byte in TRICKY))) == whole


@given(st.sets(st.integers(1, len(TRICKY) - 1), max_size=60))
def test_cut_at_any_bytes_it_is_the_same(borders: set[int]) -> None:
    assert told(found_in(TRICKY, *borders)) == told(found_in(TRICKY))


@given(
    st.lists(st.tuples(st.binary(max_size=400), st.text(st.characters(codec="utf-8"), max_size=20)), max_size=6),
    st.integers(1, 200),
    st.sampled_from(["t", "types", "é", "T-1"]),
)
def test_whatever_the_contents_they_come_back(items: list[tuple[bytes, str]], step: int, prefix: str) -> None:
    messages = [message(mime, _escaped(subject)) for mime, subject in items]
    document = (
        answer(*messages).replace(b"t:", prefix.encode() + b":").replace(b"xmlns:t=", b"xmlns:%s=" % prefix.encode())
    )
    found = list(read(document[at : at + step] for at in range(0, len(document), step)))
    assert [bytes(one.content.content) for one in found if one.content] == [mime for mime, _ in items]
    told_subjects = [one.item.findtext(f"{T}Subject") or "" for one in found if one.item is not None]
    assert told_subjects == [_readable(subject) for _, subject in items]


def _escaped(text: str) -> str:
    return "".join(f"&#{ord(c)};" for c in text)


def _readable(text: str) -> str:
    allowed = lambda c: c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) >= 0x10000  # noqa: E731
    return "".join(c if allowed(c) else "\ufffd" for c in text)


def test_a_cut_answer_is_to_be_asked_for_again() -> None:
    end = TRICKY.rindex(b"</soap:Envelope>") + len(b"</soap:Envelope>")
    for length in range(end):
        with pytest.raises(RetryNow) as caught:
            list(read([TRICKY[:length]]))
        assert caught.value.code == "connection_lost"
    assert len(list(read([TRICKY[:end]]))) == 2


def test_messages_before_the_cut_are_handed_out() -> None:
    document = answer(message(b"one"), message(b"two"))
    got: list[ResponseMessage] = []
    with pytest.raises(RetryNow):
        got += _collected(document[: document.rindex(b"<t:ItemId")], got)
    assert [bytes(one.content.content) for one in got if one.content] == [b"one"]


def _collected(document: bytes, into: list[ResponseMessage]) -> list[ResponseMessage]:
    for one in read([document]):
        into.append(one)
    return []


# what must be refused


@pytest.mark.parametrize(
    "place", ["<s:Envelope", "<s:Header", "<s:Body", "<m:GetItemResponse ", "<m:ResponseMessages", "<t:Message", "UmVj"]
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_document_type_is_refused_wherever_it_stands(place: str, step: int) -> None:
    document = answer(message(b"Received: x")).decode()
    bomb = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
    broken = document.replace(place, bomb + place, 1).encode()
    assert broken != document.encode()
    with pytest.raises(GiveUp) as caught:
        list(read(broken[at : at + step] for at in range(0, len(broken), step)))
    assert caught.value.code == "unsafe_answer"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_document_type_is_refused_in_any_encoding(encoding: str) -> None:
    with pytest.raises(MailkeepError) as caught:
        list(read(["<!DOCTYPE a [<!ENTITY b 'c'>]><s:Envelope/>".encode(encoding)]))
    assert caught.value.code == "unsafe_answer"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (b"<!DOCTYPE html>\n<html><head><title>Outlook</title>", "forms_login_page"),
        (b"\xef\xbb\xbf\r\n <HTML lang=de><body>", "forms_login_page"),
        (b"<!-- IIS --> <!doctype HTML PUBLIC>", "forms_login_page"),
        (b"<?xml version='1.0'?><rss></rss>", "unreachable"),
        (b"Service Unavailable", "unreachable"),
        (b'{"error": 1}', "unreachable"),
        (b"<" * 100_000, "unreachable"),
        (b"<s:Envelope xmlns:s='x'><s:Body></s:Header>", "unreachable"),
        (b"<?xml version='1.0' encoding='x-mac-thai'?><a/>", "unreachable"),
    ],
)
def test_what_is_no_soap_says_so(page: bytes, code: str) -> None:
    for step in (3, 100_000):
        with pytest.raises(MailkeepError) as caught:
            list(read(page[at : at + step] for at in range(0, len(page), step)))
        assert caught.value.code == code
        assert caught.value.hint


def test_a_tag_without_end_is_refused() -> None:
    with pytest.raises(RetryLater):
        list(read([b"<s:Envelope " + b"x" * 10_000 for _ in range(20)]))


# what is one item's own problem


def test_a_broken_message_leaves_the_others_alone() -> None:
    document = answer(message(b"1"), ok("<t:Message><t:Subject>&nbsp;</t:Subject></t:Message>"), message(b"3"))
    found = found_in(document)
    assert [one.code for one in found] == ["NoError", UNREADABLE, "NoError"]
    assert found[1].response_class == "Error"
    assert found[1].text


@pytest.mark.parametrize(
    "subject",
    [b"a&#x1;b", b"a&#0;b", b"a&#xFFFE;b", b"a&#xD800;b", b"a\x01b", b"a\xffb", b"a&#1114112;b", b"a\xef\xbf\xbfb"],
)
def test_what_xml_forbids_is_read_as_a_replacement(subject: bytes) -> None:
    document = answer(message(b"x", "SUBJECT")).replace(b"SUBJECT", subject)
    (found,) = found_in(document)
    assert found.item is not None
    assert found.item.findtext(f"{T}Subject") == "a\ufffdb"
    assert subject in found.verbatim()
    again = parse_verbatim(found.verbatim())
    assert again is not None
    assert again.findtext(f"{T}Subject") == "a\ufffdb"


@pytest.mark.parametrize("content", ["UmVj*", "UmVjZ", "UQ==UmVj", "U<x/>mVj", "====", "Um&bogus;Vj"])
def test_content_that_is_no_base64_is_damaged(content: str) -> None:
    document = answer(
        ok(f"<t:Message><t:MimeContent>{content}</t:MimeContent><t:ItemId Id='a'/></t:Message>"), message(b"next")
    )
    for step in (1, 100_000):
        found = list(read(document[at : at + step] for at in range(0, len(document), step)))
        assert found[0].carved[0].problem == "damaged"
        assert not found[0].carved[0].content
        assert bytes(found[1].carved[0].content) == b"next"


def test_content_beyond_the_limit_is_dropped() -> None:
    document = answer(message(b"x" * 100_000), message(b"small"))
    found = list(read([document], content_bytes_max=50_000))
    assert (found[0].carved[0].problem, len(found[0].carved[0].content)) == ("too_large", 0)
    assert bytes(found[1].carved[0].content) == b"small"


def test_properties_beyond_the_limit_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carver, "BLOCK_BYTES_MAX", 10_000)
    document = answer(message(b"1", "x" * 20_000), message(b"2"))
    found = list(read(document[at : at + 999] for at in range(0, len(document), 999)))
    assert [one.code for one in found] == [TOO_LARGE, "NoError"]


@given(
    st.binary(max_size=300), st.lists(st.integers(0, 700), max_size=8), st.sampled_from(["", "\r\n", "&#xD;\n", " "])
)
def test_base64_in_any_lines_and_pieces(content: bytes, cuts: list[int], line_end: str) -> None:
    text = base64.b64encode(content).decode()
    text = line_end.join(text[at : at + 76] for at in range(0, len(text), 76)) + line_end
    borders = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    decoder = Base64Text("MimeContent", 1000)
    for start, end in itertools.pairwise(borders):
        decoder.feed(memoryview(text[start:end].encode()))
    assert decoder.carved().content == content
    assert not decoder.carved().problem


# forms of answers


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "windows-1252", "utf-8-sig"])
def test_other_encodings_are_read(encoding: str) -> None:
    declared = {"utf-16-le": "utf-16", "utf-16-be": "utf-16", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    document = answer(message(b"Received: x", "Grüße")).decode().replace('encoding="utf-8"', f'encoding="{declared}"')
    raw = document.encode(encoding)
    for step in (1, 2, 1000):
        (found,) = list(read(raw[at : at + step] for at in range(0, len(raw), step)))
        assert found.item is not None
        assert found.item.findtext(f"{T}Subject") == "Grüße"
        assert found.content is not None
        assert bytes(found.content.content) == b"Received: x"


FAULT = """<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:ErrorServerBusy</faultcode>
<faultstring xml:lang="en-US">The server cannot service this request right now.</faultstring><detail>
<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorServerBusy</e:ResponseCode>
<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">Try again later.</e:Message>
<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Value Name="BackOffMilliseconds">297749
</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"""


def test_a_fault_says_how_long_to_wait() -> None:
    with pytest.raises(SoapFault) as caught:
        list(read([FAULT.encode()]))
    said = caught.value.message
    assert (said.code, said.text, said.back_off_seconds) == ("ErrorServerBusy", "Try again later.", 297.749)


def test_a_fault_without_details_has_its_own_code() -> None:
    bare = FAULT[: FAULT.index("<detail>")] + "</s:Fault></s:Body></s:Envelope>"
    with pytest.raises(SoapFault) as caught:
        list(read([bare.replace("a:ErrorServerBusy", "s:Client").encode()]))
    assert caught.value.message.code == "Client"


def test_the_server_tells_its_version() -> None:
    reader = Reader()
    reader.feed(answer(message(b"x")))
    reader.close()
    assert reader.server_version == "15.2.1544.4"


def test_a_verbatim_item_stands_alone() -> None:
    document = answer(message(b"Received: x", "a &amp; b", "<t:Body BodyType='HTML'>&lt;p&gt;</t:Body>"))
    (found,) = found_in(document)
    alone = found.verbatim()
    inner = document[document.index(b"<t:Message>") : document.index(b"</m:Items>")]
    assert inner.replace(base64.b64encode(b"Received: x"), b"") in alone
    element = parse_verbatim(alone)
    assert element is not None
    assert (element.tag, element.findtext(f"{T}Subject")) == (f"{T}Message", "a & b")
    assert parse_verbatim(b"<!DOCTYPE a><a><b/></a>") is None
    assert parse_verbatim(b"no xml") is None


def test_content_inside_other_answers_is_left_alone() -> None:
    document = answer(ok("<t:Message><t:Data>no base64</t:Data></t:Message>", "FindItem"))
    (found,) = found_in(document)
    assert found.carved == ()
    assert found.item is not None
    assert found.item.findtext(f"{T}Data") == "no base64"


# the corpus

FAULTS = {
    "addimgroup-operation__03.xml": "ErrorSchemaValidation",
    "findconversation-operation__03.xml": "ErrorSchemaValidation",
    "getimitemlist-operation__03.xml": "ErrorIncorrectSchemaVersion",
    "getserviceconfiguration-operation__03.xml": "ErrorSchemaValidation",
    "getuseroofsettings-operation__03.xml": "Client",
    "updateitem-operation-contact__04.xml": "ErrorSchemaValidation",
}


def test_every_sample_answer_of_the_documentation_is_read(corpus: Path) -> None:
    """Against lxml's reading of the same file: every response code, and every byte of content."""
    samples = sorted((corpus / "ews-docs-reference" / "response").glob("*.xml"))
    assert len(samples) > 150
    for path in samples:
        document = path.read_bytes()
        if path.name in FAULTS:
            with pytest.raises(SoapFault) as caught:
                found_in(document)
            assert caught.value.message.code == FAULTS[path.name]
            continue
        found = list(read(document[at : at + 11] for at in range(0, len(document), 11)))
        assert found, path.name
        assert told(found) == told(found_in(document)), path.name
        root = etree.fromstring(document)
        codes = [element.text for element in root.iter(f"{{{MESSAGES}}}ResponseCode")]
        assert [code for code in codes if code] == _codes(found), path.name


def _codes(found: list[ResponseMessage]) -> list[str]:
    return [code.text or "" for one in found for code in one.element.iter(f"{{{MESSAGES}}}ResponseCode") if code.text]


def test_samples_that_are_not_well_formed_are_refused_in_words(corpus: Path) -> None:
    """The documentation's own slips: HTML within XML, tags that don't match, two documents in one. None brings us down."""
    for path in sorted((corpus / "ews-docs-reference" / "notwf").glob("*.xml")):
        with contextlib.suppress(MailkeepError, SoapFault):
            assert all(one.code for one in found_in(path.read_bytes())), path.name


def test_a_sample_of_an_odd_server_is_read(corpus: Path) -> None:
    (path,) = (corpus / "ews-viewpoint" / "soap_data").glob("*response*.xml")
    found = found_in(path.read_bytes())
    assert found
    assert {one.code for one in found} <= {"NoError", UNREADABLE}


# time and memory


def _stream(size: int, chunk: int = 65_536) -> Iterator[bytes]:
    """An answer with one message of that many bytes of MIME, made as it is read."""
    opening, closing = answer(message(b"MIDDLE")).split(base64.b64encode(b"MIDDLE"))
    piece = base64.b64encode(random.Random(1).randbytes(chunk * 3 // 4 // 3 * 3))
    yield opening
    for _ in range(size // (len(piece) * 3 // 4)):
        yield piece
    yield closing


def test_memory_is_the_content_and_little_more() -> None:
    size = 24 << 20
    tracemalloc.start()
    try:
        (found,) = read(_stream(size))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.content is not None
    assert len(found.content.content) > size * 0.99
    assert peak < size * 1.25 + (2 << 20)  # a growing buffer holds an eighth in reserve


def test_many_messages_take_no_more_memory_than_one() -> None:
    one = message(b"x" * 100_000).encode()
    tracemalloc.start()
    try:
        chunks = (OPENING.encode(), *([one] * 300), CLOSING.encode())
        assert sum(1 for _ in read(chunks)) == 300
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20


@pytest.mark.parametrize("text", [b"x" * 65_536, b"x&lt;" * 13_000, b"<!-- y -->" * 600, b"]]&gt; > " * 7_000])
def test_a_huge_text_is_read_in_linear_time(text: bytes) -> None:
    opening, closing = answer(message(b"m", "SUBJECT")).split(b"SUBJECT")
    started = time.process_time()
    (found,) = read([opening, *([text] * 300), closing])
    assert time.process_time() - started < 10
    assert found.code == "NoError"


def test_a_reader_lets_go_of_what_it_handed_out() -> None:
    """No cycle keeps a message of 150 MB until the collector comes round."""
    gc.disable()
    try:
        reader = Reader()
        messages = reader.feed(answer(message(b"x" * 1000)))
        assert messages[0].content is not None
        content = messages[0].content.content
        del messages
        assert sys.getrefcount(content) == 2, "only this test holds it, while the reader still lives"
        alive = weakref.ref(reader)
        del reader
        assert alive() is None
    finally:
        gc.enable()


def test_all_contents_of_a_message_share_one_limit() -> None:
    attached = f"<t:MimeContent>{base64.b64encode(b'y' * 600).decode()}</t:MimeContent>"
    (found,) = read([answer(message(b"x" * 600, extra=attached))], content_bytes_max=1000)
    assert [part.problem for part in found.carved] == ["", "too_large"]


def test_a_million_empty_contents_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carver, "BLOCK_BYTES_MAX", 100_000)
    found = found_in(answer(ok("<t:Message>" + "<t:Data/>" * 5_000 + "</t:Message>"), message(b"2")))
    assert [one.code for one in found] == [TOO_LARGE, "NoError"]
