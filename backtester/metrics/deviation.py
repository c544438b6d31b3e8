"""Standard deviation that knows rounding from variation: a constant series has none, not 1e-17."""

from math import exp

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE = 16 * float(np.finfo(np.float64).eps)
"""What a few float operations leave behind, relative to the numbers that went in."""
_MOST = 700.0
"""exp of more is too near the largest float to calculate with."""


def deviation(values: Floats, magnitude: float) -> float | None:
    """Sample standard deviation (ddof 1); None for fewer than two values, and where they do not vary.

    `magnitude` is the size of the numbers from which the values were subtracted or divided: 1 for returns.
    """
    return None if len(values) < 2 else varying(float(values.std(ddof=1)), magnitude)


def varying(spread: float, magnitude: float) -> float | None:
    """`spread`, or None where it is no more than the rounding of numbers of this magnitude."""
    return spread if spread > NOISE * magnitude else None


def exponential(exponent: float) -> float | None:
    """exp(exponent); None where a float cannot hold it."""
    return exp(exponent) if exponent < _MOST else None
