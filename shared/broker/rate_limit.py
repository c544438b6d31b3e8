"""Kraken's request counters, kept on our side so that the venue need not say no.

Each counter rises with every request and decays with the venue's clock, which playback lets run faster than the wall's.
Limits are those of Kraken's middle tier ("Spot REST rate limits", "Spot trading rate limits").
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.broker.base import RateLimited

READ_LIMIT, READ_DECAY = 20.0, 0.5
ORDER_LIMIT, ORDER_DECAY = 125.0, 2.34
RESERVED_FOR_EXITS = 0.25
"""Share of the order counter that entries leave free."""

PLACE_COST = 1.0
AMEND_COST = 4.0
CANCEL_COST = 8.0
"""The most Kraken charges, for an order that is younger than five seconds; older ones cost less."""


@dataclass(slots=True)
class Counter:
    """A count that decays by `decay` a venue second."""

    limit: float
    decay: float
    value: float = 0.0
    at: float = 0.0

    def wait(self, cost: float, now: float, share: float = 1.0) -> float:
        """Venue seconds until `cost` fits under `share` of the limit; 0: now."""
        self._decay_to(now)
        over = self.value + cost - self.limit * share
        return max(0.0, over / self.decay)

    def take(self, cost: float, now: float) -> None:
        """Counts a request."""
        self._decay_to(now)
        self.value += cost

    def _decay_to(self, now: float) -> None:
        self.value = max(0.0, self.value - (now - self.at) * self.decay)
        self.at = now


class RateLimiter:
    """Waits until a request fits, or raises RateLimited where that takes more than `patience` wall seconds.

    With `speed` 0 (lock-step) time stands still between steps, and nothing is counted.
    """

    def __init__(self, speed: float, patience: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._patience = patience
        self._clock = clock
        self._reads = Counter(READ_LIMIT, READ_DECAY)
        self._orders: dict[str, Counter] = {}

    async def read(self, cost: float = 1.0) -> None:
        """Before a private request that changes nothing."""
        await self._pass(self._reads, cost, 1.0)

    async def order(self, symbol: str, cost: float, *, is_entry: bool = False) -> None:
        """Before a change of orders of `symbol`; entries leave a share for exits."""
        counter = self._orders.setdefault(symbol, Counter(ORDER_LIMIT, ORDER_DECAY))
        await self._pass(counter, cost, 1.0 - RESERVED_FOR_EXITS if is_entry else 1.0)

    def refused(self, symbol: str) -> None:
        """The venue said no for `symbol`: its count stands higher than ours."""
        counter = self._orders.setdefault(symbol, Counter(ORDER_LIMIT, ORDER_DECAY))
        counter.take(max(0.0, counter.limit - counter.value), self._now())

    async def _pass(self, counter: Counter, cost: float, share: float) -> None:
        if self._speed == 0:
            return
        while (wait := counter.wait(cost, self._now(), share) / self._speed) > 0:
            if wait > self._patience:
                raise RateLimited(f"our own limit: {wait:.1f} s until the venue would take this request")
            await asyncio.sleep(wait)
        counter.take(cost, self._now())

    def _now(self) -> float:
        return self._clock() * self._speed
