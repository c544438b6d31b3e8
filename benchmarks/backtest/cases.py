"""What is measured. Every engine gets the same bars and trades a crossover of two averages at the same size and fee."""

from dataclasses import dataclass
from typing import Literal

LOT = 1e-8
FEE = 0.0001
POSITION = 0.25
"""Of the equity, in each trade of one symbol."""
SHARED_POSITION = 0.03
"""The same where thirty share one account."""
STOP = (2.0, 2.0, 2.0, 0.25)
"""In ATR: first stop, breakeven beyond, trailing distance, least raise."""
FAST, SLOW = 10, 30
PAIRS = tuple((fast, slow) for fast in range(5, 25) for slow in range(30, 110, 4))
"""400 of them."""

Kind = Literal["crossover", "guarded", "shared", "sweep", "desk", "plan"]


@dataclass(frozen=True, slots=True)
class Case:
    """`bars` of each of `symbols`, `minutes` long; `steps` are the ticks in one unit of price."""

    name: str
    kind: Kind
    bars: int
    symbols: int = 1
    minutes: int = 1
    real: bool = False
    steps: int = 100

    @property
    def work(self) -> int:
        """Bars that are gone through, over all symbols and pairs."""
        return self.bars * self.symbols * (len(PAIRS) if self.kind == "sweep" else 1)


CASES = (
    Case("crossover, 10,000 bars", "crossover", 10_000),
    Case("crossover, 100,000 bars", "crossover", 100_000),
    Case("crossover, 525,600 bars", "crossover", 525_600),
    Case("crossover, real BTC month", "crossover", 45_031, real=True, steps=1000),
    Case("with stops, 525,600 bars", "guarded", 525_600),
    Case("30 symbols x 8,760 hours", "shared", 8_760, symbols=30, minutes=60),
    Case("400 pairs x 100,000 bars", "sweep", 100_000),
    Case("desk crossover, 100,000 bars", "plan", 100_000),
    Case("year from Parquet, five strategies", "desk", 525_600),
)
