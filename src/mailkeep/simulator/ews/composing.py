"""A message's properties → its MIME, as Exchange writes one for what a client created by properties, and for what it asks
of tasks, notes, posts and lists.

    multipart/mixed ── multipart/related ── multipart/alternative ── text/plain, text/html
                    │                    └─ inline pictures
                    └─ attachments (message/rfc822 for items)

Each level stands only where it is needed. Boundaries come from the item's search key, so that asking twice gives the same bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

from pybase64 import b64encode

from mailkeep.simulator import compose
from mailkeep.simulator.compose import Part
from mailkeep.simulator.ews.markup import child_text, local_name, parsed, text_of
from mailkeep.simulator.exchange.values import Attachment, Item

_TAGS = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<!--.*?-->|<[^>]{1,20000}>", re.IGNORECASE | re.DOTALL)
_BREAKS = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d)\b[^>]{0,200}>", re.IGNORECASE)
_LINE = 76  # columns of base64
_MARKS = {"High": ("high", "1"), "Low": ("low", "5")}
_SENSITIVITY = {"Personal": "personal", "Private": "private", "Confidential": "company-confidential"}
# What Exchange writes anew from properties; the rest of a message's old headers is kept as it was, but for X- ones.
_OWN = """
    from sender to cc bcc reply-to subject date message-id in-reply-to references importance sensitivity mime-version
    content-type content-transfer-encoding content-disposition content-id content-class thread-topic priority keywords
"""
_OWN_NAMES = frozenset(_OWN.split())


def compose_message(item: Item, attachments: Sequence[Attachment], calendar: bytes = b"") -> bytes:
    """The message in CRLF lines. `calendar`: the iCalendar of a meeting message, an alternative of its body."""
    part = _content(item, attachments, calendar, _Boundaries(item))
    return compose.compose(_headers(item, bool(attachments)), part)


class _Boundaries:
    """New names for parts' borders, as Exchange forms them."""

    def __init__(self, item: Item) -> None:
        seed = f"{item.search_key.hex()} {item.properties.get('InternetMessageId', '')}"
        self._mark = sha256(seed.encode()).hexdigest()[:32].upper()
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"_{self._count:03d}_{self._mark}mailkeep_"


def text_of_html(markup: str) -> str:
    """What a reader without HTML sees: tags away, breaks as lines."""
    text = _TAGS.sub("", _BREAKS.sub("\n", markup))
    return re.sub(r"\n{3,}", "\n\n", html.unescape(text)).strip()


def bodies(item: Item) -> tuple[str, str | None]:
    """The plain text and, where the item has one, the HTML. An item that keeps its MIME does not get here."""
    body = text_of(item.properties.get("Body", ""))
    if item.properties.get("Body@BodyType", "Text") != "HTML":
        return body, None
    plain = item.properties.get("TextBody")
    return (text_of(plain) if plain is not None else text_of_html(body)), body


def people(inner: str) -> list[tuple[str, str]]:
    """(name, address) of each Mailbox in recipients, attendees or an organiser."""
    if not inner:
        return []
    boxes = [node for node in parsed(inner).iter() if isinstance(node.tag, str) and local_name(node) == "Mailbox"]
    return [(child_text(box, "Name"), child_text(box, "EmailAddress")) for box in boxes]


def _headers(item: Item, attached: bool) -> list[tuple[str, str]]:
    properties = item.properties
    kept = [(name, value) for name, value in old_headers(item) if _is_kept(name)]
    found = [pair for pair in kept if pair[0].lower() == "received"]
    for header, name in (("From", "From"), ("Sender", "Sender"), ("To", "ToRecipients"), ("CC", "CcRecipients")):
        found += _address_header(header, properties.get(name, ""))
    found += _address_header("BCC", properties.get("BccRecipients", ""))
    found += _address_header("Reply-To", properties.get("ReplyTo", ""))
    subject = text_of(properties.get("Subject", ""))
    found.append(("Subject", _header_text(subject)))
    if topic := text_of(properties.get("ConversationTopic", "")):
        found.append(("Thread-Topic", _header_text(topic)))
    moment = item.sent or item.received or item.created or item.modified or datetime(1970, 1, 1, tzinfo=UTC)
    found.append(("Date", compose.date(moment.replace(microsecond=0))))
    for header, name in (
        ("Message-ID", "InternetMessageId"),
        ("References", "References"),
        ("In-Reply-To", "InReplyTo"),
    ):
        if value := text_of(properties.get(name, "")):
            found.append((header, _header_text(value)))
    found += _mark_headers(properties)
    found += [pair for pair in kept if pair[0].lower() != "received"]
    found.append(("X-MS-Has-Attach", "yes" if attached else ""))
    return found


def _mark_headers(properties: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    if words := [node.text or "" for node in parsed(properties.get("Categories", ""))]:
        found.append(("Keywords", ", ".join(map(_header_text, words))))
    if mark := _MARKS.get(properties.get("Importance", "")):
        found += [("Importance", mark[0]), ("X-Priority", mark[1])]
    if word := _SENSITIVITY.get(properties.get("Sensitivity", "")):
        found.append(("Sensitivity", word))
    if properties.get("IsReadReceiptRequested") == "true" and (sender := people(properties.get("From", ""))):
        found.append(("Disposition-Notification-To", compose.mailbox(_header_text(sender[0][0]), sender[0][1])))
    return found


def old_headers(item: Item) -> list[tuple[str, str]]:
    """The headers a message once came with, from its InternetMessageHeaders."""
    inner = item.properties.get("InternetMessageHeaders", "")
    if not inner:
        return []
    return [(node.get("HeaderName", ""), _header_text(node.text or "")) for node in parsed(inner)]


def _is_kept(name: str) -> bool:
    return bool(name) and name.lower() not in _OWN_NAMES and not name.lower().startswith("x-")


def _address_header(header: str, inner: str) -> list[tuple[str, str]]:
    found = people(inner)
    if not found:
        return []
    boxes = [
        compose.mailbox(_one_line(name), address) if address else f"{_header_text(name)}:;" for name, address in found
    ]
    return [(header, ", ".join(boxes))]


def _one_line(text: str) -> str:
    return " ".join(text.replace('"', "'").split())


def _header_text(text: str) -> str:
    """A header's value: one line, encoded where it is not ASCII."""
    return compose.encoded(text.replace("\r", " ").replace("\n", " "))


def _content(item: Item, attachments: Sequence[Attachment], calendar: bytes, boundaries: _Boundaries) -> Part:
    part = _body(item, calendar, boundaries)
    inline = [each for each in attachments if each.inline and each.content_id and each.item is None]
    if inline:
        part = compose.multi("related", boundaries.next(), [part, *map(_file, inline)])
    others = [each for each in attachments if not any(each is one for one in inline)]
    if others:
        part = compose.multi("mixed", boundaries.next(), [part, *map(_attached, others)])
    return part


def _body(item: Item, calendar: bytes, boundaries: _Boundaries) -> Part:
    plain, markup = bodies(item)
    parts = [compose.text(plain)]
    if markup is not None:
        parts.append(compose.text(markup, "html"))
    if calendar:
        method = "REQUEST" if "Request" in item.item_class else "CANCEL" if "Canceled" in item.item_class else "REPLY"
        kind = f'Content-Type: text/calendar; charset="utf-8"; method={method}'
        parts.append(Part((kind, "Content-Transfer-Encoding: base64"), base64_lines(calendar)))
    return parts[0] if len(parts) == 1 else compose.multi("alternative", boundaries.next(), parts)


def _attached(attachment: Attachment) -> Part:
    if attachment.item is None:
        return _file(attachment)
    inner = attachment.item.mime or compose_message(attachment.item, attachment.attachments)
    return Part(("Content-Type: message/rfc822", "Content-Disposition: attachment"), inner)


def _file(attachment: Attachment) -> Part:
    return part_of(
        attachment.name, attachment.content_type, attachment.content, attachment.content_id, inline=attachment.inline
    )


def part_of(name: str, content_type: str, content: bytes, content_id: str = "", *, inline: bool = False) -> Part:
    """A file as a part, in base64. `content_id` without its angle brackets."""
    shown = name.replace('"', "'").replace("\r", " ").replace("\n", " ")
    disposition = "inline" if inline else "attachment"
    if shown.isascii():
        named, titled = f'filename="{shown}"', f'name="{shown}"'
    else:
        named, titled = f"filename*=UTF-8''{quote(shown, safe='')}", f'name="{compose.encoded(shown)}"'
    lines = [
        f"Content-Type: {content_type or 'application/octet-stream'};\r\n\t{titled}",
        f"Content-Disposition: {disposition};\r\n\t{named};\r\n\tsize={len(content)}",
    ]
    if content_id:
        lines.append(f"Content-ID: <{content_id}>")
    return Part((*lines, "Content-Transfer-Encoding: base64"), base64_lines(content))


def base64_lines(content: bytes) -> bytes:
    """Base64 in lines of 76 columns with CRLF."""
    text = b64encode(content)
    return b"\r\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE)) + b"\r\n"
