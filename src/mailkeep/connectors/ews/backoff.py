"""Back-off: how long a server wants no request of a caller, remembered for the whole process.

Exchange throttles per caller (`BackOffMilliseconds`, `Retry-After`): the mailbox that is impersonated, or else the account
that signed in, whatever mailbox it opens. That is the *owner* of the budget. Every session of this process that spends from
it keeps to the wait, whoever was told; other mailboxes of the same server are not delayed.

    backoff.check("mail.firma.example", "anna@firma.example")        raises RetryLater while the wait lasts, sends nothing
    backoff.note("mail.firma.example", "anna@firma.example", 7.5)    from now on for 7.5 seconds; a longer wait stands
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from mailkeep.errors import RetryLater

SECONDS_MAX = 24 * 3600.0  # a server that says more means "not today"
_REMEMBERED_MAX = 10_000  # owners; the oldest waits are over anyhow


class BackOff:
    """Thread-safe. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[tuple[str, str], float] = {}

    def note(self, server: str, owner: str, seconds: float) -> None:
        """The server wants this long a rest. Nonsense (negative, not a number) counts as none."""
        if not seconds > 0:
            return
        key = (server.casefold(), owner.casefold())
        with self._lock:
            until = self._clock() + min(seconds, SECONDS_MAX)
            self._until[key] = max(until, self._until.get(key, until))
            if len(self._until) > _REMEMBERED_MAX:
                self._forget_past()

    def rest(self, server: str, owner: str) -> float:
        """Seconds still to wait, 0 where there is nothing to wait for."""
        key = (server.casefold(), owner.casefold())
        with self._lock:
            until = self._until.get(key)
            if until is None:
                return 0.0
            rest = until - self._clock()
            if rest <= 0:
                del self._until[key]
                return 0.0
            return rest

    def check(self, server: str, owner: str, *, whole_server: bool = False) -> None:
        """RetryLater("throttled") with the rest of the wait, or nothing. `whole_server`: all of the connection spend from it."""
        rest = self.rest(server, owner)
        if rest > 0:
            message = f"{server} asked for a pause of requests for {owner}: {math.ceil(rest)} seconds are left"
            raise RetryLater("throttled", message, "nothing to do: it is tried again", rest, whole_server=whole_server)

    def _forget_past(self) -> None:
        now = self._clock()
        self._until = {key: until for key, until in self._until.items() if until > now}


SHARED = BackOff()  # of this process
