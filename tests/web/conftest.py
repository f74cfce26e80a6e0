"""The people and the rows that the console's tests look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from . import world


@pytest.fixture(autouse=True)
def quick_passwords() -> Iterator[None]:
    """Argon2 is slow on purpose; here only the rules round it are tested."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> world.FakeArchive:
    """An archive of blobs in memory in the place of the home's."""
    made = world.FakeArchive()
    monkeypatch.setattr("mailkeep.operations.opened.repository", lambda: made)
    return made


@pytest.fixture
def people(db: None) -> dict[str, User]:
    return world.people()


@pytest.fixture
def alice(people: dict[str, User]) -> Client:
    return _signed_in(people["alice"])


@pytest.fixture
def bob(people: dict[str, User]) -> Client:
    return _signed_in(people["bob"])


@pytest.fixture
def charlie(people: dict[str, User]) -> Client:
    return _signed_in(people["charlie"])


def _signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client
