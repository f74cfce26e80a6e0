"""SIGNATURES; being built."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Discovered:
    """What an autodiscover answer says. Exactly one of `ews_url`, `redirect_address`, `redirect_url`, `error` is set."""

    ews_url: str = ""
    redirect_address: str = ""
    redirect_url: str = ""
    error: str = ""  # "500 The email address can't be found."
    server: str = ""  # version told, e.g. "15.02.1544.000"


POX_CONTENT_TYPE = SOAP_CONTENT_TYPE = "text/xml; charset=utf-8"


def pox_request(address: str) -> bytes: ...  # type: ignore[empty-body]
def pox_answer(body: bytes) -> Discovered: ...  # type: ignore[empty-body]
def soap_request(address: str, url: str) -> bytes:
    """GetUserSettings of one mailbox, posted to `url` (…/autodiscover/autodiscover.svc)."""
    ...  # type: ignore[empty-body]


def soap_answer(body: bytes) -> Discovered: ...  # type: ignore[empty-body]
