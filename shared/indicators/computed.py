"""The indicators of one market, each computed at its first use and once.

Comparable values are free of scale and rounded (1e-9 for fractions, 1e-7 for 0 to 100), so that constant prices
compare as equal and rounding in the last bit decides nothing.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np

from shared.indicators import bands, oscillators, trend, volume
from shared.indicators.bullish import Bullish, bullish
from shared.indicators.rolling import Floats, lagged, percentile_rank, ratio
from shared.indicators.smoothing import ema, ema_windowed
from shared.strategies.market import Market

FRACTION, PERCENT = 9, 7


class Indicators:
    """Arrays of shape (n,), nan until enough bars are there; prices in the market's own unit."""

    def __init__(self, market: Market) -> None:
        self.high, self.low, self.close, self.volume = market.high, market.low, market.close, market.volume

    @cached_property
    def ema20(self) -> Floats:
        return ema(self.close, 20)

    @cached_property
    def ema50(self) -> Floats:
        return ema(self.close, 50)

    @cached_property
    def ema200(self) -> Floats:
        return ema_windowed(self.close, 200, window=600)

    @cached_property
    def atr(self) -> Floats:
        return trend.atr(self.high, self.low, self.close)

    @cached_property
    def volatility_percent(self) -> Floats:
        """ATR in percent of the close."""
        return 100.0 * self.atr / self.close

    @cached_property
    def rsi(self) -> Floats:
        return _rounded(oscillators.rsi(self.close), PERCENT)

    @cached_property
    def directional(self) -> trend.Directional:
        values = trend.directional(self.high, self.low, self.close, ranges=self.atr)
        return trend.Directional(*(_rounded(value, PERCENT) for value in values))

    @cached_property
    def macd_hist(self) -> Floats:
        return oscillators.macd_histogram(self.close)

    @cached_property
    def macd_fraction(self) -> Floats:
        """MACD histogram as a fraction of the close."""
        return _rounded(self.macd_hist / self.close, FRACTION)

    @cached_property
    def stochastic(self) -> tuple[Floats, Floats]:
        k, d = oscillators.stochastic(self.high, self.low, self.close)
        return _rounded(k, PERCENT), _rounded(d, PERCENT)

    @cached_property
    def bands(self) -> bands.Bands:
        return bands.bollinger(self.close)

    @cached_property
    def percent_b(self) -> Floats:
        return _rounded(bands.percent_b(self.close, self.bands), FRACTION)

    @cached_property
    def width_percentile(self) -> Floats:
        return bands.width_percentile(self.bands)

    @cached_property
    def obv_slope(self) -> Floats:
        return _rounded(volume.obv_slope(self.close, self.volume), FRACTION)

    @cached_property
    def obv_jump(self) -> Floats:
        return _rounded(volume.obv_jump(self.close, self.volume), FRACTION)

    @cached_property
    def volume_z(self) -> Floats:
        return _rounded(volume.volume_z(self.volume), FRACTION)

    @cached_property
    def volume_trend(self) -> Floats:
        return _rounded(volume.volume_trend(self.volume), FRACTION)

    @cached_property
    def change_3(self) -> Floats:
        """Change of the close over three bars, as a fraction."""
        return _rounded(self.close / lagged(self.close, 3) - 1.0, FRACTION)

    @cached_property
    def bullish(self) -> Bullish:
        return bullish(self._votes(), percentile_rank(self.volume, volume.BASELINE_BARS))

    def _votes(self) -> Iterator[Floats]:
        _, plus, minus = self.directional
        ranges = _rounded(self.atr / self.close, FRACTION)
        yield (self.rsi - 50.0) / 20.0
        yield ratio(self.macd_fraction, ranges, otherwise=0.0) / 0.15
        yield ratio(self.gap20, ranges, otherwise=0.0)
        yield ratio(self.gap50, ranges, otherwise=0.0) / 2.0
        yield ratio(self.gap200, ranges, otherwise=0.0) / 4.0
        yield 2.0 * ratio(plus - minus, plus + minus, otherwise=0.0)
        yield 2.0 * self.percent_b - 1.0
        yield (self.stochastic[0] - 50.0) / 40.0
        yield 2.0 * self.obv_slope

    @cached_property
    def gap20(self) -> Floats:
        """(close - EMA 20) / close, positive above it."""
        return self._gap(self.ema20)

    @cached_property
    def gap50(self) -> Floats:
        return self._gap(self.ema50)

    @cached_property
    def gap200(self) -> Floats:
        return self._gap(self.ema200)

    def _gap(self, level: Floats) -> Floats:
        return _rounded((self.close - level) / self.close, FRACTION)


@lru_cache(maxsize=8)
def indicators_of(market: Market) -> Indicators:
    """All strategies that score a market share these."""
    return Indicators(market)


def _rounded(values: Floats, digits: int) -> Floats:
    return np.asarray(np.round(values, digits))
