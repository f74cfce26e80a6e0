"""What an HTTP answer that is no EWS means for us. Pure. What EWS itself refuses, `wire.codes` reads.

| what came back                                       | becomes                                                          |
|------------------------------------------------------|------------------------------------------------------------------|
| 401                                                  | `auth_failed`, with the ways to sign in that the server offers   |
| 302 to a login page, 200 with HTML                   | `forms_login_page`                                               |
| 403, 404                                             | `access_denied`, `autodiscover_failed`                           |
| 429, 503                                             | `RetryLater("throttled")` with the server's own wait             |
| 502, 504, 407, a page of something in between        | `RetryLater("unreachable")`                                      |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailkeep.connectors.base import Endpoint
from mailkeep.errors import GiveUp, MailkeepError, RetryLater

_LOGIN_PLACES = re.compile(r"/owa/|/auth/|logon|login|signin|/adfs/|reason=", re.IGNORECASE)
_LOGIN_WORDS = re.compile(rb"<form|type=[\"']?password|logon\.aspx|/owa/auth", re.IGNORECASE)
_SCHEMES = re.compile(r"(?:^|,)\s*(Basic|NTLM|Negotiate|Bearer|Kerberos|Digest)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,120})", re.IGNORECASE)
_BUSY_WAIT = {503: 10.0, 429: 30.0}  # seconds, where the server names none


class ServerFailed(RetryLater):
    """HTTP 500 without a fault: a server in trouble, or (not Exchange) one that does not know the operation."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer that is no EWS: `beginning` of its body, a few kilobytes."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes = field(default=b"", repr=False)

    @property
    def html(self) -> bool:
        kind = self.headers.get("Content-Type", "").lower()
        return "html" in kind or self.beginning.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))


def http(answer: Answered, endpoint: Endpoint, now: datetime) -> MailkeepError:
    """The error of an HTTP answer. `now`: for a Retry-After that is a date."""
    status, host = answer.status, endpoint.host
    if status in (429, 503):
        wait = retry_after(answer.headers.get("Retry-After", ""), now)
        told = f"the server is busy (HTTP {status})"
        hint = "nothing to do: it is tried again"
        return RetryLater("throttled", told, hint, _BUSY_WAIT[status] if wait is None else wait)
    if status == 401:
        return _unauthorised(answer, endpoint)
    if status in (301, 302, 303, 307, 308):
        return _redirected(answer, endpoint)
    if status == 403:
        message = f"{host} refuses {endpoint.user} access to EWS (HTTP 403)"
        hint = "allow EWS for the account (EwsEnabled), and check the server's IP and client restrictions"
        return GiveUp("access_denied", message, hint)
    if status == 404:
        message = f"{host} has no Exchange Web Services at /EWS/Exchange.asmx (HTTP 404)"
        return GiveUp("autodiscover_failed", message, "enter the host of the Exchange server itself")
    if status == 407:
        message = f"a proxy before {host} wants a sign-in of its own (HTTP 407){_title(answer)}"
        return RetryLater("unreachable", message, "reach the server without that proxy")
    if status in (502, 504):
        message = f"a proxy or load balancer before {host} could not reach Exchange (HTTP {status}){_title(answer)}"
        return RetryLater("unreachable", message, "it is tried again; look at the server if this lasts")
    if answer.html and status == 200:
        return _page(answer, endpoint)
    if status >= 500:
        message = f"{host} failed (HTTP {status}){_title(answer)}"
        return ServerFailed("unreachable", message, "it is tried again; look into the server's log if this lasts")
    message = f"what answers at {host} is no Exchange Web Services (HTTP {status}{_kind(answer)}){_title(answer)}"
    return GiveUp("unreachable", message, "check host and port of the connection")


_DATE_SECONDS = 1.0  # a date has no fractions: the moment meant may be this much later


def retry_after(text: str, now: datetime) -> float | None:
    """Seconds of a Retry-After, which is a number or a date. None where it says nothing that makes sense."""
    text = text.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        return float(text)
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds() + _DATE_SECONDS)


def http_date(text: str) -> datetime | None:
    """A date of an HTTP header, or None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def is_login_place(path: str) -> bool:
    return bool(_LOGIN_PLACES.search(path))


def _unauthorised(answer: Answered, endpoint: Endpoint) -> GiveUp:
    challenge = answer.headers.get("WWW-Authenticate", "")
    offered = sorted({scheme.group(1).capitalize() for scheme in _SCHEMES.finditer(challenge)})
    if endpoint.auth == "bearer":
        message = f"{endpoint.host} refused the token" + (
            " as invalid or expired" if "invalid_token" in challenge else ""
        )
        return GiveUp("auth_failed", message, "get a new token and set it as the connection's password")
    message = f"{endpoint.host} refused the user name or password of {endpoint.user}"
    hint = "check user name and password in the connection"
    if offered and endpoint.auth.capitalize() not in offered:
        message = f"{endpoint.host} takes no {endpoint.auth} sign-in; it offers {', '.join(offered)}"
        usable = [name.lower() for name in offered if name in ("Basic", "Ntlm", "Bearer")]
        if "Negotiate" in offered and "ntlm" not in usable:
            usable.append("ntlm")
        hint = f"set --auth {' or '.join(usable)}" if usable else "allow basic, NTLM or bearer for EWS on the server"
    return GiveUp("auth_failed", message, hint)


def _redirected(answer: Answered, endpoint: Endpoint) -> GiveUp:
    place = answer.headers.get("Location", "")
    if is_login_place(place):
        return _forms(endpoint, "it sends us on to a login page")
    message = f"{endpoint.host} sends us on to {place[:200] or 'nowhere'}, and a password goes to no other host"
    return GiveUp("autodiscover_failed", message, "enter that host in the connection if it is the Exchange server")


def _page(answer: Answered, endpoint: Endpoint) -> GiveUp:
    if _LOGIN_WORDS.search(answer.beginning):
        return _forms(endpoint, f"it answers with a web page{_title(answer)}")
    message = f"{endpoint.host} answers with a web page instead of EWS{_title(answer)}"
    return GiveUp("forms_login_page", message, "publish /EWS without the gateway that shows this page")


def _forms(endpoint: Endpoint, what: str) -> GiveUp:
    message = f"a forms login page stands in front of EWS on {endpoint.host}: {what}"
    hint = "let the gateway (TMG, WAP, F5 …) pass /EWS with basic or NTLM sign-in, or enter the host of Exchange itself"
    return GiveUp("forms_login_page", message, hint)


def _title(answer: Answered) -> str:
    found = _TITLE.search(answer.beginning)
    if not found:
        return ""
    return f", titled “{' '.join(found.group(1).decode('utf-8', 'replace').split())}”"


def _kind(answer: Answered) -> str:
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    return f", {kind[:60]}" if kind else ""
