"""The market as a buyer or as a short seller sees it, so that every rule is written once.

Facing short turns the market upside down: prices change sign, highs and lows swap, RSI r becomes 100 - r. "Above
the EMA 200" then means below it, and the numbers that explanations show stay readable: percent of the close,
0 to 100.
"""

from functools import cached_property, lru_cache

import numpy as np

from shared.indicators.computed import FRACTION, Indicators, indicators_of
from shared.indicators.rolling import Bools, Floats, all_of, lagged, ratio
from shared.strategies.market import Market

LONG, SHORT = 1, -1


class Facing:
    """Arrays of shape (n,), nan until enough bars are there; `side` is LONG or SHORT.

    What one pass gives is not kept: a year of minutes would be in memory twice more.
    """

    def __init__(self, indicators: Indicators, side: int) -> None:
        self.ind = indicators
        self.side = side

    @property
    def close(self) -> Floats:
        return self._signed(self.ind.close)

    @property
    def high(self) -> Floats:
        """The bar's best price for this side (negative when short)."""
        return self.ind.high if self.side == LONG else -self.ind.low

    @property
    def low(self) -> Floats:
        return self.ind.low if self.side == LONG else -self.ind.high

    @property
    def above_ema20(self) -> Floats:
        """(close - EMA 20) as a percentage of the close."""
        return self._percent(self.ind.gap20)

    @property
    def above_ema50(self) -> Floats:
        return self._percent(self.ind.gap50)

    @property
    def above_ema200(self) -> Floats:
        return self._percent(self.ind.gap200)

    @property
    def ema50_above_ema200(self) -> Floats:
        return self.above_ema200 - self.above_ema50

    def slope(self, level: Floats, bars: int) -> Floats:
        """Rise of an average over `bars`, as a percentage of the close."""
        return 100.0 * np.round(self.side * (level - lagged(level, bars)) / self.ind.close, FRACTION)

    @property
    def rsi(self) -> Floats:
        return self._percentage(self.ind.rsi)

    @property
    def stoch_k(self) -> Floats:
        return self._percentage(self.ind.stochastic[0])

    @property
    def stoch_d(self) -> Floats:
        return self._percentage(self.ind.stochastic[1])

    @property
    def adx(self) -> Floats:
        return self.ind.directional.adx

    @property
    def direction(self) -> Floats:
        """+DI minus -DI."""
        return self._signed(self.ind.directional.plus_di - self.ind.directional.minus_di)

    @property
    def macd_hist(self) -> Floats:
        """Histogram as a percentage of the close."""
        return self._percent(self.ind.macd_fraction)

    @property
    def percent_b(self) -> Floats:
        return self.ind.percent_b if self.side == LONG else 1.0 - self.ind.percent_b

    @property
    def obv_slope(self) -> Floats:
        return self._signed(self.ind.obv_slope)

    @property
    def obv_jump(self) -> Floats:
        return self._signed(self.ind.obv_jump)

    @property
    def change_3(self) -> Floats:
        """Change over three bars in percent."""
        return self._percent(self.ind.change_3)

    @cached_property
    def close_location(self) -> Floats:
        """Where the close lies in its bar, 0 at the low, 1 at the high; 0.5 without a range."""
        return ratio(self.close - self.low, self.high - self.low, otherwise=0.5)

    @cached_property
    def bullish(self) -> Floats:
        score = self.ind.bullish.score
        return score if self.side == LONG else np.round(1.0 - score, FRACTION)

    @property
    def confidence(self) -> Floats:
        return self.ind.bullish.confidence

    def _signed(self, values: Floats) -> Floats:
        return values if self.side == LONG else -values

    def _percent(self, fractions: Floats) -> Floats:
        return self.side * 100.0 * fractions

    def _percentage(self, values: Floats) -> Floats:
        return values if self.side == LONG else 100.0 - values


@lru_cache(maxsize=8)
def facings_of(market: Market) -> tuple[Facing, Facing]:
    """Long and short; all strategies that score a market share these."""
    indicators = indicators_of(market)
    return Facing(indicators, LONG), Facing(indicators, SHORT)


def rising(values: Floats, steps: int = 1) -> Bools:
    """Each of the last `steps` values exceeds the one before it."""
    return all_of(lagged(values, k) > lagged(values, k + 1) for k in range(steps))


def crosses_above(values: Floats, level: Floats) -> Bools:
    """Above `level` now, at or below it one bar ago."""
    return np.asarray((values > level) & (lagged(values, 1) <= lagged(level, 1)))
