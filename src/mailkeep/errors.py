"""Errors, classed by what to do next.

Every diagnosed failure is a `MailkeepError`: a machine code, one plain sentence, and a hint that says what to do.
Three subclasses say what the caller may do about it:

| class        | next step                                   | example codes                          |
|--------------|---------------------------------------------|----------------------------------------|
| `RetryNow`   | try again in place, a few times             | `connection_lost`                      |
| `RetryLater` | commit what is done, come back after a wait | `throttled`, `unreachable`             |
| `GiveUp`     | a person has to act                         | `auth_failed`, `tls_untrusted`, `usage`|

An exception that is none of these is a fault of ours and keeps its traceback.
"""

from __future__ import annotations


class MailkeepError(Exception):
    """A diagnosed failure: `code` for machines, the message for people, `hint` for what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


class RetryNow(MailkeepError):
    """Passing: the same call may succeed at once (a connection dropped in mid-literal)."""


class RetryLater(MailkeepError):
    """Passing, but not now. `wait_seconds` is the server's own word, or None where it gave none.

    `whole_server`: it speaks to everybody who uses the connection, not of one mailbox alone.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        wait_seconds: float | None = None,
        *,
        whole_server: bool = False,
    ) -> None:
        super().__init__(code, message, hint)
        self.wait_seconds = wait_seconds
        self.whole_server = whole_server


class GiveUp(MailkeepError):
    """Trying again changes nothing until a person acts."""
