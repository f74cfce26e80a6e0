"""A real Dovecot, and a whole installation in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot
from tests.spine.installation import PASSWORD, Installation


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Dovecot]]:
    """Makes servers: `dovecot("anna@one.test", "ben@one.test")`."""
    started: list[Dovecot] = []

    def make(*users: str, **options: object) -> Dovecot:
        folder = tmp_path_factory.mktemp("dovecot")
        server = Dovecot(folder, users=dict.fromkeys(users, PASSWORD), **options)  # type: ignore[arg-type]
        started.append(server)
        return server.start()

    yield make
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Installation]:
    """Makes installations, each with a home of its own."""
    return lambda: Installation(tmp_path_factory.mktemp("home") / "home")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path
