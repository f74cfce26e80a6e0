"""Clients that nobody here wrote, pointed at the simulated Exchange."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests.adapters
from exchangelib import DELEGATE, IMPERSONATION, Account, Configuration, Credentials
from exchangelib.protocol import BaseProtocol, CachingProtocol, RetryPolicy

from tests.servers.exchange import PASSWORD, SERVICE, World, address, password_of


@contextmanager
def trusting(world: World) -> Iterator[None]:
    """exchangelib takes its authorities from a class attribute; connections are closed in the end."""

    class Adapter(requests.adapters.HTTPAdapter):
        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            super().cert_verify(conn, url, str(world.ca), cert)  # type: ignore[no-untyped-call]

    before = BaseProtocol.HTTP_ADAPTER_CLS
    BaseProtocol.HTTP_ADAPTER_CLS = Adapter
    try:
        yield
    finally:
        for protocol, _ in list(CachingProtocol._protocol_cache.values()):
            if not isinstance(protocol, Exception):
                protocol.close()
        CachingProtocol.clear_cache()
        BaseProtocol.HTTP_ADAPTER_CLS = before


def own_account(
    world: World, name: str, auth_type: str | None = "basic", *, by: str = "", retry_policy: RetryPolicy | None = None
) -> Any:
    """Somebody's mailbox, by their own password, or `by` somebody else's."""
    who = by or name
    configuration = Configuration(
        service_endpoint=world.server.url,
        credentials=Credentials(f"FIRMA\\{who}", password_of(who)),
        auth_type=auth_type,
        retry_policy=retry_policy,
    )
    return Account(address(name), config=configuration, access_type=DELEGATE, autodiscover=False)


def impersonated(world: World, name: str) -> Any:
    """Somebody's mailbox, by the service account."""
    configuration = Configuration(
        service_endpoint=world.server.url, credentials=Credentials(SERVICE, PASSWORD), auth_type="basic"
    )
    return Account(address(name), config=configuration, access_type=IMPERSONATION, autodiscover=False)
