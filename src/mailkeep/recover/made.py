"""iCalendar and vCard files for items whose server gave neither: a task of Exchange's, a note, a contact. Pure.

They are made of what the item's native form says (`Description`): its facts under their standard names, then the rest as people read
it. Nothing of the item is only here: its bytes and its native form stay in the archive, and `eml` exports give the bytes.

    BEGIN:VTODO  UID:… DTSTAMP:…  SUMMARY:Send the offer  DUE;VALUE=DATE:20261124  DESCRIPTION:the body, then "Status: …"  END:VTODO
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC

from icalendar import Calendar, Component, Event, Journal, Todo
from icalendar.prop import TypesFactory

from mailkeep.connectors.base import Description
from mailkeep.mail.items import Kind
from mailkeep.recover.ports import SourceItem

PRODUCT = "-//Mailkeep//Export//EN"
PICTURE_MAX = 8 << 20  # bytes of a contact's picture in its card
_COMPONENTS: dict[Kind, type[Component]] = {Kind.EVENT: Event, Kind.TASK: Todo, Kind.NOTE: Journal}
_TYPES = TypesFactory()
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+=[A-Za-z0-9,-]+)*")
_PICTURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF"}


def made_calendar(item: SourceItem, said: Description) -> bytes:
    """The item as a VCALENDAR of one component."""
    component = _COMPONENTS[item.kind]()
    component.add("uid", _uid(item))
    component.add("dtstamp", item.time.astimezone(UTC))
    if item.kind is Kind.EVENT:
        component.add("dtstart", item.time.astimezone(UTC))
    categories = [value for name, value in said.facts if name.upper() == "CATEGORIES"]
    if categories:
        component.add("categories", categories)
    for name, value in said.facts:
        if name.upper() != "CATEGORIES" and _NAME.fullmatch(name):
            _add(component, name, value)
    if "SUMMARY" not in component:
        component.add("summary", _clean(item.subject))
    component.add("description", _clean(_whole(said)))
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(component)
    return bytes(calendar.to_ical())


def made_card(item: SourceItem, said: Description, picture: bytes = b"") -> bytes:
    """The item as a vCard: 4.0 for a list of people, else 3.0."""
    facts = [(name.upper(), value) for name, value in said.facts if _NAME.fullmatch(name)]
    names = {name.partition(";")[0] for name, _ in facts}
    full = item.subject or next((value for name, value in facts if name == "EMAIL"), "") or "?"
    lines = [("BEGIN", "VCARD"), ("VERSION", "4.0" if names & {"KIND", "MEMBER"} else "3.0"), ("UID", _uid(item))]
    if "FN" not in names:
        lines.append(("FN", _escaped(full)))
    if "N" not in names:
        lines.append(("N", f"{_escaped(full)};;;;"))
    lines += [(name, _one_line(value)) for name, value in facts]
    lines += [("NOTE", _escaped(_whole(said)))] if _whole(said) else []
    lines += _picture(picture)
    text = "\r\n".join(_folded(f"{name}:{value}") for name, value in [*lines, ("END", "VCARD")])
    return (text + "\r\n").encode("utf-8", "replace")


def _add(component: Component, name: str, value: str) -> None:
    """A fact under its name, typed as the standard says; one that is not of its type is left to the description."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", name):
        return
    try:
        type_ = _TYPES.for_property(name)
        if type_ is _TYPES["text"]:
            typed: object = _clean(value)
        elif type_ is _TYPES["unknown"]:
            typed = _clean(value).replace("\n", " ")  # nobody escapes a line end there
        else:
            typed = _TYPES.from_ical(name, value)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        return
    component.pop(name, None)
    component.add(name, typed)


def _whole(said: Description) -> str:
    """The body, and below it everything that stands beside it."""
    rows = "\n".join(f"{label}: {text}" for label, text in said.rows if text)
    return "\n\n".join(part for part in (said.text.strip(), rows) if part)


def _uid(item: SourceItem) -> str:
    return _clean(item.message_id) or f"{item.sha256.hex()[:32]}-{item.number}"


def _picture(picture: bytes) -> list[tuple[str, str]]:
    kind = next((kind for start, kind in _PICTURES.items() if picture.startswith(start)), "")
    if not kind or len(picture) > PICTURE_MAX:
        return []
    return [(f"PHOTO;ENCODING=b;TYPE={kind}", base64.b64encode(picture).decode())]


_ESCAPES: Mapping[int, str] = {ord("\\"): "\\\\", ord(","): "\\,", ord(";"): "\\;", ord("\n"): "\\n"}


def _escaped(text: str) -> str:
    return _clean(text).translate(_ESCAPES)


def _one_line(value: str) -> str:
    """No value ends its line: whatever follows would be a property of its own."""
    return _clean(value).replace("\n", "\\n")


def _clean(text: str) -> str:
    """Without control characters; every line end is one new line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in text if c in "\n\t" or (c >= " " and c != "\x7f" and not "\ud800" <= c <= "\udfff"))


def _folded(line: str) -> str:
    """At most 75 octets to a line, no character cut (RFC 6350 3.2)."""
    pieces, piece, octets = [], "", 0
    for char in line:
        width = len(char.encode("utf-8", "replace"))
        if octets + width > 75:
            pieces.append(piece)
            piece, octets = "", 1
        piece, octets = piece + char, octets + width
    return "\r\n ".join([*pieces, piece])
