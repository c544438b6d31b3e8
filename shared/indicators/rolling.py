"""Rolling statistics whose value at a bar is the same to the last bit wherever the array starts.

Running sums (TA-Lib's SMA and BBANDS, `cumsum` differences) carry rounding from the first bar to the last, and a
live window would then disagree with a backtest. Here every output is one dot product over its own bars.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import and_

import numpy as np
import talib
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Reduction = Callable[[Floats], Floats]
AT_ONCE = 4096
"""Windows that are laid out in memory together: they fit a cache, and a year of minutes needs no more than a day."""
SHARED_OUT = 65_536
"""Weighted sums from which on threads share the work."""


def padded(values: Floats, size: int) -> Floats:
    """`values` moved to the end of an array of `size`; nan before."""
    out, head = np.empty(size), size - len(values)
    out[:head] = np.nan
    out[head:] = values
    return out


def lagged(values: Floats, bars: int) -> Floats:
    """The value `bars` earlier; nan for the first `bars`."""
    return padded(values[: max(len(values) - bars, 0)], len(values))


def weighted_sum(values: Floats, weights: Floats) -> Floats:
    """Sum of weights[k] * values[t - k]; shape (n,), nan until `len(weights)` bars are there."""
    count = len(values) - len(weights) + 1
    if count < 1:
        return np.full(len(values), np.nan)
    if count < SHARED_OUT:
        return padded(np.convolve(values, weights, mode="valid"), len(values))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        starts = range(0, count, SHARED_OUT)
        sums = pool.map(lambda start: _summed(values[start : start + SHARED_OUT + len(weights) - 1], weights), starts)
        return padded(np.concatenate(list(sums)), len(values))


def _summed(values: Floats, weights: Floats) -> Floats:
    """Each output is a dot product of its own: parts have the same bits as the whole."""
    return np.convolve(values, weights, mode="valid")


def rolling_mean(values: Floats, window: int) -> Floats:
    return weighted_sum(values, np.ones(window)) / window


def rolling_max(values: Floats, window: int) -> Floats:
    """Highest of the last `window` values; nan until they are there."""
    return talib.MAX(values, timeperiod=window) if window > 1 and len(values) else values.copy()


def rolling_min(values: Floats, window: int) -> Floats:
    return talib.MIN(values, timeperiod=window) if window > 1 and len(values) else values.copy()


def all_of(conditions: Iterable[Bools]) -> Bools:
    """True where each is; `logical_and.reduce` would first copy them into one array."""
    return reduce(and_, conditions)


def rolling_any(flags: Bools, window: int) -> Bools:
    """True where any of the last `window` bars, its own included, is true."""
    return rolling_max(flags.astype(np.float64), window) > 0


def rolling_std(values: Floats, window: int) -> Floats:
    """Population standard deviation, in two passes: differences of squares lose it at large prices."""
    return _over_windows(values, window, _two_pass_std)


def percentile_rank(values: Floats, window: int) -> Floats:
    """Where the last of `window` values stands among the others: 0 lowest, 100 highest, ties count half."""
    return _over_windows(values, window, _rank_of_last)


def zscore_of_last(values: Floats, window: int) -> Floats:
    """Standard deviations by which a value exceeds the mean of the `window` before it; 0 where those never vary."""
    earlier = lagged(values, 1)
    mean, spread = rolling_mean(earlier, window), rolling_std(earlier, window)
    noise = 1e-9 * rolling_mean(np.abs(earlier), window)
    return ratio(values - mean, np.where(spread <= noise, 0.0, spread), otherwise=0.0)


def ratio(above: Floats, below: Floats, otherwise: float) -> Floats:
    """above / below, and `otherwise` where below is 0; nan stays nan."""
    out = np.full(np.shape(below), otherwise)
    np.divide(above, below, out=out, where=below != 0)
    return out


def _over_windows(values: Floats, window: int, reduction: Reduction) -> Floats:
    if len(values) < window:
        return np.full(len(values), np.nan)
    view = sliding_window_view(values, window)
    parts = [reduction(view[first : first + AT_ONCE]) for first in range(0, len(view), AT_ONCE)]
    return padded(np.concatenate(parts), len(values))


def _two_pass_std(view: Floats) -> Floats:
    bars = np.ascontiguousarray(view)  # rows summed one by one: the order of addition must not depend on n
    deviations = bars - bars.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt((deviations * deviations).mean(axis=1)))


def _rank_of_last(view: Floats) -> Floats:
    last, others = view[:, -1:], view[:, :-1]
    below = (others < last).sum(axis=1) + 0.5 * (others == last).sum(axis=1)
    rank = 100.0 * below / (view.shape[1] - 1)
    return np.where(np.isnan(view).any(axis=1), np.nan, rank)
