"""A recurring item and what it comes to: its instances, and one of them shown as an item of its own.

    master (Start, End, Recurrence)  ──▶  1 normal · 2 changed (other hour) · 3 deleted · 4 normal …

Instances are numbered from 1 as EWS's InstanceIndex counts them, deleted ones too. A series keeps its hour in the zone of
its StartTimeZone, whatever the clocks there do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailkeep.simulator.exchange.errors import NotFound, OccurrenceDeleted
from mailkeep.simulator.exchange.recurrence import dates, read_recurrence
from mailkeep.simulator.exchange.rows import StoredItem, plain
from mailkeep.simulator.exchange.values import Item, Occurrence
from mailkeep.simulator.exchange.zones import zone_named

# What the master has and an occurrence hasn't.
_OF_MASTER = ("Recurrence", "FirstOccurrence", "LastOccurrence", "ModifiedOccurrences", "DeletedOccurrences")


@dataclass(frozen=True, slots=True)
class Instance:
    """Times in UTC. `changed` holds what differs from the master; `deleted`: it happens no more."""

    index: int
    original_start: datetime
    start: datetime
    end: datetime
    changed: Occurrence | None = None
    deleted: bool = False


def moment(text: str) -> datetime:
    """An xs:dateTime in UTC; one without a zone is taken for UTC."""
    when = datetime.fromisoformat(text)
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def written(when: datetime) -> str:
    """As an item's properties hold a time: 2026-01-05T08:00:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zone_of(item: Item) -> ZoneInfo:
    """Where the item's hours are meant; UTC where it doesn't say."""
    for name in ("StartTimeZone@Id", "StartTimeZoneId", "MeetingTimeZone@TimeZoneName"):
        if (zone := zone_named(item.properties.get(name, ""))) is not None:
            return zone
    return ZoneInfo("UTC")


def span_of(item: Item) -> tuple[datetime, datetime] | None:
    """Start and end of an event; None for what has none. An event without an end lasts no time."""
    start = item.properties.get("Start")
    if not start:
        return None
    begun = moment(start)
    return begun, moment(item.properties.get("End") or start)


def is_recurring(item: Item) -> bool:
    return item.element == "CalendarItem" and item.occurrence is None and bool(item.properties.get("Recurrence"))


def starts(item: Item) -> Iterator[datetime]:
    """The original starts of a recurring event, in UTC and in order; none for an item that doesn't recur."""
    span, rule = span_of(item), read_recurrence(item.properties.get("Recurrence", ""))
    if span is None or rule is None:
        return
    zone = zone_of(item)
    hour = span[0].astimezone(zone).time()
    for day in dates(rule):
        yield _at(day, hour, zone)


def _at(day: date, hour: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, hour, zone).astimezone(UTC)


def instances(master: Item, changed: Sequence[Occurrence], deleted: Sequence[datetime]) -> Iterator[Instance]:
    """In order of original start, deleted ones too."""
    span = span_of(master)
    lasts = timedelta() if span is None else span[1] - span[0]
    by_start = {each.original_start: each for each in changed}
    gone = frozenset(deleted)
    for index, start in enumerate(starts(master), 1):
        exception = by_start.get(start)
        yield Instance(index, start, *_span(exception, start, start + lasts), exception, start in gone)


def _span(exception: Occurrence | None, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    if exception is None:
        return start, end
    own = exception.properties
    begins = moment(own["Start"]) if own.get("Start") else start
    return begins, moment(own["End"]) if own.get("End") else begins + (end - start)


def shown(master: Item, changed: Sequence[Occurrence], deleted: Sequence[datetime], original_start: datetime) -> Item:
    """One occurrence as an item: the master's properties, its own in their place. Raises NotFound, OccurrenceDeleted."""
    for instance in instances(master, changed, deleted):
        if instance.original_start == original_start:
            if instance.deleted:
                raise OccurrenceDeleted(f"{original_start:%Y-%m-%d} of item {master.id}")
            return occurrence_item(master, instance)
        if instance.original_start > original_start:
            break
    raise NotFound(f"occurrence {original_start:%Y-%m-%d} of item {master.id}")


def occurrence_item(master: Item, instance: Instance) -> Item:
    """The master with the instance's own times and properties. Its MIME is composed anew when asked for."""
    exception = instance.changed
    properties = {name: value for name, value in master.properties.items() if name.partition("@")[0] not in _OF_MASTER}
    extended = dict(master.extended)
    if exception is not None:
        properties.update(exception.properties)
        extended.update(exception.extended)
    properties["Start"], properties["End"] = written(instance.start), written(instance.end)
    properties["OriginalStart"] = properties["RecurrenceId"] = written(instance.original_start)
    properties["CalendarItemType"] = "Occurrence" if exception is None else "Exception"
    fields = {**plain(master), "properties": properties, "extended": extended, "occurrence": instance.original_start}
    return StoredItem(**fields)
