"""A restore's requests: a server's bad moment is waited out, so that no item is made poorer because of one.

| what the server answers                           | what is done                                                        |
|---------------------------------------------------|---------------------------------------------------------------------|
| wait, up to 20 seconds                            | it is waited, then asked again: a refused request has done nothing  |
| `ErrorInternalServerError`                        | asked again twice; if it lasts, it is a refusal of this very item   |
| a longer wait, a mailbox that is away, a lost line | raised: the restore goes on when that is over                      |
| what concerns the whole mailbox (it is full …)    | raised                                                              |
| any other refusal                                 | returned, for the caller to leave something out                     |
"""

from __future__ import annotations

import time

from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.responses import ResponseMessage, SoapFault
from mailkeep.errors import MailkeepError, RetryLater, RetryNow

_IN_PLACE_SECONDS_MAX = 20.0
_WAITS_MAX = 3
_PAUSES = (0.2, 1.0)  # seconds before the 2nd and 3rd try
_OF_THE_MAILBOX = frozenset({"over_quota", "folder_not_found", "mailbox_not_found", "impersonation_denied"})
_MAYBE_THE_ITEM = frozenset({"ErrorInternalServerError", "ErrorDataSourceOperation"})


def answers(session: Session, request: Request, what: str, *, lasts: bool = False) -> list[ResponseMessage]:
    """The messages of an answer, never none; an Error among them is a refusal that will last.

    `lasts`: the server failed over this item again and again already; that it fails is believed at once.
    """
    waits, pauses = _WAITS_MAX, [] if lasts else list(_PAUSES)
    while True:
        messages: list[ResponseMessage] = []
        try:
            messages = _heard(session, request, what)
            trouble = _trouble(session, messages, what)
        except RetryLater as error:
            trouble = error
        if trouble is None:
            return messages
        wait = trouble.wait_seconds if isinstance(trouble, RetryLater) and trouble.code == "throttled" else None
        if wait is not None and wait <= _IN_PLACE_SECONDS_MAX and waits:
            waits -= 1
            time.sleep(wait)
        elif messages and trouble.code != "throttled" and messages[0].code in _MAYBE_THE_ITEM:
            if not pauses:
                return messages
            time.sleep(pauses.pop(0))
        else:
            raise trouble


def answer(session: Session, request: Request, what: str, *, lasts: bool = False) -> ResponseMessage:
    """The one message of an answer."""
    return answers(session, request, what, lasts=lasts)[0]


def _heard(session: Session, request: Request, what: str) -> list[ResponseMessage]:
    """A fault is a message too."""
    try:
        messages = list(session.stream(request))
    except SoapFault as fault:
        return [fault.message]
    if not messages:
        told = f"the server gave an empty answer where it was to {what}"
        raise RetryLater("unreachable", told, "look into the server's log if this lasts")
    return messages


def _trouble(session: Session, messages: list[ResponseMessage], what: str) -> MailkeepError | None:
    for message in messages:
        if message.response_class == "Error":
            error = session.error(message, what, writing=True)
            if isinstance(error, RetryNow | RetryLater) or error.code in _OF_THE_MAILBOX:
                return error
    return None
