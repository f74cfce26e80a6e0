"""Budgets by Microsoft's rules, and the watch over who respects a back-off."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, m
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.server import Settings
from mailkeep.simulator.ews.throttling import Policy, Refused, Throttle, Watch
from tests.servers.exchange import PASSWORD, SERVICE, running
from tests.simulator.test_ews_server import code_of, envelope, impersonating, post

SMALL = Policy(
    max_concurrency=2,
    max_burst_ms=1000,
    recharge_ms_per_hour=3_600_000,  # a second of budget per second
    cutoff_balance_ms=2000,
    reopening_ms=500,
    request_cost_ms=600,
)


class Ticking:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _request(throttle: Throttle, owner: str = "alice") -> int | None:
    """The back-off in ms, or None for a request that was let in."""
    try:
        with throttle.admitted(owner):
            return None
    except Refused as refused:
        return refused.back_off_ms


def test_an_overdrawn_budget_is_served_until_it_is_cut_off() -> None:
    throttle = Throttle(SMALL, Ticking())
    assert [_request(throttle) for _ in range(6)] == [None] * 6  # 1000 − 6 × 600 = −2600, below −2000
    assert _request(throttle) == 1101  # up to −1500
    assert _request(throttle, "bob") is None


def test_it_opens_again_when_it_said_it_would() -> None:
    clock = Ticking()
    throttle = Throttle(SMALL, clock)
    while (back_off := _request(throttle)) is None:
        pass
    clock.now += back_off / 1000 - 0.01
    assert _request(throttle) is not None
    clock.now += 0.02
    assert _request(throttle) is None


def test_a_budget_never_grows_above_the_burst() -> None:
    clock = Ticking()
    throttle = Throttle(SMALL, clock)
    _request(throttle)
    clock.now += 3600
    assert throttle.balance_ms("alice") == 1000


def test_too_many_at_once_are_told_no_time() -> None:
    throttle = Throttle(SMALL, Ticking())
    with throttle.admitted("alice"), throttle.admitted("alice"):
        with pytest.raises(Refused) as refused, throttle.admitted("alice"):
            pass
        assert refused.value.code == "ErrorExceededConnectionCount"
        assert refused.value.back_off_ms is None
    assert _request(throttle) is None


@given(st.lists(st.floats(0, 5), max_size=60))
def test_who_obeys_every_back_off_is_let_in_each_time(pauses: list[float]) -> None:
    clock = Ticking()
    throttle = Throttle(SMALL, clock)
    for pause in pauses:
        clock.now += pause
        back_off = _request(throttle)
        if back_off is not None:
            clock.now += back_off / 1000
            assert _request(throttle) is None
        assert throttle.balance_ms("alice") <= SMALL.max_burst_ms


def test_the_watch_sees_who_comes_too_early() -> None:
    clock = Ticking()
    watch = Watch(clock, grace_seconds=0.05)
    watch.tell("alice", 10)
    clock.now += 0.01
    watch.arrived("alice", "GetItem")  # may have left before the answer came
    clock.now += 1
    watch.arrived("bob", "GetItem")
    assert watch.broken == []
    watch.arrived("alice", "SyncFolderItems")
    assert [(each.owner, each.operation) for each in watch.broken] == [("alice", "SyncFolderItems")]
    assert watch.broken[0].early_seconds == pytest.approx(8.99)
    clock.now += 9
    watch.arrived("alice", "GetItem")
    assert len(watch.broken) == 1


def test_a_later_shorter_back_off_does_not_end_an_earlier_longer_one() -> None:
    clock = Ticking()
    watch = Watch(clock)
    watch.tell("alice", 10)
    watch.tell("alice", 1)
    clock.now += 2
    watch.arrived("alice", "GetItem")
    assert len(watch.broken) == 1


# --- on a running server -------------------------------------------------------------------------------------------


def _slow(call: Call, request: etree._Element) -> Answer:
    _INSIDE.release()
    _GO_ON.wait(10)
    return m("GetFolderResponse")


_INSIDE, _GO_ON = threading.Semaphore(0), threading.Event()


def test_the_budget_is_the_impersonated_mailbox_s(tmp_path: Path) -> None:
    policy = Policy(
        max_burst_ms=100, cutoff_balance_ms=0, request_cost_ms=150, recharge_ms_per_hour=3600, reopening_ms=1
    )
    with running(
        tmp_path, Settings(policy=policy), operations={"GetFolder": lambda *_: m("GetFolderResponse")}
    ) as world:
        for_alice = envelope(header=impersonating("alice@firma.example"))
        assert post(world, for_alice, auth=(SERVICE, PASSWORD)).status_code == 200
        refused = post(world, for_alice, auth=(SERVICE, PASSWORD))
        assert code_of(refused) == "ErrorServerBusy"
        assert b'Name="BackOffMilliseconds"' in refused.content
        assert world.server.watch.told == 1
        for_bob = envelope(header=impersonating("bob@firma.example"))
        assert post(world, for_bob, auth=(SERVICE, PASSWORD)).status_code == 200


def test_connections_beyond_the_policy_are_refused(tmp_path: Path) -> None:
    with running(tmp_path, Settings(policy=Policy(max_concurrency=2)), operations={"GetFolder": _slow}) as world:
        waiting = [threading.Thread(target=post, args=(world,)) for _ in range(2)]
        try:
            for thread in waiting:
                thread.start()
            for _ in waiting:
                assert _INSIDE.acquire(timeout=10)
            assert code_of(post(world)) == "ErrorExceededConnectionCount"
        finally:
            _GO_ON.set()
            for thread in waiting:
                thread.join()


def test_requests_inside_a_retry_after_are_on_record(tmp_path: Path) -> None:
    with running(tmp_path, operations={"GetFolder": lambda *_: m("GetFolderResponse")}) as world:
        world.server.watch.grace_seconds = 0
        world.server.faults.add(Fault("unavailable_until", seconds=30))
        assert post(world).headers["Retry-After"] == "30"
        assert post(world).status_code == 200
        assert [each.operation for each in world.server.watch.broken] == ["GetFolder"]


def test_a_back_off_told_to_an_account_is_for_every_mailbox_it_opens(tmp_path: Path) -> None:
    """Without impersonation the budget is the account's, so another mailbox's request breaks the wait as well."""
    with running(tmp_path, operations={"GetFolder": lambda *_: m("GetFolderResponse")}) as world:
        world.server.watch.grace_seconds = 0
        world.server.faults.add(Fault("unavailable_until", seconds=30, times=1))
        assert post(world).status_code == 503
        assert post(world, envelope(header=impersonating("bob@firma.example")), auth=(SERVICE, PASSWORD)).ok
        assert world.server.watch.broken == []
        post(world, headers={"X-AnchorMailbox": "bob@firma.example"})
        assert [each.owner[:8] for each in world.server.watch.broken] == ["account "]
