"""Bars for the benchmarks: seeded random walks on ticks, without gaps, each bar opening where the last one closed.

So an entry fills at the close that decided it, and an engine whose stops must be given with the order can play too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.strategies.market import Market
from shared.timeframes import MINUTE

Ints = NDArray[np.int64]
START = 1_640_995_200_000_000
FIRST = 4_000_000
"""Ticks."""
STEP = 300
LEAST = 100_000


@dataclass(frozen=True, slots=True)
class Bars:
    """One symbol in ticks, shape (n,) each; `minutes` is the length of a bar."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    minutes: int

    def market(self, steps: int) -> Market:
        """The same as strategies see it, with so many ticks in one unit of price."""
        time = START + np.arange(len(self.close)) * self.minutes * MINUTE
        opened, high, low, close = (ticks / steps for ticks in (self.open, self.high, self.low, self.close))
        return Market(time, opened, high, low, close, np.ones(len(close)))


def random_walk(bars: int, seed: int, minutes: int = 1) -> Bars:
    """A walk of even steps, far enough from 0."""
    rng = np.random.default_rng(seed)
    close = np.maximum(FIRST + np.cumsum(rng.integers(-STEP, STEP + 1, bars)), LEAST)
    opened = np.concatenate([[FIRST], close[:-1]])
    high = np.maximum(opened, close) + rng.integers(0, STEP // 2, bars)
    low = np.minimum(opened, close) - rng.integers(0, STEP // 2, bars)
    return Bars(opened, high, low, close, minutes)
