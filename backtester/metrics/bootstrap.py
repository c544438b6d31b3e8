"""The stationary block bootstrap: how far a statistic of dependent returns might have come out otherwise.

Sources: Politis & Romano, "The Stationary Bootstrap", JASA 89, 1994; length of blocks: Politis & White, "Automatic
Block-Length Selection for the Dependent Bootstrap", Econometric Reviews 23(1), 2004, with the correction of Patton,
Politis & White, 28(4), 2009; what short series need beyond that: Hesterberg, "What Teachers Should Know About the
Bootstrap", The American Statistician 69(4), 2015 (expanded percentiles), with blocks as the independent observations,
and Hall, Horowitz & Jing, "On Blocking Rules for the Bootstrap with Dependent Data", Biometrika 82(3), 1995.
"""

from collections.abc import Callable
from math import cbrt, ceil, log10, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats

Statistic = Callable[[Floats], float | None]
NORMAL = NormalDist()
MIN_RETURNS = 10
"""Below these no resampling of returns says how far their statistic might have come out otherwise."""
MIN_BLOCKS = 4.0
"""The least independent observations that the expansion counts with."""


class Interval(NamedTuple):
    """From `low` to `high`: of intervals made so, a share of `confidence` hold the true value, or not much less."""

    low: float
    high: float
    confidence: float


def bootstrap_interval(
    returns: Floats,
    statistic: Statistic,
    *,
    seed: int,
    confidence: float = 0.95,
    draws: int = 1000,
    mean_block: float | None = None,
) -> Interval | None:
    """Interval of `statistic` over `draws` resamples of `returns`, shape (n,), in blocks of `mean_block` periods.

    Without `mean_block`, the length that fits the series' own dependence, and no less than n ** (1/4), the
    order of the best for one end of an interval (Hall 1995): in short series the dependence that is there does not
    show. The same seed gives the same bits. None for fewer than MIN_RETURNS returns, and where the statistic is
    undefined in more than 1 - confidence of draws.
    """
    count = len(returns)
    if count < MIN_RETURNS:
        return None
    rng = np.random.default_rng(seed)
    block = max(block_length(returns), count**0.25) if mean_block is None else mean_block
    values = [statistic(returns[_resampled(count, block, rng)]) for _ in range(draws)]
    defined = [value for value in values if value is not None]
    if len(defined) < confidence * draws:
        return None
    left_out = _left_out(confidence, max(count / block, MIN_BLOCKS))
    low, high = np.quantile(defined, [left_out, 1.0 - left_out])
    return Interval(float(low), float(high), confidence)


def _left_out(confidence: float, blocks: float) -> float:
    """The share of draws beyond either end of an interval from so many blocks (Hesterberg 2015).

    Percentiles of a resampled mean are those of a normal law with the spread of n observations for that of n - 1; a
    t interval would go as far as sqrt(n / (n - 1)) * t.
    """
    reach = sqrt(blocks / (blocks - 1.0)) * _student((1.0 + confidence) / 2.0, blocks - 1.0)
    return NORMAL.cdf(-reach)


def _student(probability: float, freedom: float) -> float:
    """Quantile of Student's t, to 1 % from three degrees of freedom on (Abramowitz & Stegun 1964, 26.7.5)."""
    z = NORMAL.inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _resampled(count: int, mean_block: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions in blocks of geometric length that begin anywhere and wrap around the end."""
    begins = rng.random(count) < 1.0 / mean_block
    at = np.arange(count)
    begin = np.maximum.accumulate(np.where(begins, at, 0))
    return (rng.integers(0, count, count)[begin] + at) % count


def block_length(values: Floats) -> float:
    """Mean block length that minimises the error of the bootstrapped variance of the mean; at least 1."""
    count = len(values)
    longest = min(ceil(sqrt(count)) + _run(count), count - 1)
    covariance = _autocovariance(values, longest)
    if covariance[0] <= 0:
        return 1.0
    reach = min(2 * max(_last_notable(covariance / covariance[0], count), 1), longest)
    lags = np.arange(1, reach + 1)
    weighted = np.minimum(1.0, 2.0 * (1.0 - lags / reach)) * covariance[1 : reach + 1]
    spectrum, slope = covariance[0] + 2.0 * weighted.sum(), 2.0 * (lags * weighted).sum()
    best = cbrt(float((slope / spectrum) ** 2 * count))
    return min(max(best, 1.0), float(ceil(min(3.0 * sqrt(count), count / 3))))


def _run(count: int) -> int:
    """How many small autocorrelations in a row end the dependence (the papers' K_n)."""
    return max(5, ceil(sqrt(log10(count))))


def _autocovariance(values: Floats, longest: int) -> Floats:
    centred = values - values.mean()
    return np.array([centred[: len(values) - lag] @ centred[lag:] for lag in range(longest + 1)]) / len(values)


def _last_notable(correlation: Floats, count: int) -> int:
    """The lag after which a whole run of autocorrelations is indistinguishable from 0."""
    notable = np.abs(correlation[1:]) >= 2.0 * sqrt(log10(count) / count)
    run = _run(count)
    for lag in range(len(notable) - run + 1):
        if not notable[lag : lag + run].any():
            return lag
    return int(np.flatnonzero(notable)[-1]) + 1 if notable.any() else 0
