"""FindItem's CalendarView: a calendar between two times, series unfolded into their occurrences, in order of start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from mailkeep.simulator.ews.envelope import EwsError
from mailkeep.simulator.ews.markup import moment
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.series import is_recurring, occurrence_item, span_of
from mailkeep.simulator.exchange.values import Folder, Item


def between(mailbox: Mailbox, folder: Folder, view: etree._Element, limit: int) -> tuple[list[Item], bool]:
    """Items and occurrences that touch the view's time, at most as many as it (or `limit`) says; whether these are all.

    Raises EwsError for a folder that is no calendar or times that make no sense.
    """
    if not folder.folder_class.startswith("IPF.Appointment"):
        raise EwsError("ErrorCalendarFolderIsInvalidForCalendarView")
    try:
        start, end = moment(view.get("StartDate", "")), moment(view.get("EndDate", ""))
        size = min(int(view.get("MaxEntriesReturned", limit)), limit)
    except ValueError as error:
        raise EwsError("ErrorInvalidTimeInterval", "The calendar view's times are invalid.") from error
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate")
    if (end - start).days > 2 * 366:
        raise EwsError(
            "ErrorCalendarViewRangeTooBig", "The specified view range exceeds the maximum range of two years."
        )
    found = [
        (when, item.id, item) for each in mailbox.items(folder) for when, item in _within(mailbox, each, start, end)
    ]
    found.sort(key=lambda entry: entry[:2])
    return [item for _, _, item in found[:size]], len(found) <= size


def _within(mailbox: Mailbox, item: Item, start: datetime, end: datetime) -> Iterator[tuple[datetime, Item]]:
    if is_recurring(item):
        changed_until = max((each.original_start for each in mailbox.occurrences(item)[0]), default=start)
        for instance in mailbox.instances(item):
            if instance.original_start > max(end, changed_until):
                return
            if not instance.deleted and _touches(instance.start, instance.end, start, end):
                yield instance.start, occurrence_item(item, instance)
        return
    span = span_of(item)
    if span is not None and _touches(*span, start, end):
        yield span[0], item


def _touches(begins: datetime, ends: datetime, start: datetime, end: datetime) -> bool:
    """An event that ends when the view begins is not in it; one of no length is, at its moment."""
    return begins < end and (ends > start or (begins == ends and begins >= start))
