"""Our own counters keep us under the venue's, on the venue's clock, with room for exits."""

import pytest

from shared.broker.base import RateLimited
from shared.broker.rate_limit import CANCEL_COST, ORDER_DECAY, ORDER_LIMIT, READ_LIMIT, Counter, RateLimiter


class Hands:
    """A wall clock set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def spent(limiter: RateLimiter, *, entries: bool) -> int:
    """How many orders fit before the limiter says no."""
    count = 0
    while True:
        try:
            await limiter.order("BTC/USD", 1.0, is_entry=entries)
        except RateLimited:
            return count
        count += 1


async def test_entries_leave_a_quarter_for_exits() -> None:
    limiter = RateLimiter(1.0, patience=0.0, clock=Hands())
    assert await spent(limiter, entries=True) == int(ORDER_LIMIT * 0.75)
    assert await spent(limiter, entries=False) == int(ORDER_LIMIT) - int(ORDER_LIMIT * 0.75)


async def test_counts_decay_on_the_venues_clock() -> None:
    hands = Hands()
    limiter = RateLimiter(20.0, patience=0.0, clock=hands)
    await spent(limiter, entries=False)
    hands.seconds += 1
    decayed = 20 * ORDER_DECAY
    assert abs(await spent(limiter, entries=False) - decayed) <= 1


async def test_symbols_are_counted_apart_and_reads_by_themselves() -> None:
    limiter = RateLimiter(1.0, patience=0.0, clock=Hands())
    await spent(limiter, entries=False)
    await limiter.order("ETH/USD", CANCEL_COST)
    for _ in range(int(READ_LIMIT)):
        await limiter.read()
    with pytest.raises(RateLimited):
        await limiter.read()


async def test_a_refusal_by_the_venue_fills_our_count() -> None:
    limiter = RateLimiter(1.0, patience=0.0, clock=Hands())
    limiter.refused("BTC/USD")
    assert await spent(limiter, entries=False) == 0


async def test_lock_step_waits_for_nothing() -> None:
    limiter = RateLimiter(0.0, patience=0.0, clock=Hands())
    for _ in range(1000):
        await limiter.order("BTC/USD", CANCEL_COST, is_entry=True)
        await limiter.read()


async def test_a_short_wait_is_waited() -> None:
    limiter = RateLimiter(1000.0)
    for _ in range(int(READ_LIMIT) + 5):
        await limiter.read()


def test_the_wait_is_until_the_cost_fits() -> None:
    counter = Counter(limit=10, decay=2)
    counter.take(9, now=0)
    assert counter.wait(1, now=0) == 0
    assert counter.wait(4, now=0) == 1.5
    assert counter.wait(4, now=1.5) == 0
    assert counter.wait(1, now=1.5, share=0.5) == 1.0
