"""Curves of a year of minutes as few points, without losing what stands out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats


def thinned(curves: Sequence[Floats], most: int) -> NDArray[np.int64]:
    """Ascending positions of at most `most` points, the same for all curves (each (n,), n >= 1).

    The lowest and the highest point of every curve in stretches of equal length, and the ends: so no spike is lost,
    which every k-th point would. ValueError: too few for the ends and one stretch.
    """
    count = len(curves[0])
    stretches = (most - 2) // (2 * len(curves))
    if stretches < 1:
        raise ValueError(f"{most} points cannot hold the extremes of {len(curves)} curves")
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, stretches + 1).astype(np.int64)
    found = [0, count - 1]
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        for curve in curves:
            part = curve[begin:end]
            found += [begin + int(part.argmin()), begin + int(part.argmax())]
    return np.unique(np.array(found, np.int64))
