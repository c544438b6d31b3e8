"""Exponential averages with a finite memory.

A recursive EMA depends on its first bar: EMA(200) from 500 bars is off by 3e-4 from the same EMA on all history, and
a ratio of two decayed sums (RSI, DX) never forgets where a market went quiet. So the weights (1 - a)^k are cut after
`window` bars and normalised to sum 1. With `MEMORY` spans 2e-9 of the weight is cut, and values equal TA-Lib's
converged ones to about that.
"""

from functools import lru_cache

import numpy as np

from shared.indicators.rolling import Floats, weighted_sum

MEMORY = 10
"""Bars remembered, in spans."""


def ema(values: Floats, span: int) -> Floats:
    """EMA with a = 2 / (span + 1) over the last `MEMORY * span` bars; nan before them."""
    return ema_windowed(values, span, MEMORY * span)


def wilder(values: Floats, period: int) -> Floats:
    """Wilder's average, a = 1 / period, that is an EMA of span 2 * period - 1; shape (n,)."""
    span = 2 * period - 1
    return ema_windowed(values, span, MEMORY * span)


def ema_windowed(values: Floats, span: int, window: int = 600) -> Floats:
    """EMA of `span` over the last `window` bars, weights normalised; shape (n,), nan until `window` bars are there."""
    return weighted_sum(values, _weights(span, window))


@lru_cache(maxsize=32)
def _weights(span: int, window: int) -> Floats:
    decay = (1.0 - 2.0 / (span + 1.0)) ** np.arange(window)
    return np.asarray(decay / decay.sum())
