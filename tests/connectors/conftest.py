"""The worlds a connector test runs in: the memory server and a real Dovecot in three degrees of ability."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot

sys.path.insert(0, str(Path(__file__).parent))

from ews_world import Simulated, simulated_exchanges
from worlds import WORLDS, DovecotWorld, World, dovecots, make_world


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Dovecot]]:
    yield from dovecots(tmp_path_factory.mktemp("dovecot"))


@pytest.fixture(scope="session")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Simulated]]:
    yield from simulated_exchanges(tmp_path_factory.mktemp("exchange"))


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    return make_world(request.param, request)


@pytest.fixture
def imap(servers: dict[str, Dovecot]) -> DovecotWorld:
    """A Dovecot with everything it can do."""
    return DovecotWorld(servers["qresync"], incremental=True, stable_ids=True)
