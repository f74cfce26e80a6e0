"""The cleaning itself: what goes, what stays. The browser tests show that it holds; these show what a reader still gets."""

from __future__ import annotations

import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.web.cleaning import cleaned
from mailkeep.web.safe_html import ATTRIBUTES, TAGS, page, safe_html, safe_text

from . import letters

PNG = {"logo@x": ("image/png", letters.PIXEL)}


class Inventory(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_what_a_reader_wants_stays() -> None:
    safe = safe_html(letters.NEWSLETTER, {"logo@contoso": ("image/png", letters.PIXEL)}).body
    for kept in (
        "<h2",
        "color:#0b5394",
        "<table",
        'bgcolor="#f2f5f9"',
        "border-collapse:collapse",
        "data:image/png;base64,",
        "news.contoso.example",
    ):
        assert kept in safe


@pytest.mark.parametrize(
    ("source", "shown", "blocked"),
    [
        ("cid:logo@x", True, 0),
        ("CID:logo%40x", True, 0),
        ("cid:other", False, 0),
        ("https://track.example/x.gif", False, 1),
        ("//track.example/x.gif", False, 0),
        ("data:image/gif;base64,R0lGODlhAQABAAAAACw=", True, 0),
        ("data:image/svg+xml,<svg/>", False, 0),
        ("file:///etc/passwd", False, 0),
    ],
)
def test_images(source: str, shown: bool, blocked: int) -> None:
    safe = safe_html(f'<img alt="a" src="{source}">', PNG)
    assert ("src=" in safe.body) == shown
    assert safe.blocked == blocked
    assert 'alt="a"' in safe.body


def test_links_open_nowhere_and_tell_nobody() -> None:
    safe = safe_html('<a href="https://x.example/" target="_top" rel="opener" onclick="x()">x</a>', {}).body
    assert 'target="_blank"' in safe
    assert 'rel="noopener noreferrer nofollow"' in safe
    assert "_top" not in safe


def test_plain_text_is_only_text() -> None:
    assert "<script>" not in safe_text("<script>x</script>\n& more").body
    assert page(safe_text("שלום"), "a <note>").count('dir="auto"') >= 2
    assert "a &lt;note&gt;" in page(safe_text(""), "a <note>")


@given(
    st.lists(
        st.sampled_from(
            [
                *letters.hostile_bodies("http://c.example"),
                "<",
                ">",
                "\"'",
                "<!--",
                "-->",
                "</p>",
                "x",
                "\0",
                "<![CDATA[",
            ]
        ),
        max_size=6,
    ).map("".join)
)
def test_whatever_comes_in_only_known_elements_and_attributes_come_out(text: str) -> None:
    left = Inventory(safe_html(text, {}).body)
    assert left.tags <= TAGS
    assert left.attributes <= set.union(*ATTRIBUTES.values()) | {"rel", "target"}


def test_the_process_gives_the_same_answer() -> None:
    assert cleaned(letters.NEWSLETTER, PNG) == safe_html(letters.NEWSLETTER, PNG)


def test_formatting_that_multiplies_is_given_up() -> None:
    text = "".join(f"<font color=c{number}><p>" for number in range(30_000))
    assert cleaned(text, {}) is None
