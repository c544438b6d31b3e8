"""What volume says. On-balance volume only over fixed windows: its level depends on where history begins."""

import numpy as np

from shared.indicators.rolling import Floats, lagged, ratio, rolling_mean, zscore_of_last

SLOPE_BARS, BASELINE_BARS = 20, 50


def signed_volume(close: Floats, volume: Floats) -> Floats:
    """The bar's step of on-balance volume: volume with the sign of the close's change."""
    return np.asarray(np.sign(close - lagged(close, 1)) * volume)


def obv_slope(close: Floats, volume: Floats) -> Floats:
    """Change of on-balance volume over 20 bars as a part of the volume traded, -1 to 1; 0 without volume."""
    step = rolling_mean(signed_volume(close, volume), SLOPE_BARS)
    return ratio(step, rolling_mean(volume, SLOPE_BARS), otherwise=0.0)


def obv_jump(close: Floats, volume: Floats) -> Floats:
    """Standard deviations by which this step of on-balance volume exceeds the 50 before it."""
    return zscore_of_last(signed_volume(close, volume), BASELINE_BARS)


def volume_z(volume: Floats) -> Floats:
    """Standard deviations by which this bar's volume exceeds the 50 before it."""
    return zscore_of_last(volume, BASELINE_BARS)


def volume_trend(volume: Floats, short: int = 5, long: int = 20) -> Floats:
    """Mean volume of the last 5 bars over that of 20: below 1 where trading dries up; 1 without volume."""
    return ratio(rolling_mean(volume, short), rolling_mean(volume, long), otherwise=1.0)
