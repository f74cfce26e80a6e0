"""Faults on request: what a bad server does, said in advance.

    faults = Faults()
    faults.add(Fault("busy_short", mailbox="anna@firma.example", operation="GetItem", after=2, times=3))
    faults.add(Fault("poisoned_item", seed=7))              # lasts until it is removed: see `kinds.KINDS`
    faults.clear()                                          # a good server again

`after`: so many fitting requests go well first. `times`: then so many are struck (0: all, until removed). `seed`: which
item of a batch, which order, where to cut. The kinds, with what each does, are the table in `fault_kinds`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mailkeep.simulator.ews.reply import Asked

CERTIFICATE = "certificate"  # the operation under which the server asks which certificate it is to show


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. What is None or empty is the kind's own choice."""

    kind: str
    mailbox: str = ""  # address; empty: every mailbox
    operation: str = ""  # "GetItem"; empty: every operation the kind concerns
    after: int = 0
    times: int | None = None
    seed: int = 1
    seconds: float | None = None  # of a back-off, a silence, a slow answer
    share: float | None = None  # of the answer's bytes that still come
    target: str = ""  # an ItemId, a host


@dataclass(frozen=True, slots=True)
class Shape:
    """What the register must know of a kind: the operations it concerns (empty: all), how often, whether it fits."""

    operations: frozenset[str] = frozenset()
    times: int = 1
    fits: Callable[[Asked], bool] | None = None

    @property
    def exclusive(self) -> bool:
        """Two orders of this sort wait for one another instead of hitting the same request."""
        return False


@dataclass(slots=True)
class Order:
    """A fault as it stands: how many fitting requests to let pass and to strike, and what it has chosen so far."""

    number: int
    fault: Fault
    shape: Shape
    passing: int
    remaining: int  # 0: until removed
    random: random.Random
    victims: set[str] = field(default_factory=set)

    def fits(self, mailbox: str, operation: str) -> bool:
        fault = self.fault
        wanted = {fault.operation} if fault.operation else self.shape.operations
        return fault.mailbox.lower() in ("", mailbox.lower()) and (not wanted or operation in wanted)


class Faults:
    """The register of one server; thread-safe. `shape_of` knows the kinds and raises KeyError for any other."""

    def __init__(self, shape_of: Callable[[str], Shape]) -> None:
        self._shape_of = shape_of
        self._orders: list[Order] = []
        self._number = 0
        self._lock = threading.Lock()
        self.struck: list[tuple[str, str, str]] = []  # kind, mailbox, operation; in order of time

    def add(self, fault: Fault) -> int:
        """Order it; the number removes it again. KeyError for a kind that the table has not."""
        shape = self._shape_of(fault.kind)
        with self._lock:
            self._number += 1
            times = shape.times if fault.times is None else fault.times
            # A seed only has to differ from others; nothing secret comes of it.
            chance = random.Random(f"{fault.kind}:{fault.seed}")  # noqa: S311
            self._orders.append(Order(self._number, fault, shape, fault.after, times, chance))
            return self._number

    def remove(self, number: int) -> None:
        with self._lock:
            self._orders = [order for order in self._orders if order.number != number]

    def clear(self) -> None:
        """Be good again; what has struck so far stays on record."""
        with self._lock:
            self._orders.clear()

    def waiting(self) -> list[Fault]:
        """Those that may still strike."""
        with self._lock:
            return [order.fault for order in self._orders]

    def strike(self, asked: Asked) -> list[Order]:
        """Which orders hit this request, each counted down."""
        return self._take(asked.mailbox, asked.operation, asked)

    def certificate(self) -> str:
        """The kind of certificate fault that hits this connection, or ""."""
        hit = self._take("", CERTIFICATE, None)
        return hit[0].fault.kind if hit else ""

    def _take(self, mailbox: str, operation: str, asked: Asked | None) -> list[Order]:
        hit: list[Order] = []
        with self._lock:
            for order in tuple(self._orders):
                if not order.fits(mailbox, operation) or (operation == CERTIFICATE) != (
                    CERTIFICATE in order.shape.operations
                ):
                    continue
                if order.shape.fits is not None and (asked is None or not order.shape.fits(asked)):
                    continue
                if order.passing:
                    order.passing -= 1
                    continue
                if order.shape.exclusive and any(other.shape.exclusive for other in hit):
                    continue
                self.struck.append((order.fault.kind, mailbox, operation))
                hit.append(order)
                if order.remaining == 1:
                    self._orders.remove(order)
                order.remaining = max(0, order.remaining - 1)
        return hit
