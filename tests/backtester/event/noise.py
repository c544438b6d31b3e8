"""A strategy that trades often and means nothing."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shared.strategies.market import Market


class Noise:
    """Scores by the last digits of the close."""

    name = "noise"
    description = "means nothing"
    warmup = 1

    def __init__(self, **params: Mapping[str, object]) -> None:
        assert not params

    def score(self, market: Market) -> NDArray[np.float64]:
        digits = np.rint(market.close * 100).astype(np.int64) % 11
        return (digits - 5) / 5.0

    def explain(self, market: Market) -> str:
        return "noise"
