"""The waits that a server asked for: whose, how long, and what they hold up."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.connectors.ews.backoff import SECONDS_MAX, BackOff
from mailkeep.errors import RetryLater

SERVER, ANNA, BOB = "mail.firma.example", "anna@firma.example", "bob@firma.example"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_wait_is_the_mailboxs_and_ends() -> None:
    clock = Clock()
    rests = BackOff(clock)
    rests.note(SERVER, ANNA, 7.5)
    with pytest.raises(RetryLater) as raised:
        rests.check(SERVER.upper(), ANNA.title())
    assert (raised.value.code, raised.value.wait_seconds) == ("throttled", 7.5)
    assert "8 seconds" in raised.value.message
    rests.check(SERVER, BOB)
    rests.check("other.example", ANNA)
    clock.now += 7.4
    assert rests.rest(SERVER, ANNA) == pytest.approx(0.1)
    clock.now += 0.1
    rests.check(SERVER, ANNA)


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    clock = Clock()
    rests = BackOff(clock)
    rests.note(SERVER, ANNA, 60)
    rests.note(SERVER, ANNA, 1)
    assert rests.rest(SERVER, ANNA) == 60


@given(st.lists(st.tuples(st.sampled_from([ANNA, BOB]), st.floats(), st.floats(0, 100)), max_size=30))
def test_nobody_is_let_through_early_whatever_comes(noted: list[tuple[str, float, float]]) -> None:
    """Against a model: the latest end of all waits noted so far."""
    clock = Clock()
    rests = BackOff(clock)
    until = {ANNA: -math.inf, BOB: -math.inf}
    for mailbox, seconds, passing in noted:
        rests.note(SERVER, mailbox, seconds)
        if seconds > 0:
            until[mailbox] = max(until[mailbox], clock.now + min(seconds, SECONDS_MAX))
        clock.now += passing
        for each, end in until.items():
            assert (rests.rest(SERVER, each) > 0) == (end > clock.now)


def test_many_threads_at_once() -> None:
    rests = BackOff()
    workers = [
        threading.Thread(target=lambda n=n: [rests.note(SERVER, f"{n}-{i}", 60) for i in range(300)]) for n in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(rests.rest(SERVER, f"{n}-{i}") > 0 for n in range(8) for i in range(300))
