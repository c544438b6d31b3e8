"""RSI, MACD and the stochastic."""

import numpy as np

from shared.indicators.rolling import Floats, lagged, ratio, rolling_max, rolling_min
from shared.indicators.smoothing import ema, wilder


def rsi(close: Floats, period: int = 14) -> Floats:
    """Wilder's relative strength index, 0 to 100; 50 where the close has not moved in its whole memory."""
    change = close - lagged(close, 1)
    up = wilder(np.maximum(change, 0.0), period)
    down = wilder(np.maximum(-change, 0.0), period)
    return 100.0 * ratio(up, up + down, otherwise=0.5)


def macd_histogram(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Floats:
    """MACD line minus its signal line, in price units (Appel)."""
    line = ema(close, fast) - ema(close, slow)
    return line - ema(line, signal)


def stochastic(high: Floats, low: Floats, close: Floats) -> tuple[Floats, Floats]:
    """Slow stochastic 14, 3, 3 (Lane): %K and %D, 0 to 100; 50 where the 14 bars have no range (TA-Lib says 0)."""
    lowest = rolling_min(low, 14)
    fast = 100.0 * ratio(close - lowest, rolling_max(high, 14) - lowest, otherwise=0.5)
    slow_k = _mean_of_three(fast)
    return slow_k, _mean_of_three(slow_k)


def _mean_of_three(values: Floats) -> Floats:
    return (values + lagged(values, 1) + lagged(values, 2)) / 3.0
