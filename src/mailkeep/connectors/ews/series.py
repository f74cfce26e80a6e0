"""The exceptions of a recurring event, made again on a series that was just created.

A server knows an occurrence by its number in the series (from 1, deleted ones counted) and tells its start; so the numbers
are found by asking for them in turn until every exception's original start was met. Then changed occurrences are changed,
and deleted ones deleted. Nobody is told of either (`SendToNone`).

An occurrence lists its own attachments where it has some, else (Exchange) those of its series; so what it lists once it was
changed is looked at, and only what is missing is attached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from mailkeep.connectors.ews.attaching import attach_these
from mailkeep.connectors.ews.composing import Occurrence
from mailkeep.connectors.ews.patience import answer, answers
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.settable import CLEARED, OCCURRENCE_URIS, settable, xml_of
from mailkeep.connectors.ews.wire import requests, writing
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.ids import OccurrenceId
from mailkeep.connectors.ews.wire.listing import FoundAttachment, attachments_of, item_ref, moment
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.shapes import Shape

_START = Shape(fields=("calendar:Start",))
_ATTACHMENTS = Shape(fields=("item:Attachments",))
_WHAT = "restore the exceptions of a series"
_ASKED_AT_ONCE = 50
_ASKED_MAX = 3000  # occurrences: eight years of days
_DELETED = "ErrorCalendarOccurrenceIsDeletedFromRecurrence"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Of one series: elements of its changed occurrences by original start, and the starts of its deleted ones."""

    changed: dict[datetime, Occurrence]
    deleted: frozenset[datetime]

    def __bool__(self) -> bool:
        return bool(self.changed or self.deleted)


def exceptions_of(master: etree._Element, occurrences: Sequence[Occurrence]) -> Exceptions:
    """What an archived series says of its exceptions. Pure."""
    changed = {}
    for occurrence in occurrences:
        element = occurrence.element
        start = moment(element.findtext(f"{T}OriginalStart", "") or element.findtext(f"{T}RecurrenceId", ""))
        if start is not None:
            changed[start] = occurrence
    told = (
        moment(start.text or "") for start in master.iterfind(f"{T}DeletedOccurrences/{T}DeletedOccurrence/{T}Start")
    )
    return Exceptions(changed, frozenset(start for start in told if start is not None))


def restore(session: Session, item_id: str, master: etree._Element, exceptions: Exceptions) -> list[str]:
    """Make the exceptions on the new series; returns what the server would not take, by name."""
    numbers = _numbers(session, item_id, set(exceptions.changed) | exceptions.deleted)
    cannot = []
    for start, occurrence in exceptions.changed.items():
        name = f"changed occurrence {start:%Y-%m-%d}"
        number = numbers.get(start)
        if number is None:
            cannot.append(name)
            continue
        target = OccurrenceId(item_id, number)
        cannot += [f"{name}{what}" for what in _changed(session, target, occurrence.element, master)]
        cannot += [f"{name}: {what}" for what in _attach(session, target, occurrence)]
    for start in sorted(exceptions.deleted):
        number = numbers.get(start)
        if number is None or not _done(session, writing.delete_item([OccurrenceId(item_id, number)])):
            cannot.append(f"deleted occurrence {start:%Y-%m-%d}")
    return cannot


def _changed(session: Session, target: OccurrenceId, element: etree._Element, master: etree._Element) -> list[str]:
    """All changes at once; where the server refuses that, what was cleared is cleared by itself, property by property."""
    changes = _changes(element, master)
    if not changes or _done(session, _update(target, changes)):
        return []
    cleared = [change for change in changes if isinstance(change, writing.DeleteField)]
    kept = [change for change in changes if isinstance(change, writing.SetField)]
    if not cleared or (kept and not _done(session, _update(target, kept))):
        return [""]
    return [f": {change.field}" for change in cleared if not _done(session, _update(target, [change]))]


def _attach(session: Session, target: OccurrenceId, occurrence: Occurrence) -> list[str]:
    """Twice at most: the first one of its own may put out those that came from the series."""
    listed = list(enumerate(attachments_of(occurrence.element)))
    cannot: list[str] = []
    missing, found = _missing(session, target, listed) if listed else ([], "")
    for _ in range(2):
        if not missing:
            return cannot
        if not found:
            return [*cannot, "attachments"]
        cannot += attach_these(session, found, missing, occurrence.attachments)
        still, found = _missing(session, target, listed)
        missing = [one for one in still if one not in missing]
    return cannot


Listed = list[tuple[int, FoundAttachment]]


def _missing(session: Session, target: OccurrenceId, wanted: Listed) -> tuple[Listed, str]:
    """Those that the occurrence does not list now, and the occurrence's id ("" where the server tells none)."""
    element = answer(session, requests.get_item([target], _ATTACHMENTS), _WHAT).item
    if element is None:
        return wanted, ""
    there = Counter((one.name, one.is_item) for one in attachments_of(element))
    missing = []
    for number, one in wanted:
        if there[one.name, one.is_item]:
            there[one.name, one.is_item] -= 1
        else:
            missing.append((number, one))
    return missing, item_ref(element).id


def _numbers(session: Session, item_id: str, wanted: set[datetime]) -> dict[datetime, int]:
    found: dict[datetime, int] = {}
    for first in range(1, _ASKED_MAX, _ASKED_AT_ONCE):
        names = [OccurrenceId(item_id, number) for number in range(first, first + _ASKED_AT_ONCE)]
        messages = answers(session, requests.get_item(names, _START), _WHAT)
        starts: list[datetime] = []
        for number, message in enumerate(messages, first):
            start = moment(message.item.findtext(f"{T}Start", "")) if message.item is not None else None
            if start is not None:
                starts.append(start)
                found.setdefault(start, number)
        over = not any(message.ok or message.code == _DELETED for message in messages[-1:])
        if over or wanted <= found.keys() or (starts and starts[-1] > max(wanted)):
            return found
    return found


def _changes(element: etree._Element, master: etree._Element) -> list[writing.SetField | writing.DeleteField]:
    """What the occurrence has otherwise than its series, and what the series has and it has not."""
    own = _values(element)
    of_series = _values(master)
    changes: list[writing.SetField | writing.DeleteField] = [
        writing.SetField(OCCURRENCE_URIS[name], "CalendarItem", value)
        for name, value in own.items()
        if value != of_series.get(name)
    ]
    cleared = (name for name in of_series if name in CLEARED and name not in own)
    return [*changes, *(writing.DeleteField(OCCURRENCE_URIS[name]) for name in cleared)]


def _values(element: etree._Element) -> dict[str, str]:
    children = settable(element, only=frozenset(OCCURRENCE_URIS))
    return {etree.QName(child).localname: xml_of(child) for child in children}


def _update(target: OccurrenceId, changes: Sequence[writing.SetField | writing.DeleteField]) -> Request:
    return writing.update_item(target, changes, meetings=True, conflict="AlwaysOverwrite")  # which needs no change key


def _done(session: Session, request: Request) -> bool:
    """False where the server refuses this; trouble of the server's is raised."""
    return answer(session, request, _WHAT).response_class != "Error"
