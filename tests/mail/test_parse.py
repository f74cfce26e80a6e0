"""What a view shows of a message, and that hostile mail stops nobody (RELIABILITY; LIBRARIES section 4)."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.mail.addresses import Address, addresses
from mailkeep.mail.cell import BYTES, FAILED, PARSED, Cell
from mailkeep.mail.charsets import decode_header, decode_text
from mailkeep.mail.filenames import safe_name
from mailkeep.mail.parse import Parsed, Unparsed, attachment, parse

TORTURE = ["mimekit", "mailcore2", "cpython-email", "enmime", "ruby-mail", "mail-mime-parser", "gmime"]


def message(body: str, content_type: str = "text/plain; charset=utf-8", extra: str = "") -> bytes:
    return f"Subject: s\r\nFrom: a@x\r\n{extra}Content-Type: {content_type}\r\n\r\n{body}".encode()


def multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    inner = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n{inner}--{boundary}--\r\n"


PLAIN = "Content-Type: text/plain; charset=utf-8\r\n\r\nplain text"
HTML = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>html <img src=cid:logo></p>"
LOGO = "Content-Type: image/png\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
PDF = (
    'Content-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment; filename="a.pdf"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0="
)


def test_the_best_html_with_its_inline_resources_and_attachments() -> None:
    related = multipart("related", multipart("alternative", PLAIN, HTML, boundary="inner"), LOGO, boundary="middle")
    content = b"Subject: s\r\n" + multipart("mixed", related, PDF).encode()
    parsed = parse(content)
    assert parsed.text == "plain text"
    assert parsed.html is not None
    assert "cid:logo" in parsed.html
    assert [(a.name, a.content_type, a.size, a.content_id, a.inline) for a in parsed.attachments] == [
        ("attachment-1.png", "image/png", 8, "logo", True),
        ("a.pdf", "application/pdf", 5, "", False),
    ]
    assert attachment(content, 2) == b"%PDF-"
    with pytest.raises(KeyError):
        attachment(content, 3)


def test_a_lists_plain_footer_is_shown_under_the_html_and_escaped() -> None:
    footer = "Content-Type: text/plain\r\n\r\n<script>unsubscribe</script>"
    parsed = parse(multipart("mixed", HTML, footer).encode())
    assert parsed.html is not None
    assert parsed.html.endswith("<pre>&lt;script&gt;unsubscribe&lt;/script&gt;</pre>")
    assert parsed.attachments == ()


def test_without_html_there_is_the_plain_text() -> None:
    parsed = parse(message("hällo"))
    assert (parsed.text, parsed.html) == ("hällo", None)


def test_a_message_that_is_one_named_text_is_shown() -> None:
    named = message("<p>hi</p>", "text/html", "Content-Disposition: inline; filename=a.html\r\n")
    assert parse(named).html == "<p>hi</p>"
    assert parse(named).attachments == ()
    marked = message("x", extra="Content-Disposition: attachment; filename=a.txt\r\n")
    assert [one.name for one in parse(marked).attachments] == ["a.txt"]


def test_a_nested_message_opens_as_a_message_of_its_own() -> None:
    inner = b"Subject: inner\r\n\r\nhello"
    content = multipart("mixed", PLAIN, "Content-Type: message/rfc822\r\n\r\n" + inner.decode()).encode()
    (nested,) = parse(content).attachments
    assert nested.is_message
    assert nested.name.endswith(".eml")
    opened = parse(attachment(content, nested.number))
    assert (opened.subject, opened.text.strip()) == ("inner", "hello")


def test_broken_base64_is_read_as_far_as_it_goes() -> None:
    broken = PDF.replace("JVBERi0=", "JVBE*Ri0")
    (one,) = parse(multipart("mixed", PLAIN, broken).encode()).attachments
    assert one.name == "a.pdf"
    assert one.size > 0


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"=?utf-8?q?J=C3=B6rg?=", "Jörg"),
        (b"=?cp932?B?g2WDWINn?=", "テスト"),
        (b"=?utf-8?b?w?= =?UTF-8?Q?=C3?=\r\n =?utf-8?q?=BC?=", "ü"),
        (b"=?iso-8859-1?q?a?= =?iso-8859-1?q?b?= c", "ab c"),
        (b"\xfcber", "über"),
        (
            b"=?ISO-8859-1?Q?Nicolas_Fouch=E9_has_accepted_your_invitation?=",
            "Nicolas Fouché has accepted your invitation",
        ),
        ("übergrößenträger".encode() + b"\xff", "übergrößenträger\ufffd"),
        ("über".encode(), "über"),
        (b"=?nonsense?q?=FC?=", "ü"),
        (b"=?idna?q?a?=", "a"),
        (b"=?utf-8?q?=00=07_=E2=80=AE?=", "\x00\x07 \u202e"),
        (b"=?utf-7?q?+2AA-?=", "?"),
        (b"=?utf-8?b?%%%?=", ""),
        (b"=?broken", "=?broken"),
        (b"a\r\n b", "a b"),
    ],
)
def test_headers_become_safe_unicode(raw: bytes, expected: str) -> None:
    assert decode_header(raw) == expected


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"=?", b"utf-7", b"utf-16", b"?q?", b"?b?", b"?=", b"=D8", b"+2AA-", b" "])).map(
        b"".join
    )
)
def test_no_header_raises_or_holds_a_surrogate(raw: bytes) -> None:
    decode_header(raw).encode()
    for person in addresses(raw):
        (person.name + person.address).encode()


@given(
    st.binary(max_size=60),
    st.sampled_from(["utf-7", "utf-16", "utf-16-le", "utf-32", "x", "hex", "unicode_escape", "\x00", "cp932"]),
)
def test_no_text_raises_or_holds_a_surrogate(content: bytes, label: str) -> None:
    decode_text(content, label).encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'"Doe, Jane" <jane@x>, b@y', [("Doe, Jane", "jane@x"), ("", "b@y")]),
        (b"=?utf-8?q?Doe=2C_J?= <j@x>", [("Doe, J", "j@x")]),
        (b"=?iso-8859-1?Q?=FC,_x?= <c@d>", [("ü, x", "c@d")]),
        (b"Team: a@x, B <b@x>;", [("", "a@x"), ("B", "b@x")]),
        (b"undisclosed-recipients:;", []),
        (b"a@x (Jane D)", [("Jane D", "a@x")]),
        (b"<@relay:z@y>", [("", "z@y")]),
        (b'"a\\"b" <x@y>', [('a"b', "x@y")]),
        (b"Nobody", [("Nobody", "")]),
        (b"", []),
    ],
)
def test_addresses(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert addresses(raw) == tuple(Address(name, address) for name, address in expected)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\cmd.exe", "cmd.exe"),
        ("a\x00b\r\n.txt", "ab.txt"),
        ("ann\u202efdp.exe", "annfdp.exe"),
        ("..", "fallback"),
        ("", "fallback"),
        ("  . ", "fallback"),
        ("con.txt", "_con.txt"),
        ('a<b>:"|?*.txt', "a_b______.txt"),
        ("x" * 300 + ".pdf", "x" * 120 + ".pdf"),
    ],
)
def test_attachment_names_are_safe(name: str, safe: str) -> None:
    assert safe_name(name, "fallback") == safe


@given(st.text())
def test_no_attachment_name_is_a_path(name: str) -> None:
    safe = safe_name(name, "fallback")
    assert safe not in ("", ".", "..")
    assert not set(safe) & set("/\\\0\n")
    assert len(safe.encode()) <= 255


def test_dates_in_utc_and_broken_ones() -> None:
    assert parse(message("x", extra="Date: Mon, 1 Jan 2024 10:00:00 +0200\r\n")).date == datetime(
        2024, 1, 1, 8, tzinfo=UTC
    )
    for broken in ("yesterday", "Mon, 99 Foo 2024", "Fri, 31 Dec 9999 23:59:59 -2359", ""):
        assert parse(message("x", extra=f"Date: {broken}\r\n")).date is None


def test_text_in_mailers_charsets() -> None:
    content = b"Content-Type: text/plain; charset=gb2312\r\n\r\n" + "设定镕".encode("gb18030")
    assert parse(content).text == "设定镕"


# Hostile mail


def nested(depth: int) -> bytes:
    return (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
        + b"\r\nhi\r\n"
    )


BOMBS = {
    "800 kB of encoded words in a subject": lambda: b"Subject: " + b"=?utf-8?q?=C3=BC?= " * 42_000 + b"\r\n\r\nhi",
    "800 kB of open encoded words": lambda: b"Subject: " + b"=?utf-8?q?" * 80_000 + b"\r\n\r\nhi",
    "20,000 recipients": lambda: (
        b"To: " + b",\r\n ".join(b'"N, %d" <a%d@x>' % (n, n) for n in range(20_000)) + b"\r\n\r\nhi"
    ),
    "100,000 parts": lambda: (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 100_000 + b"--x--"
    ),
    "900 nestings": lambda: nested(900),
    "20,000 nestings": lambda: nested(20_000),
    "900 messages in messages": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 900 + b"Subject: x\r\n\r\nhi",
    "500,000 headers": lambda: b"X: y\r\n" * 500_000 + b"\r\n",
    "encoded words in a nested header": lambda: (
        b"Content-Type: message/rfc822\r\n\r\nSubject: " + b"=?utf-8?q?=C3=BC?= " * 42_000
    ),
    "half a megabyte of quotes": lambda: b"To: " + b'"\\' * 250_000 + b"\r\n\r\nhi",
    "a 40 MB line": lambda: b"Subject: s\r\n\r\n" + b"x" * 40_000_000,
    "a 150 MB message": lambda: b"Subject: s\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 150_000_000,
}


@pytest.fixture(scope="module")
def cell() -> Iterator[Cell]:
    with Cell() as cell:
        yield cell


@pytest.mark.parametrize("bomb", BOMBS)
def test_reliability_a_bomb_costs_its_seconds_and_nothing_else(cell: Cell, bomb: str) -> None:
    began = time.monotonic()
    read = cell.parse(BOMBS[bomb]())
    assert time.monotonic() - began < 31
    assert isinstance(read, Parsed), read
    after = cell.parse(message("still here"))
    assert isinstance(after, Parsed)
    assert after.text == "still here"


def test_reliability_a_child_that_dies_is_replaced() -> None:
    with Cell(memory_max=160 << 20) as cell:
        read = cell.parse(b"Subject: s\r\n\r\n" + b"x" * (90 << 20))
        assert isinstance(read, Unparsed)
        assert read.reason in ("too_large", "crashed")
        assert isinstance(cell.parse(message("x")), Parsed)


def test_reliability_a_child_that_takes_too_long_is_killed() -> None:
    with Cell(seconds_max=0.0) as cell:
        read = cell.parse(message("x"))
        assert isinstance(read, Unparsed)
        assert read.reason == "too_long"


@pytest.mark.parametrize(
    ("status", "payload"),
    [(PARSED, {"subject": 7}), (PARSED, {}), (BYTES, ["text"]), (FAILED, 3), (9, {}), (BYTES, [])],
)
def test_reliability_an_answer_that_does_not_fit_is_no_answer(
    status: int, payload: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cell() as cell:
        monkeypatch.setattr(cell, "_ask", lambda *_: (status, msgspec.msgpack.encode(payload)))
        for read in (cell.parse(b""), cell.attachment(b"", 1)):
            assert isinstance(read, Unparsed)
            assert read.reason == "crashed"


def test_several_threads_share_a_cell(cell: Cell) -> None:
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda n: cell.parse(message(f"number {n}")), range(40)))
    assert [one.text for one in read if isinstance(one, Parsed)] == [f"number {n}" for n in range(40)]


def test_an_attachment_through_the_cell(cell: Cell) -> None:
    blob = bytes(range(256)) * 4096
    part = (
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(blob).decode()
    )
    content = multipart("mixed", PLAIN, part).encode()
    assert cell.attachment(content, 1) == blob
    missing = cell.attachment(content, 2)
    assert isinstance(missing, Unparsed)
    assert missing.reason == "no_such_part"


@given(st.binary(max_size=2000))
@settings(max_examples=200)
def test_parse_never_raises(content: bytes) -> None:
    assert isinstance(parse(content), Parsed)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_parse_never_raises_on_mutilated_mail(data: st.DataObject) -> None:
    related = multipart("related", multipart("alternative", PLAIN, HTML, boundary="inner"), LOGO, boundary="middle")
    content = bytearray(b"Subject: =?utf-8?q?a?=\r\n" + multipart("mixed", related, PDF).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=5))
        if not content:
            return
    parsed = parse(bytes(content))
    for one in parsed.attachments:
        assert len(attachment(bytes(content), one.number)) == one.size


@pytest.mark.parametrize("part", TORTURE)
def test_reliability_torture_corpora(corpus: Path, cell: Cell, part: str) -> None:
    files = [file for file in sorted((corpus / part).rglob("*")) if file.is_file()]
    assert files, f"the corpus has no {part}"
    for file in files:
        began = time.monotonic()
        read = cell.parse(file.read_bytes())
        assert time.monotonic() - began < 30, file
        assert isinstance(read, Parsed), (file, read)
