"""What a server's refusal means for us: response codes (RFC 5530) and, where servers use none, their words. Pure."""

from __future__ import annotations

import re

from mailkeep.connectors.imap.wire import Completion
from mailkeep.errors import GiveUp, MailkeepError, RetryLater

_BACKOFF = re.compile(r"backoff time: (\d{1,9}) milliseconds", re.IGNORECASE)
_BUSY = re.compile(
    r"too many (simultaneous |concurrent )?(connections|logins|requests|sessions)|maximum number of connections"
    r"|throttled|try again later|rate limit|bandwidth limit|temporarily unavailable",
    re.IGNORECASE,
)
_BUSY_CODES = frozenset({"LIMIT", "INUSE", "UNAVAILABLE"})


def throttled(answer: Completion) -> RetryLater | None:
    """The server asks us to come back later, or None."""
    if answer.ok or not (answer.code in _BUSY_CODES or _BUSY.search(answer.text)):
        return None
    backoff = _BACKOFF.search(answer.text)
    wait = int(backoff.group(1)) / 1000 if backoff else None
    return RetryLater("throttled", f"the server is busy: {_said(answer)}", "nothing to do: it is tried again", wait)


def sign_in(answer: Completion, user: str, mailbox: str) -> MailkeepError:
    """The error of a refused sign-in. `user` signed in (a master user, say) to open `mailbox`."""
    busy = throttled(answer)
    if busy is not None:
        return busy
    said = _said(answer)
    if answer.code == "AUTHORIZATIONFAILED":
        message = f"{user} was recognised, but the server opens no mailbox {mailbox} for it: {said}"
        return GiveUp("mailbox_not_found", message, "check the address, and that the master user may open it")
    if answer.code == "NOPERM":
        return GiveUp("access_denied", f"{user} may not open the mailbox {mailbox}: {said}", "grant it access")
    if answer.code == "EXPIRED":
        return GiveUp("auth_failed", f"the password of {user} has expired: {said}", "set a new one in the connection")
    if answer.code == "CONTACTADMIN":
        return GiveUp("account_disabled", f"the server wants {user} to ask its administrator: {said}", "ask there")
    if answer.code == "PRIVACYREQUIRED":
        return GiveUp(
            "auth_failed", f"the server takes passwords over TLS only: {said}", "choose TLS in the connection"
        )
    message = f"the server refused the user name or password of {user}: {said}"
    return GiveUp("auth_failed", message, "check user name and password in the connection")


def command(answer: Completion, what: str) -> MailkeepError:
    """The error of a refused command. `what`: what was tried, as in "open the folder Sent"."""
    busy = throttled(answer)
    if busy is not None:
        return busy
    message = f"the server would not {what}: {_said(answer)}"
    if answer.code in ("NONEXISTENT", "TRYCREATE"):
        return GiveUp("folder_not_found", message, "it was removed or renamed meanwhile: synchronise again")
    if answer.code in ("NOPERM", "AUTHORIZATIONFAILED"):
        return GiveUp("access_denied", message, "grant the user access to it")
    if answer.code == "OVERQUOTA":
        return GiveUp("over_quota", message, "make room in the mailbox")
    if answer.status == "BYE":
        return RetryLater("unreachable", message, "it is tried again")
    return GiveUp("refused_by_server", message, "look into the server's log")


def _said(answer: Completion) -> str:
    return answer.text.strip() or answer.code or answer.status
