"""A turn a second, until told to stop. Every worker process runs this loop in a thread; the rows' advisory lock lets
one at a time do the work, so none of them is special and none is missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from mailkeep.dispatch.ports import Rows
from mailkeep.dispatch.tick import LIMITS, Limits, Turn, tick

log = logging.getLogger(__name__)

TURN_SECONDS = 1.0
BUSY_SECONDS = 0.1  # after a turn that did something: slots may be free again
FAILED_SECONDS = 5.0


def run(rows: Rows, wait: Callable[[float], bool], limits: Limits = LIMITS) -> None:
    """`wait(seconds)` returns True when it is time to stop: `threading.Event.wait`."""
    pause = 0.0
    while not wait(pause):
        try:
            pause = _pause_after(tick(rows, limits))
        except Exception:
            # The database may be restarting; whatever it is, mailboxes of the next minute must still be dispatched.
            log.exception("a turn of the dispatcher failed; the next one in %s s", FAILED_SECONDS)
            pause = FAILED_SECONDS


def _pause_after(turn: Turn) -> float:
    return BUSY_SECONDS if turn.busy else TURN_SECONDS
