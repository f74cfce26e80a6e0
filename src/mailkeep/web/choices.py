"""What the person's browser remembers for the pages: theme and time zone, two cookies that only choose how things are shown."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

THEMES = ("system", "light", "dark")


def theme(request: HttpRequest) -> str:
    chosen = request.COOKIES.get("theme", "system")
    return chosen if chosen in THEMES else "system"


def zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """The zone the browser named, or UTC where it named none that we know."""
    try:
        return zoneinfo.ZoneInfo(unquote(request.COOKIES.get("zone", "UTC")))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return zoneinfo.ZoneInfo("UTC")


def own_zone(answer: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: times are stored in UTC and shown in the person's zone, which the page names."""

    def in_zone(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zone(request)):
            return answer(request)

    return in_zone


def page_context(request: HttpRequest) -> dict[str, object]:
    """What every template knows."""
    return {
        "nonce": getattr(request, "nonce", ""),
        "theme": theme(request),
        "zone": timezone.get_current_timezone_name(),
    }
