"""Where a mailbox's EWS is, for a connection whose host is not itself the Exchange server.

Asked is the connection's own host and no other, first by POX, then by SOAP: the account's password goes only where a person
sent it. An answer that leads to another host, be it of the same organisation, ends here with an error that says which host
to enter; so does a host that has no autodiscover, with the name that organisations usually publish it at.

    mail.firma.example  has no /EWS/Exchange.asmx; its /autodiscover/autodiscover.xml says …
        https://mail.firma.example/ews2/Exchange.asmx   ──▶  Place(mail.firma.example, 443, "/ews2/Exchange.asmx")
        https://ex1.firma.example/EWS/Exchange.asmx     ──▶  GiveUp("autodiscover_failed", "… enter ex1.firma.example …")
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mailkeep.connectors.base import Endpoint, Usage
from mailkeep.connectors.ews.transport import PATH, Answer, Transport, origin, port
from mailkeep.connectors.ews.wire import autodiscover as wire
from mailkeep.connectors.ews.wire.autodiscover import Discovered
from mailkeep.errors import GiveUp, RetryLater, RetryNow

_SECONDS_MAX = 20.0
_ANSWER_BYTES_MAX = 1 << 20
_ADDRESSES_MAX = 4  # an organisation may send us on to another address of the same mailbox
_POX = "/autodiscover/autodiscover.xml"
_SOAP = "/autodiscover/autodiscover.svc"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to post: the endpoint with the right host, and the path."""

    endpoint: Endpoint
    path: str


class Places:
    """What was found, for the life of the process: by connection host and mailbox domain."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str, int, str], tuple[str, int, str]] = {}

    def known(self, endpoint: Endpoint, address: str) -> Place | None:
        with self._lock:
            found = self._found.get(_key(endpoint, address))
        return None if found is None else Place(replace(endpoint, host=found[0], port=found[1]), found[2])

    def note(self, endpoint: Endpoint, address: str, place: Place) -> None:
        with self._lock:
            self._found[_key(endpoint, address)] = (place.endpoint.host, port(place.endpoint), place.path)

    def forget(self, endpoint: Endpoint, address: str) -> None:
        with self._lock:
            self._found.pop(_key(endpoint, address), None)


def find(endpoint: Endpoint, address: str, usage: Usage) -> Place:
    """GiveUp("autodiscover_failed") with what to enter; "auth_failed" where the host refuses the account."""
    first, asked = address, set[str]()
    while address.casefold() not in asked and len(asked) < _ADDRESSES_MAX:
        asked.add(address.casefold())
        try:
            found = _ask(endpoint, address, usage)
        except (RetryLater, RetryNow, GiveUp) as error:
            if error.code in ("auth_failed", "forms_login_page", "throttled"):
                raise
            raise _failed(endpoint, first, error.message) from error
        if found is None:
            raise _failed(endpoint, first, f"{endpoint.host} has no autodiscover")
        if found.ews_url:
            return _place(endpoint, found.ews_url)
        if found.redirect_url:
            raise _elsewhere(urlsplit(found.redirect_url).hostname or found.redirect_url)
        if not found.redirect_address:
            raise _failed(endpoint, first, found.error or "autodiscover names no EWS")
        address = found.redirect_address  # another name of the mailbox, and the same host is asked for it
    raise _failed(endpoint, first, "autodiscover goes round in circles")


def _ask(endpoint: Endpoint, address: str, usage: Usage) -> Discovered | None:
    """What the host says, None where it has no autodiscover at all."""
    last: Discovered | None = None
    for path, body, read in (
        (_POX, wire.pox_request(address), wire.pox_answer),
        (_SOAP, wire.soap_request(address, f"{origin(endpoint)}{_SOAP}"), wire.soap_answer),
    ):
        transport = Transport(endpoint, address, path=path, answer_seconds_max=_SECONDS_MAX)
        try:
            with transport.post(body, usage) as answer:
                found = read(_body(answer))
        except GiveUp as error:
            if error.code != "autodiscover_failed":  # a 404: not this way
                raise
            continue
        finally:
            transport.close()
        if found.ews_url or found.redirect_url or found.redirect_address:
            return found
        last = found
    return last


def _body(answer: Answer) -> bytes:
    body = bytearray()
    for chunk in answer.chunks():
        body += chunk
        if len(body) > _ANSWER_BYTES_MAX:
            raise RetryLater(
                "unreachable", "an autodiscover answer has no end", "enter the host of the Exchange server"
            )
    return bytes(body)


def _place(endpoint: Endpoint, url: str) -> Place:
    """The EWS URL that was found, if it is on the host that was entered."""
    parts = urlsplit(url)
    host = (parts.hostname or "").casefold()
    if host != endpoint.host.casefold().strip("[]"):
        raise _elsewhere(host or url)
    if parts.scheme != "https" and endpoint.tls != "none":
        message = f"autodiscover names {url[:200]}, and a password is not sent without TLS"
        raise GiveUp("autodiscover_failed", message, "set an https:// address as the server's EWS URL")
    at = parts.port or (443 if parts.scheme == "https" else 80)
    return Place(replace(endpoint, port=at), parts.path or PATH)


def _elsewhere(host: str) -> GiveUp:
    message = f"autodiscover leads to {host[:200]}, and the account's password goes to no host that nobody entered"
    return GiveUp("autodiscover_failed", message, f"enter {host[:200]} as the host of the connection if that is right")


def _failed(endpoint: Endpoint, address: str, reason: str) -> GiveUp:
    """The hint names the host that organisations publish autodiscover at: a person may enter it, we don't go there."""
    message = f"{endpoint.host} has no EWS, and does not say where else it is: {reason}"
    usual = f"autodiscover.{address.rpartition('@')[2].casefold()}"
    hint = "enter the host of the Exchange server itself, as in its EWS URL"
    if "." in usual.partition(".")[2] and usual != endpoint.host.casefold():
        hint += f"; if you don't know it, try {usual[:200]}"
    return GiveUp("autodiscover_failed", message, hint)


def _key(endpoint: Endpoint, address: str) -> tuple[str, int, str]:
    return endpoint.host.casefold(), port(endpoint), address.rpartition("@")[2].casefold()
