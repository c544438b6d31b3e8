"""Kraken's two counters: one of private calls, one of order changes for each pair.

Sources: Kraken, "Spot REST rate limits" and "Spot trading rate limits", the Pro tier.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.exchange_simulator.errors import KrakenError

CALL_COST = {"AddOrder": 0, "AmendOrder": 0, "EditOrder": 0, "CancelOrder": 0, "TradesHistory": 2}
CALL_LIMIT, CALL_DECAY = 20.0, 1.0
ORDER_LIMIT, ORDER_DECAY = 180.0, 3.75
# Age of the order in seconds below which changing it costs this much more.
AMEND_PENALTY = ((5, 3), (10, 2), (15, 1))
EDIT_PENALTY = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
CANCEL_PENALTY = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


@dataclass(slots=True)
class Counter:
    """A count that shrinks by ``decay`` a second."""

    limit: float
    decay: float
    value: float = 0.0
    at: float = 0.0

    def add(self, cost: float, now: float) -> bool:
        """Counts, or refuses what would pass the limit."""
        self.value = max(0.0, self.value - (now - self.at) * self.decay)
        self.at = now
        if self.value + cost > self.limit:
            return False
        self.value += cost
        return True


class RateLimits:
    """``now`` gives seconds of the clock on which counts decay. Disabled limits count nothing."""

    def __init__(self, now: Callable[[], float], enabled: bool) -> None:
        self._now = now
        self._enabled = enabled
        self._calls = Counter(CALL_LIMIT, CALL_DECAY)
        self._orders: dict[str, Counter] = {}

    def call(self, method: str) -> None:
        """Raises KrakenError."""
        if self._enabled and not self._calls.add(CALL_COST.get(method, 1), self._now()):
            raise KrakenError("EAPI:Rate limit exceeded")

    def add_order(self, symbol: str) -> None:
        self._order(symbol, 1)

    def amend_order(self, symbol: str, age: float) -> None:
        self._order(symbol, 1 + _penalty(AMEND_PENALTY, age))

    def edit_order(self, symbol: str, age: float) -> None:
        self._order(symbol, 1 + _penalty(EDIT_PENALTY, age))

    def cancel_order(self, symbol: str, age: float) -> None:
        self._order(symbol, _penalty(CANCEL_PENALTY, age))

    def _order(self, symbol: str, cost: float) -> None:
        counter = self._orders.setdefault(symbol, Counter(ORDER_LIMIT, ORDER_DECAY))
        if self._enabled and not counter.add(cost, self._now()):
            raise KrakenError("EOrder:Rate limit exceeded")


def _penalty(table: tuple[tuple[int, int], ...], age: float) -> int:
    return next((cost for below, cost in table if age < below), 0)
