"""True range and directional movement (Wilder, New Concepts in Technical Trading Systems, 1978)."""

from typing import NamedTuple

import numpy as np
import talib

from shared.indicators.rolling import Floats, ratio
from shared.indicators.smoothing import wilder


class Directional(NamedTuple):
    """Each of shape (n,), 0 to 100."""

    adx: Floats
    plus_di: Floats
    minus_di: Floats


def atr(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Average true range in price units."""
    return wilder(talib.TRANGE(high, low, close), period)


def directional(
    high: Floats, low: Floats, close: Floats, period: int = 14, *, ranges: Floats | None = None
) -> Directional:
    """ADX, +DI and -DI; 0 where nothing moved. `ranges` is their ATR where that is known already."""
    ranges = atr(high, low, close, period) if ranges is None else ranges
    plus = 100.0 * ratio(wilder(talib.PLUS_DM(high, low, timeperiod=1), period), ranges, otherwise=0.0)
    minus = 100.0 * ratio(wilder(talib.MINUS_DM(high, low, timeperiod=1), period), ranges, otherwise=0.0)
    strength = 100.0 * ratio(np.abs(plus - minus), plus + minus, otherwise=0.0)
    return Directional(wilder(strength, period), plus, minus)
