"""The exceptions of a recurring event, made again on a series that was just created.

A server knows an occurrence by its number in the series (from 1, deleted ones counted) and tells its start; so the numbers
are found by asking for them in turn until every exception's original start was met. Then changed occurrences are changed,
and deleted ones deleted. Nobody is told of either (`SendToNone`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.settable import OCCURRENCE_URIS, settable, xml_of
from mailkeep.connectors.ews.wire import requests, writing
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.ids import OccurrenceId
from mailkeep.connectors.ews.wire.listing import moment
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.shapes import Shape
from mailkeep.errors import GiveUp

_START = Shape(fields=("calendar:Start",))
_ASKED_AT_ONCE = 50
_ASKED_MAX = 3000  # occurrences: eight years of days
_DELETED = "ErrorCalendarOccurrenceIsDeletedFromRecurrence"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Of one series: elements of its changed occurrences by original start, and the starts of its deleted ones."""

    changed: dict[datetime, etree._Element]
    deleted: frozenset[datetime]

    def __bool__(self) -> bool:
        return bool(self.changed or self.deleted)


def exceptions_of(master: etree._Element, occurrences: Sequence[etree._Element]) -> Exceptions:
    """What an archived series says of its exceptions. Pure."""
    changed = {}
    for element in occurrences:
        start = moment(element.findtext(f"{T}OriginalStart", "") or element.findtext(f"{T}RecurrenceId", ""))
        if start is not None:
            changed[start] = element
    told = (
        moment(start.text or "") for start in master.iterfind(f"{T}DeletedOccurrences/{T}DeletedOccurrence/{T}Start")
    )
    return Exceptions(changed, frozenset(start for start in told if start is not None))


def restore(session: Session, item_id: str, master: etree._Element, exceptions: Exceptions) -> list[str]:
    """Make the exceptions on the new series; returns what the server would not take, by name."""
    numbers = _numbers(session, item_id, set(exceptions.changed) | exceptions.deleted)
    cannot = []
    for start, element in exceptions.changed.items():
        number = numbers.get(start)
        changes = _changes(element, master)
        if changes and (number is None or not _done(session, _update(item_id, number, changes))):
            cannot.append(f"changed occurrence {start:%Y-%m-%d}")
    for start in sorted(exceptions.deleted):
        number = numbers.get(start)
        if number is None or not _done(session, writing.delete_item([OccurrenceId(item_id, number)])):
            cannot.append(f"deleted occurrence {start:%Y-%m-%d}")
    return cannot


def _numbers(session: Session, item_id: str, wanted: set[datetime]) -> dict[datetime, int]:
    found: dict[datetime, int] = {}
    for first in range(1, _ASKED_MAX, _ASKED_AT_ONCE):
        names = [OccurrenceId(item_id, number) for number in range(first, first + _ASKED_AT_ONCE)]
        try:
            messages = session.call(requests.get_item(names, _START), "find the occurrences of a series")
        except GiveUp:
            return found
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
    """What the occurrence has otherwise than its series."""
    of_series = {etree.QName(child).localname: xml_of(child) for child in settable(master)}
    changes: list[writing.SetField | writing.DeleteField] = []
    for child in settable(element, only=frozenset(OCCURRENCE_URIS)):
        name, value = etree.QName(child).localname, xml_of(child)
        if value != of_series.get(name):
            changes.append(writing.SetField(OCCURRENCE_URIS[name], "CalendarItem", value))
    return changes


def _update(item_id: str, number: int, changes: list[writing.SetField | writing.DeleteField]) -> Request:
    name = OccurrenceId(item_id, number)
    return writing.update_item(name, changes, meetings=True, conflict="AlwaysOverwrite")  # which needs no change key


def _done(session: Session, request: Request) -> bool:
    """False where the server refuses this; trouble of the server's is raised."""
    try:
        messages = session.call(request, "restore the exceptions of a series")
    except GiveUp:
        return False
    return bool(messages) and messages[0].response_class != "Error"
