"""A server said "not now": until when nothing starts, and for whom.

Short waits stay in place, inside the run (`connectors.throttle`). Longer ones end it: what is done is committed, the
connection or the mailbox is paused for everybody, and the mailbox comes back when the pause is over, before its next
slot.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailkeep.dispatch.ports import Rows

IN_PLACE_SECONDS_MAX = 20.0
WAIT = timedelta(minutes=1)  # where the server gave no time of its own
WAIT_MAX = timedelta(hours=1)
SAID_MAX = timedelta(days=1)  # a server that says more has made a mistake


def paused_until(now: datetime, wait_seconds: float | None, in_a_row: int = 1) -> datetime:
    """The server's word, or a wait that doubles each time in a row, an hour at most."""
    if wait_seconds is None:
        return now + min(WAIT * (1 << min(max(in_a_row, 1) - 1, 10)), WAIT_MAX)
    return now + min(max(timedelta(seconds=min(wait_seconds, 1e6)), timedelta(seconds=1)), SAID_MAX)


def pause(rows: Rows, until: datetime, reason: str, *, connection: int, mailbox: int | None = None) -> None:
    """Of the mailbox alone where one is named (a server that limits each mailbox), else of the whole connection."""
    if mailbox is None:
        rows.pause_connection(connection, until, reason)
    else:
        rows.pause_mailbox(mailbox, until)
