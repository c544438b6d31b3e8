"""Bollinger bands, 20 bars and two population standard deviations."""

from typing import NamedTuple

import numpy as np

from shared.indicators.rolling import Floats, percentile_rank, ratio, rolling_mean, rolling_std

BARS, DEVIATIONS, RANKED = 20, 2.0, 120


class Bands(NamedTuple):
    """Prices, shape (n,)."""

    upper: Floats
    middle: Floats
    lower: Floats

    @property
    def width(self) -> Floats:
        """(upper - lower) / middle, rounded so that constant prices have no width."""
        return np.asarray(np.round((self.upper - self.lower) / self.middle, 10))


def bollinger(close: Floats) -> Bands:
    middle, spread = rolling_mean(close, BARS), DEVIATIONS * rolling_std(close, BARS)
    return Bands(middle + spread, middle, middle - spread)


def percent_b(close: Floats, bands: Bands) -> Floats:
    """0 at the lower band, 1 at the upper, 0.5 where the bands have no width."""
    span = np.where(bands.width > 0, bands.upper - bands.lower, np.where(np.isnan(bands.width), np.nan, 0.0))
    return ratio(close - bands.lower, span, otherwise=0.5)


def width_percentile(bands: Bands) -> Floats:
    """Rank of the bandwidth among those of the last 120 bars, 0 (tightest) to 100."""
    return percentile_rank(bands.width, RANKED)
