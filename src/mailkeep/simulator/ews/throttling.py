"""Throttling by the rules Microsoft published for Exchange 2013 and later; off unless a policy is given.

**Budget.** Every caller has a bucket of server time, in milliseconds. A request takes out the time it took; the bucket
fills again at a rate per hour, never above the burst:

    full: max_burst ──── requests cost their time ────▶ 0 ──── overdrawn, still served ────▶ −cutoff_balance
                                                                                              refused from here on

Below the cut-off every request is answered `ErrorServerBusy` with `BackOffMilliseconds`, until the balance has
recovered by `reopening_ms`. **Connections**: more than `max_concurrency` requests at once are answered
`ErrorExceededConnectionCount`. The owner of the budget is the mailbox impersonated, else the account that signed in;
so a service account with impersonation has a budget per mailbox, and one with full access has one for all.

Sources: "EWS throttling in Exchange", `Set-ThrottlingPolicy` (defaults of Exchange 2013 to 2019). Left out: the delays
of an overdrawn budget that is not yet cut off and the health of the servers, which the documents don't put in figures; the
number of subscriptions (EwsMaxSubscriptions), since notifications are not spoken here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Policy:
    """What one caller may do. The values given here are Exchange's own."""

    max_concurrency: int = 27  # EwsMaxConcurrency
    max_burst_ms: float = 300_000  # EwsMaxBurst
    recharge_ms_per_hour: float = 900_000  # EwsRechargeRate
    cutoff_balance_ms: float = 3_000_000  # EwsCutoffBalance
    find_count_limit: int = 1000  # EWSFindCountLimit: of FindItem and FindFolder
    reopening_ms: float = 75_000  # with the rate above: five minutes, the back-off that Exchange's answers show
    request_cost_ms: float | None = None  # None: the time it took


class Refused(Exception):
    """The budget's answer: `code` is EWS's, `back_off_ms` None where Exchange names no time."""

    def __init__(self, code: str, back_off_ms: int | None) -> None:
        super().__init__(code)
        self.code = code
        self.back_off_ms = back_off_ms


@dataclass(slots=True)
class _Budget:
    balance_ms: float
    counted_at: float  # seconds, by the throttle's clock
    running: int = 0
    blocked: bool = False


class Throttle:
    """The budgets of all callers. `clock` in seconds, of any origin; thread-safe."""

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        self.policy = policy
        self._clock = clock
        self._budgets: dict[str, _Budget] = {}
        self._lock = threading.Lock()

    @contextmanager
    def admitted(self, owner: str) -> Iterator[None]:
        """Around one request. Raises Refused instead of letting it in."""
        budget = self._enter(owner)
        started = self._clock()
        try:
            yield
        finally:
            cost = self.policy.request_cost_ms
            self._leave(budget, (self._clock() - started) * 1000 if cost is None else cost)

    def balance_ms(self, owner: str) -> float:
        with self._lock:
            return self._current(owner).balance_ms

    def _enter(self, owner: str) -> _Budget:
        with self._lock:
            budget = self._current(owner)
            floor = -self.policy.cutoff_balance_ms
            if budget.balance_ms < floor:
                budget.blocked = True
            missing = floor + self.policy.reopening_ms - budget.balance_ms
            if budget.blocked and missing > 0:
                raise Refused("ErrorServerBusy", int(missing / self.policy.recharge_ms_per_hour * _HOUR_MS) + 1)
            budget.blocked = False
            if budget.running >= self.policy.max_concurrency:
                raise Refused("ErrorExceededConnectionCount", None)
            budget.running += 1
            return budget

    def _leave(self, budget: _Budget, cost_ms: float) -> None:
        with self._lock:
            budget.running -= 1
            budget.balance_ms -= cost_ms

    def _current(self, owner: str) -> _Budget:
        """The owner's budget, filled up to now."""
        now = self._clock()
        budget = self._budgets.setdefault(owner, _Budget(self.policy.max_burst_ms, now))
        gained = (now - budget.counted_at) * 1000 / _HOUR_MS * self.policy.recharge_ms_per_hour
        budget.balance_ms = min(self.policy.max_burst_ms, budget.balance_ms + gained)
        budget.counted_at = now
        return budget


@dataclass(frozen=True, slots=True)
class Broken:
    """A request that came inside a back-off: `early_seconds` before its end."""

    owner: str  # of the budget
    operation: str
    early_seconds: float


@dataclass(slots=True)
class Watch:
    """Which back-offs were told to whom, and every request made inside one.

    `grace_seconds`: a request may have left before the answer that forbids it arrived; so long after telling it is let
    pass. Keyed by the owner of the budget, as Exchange reckons: the mailbox impersonated, else the account that signed in.
    """

    clock: Callable[[], float]
    grace_seconds: float = 0.05
    broken: list[Broken] = field(default_factory=list)
    told: int = 0  # how many back-offs
    _until: dict[str, tuple[float, float]] = field(default_factory=dict)  # owner → told at, ends at
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, owner: str, wait_seconds: float) -> None:
        now = self.clock()
        with self._lock:
            self.told += 1
            _, before = self._until.get(owner, (now, now))
            self._until[owner] = (now, max(before, now + wait_seconds))

    def arrived(self, owner: str, operation: str) -> None:
        now = self.clock()
        with self._lock:
            told, until = self._until.get(owner, (now, now))
            if now < until and now - told > self.grace_seconds:
                self.broken.append(Broken(owner, operation, until - now))

    def forget(self) -> None:
        """Forget back-offs and what broke them: between two tests, or when a person lifts a block."""
        with self._lock:
            self.told = 0
            self.broken.clear()
            self._until.clear()
