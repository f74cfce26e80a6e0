"""What an item's bytes are, decided by the bytes themselves: a message, iCalendar, a vCard, XML. Pure, and never raises.

A server gives an appointment as iCalendar here and as XML there; who names the file or reads it asks this module, not the server.
`content_lines` reads what RFC 5545 (3.1) and RFC 6350 (3.2) have in common: folded lines of name, parameters and value, in
components between BEGIN and END. Both are text of strangers: one pass, no recursion, bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailkeep.mail.items import Kind

LINES_MAX = 200_000
_LOOK = 512  # bytes
_BEGINS = re.compile(rb"(?im)^BEGIN:(VCALENDAR|VCARD)[ \t]*\r?$")
_XML = re.compile(
    rb"<\?xml\s|<[A-Za-z_][\w.-]{0,60}:[A-Za-z]|<[A-Z][A-Za-z]{2,60}\s+xmlns[:=]"
)  # a document, or a server's element
_HEADER = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_FOLD = re.compile(r"\r?\n[ \t]")
_NAME_END = re.compile(r'(?:[^":]|"[^"]*")*?:')


class Form(StrEnum):
    """The form of an item's bytes; its value is the end of a file's name."""

    MESSAGE = "eml"
    CALENDAR = "ics"
    CARD = "vcf"
    XML = "xml"
    OTHER = "bin"


@dataclass(frozen=True, slots=True)
class ContentLine:
    """`DTSTART;TZID=Europe/Berlin:20261123T093000` of a VEVENT: its component, name, parameters as they stand, value as it stands."""

    component: tuple[str, ...]  # ("VCALENDAR", "VEVENT"); () before the first BEGIN
    name: str  # upper case, a vCard's group taken off
    parameters: str  # "TZID=Europe/Berlin"
    value: str


def form_of(content: bytes, kind: Kind) -> Form:
    """What the bytes are. An item of mail that is nothing else is a message, however odd."""
    start = bytes(content[:_LOOK]).removeprefix(b"\xef\xbb\xbf").lstrip()
    begins = _BEGINS.match(start)
    if begins:
        return Form.CALENDAR if begins[1].upper() == b"VCALENDAR" else Form.CARD
    if _XML.match(start):
        return Form.XML
    return Form.MESSAGE if kind is Kind.MAIL or _HEADER.match(start) else Form.OTHER


def content_lines(content: bytes) -> Iterator[ContentLine]:
    """Every line of the components, BEGIN and END left out; what is no such line is passed over."""
    component: list[str] = []
    text = _FOLD.sub("", content.decode("utf-8-sig", "replace"))
    for number, whole in enumerate(text.split("\n")):
        if number == LINES_MAX:
            return
        line = whole.rstrip("\r")
        head = _NAME_END.match(line)
        if head is None:
            continue
        words, _, parameters = head[0][:-1].partition(";")
        name, value = words.rpartition(".")[2].strip().upper(), line[head.end() :]
        if name == "BEGIN":
            component.append(value.strip().upper())
        elif name == "END":
            if component:
                component.pop()
        else:
            yield ContentLine(tuple(component), name, parameters, value)


def unescaped(value: str) -> str:
    r"""A text value as people read it: `\n` a new line, `\,` a comma."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
