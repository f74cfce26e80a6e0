"""Moments of a mailbox: which entry a view shows (ARCHITECTURE, "How one message flows", 7).

A moment T is the last completed run at or before T. *Live* is the head, even while a run is still bringing entries in;
*archive* is everything that was ever there. Whatever a view shows, its `Moment` says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailkeep.catalog.models import Entry, Mailbox


@dataclass(frozen=True, slots=True)
class Moment:
    """`number` 0: nothing of this mailbox had been archived yet. `complete`: a run ended with that entry."""

    number: int
    time: datetime | None
    complete: bool
    archive: bool = False  # everything ever there, up to that entry


def moment(mailbox: Mailbox, as_of: datetime | None = None) -> Moment:
    """The moment a view as of that time shows; None: live, as the catalog has it now."""
    entries = Entry.objects.filter(mailbox=mailbox).order_by("-number")
    if as_of is not None:
        entries = entries.filter(complete=True, time__lte=as_of)
    row = entries.first()
    return Moment(row.number, row.time, row.complete) if row else Moment(0, None, False)


def everything(mailbox: Mailbox) -> Moment:
    """The archive view: every item that ever had content here, in its last archived form."""
    live = moment(mailbox)
    return Moment(live.number, live.time, live.complete, archive=True)


def moments(mailbox: Mailbox, start: datetime | None = None, end: datetime | None = None) -> list[Moment]:
    """The completed runs with an entry in `[start, end)`, oldest first: what the slider and the month map offer."""
    entries = Entry.objects.filter(mailbox=mailbox, complete=True).order_by("number")
    if start is not None:
        entries = entries.filter(time__gte=start)
    if end is not None:
        entries = entries.filter(time__lt=end)
    return [Moment(row.number, row.time, True) for row in entries]
