"""People of the console: the first administrator, and signing in.

A wrong password costs time, never the account. After a few failures each further attempt has to wait: by name and address together twice
as long as the time before, up to a minute; by name alone a few seconds at most, so that a stranger can slow the owner down but never
keep them out; by address alone, against trying many names. While one waits nothing is checked and nothing is counted.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from mailkeep.catalog import audit, records
from mailkeep.catalog.models import AuditLine
from mailkeep.errors import GiveUp, RetryLater

FIRST_NAME = "administrator"
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letter that is mistaken for another
GROUPS, GROUP_LENGTH = 4, 5  # 99 bits
MEMORY = timedelta(minutes=15)  # how far back failures count
FAILED, SIGNED_IN = "sign_in_failed", "sign_in"


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures are free, and how long a later attempt waits at most."""

    free: int
    seconds_max: float

    def wait_seconds(self, failures: int) -> float:
        return min(2.0 ** (failures - self.free), self.seconds_max) if failures >= self.free else 0.0


BY_BOTH, BY_NAME, BY_ADDRESS = Patience(3, 60), Patience(10, 4), Patience(20, 60)


def first_administrator() -> tuple[str, str] | None:
    """At the first start: make the administrator and return name and random password, to be printed once. None: there is one already."""
    password = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    try:
        with transaction.atomic():
            if User.objects.filter(is_superuser=True, is_active=True).exists():
                return None
            user = User.objects.create_superuser(FIRST_NAME, password=password)
            records.save(user, "mailkeep")
            audit.record("mailkeep", "first_administrator", FIRST_NAME)
    except IntegrityError:  # another process was quicker
        return None
    return user.username, password


def sign_in(name: str, password: str, address: str) -> User:
    """The person, if the password is theirs. RetryLater `sign_in_delayed` while they must wait; GiveUp `sign_in_refused`."""
    refused = GiveUp("sign_in_refused", "user name or password is wrong", "check both; capital letters matter")
    # The failure must be recorded though the attempt is refused, so nothing is raised inside the transaction.
    with transaction.atomic():
        _one_at_a_time(name)
        wait = _wait_seconds(name, address, timezone.now())
        user = authenticate(username=name, password=password) if wait <= 0 else None
        if wait <= 0:
            _remember(user, name, address)
    if wait > 0:
        seconds = max(1, round(wait))
        raise RetryLater(
            "sign_in_delayed",
            f"too many wrong passwords: try again in {seconds} seconds",
            "the account is not locked",
            wait,
        )
    if user is None:
        raise refused
    return user


def _one_at_a_time(name: str) -> None:
    """Attempts on one name queue up, so that a burst of them cannot all pass before the first failure is counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [_mark(name)])


def _wait_seconds(name: str, address: str, now: datetime) -> float:
    """How long this attempt still has to wait."""
    failures = list(
        AuditLine.objects.filter(at__gte=now - MEMORY, action=FAILED).order_by("at").values_list("at", "detail")
    )
    successes = AuditLine.objects.filter(
        at__gte=now - MEMORY, action=SIGNED_IN, detail__name=_mark(name), detail__address=address
    )
    since = successes.order_by("-at").values_list("at", flat=True).first()
    of_name = [at for at, detail in failures if detail.get("name") == _mark(name)]
    of_address = [at for at, detail in failures if detail.get("address") == address]
    of_both = [at for at in of_name if at in of_address and (since is None or at > since)]
    waits = [
        patience.wait_seconds(len(times)) - (now - times[-1]).total_seconds()
        for patience, times in ((BY_BOTH, of_both), (BY_NAME, of_name), (BY_ADDRESS, of_address))
        if times
    ]
    return max(waits, default=0.0)


def _remember(user: User | None, name: str, address: str) -> None:
    detail = {"name": _mark(name), "address": address}
    if user is not None:
        audit.record(user.get_username(), SIGNED_IN, detail=detail)
    else:
        audit.record("", FAILED, _known_name(name), detail=detail)


def _known_name(name: str) -> str:
    """The name as it was typed only where there is such a person: people type passwords into the wrong field."""
    return name if User.objects.filter(username=name).exists() else ""


def _mark(name: str) -> str:
    """Stands for a typed name in what is kept for ever. Under this home's key: a password typed into the wrong field can't be guessed from it."""
    return salted_hmac("mailkeep sign-in", name, algorithm="sha256").hexdigest()[:16]
