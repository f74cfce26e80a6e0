"""Server connections: add, list, show, test, remove (SPEC B1–B3). Secrets go in and never come out."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from mailkeep.catalog import records, secrets
from mailkeep.catalog.models import Connection
from mailkeep.connectors.base import Connector, Endpoint, Provider, Step
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.connectors.imap.provider import ImapProvider
from mailkeep.connectors.throttle import Throttled
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Section
from mailkeep.operations.archive import repository
from mailkeep.tasks.names import checked_name

PROVIDERS: dict[str, Provider] = {"imap": ImapProvider(), "exchange": EwsProvider()}
KINDS_TO_COME = {"microsoft365": "Microsoft 365 (Graph)"}
PUBLIC_FIELDS = (
    "host",
    "port",
    "tls",
    "ca_pem",
    "auth",
    "user",
    "master_user",
    "separator",
    "mailbox_check",
    "impersonate",
)
SECRET_FIELDS = ("password", "master_password", "logins")
TLS_MODES = ("implicit", "starttls", "none")
EXCHANGE_SIGN_INS = ("basic", "ntlm", "bearer")


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as people see it: nothing secret, only which secrets are set and since when."""

    id: str
    name: str
    kind: str
    host: str
    port: int | None
    tls: str
    user: str
    master_user: str
    logins: int
    mailbox_check: str
    secrets_set_at: Any
    tasks: list[str] = field(default_factory=list)
    auth: str = "basic"
    impersonate: bool = False


def add(name: str, endpoint: Endpoint, actor: str) -> ConnectionRow:
    """A new connection. Refuses what could never work; whether it does work, `test` tells."""
    name = checked_name(name, thing="connection")
    _check_endpoint(endpoint)
    with transaction.atomic():
        if Connection.objects.filter(name__iexact=name).exists():
            raise GiveUp("name_taken", f"there is already a connection named {name}", "choose another name")
        row = Connection(name=name, kind=endpoint.kind, uid=uuid.uuid4(), secrets_set_at=timezone.now())
        row.settings, row.secrets = _public_part(endpoint), _sealed_part(row.uid, endpoint)
        row.save()
        records.save(row, actor)
    return _row(row)


def listed() -> list[ConnectionRow]:
    return [_row(row) for row in Connection.objects.order_by("name").prefetch_related("tasks")]


def show(name: str) -> ConnectionRow:
    return _row(find(name))


def test(name: str) -> Iterator[Step]:
    """The named steps, each as soon as it is known (SPEC B2)."""
    row = find(name)
    return provider(row.kind).test(endpoint_of(row))


def remove(name: str, actor: str) -> None:
    """Refused while a task uses it or an archived mailbox came from it, saying which."""
    with transaction.atomic():
        row = find(name)
        users = sorted(task.name for task in row.tasks.all())
        if users:
            raise GiveUp("in_use", f"connection {row.name} is used by {', '.join(users)}", "delete these tasks first")
        if row.mailboxes.exists():
            raise GiveUp(
                "in_use",
                f"{row.mailboxes.count()} archived mailboxes came from connection {row.name}",
                "it stays as long as their archive does",
            )
        records.gone(row, actor)
        row.delete()


def find(name: str) -> Connection:
    """By name or id."""
    for row in Connection.objects.filter(name__iexact=name.strip()):
        return row
    if re.fullmatch(r"[0-9a-f]{32}", name):
        for row in Connection.objects.filter(uid=uuid.UUID(name)):
            return row
    raise GiveUp("connection_not_found", f"there is no connection named {name}", "see: mailkeep connection list")


def provider(kind: str) -> Provider:
    return PROVIDERS[kind]


def endpoint_of(row: Connection) -> Endpoint:
    """The connection with its secrets opened: for a provider's eyes only."""
    opened = secrets.unseal(repository(), row.uid, bytes(row.secrets))
    logins = tuple((one[0], one[1], one[2]) for one in opened.pop("logins", []))
    return Endpoint(kind=row.kind, **row.settings, **opened, logins=logins)


def open_mailbox(
    row: Connection, address: str, sections: frozenset[Section] = frozenset({Section.PRIMARY})
) -> Connector:
    """A session for a restore, its plan or its undoing: short waits that the server asks for are waited out."""
    return Throttled(lambda: provider(row.kind).open(endpoint_of(row), address, sections))


def _check_endpoint(endpoint: Endpoint) -> None:
    if endpoint.kind in KINDS_TO_COME:
        words = KINDS_TO_COME[endpoint.kind]
        hint = "use --kind exchange for a server of your own, or --kind imap"
        raise GiveUp("kind_not_built", f"this version cannot connect to {words} yet", hint)
    if endpoint.kind not in PROVIDERS:
        raise GiveUp("bad_kind", f"{endpoint.kind} is no kind of connection", f"use one of: {', '.join(PROVIDERS)}")
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]{1,253}", endpoint.host):
        raise GiveUp("bad_host", f"{endpoint.host!r} is no host name or address", "give a name like mail.example.org")
    if endpoint.tls not in TLS_MODES:
        raise GiveUp("bad_tls", f"{endpoint.tls} is no way to secure the line", "use implicit or starttls")
    if endpoint.tls == "none" and not _is_loopback(endpoint.host):
        raise GiveUp("bad_tls", "an unencrypted line is only for this machine itself", "use implicit or starttls")
    if endpoint.kind == "exchange":
        _check_exchange(endpoint)
        return
    if not (endpoint.user or endpoint.master_user or endpoint.logins):
        raise GiveUp(
            "no_credentials",
            "the connection says nothing about signing in",
            "give --user and --password-file, --master-user and --master-password-file, or --logins",
        )


def _check_exchange(endpoint: Endpoint) -> None:
    if endpoint.auth not in EXCHANGE_SIGN_INS:
        message = f"{endpoint.auth} is no way to sign in to Exchange"
        raise GiveUp("bad_auth", message, f"use one of: {', '.join(EXCHANGE_SIGN_INS)}")
    if endpoint.tls == "starttls":
        raise GiveUp("bad_tls", "Exchange Web Services know no STARTTLS", "use --tls implicit (https)")
    if endpoint.master_user or endpoint.separator:
        hint = "use --user and --password-file, with --impersonate or full access to the mailboxes"
        raise GiveUp("bad_master_user", "Exchange knows no master user", hint)
    if endpoint.impersonate and endpoint.logins:
        message = "one service account acts for everybody, or each signs in with a login of their own"
        raise GiveUp("bad_impersonate", message, "leave out --impersonate or --logins")
    by_token = endpoint.auth == "bearer" and endpoint.password
    if not (endpoint.user or endpoint.logins or by_token):
        hint = "give --user and --password-file (with --auth bearer the file holds the token), or --logins"
        raise GiveUp("no_credentials", "the connection says nothing about signing in", hint)
    if endpoint.user and not endpoint.password:
        hint = "give --password-file; its first line is the password, with --auth bearer the token"
        raise GiveUp("no_credentials", f"there is no password for {endpoint.user}", hint)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _public_part(endpoint: Endpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in PUBLIC_FIELDS}


def _sealed_part(uid: uuid.UUID, endpoint: Endpoint) -> bytes:
    document = {name: getattr(endpoint, name) for name in SECRET_FIELDS}
    return secrets.seal(repository(), uid, document)


def _row(row: Connection) -> ConnectionRow:
    public = row.settings
    return ConnectionRow(
        id=row.uid.hex,
        name=row.name,
        kind=row.kind,
        host=public.get("host", ""),
        port=public.get("port"),
        tls=public.get("tls", ""),
        user=public.get("user", ""),
        master_user=public.get("master_user", ""),
        logins=len(secrets.unseal(repository(), row.uid, bytes(row.secrets)).get("logins", [])),
        mailbox_check=public.get("mailbox_check", ""),
        secrets_set_at=row.secrets_set_at,
        tasks=sorted(task.name for task in row.tasks.all()),
        auth=public.get("auth", "basic"),
        impersonate=public.get("impersonate", False),
    )


def with_logins(endpoint: Endpoint, text: str) -> Endpoint:
    """The endpoint with a login per mailbox: `address TAB user TAB password` per line, `#` starts a comment line."""
    logins = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.rstrip("\r\n").split("\t")
        if len(parts) != 3 or not all(parts):
            hint = "each line is: address TAB user TAB password"
            raise GiveUp("bad_logins", f"line {number} of the logins file does not have three parts", hint)
        logins.append((parts[0].strip(), parts[1].strip(), parts[2]))
    return replace(endpoint, logins=tuple(logins))
