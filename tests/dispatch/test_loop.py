"""The loop goes on, whatever a turn does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from mailkeep.dispatch import loop
from mailkeep.dispatch.memory import Connection, MemoryRows, Task


class FlakyRows(MemoryRows):
    """The database is away in the second turn."""

    turns = 0

    @contextmanager
    def turn(self) -> Iterator[datetime | None]:
        self.turns += 1
        if self.turns == 2:
            raise ConnectionError("the database is restarting")
        with super().turn() as now:
            yield now


def test_a_failed_turn_is_logged_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    rows = FlakyRows(datetime(2026, 11, 23, tzinfo=UTC))
    rows.connections[1], rows.tasks[1] = Connection(), Task("A", 1)
    rows.join(1, rows.add_mailbox(1))
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 4

    loop.run(rows, wait)
    assert waits == [0.0, loop.BUSY_SECONDS, loop.FAILED_SECONDS, loop.TURN_SECONDS, loop.TURN_SECONDS]
    assert "the database is restarting" in caplog.text
