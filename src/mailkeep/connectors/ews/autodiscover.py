"""Where a mailbox's EWS is, for a connection whose host is not itself the Exchange server.

Asked are three hosts at most, over TLS only: the connection's own, `autodiscover.<domain>` and `<domain>` of the mailbox's
address, first by POX, then by SOAP. The account's password goes nowhere else: an answer that leads to another host ends
here, with an error that says which host a person may enter.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mailkeep.connectors.base import Endpoint, Usage
from mailkeep.connectors.ews.transport import PATH, Answer, Transport, origin, port
from mailkeep.connectors.ews.wire import autodiscover as wire
from mailkeep.connectors.ews.wire.autodiscover import Discovered
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow

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
    """GiveUp("autodiscover_failed") with what to enter; "auth_failed" where a host refuses the account."""
    asked: list[str] = []
    reasons: list[str] = []
    for _ in range(_ADDRESSES_MAX):
        asked.append(address.casefold())
        for candidate in _candidates(endpoint, address):
            try:
                found = _ask(candidate, address, usage)
            except (RetryLater, RetryNow, GiveUp) as error:
                if error.code in ("auth_failed", "forms_login_page", "throttled"):
                    raise
                reasons.append(f"{candidate.host}: {error.message}")
                continue
            if found is None:
                reasons.append(f"{candidate.host} has no autodiscover")
            elif found.ews_url:
                return _place(endpoint, address, found.ews_url)
            elif found.redirect_url:
                raise _elsewhere(urlsplit(found.redirect_url).hostname or found.redirect_url)
            elif found.redirect_address:
                address = found.redirect_address
                break
            else:
                reasons.append(f"{candidate.host}: {found.error or 'it names no EWS'}")
        else:
            raise _failed(endpoint, reasons)
        if address.casefold() in asked:
            break
    raise _failed(endpoint, [*reasons, "autodiscover goes round in circles"])


def _candidates(endpoint: Endpoint, address: str) -> Iterator[Endpoint]:
    """The hosts that may be asked, each once."""
    if endpoint.tls != "none":
        yield endpoint
    for host in _hosts_of(address):
        if host != endpoint.host.casefold():
            yield replace(endpoint, host=host, port=443, tls="implicit")
    if endpoint.tls == "none":
        yield endpoint  # this machine itself


def _hosts_of(address: str) -> list[str]:
    domain = address.rpartition("@")[2].casefold()
    return [f"autodiscover.{domain}", domain] if "." in domain else []


def _ask(candidate: Endpoint, address: str, usage: Usage) -> Discovered | None:
    """What that host says, None where it has no autodiscover at all."""
    last: Discovered | None = None
    for path, body, read in (
        (_POX, wire.pox_request(address), wire.pox_answer),
        (_SOAP, wire.soap_request(address, f"{origin(candidate)}{_SOAP}"), wire.soap_answer),
    ):
        transport = Transport(candidate, address, path=path, answer_seconds_max=_SECONDS_MAX)
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


def _place(endpoint: Endpoint, address: str, url: str) -> Place:
    """The EWS URL that was found, if it stays where the account's password may go."""
    parts = urlsplit(url)
    host = (parts.hostname or "").casefold()
    allowed = {endpoint.host.casefold(), *_hosts_of(address)}
    if parts.scheme != "https" and endpoint.tls != "none":
        raise _elsewhere(host or url)
    if host not in allowed:
        raise _elsewhere(host or url)
    path = parts.path or PATH
    at = parts.port or (443 if parts.scheme == "https" else 80)
    return Place(replace(endpoint, host=host, port=at), path)


def _elsewhere(host: str) -> GiveUp:
    message = f"autodiscover leads to {host[:200]}, and the account's password goes to no host that nobody entered"
    return GiveUp("autodiscover_failed", message, f"enter {host[:200]} as the host of the connection if that is right")


def _failed(endpoint: Endpoint, reasons: list[str]) -> MailkeepError:
    message = f"{endpoint.host} has no EWS, and autodiscover found none: {'; '.join(dict.fromkeys(reasons))}"
    return GiveUp("autodiscover_failed", message, "enter the host of the Exchange server itself, as in its EWS URL")


def _key(endpoint: Endpoint, address: str) -> tuple[str, int, str]:
    return endpoint.host.casefold(), port(endpoint), address.rpartition("@")[2].casefold()
