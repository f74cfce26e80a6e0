"""A connection test's steps in their order (SPEC B2), the same for every kind of server.

    in_turn(dns=…, tcp=…, tls=…, sign_in=…, permission=…, mailbox_check=…)      each says what it found, or raises

Each is told as soon as it is known, with its time, a plain sentence and the fix; the first that fails is the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from mailkeep.connectors.base import Step
from mailkeep.errors import MailkeepError

Work = Callable[[], str]


def in_turn(
    *, dns: Work, tcp: Work, tls: Work, sign_in: Work, permission: Work, mailbox_check: Work, close: Callable[[], None]
) -> Iterator[Step]:
    """`close` is called however it ends, also where nobody wants to hear the rest."""
    works = {
        "dns": dns, "tcp": tcp, "tls": tls, "sign_in": sign_in, "permission": permission, "mailbox_check": mailbox_check,
    }  # fmt: skip
    try:
        for name, work in works.items():
            step = _timed(name, work)
            yield step
            if not step.ok:
                return
    finally:
        close()


def _timed(name: str, work: Work) -> Step:
    began = time.perf_counter()
    try:
        message, hint, ok = work(), "", True
    except MailkeepError as error:
        message, hint, ok = error.message, error.hint, False
    return Step(name, ok, (time.perf_counter() - began) * 1000, message, hint)
