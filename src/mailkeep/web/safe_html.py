"""A message's body made safe to look at: pure text in, pure text out.

Three walls stand one behind the other, and each alone would do against most payloads:

1. **Here**, nh3 keeps only known elements, attributes and style properties. Images inside the message (`cid:`) become `data:`
   URLs; any other image is taken out and counted. Links stay readable, but lead nowhere from inside the frame.
2. **The response** that carries the result is its own document with `BODY_POLICY`: sandboxed even when opened directly, nothing may be
   loaded but `data:` images, no script, no form, no frame.
3. **The frame** round it is sandboxed with no permission at all, and the page's own policy lets it go nowhere else.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import nh3

BODY_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
IMAGE_TYPES = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}
)  # no SVG: it can hold anything

TAGS = nh3.ALLOWED_TAGS - {"map", "area"} | {"font", "big"}
DROPPED_WHOLE = {
    "script",
    "style",
    "title",
    "noscript",
    "template",
    "iframe",
    "object",
    "svg",
    "math",
    "textarea",
    "select",
}
ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height"},
    "a": {"href"},
    "img": {"src", "alt"},
    "font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start", "type"},
    "li": {"value"},
}
# Nothing that takes an url(), nothing that lays one thing over another.
STYLES = {
    *(
        "color",
        "background-color",
        "direction",
        "display",
        "height",
        "line-height",
        "max-width",
        "min-width",
        "opacity",
    ),
    *(
        "font",
        "font-family",
        "font-size",
        "font-style",
        "font-variant",
        "font-weight",
        "letter-spacing",
        "vertical-align",
    ),
    *(
        "text-align",
        "text-decoration",
        "text-indent",
        "text-transform",
        "white-space",
        "width",
        "word-break",
        "word-wrap",
    ),
    *("border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius", "border-right"),
    *("border-spacing", "border-style", "border-top", "border-width", "table-layout"),
    *("margin", "margin-bottom", "margin-left", "margin-right", "margin-top"),
    *("padding", "padding-bottom", "padding-left", "padding-right", "padding-top"),
}
PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>'
    "html{{color-scheme:light}}body{{margin:12px 16px;font:14px/1.5 system-ui,sans-serif;color:#1b2430;background:#fff;overflow-wrap:anywhere}}"
    "img{{max-width:100%;height:auto}}pre{{white-space:pre-wrap;font:inherit;margin:0}}table{{max-width:100%}}"
    "body>.blocked{{margin:-12px -16px 12px;padding:6px 16px;background:#fff1d6;color:#6b4300;font:13px/1.5 system-ui,sans-serif}}"
    '</style></head><body>{note}<div dir="auto">{body}</div></body></html>'
)


Images = Mapping[str, tuple[str, bytes]]  # those inside the message: content id, without < > → (type, bytes)


@dataclass(frozen=True, slots=True)
class Safe:
    """A body to show. `blocked` counts the remote images it asked for."""

    body: str
    blocked: int


def safe_html(text: str, images: Images) -> Safe:
    """The HTML without anything that runs or calls out."""
    shown = _Images(images)
    body = nh3.clean(
        text,
        tags=set(TAGS),
        clean_content_tags=DROPPED_WHOLE,
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=shown.filter,
        filter_style_properties=STYLES,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return Safe(body, shown.blocked)


def safe_text(text: str) -> Safe:
    """Plain text as it stands; each paragraph finds its own direction."""
    paragraphs = "".join(f'<pre dir="auto">{html.escape(line) or "<br>"}</pre>' for line in text.splitlines())
    return Safe(paragraphs, 0)


def page(shown: Safe, note: str = "") -> str:
    """The whole document of the body's own response; `note` stands above it."""
    said = f'<p class="blocked">{html.escape(note)}</p>' if note else ""
    return PAGE.format(title="Message", note=said, body=shown.body)


class _Images:
    """nh3's attribute filter: decides over each image's source, and counts."""

    def __init__(self, images: Images) -> None:
        self.images, self.blocked = images, 0

    def filter(self, tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            return self._source(value.strip())
        if attribute == "href" and value.strip().lower().startswith(("data:", "cid:")):
            return None
        return value

    def _source(self, url: str) -> str | None:
        scheme = url[:5].lower()
        if scheme.startswith("cid:"):
            return self._inline(unquote(url[4:]).strip("<>"))
        if scheme == "data:":
            kind = url[5:].split(";")[0].split(",")[0].lower()
            return url if kind in IMAGE_TYPES else None
        self.blocked += 1
        return None

    def _inline(self, content_id: str) -> str | None:
        kind, content = self.images.get(content_id, ("", b""))
        if kind.lower() not in IMAGE_TYPES:
            return None
        return f"data:{kind.lower()};base64,{base64.b64encode(content).decode()}"
