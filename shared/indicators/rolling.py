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
    out, head = np.empty(len(values)), len(weights) - 1
    out[:head] = np.nan

    def put(start: int) -> None:
        """Each output is a dot product of its own: parts have the same bits as the whole."""
        end = start + SHARED_OUT + head
        out[start + head : end] = np.convolve(values[start:end], weights, mode="valid")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(put, range(0, count, SHARED_OUT)))
    return out


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
    count = len(values) - window + 1
    if count < 1:
        return np.full(len(values), np.nan)
    starts = range(0, count, AT_ONCE)
    return padded(
        np.concatenate([_ranks(values[at : at + AT_ONCE + window - 1], window) for at in starts]), len(values)
    )


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


def _ranks(values: Floats, window: int) -> Floats:
    """Of the last value of each window: compared with one of its others after the other, all windows at once."""
    last = values[window - 1 :]
    halves = np.zeros(len(last), np.int32)
    for bar in range(window - 1):
        other = values[bar : bar + len(last)]
        halves += other < last
        halves += other <= last
    rank = 100.0 * (0.5 * halves) / (window - 1)
    unknown = np.cumsum(np.isnan(values))
    rank[unknown[window - 1 :] > np.concatenate([[0], unknown[:-window]])] = np.nan
    return rank
