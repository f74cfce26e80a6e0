"""Connections of kind exchange: what is kept, what is refused, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailkeep.catalog.models import Connection
from mailkeep.connectors.base import Endpoint
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.errors import GiveUp
from mailkeep.operations import connections
from tests.catalog import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of its own, whose key seals the secrets."""
    made = world.archive(tmp_path)
    monkeypatch.setattr(connections, "repository", lambda: made)


EXCHANGE = Endpoint(
    "exchange",
    "mail.firma.example",
    ca_pem="PEM",
    auth="ntlm",
    user="FIRMA\\svc",
    password="s3cret",
    impersonate=True,
    mailbox_check="anna@firma.example",
)


def test_it_is_kept_as_it_was_given() -> None:
    row = connections.add("Exchange", EXCHANGE, "tests")
    assert (row.kind, row.auth, row.impersonate, row.user) == ("exchange", "ntlm", True, "FIRMA\\svc")
    assert "s3cret" not in repr(row)
    found = Connection.objects.get(name="Exchange")
    assert connections.endpoint_of(found) == EXCHANGE
    assert b"s3cret" not in bytes(found.secrets)
    assert isinstance(connections.provider("exchange"), EwsProvider)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"auth": "kerberos"}, "bad_auth"),
        ({"tls": "starttls"}, "bad_tls"),
        ({"tls": "none"}, "bad_tls"),
        ({"master_user": "root"}, "bad_master_user"),
        ({"separator": "*"}, "bad_master_user"),
        ({"logins": (("a@b.example", "a", "p"),)}, "bad_impersonate"),
        ({"user": ""}, "no_credentials"),
        ({"password": ""}, "no_credentials"),
        ({"user": "", "password": "", "auth": "bearer"}, "no_credentials"),
    ],
)
def test_what_could_never_work_is_refused(changed: dict[str, object], code: str) -> None:
    with pytest.raises(GiveUp) as raised:
        connections.add("Exchange", replace(EXCHANGE, **changed), "tests")  # type: ignore[arg-type]
    assert raised.value.code == code
    assert raised.value.hint


@pytest.mark.parametrize(
    "changed",
    [
        {"user": "", "auth": "bearer"},
        {"tls": "none", "host": "127.0.0.1", "port": 8080, "auth": "basic"},
        {"user": "", "password": "", "impersonate": False, "logins": (("a@b.example", "a", "p"),)},
    ],
)
def test_what_works_is_taken(changed: dict[str, object]) -> None:
    endpoint = replace(EXCHANGE, **changed)  # type: ignore[arg-type]
    row = connections.add("Exchange", endpoint, "tests")
    assert row.kind == "exchange"
    assert connections.endpoint_of(connections.find("Exchange")) == endpoint


def test_an_older_connection_without_the_new_word_still_opens() -> None:
    connections.add("Mail", Endpoint("imap", "imap.firma.example", user="u", password="p"), "tests")
    row = Connection.objects.get(name="Mail")
    del row.settings["impersonate"]
    row.save()
    assert connections.endpoint_of(row).impersonate is False
    assert connections.show("Mail").impersonate is False
