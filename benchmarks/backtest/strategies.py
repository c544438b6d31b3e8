"""The crossover of two simple averages, decided exactly.

Prices are whole ticks, so an average is a fraction of integers: the fast one is above the slow one where
fast_sum * slow > slow_sum * fast, and equal where both products are. Equal is neither above nor below: it crosses
nothing. The score is 1 at the bar where the fast average is above after it was below, -1 where it is below after it
was above, and 0 at every other bar.
"""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from backtester.compiled import compiled
from shared.indicators.rolling import Floats
from shared.strategies.market import Market

Ints = NDArray[np.int64]


class Crossover:
    """`fast` < `slow` bars; `steps` are the ticks in one unit of price."""

    name: ClassVar[str] = "crossover"
    description: ClassVar[str] = "Long while the fast average is above the slow one"

    def __init__(self, fast: int, slow: int, steps: int) -> None:
        self.fast, self.slow, self.steps = fast, slow, steps

    @property
    def warmup(self) -> int:
        """Not bounded: which average was above last may lie any number of equal bars ago."""
        return self.slow + 1

    def score(self, market: Market) -> Floats:
        """See `shared.strategies.base.Strategy.score`."""
        score = np.zeros(len(market))
        compiled(put_crossings)(market.close, self.fast, self.slow, float(self.steps), score)
        return score

    def explain(self, market: Market) -> str:
        """Why the last bar scored what it did."""
        return f"{self.name} of {self.fast} and {self.slow} bars ({self.score(market)[-1]:+.2f})"


def put_crossings(close: Floats, fast: int, slow: int, steps: float, score: Floats) -> None:
    """Writes 1 and -1 at the crossings of one pair of windows; `score` (n,) is 0 before."""
    fast_sum, slow_sum, above = 0, 0, 0
    for bar in range(len(close)):
        ticks = math.floor(close[bar] * steps + 0.5)
        fast_sum, slow_sum = fast_sum + ticks, slow_sum + ticks
        if bar >= fast:
            fast_sum -= math.floor(close[bar - fast] * steps + 0.5)
        if bar >= slow:
            slow_sum -= math.floor(close[bar - slow] * steps + 0.5)
        if bar < slow - 1:
            continue
        difference = fast_sum * slow - slow_sum * fast
        if difference != 0:
            now = 1 if difference > 0 else -1
            if now == -above:
                score[bar] = now
            above = now


def put_crossings_of_sums(sums: Ints, fast: int, slow: int, score: NDArray[np.int8]) -> None:
    """The same from running sums of ticks, shape (n + 1,)."""
    above = 0
    for bar in range(slow - 1, len(sums) - 1):
        end = sums[bar + 1]
        difference = (end - sums[bar + 1 - fast]) * slow - (end - sums[bar + 1 - slow]) * fast
        if difference != 0:
            now = 1 if difference > 0 else -1
            if now == -above:
                score[bar] = now
            above = now
