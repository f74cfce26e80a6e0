"""The element that creates an archived item again: what was archived, and its state as it was last. Pure.

Mail is its MIME with what MIME does not say (class, categories, flag); anything else is all of its settable properties.
Without a form of ours (an item from another kind of server) it is the bytes: MIME, iCalendar, vCard.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import starmap

from lxml import etree

from mailkeep.connectors.base import NewItem
from mailkeep.connectors.ews.restated import restated
from mailkeep.connectors.ews.settable import WITH_MIME, creatable, extended_key, in_order, settable, xml_of
from mailkeep.connectors.ews.wire import writing
from mailkeep.connectors.ews.wire.envelope import Piece
from mailkeep.connectors.ews.wire.listing import attachments_of
from mailkeep.connectors.ews.wire.names import T, text
from mailkeep.connectors.ews.wire.responses import parse_verbatim
from mailkeep.connectors.ews.wire.shapes import DELIVERY_TIME, LAST_VERB, MESSAGE_FLAGS, SUBMIT_TIME, Extended
from mailkeep.mail.items import Kind

RESTATED = "read-only properties by their MAPI names"
ARCHIVED_MAPI = "archived MAPI properties"  # beside those that make an item other than a new draft
_READ, _UNSENT = 0x1, 0x8  # PidTagMessageFlags
_VERBS = {"answered": "102", "$forwarded": "104"}  # PidTagLastVerbExecuted
MARK = Extended("String", set="5d0f8a9e-3c1b-4e57-9b7a-6f2d4c81ea30", name="MailkeepRestore")
"""Of an item that is not finished yet: proof that this very restore is making it."""
_TITLE = Extended("String", tag=0x3A45)  # PidTagDisplayNamePrefix, which EWS shows in CompleteName only
_ELEMENTS = {
    Kind.MAIL: "Message",
    Kind.EVENT: "CalendarItem",
    Kind.CONTACT: "Contact",
    Kind.TASK: "Task",
    Kind.NOTE: "Item",
}
_CLASSES = {Kind.NOTE: "IPM.StickyNote"}
_HAS_READ = frozenset({"Message", "PostItem"})


@dataclass(frozen=True, slots=True)
class Attached:
    """An archived attachment: a file's bytes, or an attached item's MIME (or XML) and element."""

    file: bytes | None = None
    item: bytes = b""
    properties: bytes = b""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A changed occurrence of a series: its element, and its own attachments by number in its own list."""

    element: etree._Element
    attachments: dict[int, Attached] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """An archived item in our form. `element` None: it has none, and its bytes say everything."""

    item: NewItem
    element: etree._Element | None = None
    occurrences: tuple[Occurrence, ...] = ()
    attachments: dict[int, Attached] = field(default_factory=dict)  # by number in the item's own list
    mark: str = ""  # the value of `MARK`; "" where it is set none

    @property
    def name(self) -> str:
        """The element to create."""
        if self.element is None:
            return _ELEMENTS[self.item.kind]
        return creatable(etree.QName(self.element).localname)

    @property
    def by_mime(self) -> bool:
        """The bytes are what the server is to read, not the properties."""
        return self.element is None or (
            self.item.kind is Kind.MAIL and self.element.find(f"{T}MimeContent") is not None
        )


def form_of(item: NewItem) -> Form:
    """The item's native parts, told apart by their names (see `whole`)."""
    element = None
    occurrences: dict[int, etree._Element] = {}
    attachments: dict[int | None, dict[int, dict[str, bytes]]] = {None: {}}  # by occurrence, None: the item's own
    for part in item.parts:
        match part.name.split("."):
            case ["ews", "properties"]:
                element = parse_verbatim(part.content)
            case ["ews", "occurrence", number] if number.isdigit():
                found = parse_verbatim(part.content)
                if found is not None:
                    occurrences[int(number)] = found
            case ["ews", "occurrence", of, "attachment", number, *rest] if of.isdigit() and number.isdigit():
                held = attachments.setdefault(int(of), {})
                held.setdefault(int(number), {})[".".join(rest)] = bytes(part.content)
            case ["ews", "attachment", number, *rest] if number.isdigit():
                attachments[None].setdefault(int(number), {})[".".join(rest)] = bytes(part.content)
    changed = (Occurrence(occurrences[of], _attached(attachments.get(of, {}))) for of in sorted(occurrences))
    return Form(item, element, tuple(changed), _attached(attachments[None]))


def _attached(parts: dict[int, dict[str, bytes]]) -> dict[int, Attached]:
    return {
        number: Attached(held.get(""), held.get("item", b""), held.get("properties", b""))
        for number, held in sorted(parts.items())
    }


def has_details(form: Form) -> bool:
    """It takes more than one request to make it: attachments beside the bytes, exceptions of a series."""
    if form.item.kind is Kind.MAIL or form.element is None:
        return False
    exceptional = form.occurrences or form.element.find(f"{T}DeletedOccurrences") is not None
    return bool(exceptional or attachments_of(form.element))


def parts_set(form: Form, without: Container[str] = ()) -> frozenset[str]:
    """Names of what is set, as `without` takes them."""
    names = frozenset(properties(form, without))
    groups = {ARCHIVED_MAPI: _archived(form, without), RESTATED: _restated(form, without)}
    return names | {name for name, held in groups.items() if held and name not in without}


def pieces(form: Form, without: Container[str] = ()) -> tuple[Piece, ...]:
    """The element for CreateItem. `without`: names of properties, or MAPI keys (`0x1081`), to leave out."""
    inner = in_order(form.name, properties(form, without))
    return writing.item_element(form.name, inner, form.item.content if form.by_mime else None)


def properties(form: Form, without: Container[str] = ()) -> dict[str, str]:
    """Name → XML of what is set beside the MIME; extended properties all under one name."""
    found: dict[str, str] = {}
    archived = {} if ARCHIVED_MAPI in without else _archived(form, without)
    restated_ = {} if RESTATED in without else _restated(form, without)
    state = starmap(writing.extended_property, state_of(form, without))
    extended = [] if "ExtendedProperty" in without else [*state, *(restated_ | archived).values()]
    if form.element is not None:
        for child in settable(form.element, WITH_MIME if form.by_mime else None):
            name = etree.QName(child).localname
            if name != "ExtendedProperty":
                found[name] = xml_of(child)
    else:
        of_class = form.item.message_class or _CLASSES.get(form.item.kind, "")
        if of_class:
            found["ItemClass"] = f"<t:ItemClass>{text(of_class)}</t:ItemClass>"
    if form.item.kind is Kind.MAIL:
        found |= _flag(form, found.pop("Flag", ""))
    if form.name in _HAS_READ:
        found["IsRead"] = f"<t:IsRead>{'true' if _seen(form) else 'false'}</t:IsRead>"
    if extended:
        found["ExtendedProperty"] = "".join(extended)
    return {name: xml for name, xml in found.items() if name not in without}


def _seen(form: Form) -> bool:
    return "seen" in form.item.flags or form.item.kind is not Kind.MAIL


def _flag(form: Form, archived: str) -> dict[str, str]:
    """The follow-up flag as it was last; its dates are in the archived one."""
    if "flagged" not in form.item.flags:
        return {"Flag": archived} if "Complete<" in archived else {}
    flagged = "<t:Flag><t:FlagStatus>Flagged</t:FlagStatus></t:Flag>"
    return {"Flag": archived if "Flagged<" in archived and "NotFlagged" not in archived else flagged}


def state_of(form: Form, without: Container[str] = ()) -> list[tuple[Extended, str]]:
    """MAPI properties that make an item other than a new draft: its flags, times, and that it was answered."""
    item = form.item
    told: list[tuple[Extended, str]] = []
    if item.kind in (Kind.MAIL, Kind.NOTE):
        told.append((MESSAGE_FLAGS, str((_READ if _seen(form) else 0) | (_UNSENT if "draft" in item.flags else 0))))
    if item.kind is Kind.MAIL:
        told.append((DELIVERY_TIME, _time(item.received)))
        sent = form.element.findtext(f"{T}DateTimeSent") if form.element is not None else None
        told += [(SUBMIT_TIME, sent)] if sent else []
        told += [(LAST_VERB, verb) for flag, verb in _VERBS.items() if flag in item.flags][:1]
    if title := _title(form):
        told.append((_TITLE, title))
    if form.mark:
        told.append((MARK, form.mark))
    return [pair for pair in told if pair[0].key not in without]


def _archived(form: Form, without: Container[str]) -> dict[str, str]:
    """The archived MAPI properties by key, but those of `state_of`."""
    if form.element is None:
        return {}
    return {
        extended_key(child): xml_of(child)
        for child in settable(form.element, ("ExtendedProperty",))
        if extended_key(child) not in without and extended_key(child) not in (LAST_VERB.key, _TITLE.key)
    }


def _restated(form: Form, without: Container[str]) -> dict[str, str]:
    """By MAPI names, what EWS shows and does not let set."""
    if form.element is None:
        return {}
    found = ((one, value) for one, value in restated(form.element) if one.key not in without)
    return {one.key: writing.extended_property(one, value) for one, value in found}


def _title(form: Form) -> str:
    found = form.element.findtext(f"{T}CompleteName/{T}Title") if form.element is not None else None
    return found or ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
