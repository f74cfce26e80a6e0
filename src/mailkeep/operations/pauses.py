"""A server's "not now", kept to by every process that works for an archive: the worker, the command line, the console.

A session remembers the wait for its own process (`connectors.ews.backoff`); here it stands on the mailbox's row, or on the
connection's where it is meant for everybody. `paused_until` there is always the server's own word: a person who asks for a
synchronisation does not overrule it. What is only a guess of ours (a mailbox that is being moved, no time named) is no pause
but a later slot, and *Synchronise now* goes before it.

    of(connection, "anna@firma.example").check()      raises RetryLater("throttled") while the wait lasts
    with kept_to(connection, "anna@firma.example"):   the same for a restore, which also notes what the server says to it
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from mailkeep.catalog.dispatch_rows import DispatchRows
from mailkeep.catalog.models import Connection, Mailbox
from mailkeep.dispatch.pauses import IN_PLACE_SECONDS_MAX, pause, paused_until
from mailkeep.errors import RetryLater

_AGAIN = "nothing to do: it goes on by itself when the pause is over"
_EARLIER_HINT = "ask again when the pause is over; nothing was sent to the server"


@dataclass(frozen=True, slots=True)
class Pause:
    """`until`: None where there is none. `whole_server`: it is meant for everybody who uses the connection."""

    until: datetime | None
    whole_server: bool = False

    def check(self) -> None:
        """RetryLater("throttled") with the seconds that are left, or nothing. Asks no database."""
        left = 0.0 if self.until is None else (self.until - _now()).total_seconds()
        if left > 0:
            raise RetryLater("throttled", words(left), _AGAIN, left, whole_server=self.whole_server)

    def words(self) -> str:
        """`words` of what is left now, or ""."""
        try:
            self.check()
        except RetryLater as error:
            return error.message
        return ""


def of(connection: Connection, address: str) -> Pause:
    """The later of the connection's pause and the mailbox's. An address that nobody archives has no row, and none of its own."""
    shared = Connection.objects.filter(pk=connection.pk).values_list("paused_until", flat=True).first()
    mailbox = _mailbox(connection, address)
    own = None if mailbox is None else mailbox.paused_until
    if shared is not None and (own is None or shared >= own):
        return Pause(shared, whole_server=True)
    return Pause(own)


@contextmanager
def kept_to(connection: Connection, address: str) -> Iterator[None]:
    """Work that a person waits for. A short pause is waited out first, a longer one is raised before anything is sent."""
    try:
        of(connection, address).check()
    except RetryLater as error:
        if error.wait_seconds is None or error.wait_seconds > IN_PLACE_SECONDS_MAX:
            raise RetryLater(error.code, error.message, _EARLIER_HINT, error.wait_seconds) from error
        time.sleep(error.wait_seconds)
    try:
        yield
    except RetryLater as error:
        note(connection, address, error)
        raise


def note(connection: Connection, address: str, error: RetryLater) -> None:
    """What a server said outside a synchronisation. Nothing where it named no time."""
    if error.code != "throttled" or error.wait_seconds is None:
        return
    mailbox = None if error.whole_server else _mailbox(connection, address)
    if mailbox is None and not error.whole_server:
        return  # a mailbox that nobody archives: no other process works on it
    until = paused_until(_now(), error.wait_seconds)
    pause(
        DispatchRows(_no_queue), until, error.message, connection=connection.pk, mailbox=mailbox.pk if mailbox else None
    )


def words(seconds: float) -> str:
    """ "the server asked for a pause: retry in 4 minutes"."""
    if seconds < 120:
        left = f"{math.ceil(seconds)} seconds"
    elif seconds < 7200:
        left = f"{math.ceil(seconds / 60)} minutes"
    else:
        left = f"{math.ceil(seconds / 3600)} hours"
    return f"the server asked for a pause: retry in {left}"


def _mailbox(connection: Connection, address: str) -> Mailbox | None:
    return Mailbox.objects.filter(connection=connection, address__iexact=address).first()


def _now() -> datetime:
    return timezone.now()


def _no_queue(token: UUID) -> None:
    raise AssertionError(f"nothing is queued here: {token}")
