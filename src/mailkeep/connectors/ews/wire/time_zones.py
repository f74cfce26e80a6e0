"""The time zone of an event. Exchange names zones as Windows does ("W. Europe Standard Time"); others by their IANA names."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON
from lxml import etree

from mailkeep.connectors.ews.wire.names import T


def zone_of(element: etree._Element) -> tuple[tzinfo, str]:
    """The event's zone, and what to call it: "W. Europe Standard Time", "UTC"."""
    told = element.find(f"{T}StartTimeZone")
    for name in (
        (told.get("Id") if told is not None else ""),
        element.findtext(f"{T}TimeZone"),
        element.findtext(f"{T}StartTimeZoneId"),
    ):
        if name:
            try:
                return ZoneInfo(WINDOWS_TO_OLSON.get(name, name)), name
            except (ZoneInfoNotFoundError, ValueError, OSError):  # what it cannot be a file name of is a ValueError
                continue
    return UTC, "UTC"
