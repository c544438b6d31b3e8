"""Indicator readings set by hand, to test a strategy's rules apart from how indicators are computed."""

import numpy as np

from shared.indicators.bands import Bands
from shared.indicators.bullish import Bullish
from shared.indicators.computed import Indicators
from shared.indicators.rolling import Floats
from shared.indicators.trend import Directional
from shared.strategies.facing import LONG, SHORT, Facing
from shared.strategies.rules import RuleStrategy

BARS = 60
Reading = float | list[float]


class Readings(Indicators):
    """Every reading constant over 60 bars, or with its last values given as a list.

    Gaps to averages are given in percent of the close, which is 100.
    """

    def __init__(self, **readings: Reading) -> None:
        given = {name: _series(value) for name, value in readings.items()}
        self.close = given.get("close", _series(100.0))
        self.high, self.low = given.get("high", self.close + 1.0), given.get("low", self.close - 1.0)
        zero = _series(0.0)
        for name, average in (("above_ema20", "ema20"), ("above_ema50", "ema50"), ("above_ema200", "ema200")):
            setattr(self, average, self.close * (1.0 - given.get(name, zero) / 100.0))
        self.atr, self.rsi = given.get("atr", _series(2.0)), given.get("rsi", _series(50.0))
        self.directional = Directional(given.get("adx", zero), given.get("plus_di", zero), given.get("minus_di", zero))
        self.macd_fraction, self.percent_b = given.get("macd", zero), given.get("percent_b", _series(0.5))
        self.stochastic = given.get("stoch_k", _series(50.0)), given.get("stoch_d", _series(50.0))
        self.bands = Bands(self.close, self.close, self.close)
        self.width_percentile = given.get("width_percentile", _series(50.0))
        self.obv_slope, self.obv_jump = given.get("obv_slope", zero), given.get("obv_jump", zero)
        self.volume_trend, self.change_3 = given.get("volume_trend", _series(1.0)), given.get("change_3", zero)
        self.bullish = Bullish(given.get("bullish", _series(0.5)), given.get("confidence", zero))


def entering_long(strategy: RuleStrategy, **readings: Reading) -> float:
    return float(strategy.enter(Facing(Readings(**readings), LONG)).strength()[-1])


def entering_short(strategy: RuleStrategy, **readings: Reading) -> float:
    return float(strategy.enter(Facing(Readings(**readings), SHORT)).strength()[-1])


def leaving_long(strategy: RuleStrategy, **readings: Reading) -> float:
    return float(strategy.leave(Facing(Readings(**readings), LONG)).strength()[-1])


def _series(value: Reading) -> Floats:
    last = value if isinstance(value, list) else [value]
    return np.asarray([last[0]] * (BARS - len(last)) + last, dtype=np.float64)
