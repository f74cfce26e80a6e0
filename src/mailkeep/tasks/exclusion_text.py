"""Exclusions as people type and read them.

Mon 09:00-17:00 Europe/Berlin items      the command line's form: day, From-To, region, effect (items when left away)
All 22:00-06:00 Asia/Tokyo sync
"""

from __future__ import annotations

import re

from mailkeep.errors import GiveUp
from mailkeep.tasks.exclusions import check_exclusion
from mailkeep.tasks.options import Effect, Exclusion

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ALL_DAYS = "All Days"

_FORM = re.compile(
    r"(?P<day>\w+)\s+(?P<start>\S+?)\s*-\s*(?P<end>\S+)\s+(?P<region>[\w/+-]+)(?:\s+(?P<effect>\w+))?", re.ASCII
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_HINT = 'write it like "Mon 09:00-17:00 Europe/Berlin items": Mon…Sun or All, from-to, region, items or sync'


def exclusion_from(text: str) -> Exclusion:
    """The exclusion that the command line's form says. Raises `GiveUp('bad_exclusion')`."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise GiveUp("bad_exclusion", f"{text!r} is not an exclusion", _HINT)
    exclusion = Exclusion(
        day=parse_day(form["day"]),
        start=parse_time(form["start"]),
        end=parse_time(form["end"]),
        region=form["region"],
        effect=parse_effect(form["effect"] or Effect.ITEMS),
    )
    check_exclusion(exclusion)
    return exclusion


def parse_day(text: str) -> int | None:
    """0 Monday … 6 Sunday from a full or three-letter English name; None for all days."""
    word = text.strip().lower()
    if word in ("all", "all days"):
        return None
    for number, name in enumerate(DAYS):
        if word in (name.lower(), name[:3].lower()):
            return number
    raise GiveUp("bad_exclusion", f"{text!r} is no day", "a day is Mon, Tue, Wed, Thu, Fri, Sat, Sun or All")


def parse_time(text: str) -> int:
    """Minutes since 00:00; 24:00 is 1440."""
    form = _TIME.fullmatch(text.strip())
    hours, minutes = (int(form[1]), int(form[2])) if form else (99, 99)
    if minutes > 59 or hours * 60 + minutes > 1440:
        raise GiveUp("bad_exclusion", f"{text!r} is no time of day", "a time is hours and minutes, 00:00 to 24:00")
    return hours * 60 + minutes


def parse_effect(text: str) -> Effect:
    try:
        return Effect(text.strip().lower())
    except ValueError:
        hint = "items leaves out items of that time; sync starts no synchronisation in it"
        raise GiveUp("bad_exclusion", f"{text!r} is no effect of an exclusion", hint) from None


def time_text(minutes: int) -> str:
    """1440 → "24:00"."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def day_text(day: int | None) -> str:
    return ALL_DAYS if day is None else DAYS[day]


def window_text(exclusion: Exclusion) -> str:
    """The command line's form, its effect left away: "Mon 09:00-17:00 Europe/Berlin"."""
    day = "All" if exclusion.day is None else DAYS[exclusion.day][:3]
    return f"{day} {time_text(exclusion.start)}-{time_text(exclusion.end)} {exclusion.region}"


def exclusion_text(exclusion: Exclusion) -> str:
    """The command line's form; `exclusion_from` gives the same exclusion back."""
    return f"{window_text(exclusion)} {exclusion.effect}"


def in_words(exclusion: Exclusion) -> str:
    """What the exclusion does, in a sentence (SPEC A10)."""
    when = f"{_span_words(exclusion)}, local time of {exclusion.region}"
    if exclusion.effect is Effect.SYNC:
        return (
            f"No mailbox synchronisation starts {when}; one that is running completes, "
            f"and a missed one is made up afterwards."
        )
    return (
        f"Items whose own time (received; sent for sent items; start for events; last change for the rest) "
        f"falls {when}, are not archived."
    )


def _span_words(exclusion: Exclusion) -> str:
    day = "on every day" if exclusion.day is None else f"on {DAYS[exclusion.day]}s"
    if (exclusion.start, exclusion.end) == (0, 1440):
        return f"{day}, the whole day"
    if exclusion.start < exclusion.end:
        return f"{day} between {time_text(exclusion.start)} and {time_text(exclusion.end)}"
    next_day = "the next day" if exclusion.day is None else DAYS[(exclusion.day + 1) % 7]
    return f"{day} from {time_text(exclusion.start)} until {time_text(exclusion.end)} on {next_day}"
