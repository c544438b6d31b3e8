"""How bullish the indicators are together, until rankings publish a score of their own.

Nine votes, each in [-1, 1], positive for higher prices, clipped at the reach given here:

    RSI          (RSI - 50) / 20               MACD        histogram / (0.15 ATR)
    EMA 20       (close - EMA) / ATR           EMA 50      (close - EMA) / (2 ATR)
    EMA 200      (close - EMA) / (4 ATR)       direction   2 (+DI - -DI) / (+DI + -DI)
    bands        2 %B - 1                      stochastic  (%K - 50) / 40
    OBV          2 * its slope over 20 bars

score = (mean of the votes + 1) / 2, in [0, 1]. confidence = 80 * agreement + 20 * volume, in [0, 100]: agreement
is the share of the votes with the majority's sign (an exact 0 agrees with neither), volume the rank of the bar's
volume among the last 50. A market turned upside down has 1 - score and the same confidence.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from shared.indicators.rolling import Floats


class Bullish(NamedTuple):
    """Shape (n,); nan until every vote is known."""

    score: Floats
    confidence: Floats


def bullish(votes: Iterable[Floats], volume_rank: Floats) -> Bullish:
    """`votes` of shape (n,) each, clipped to [-1, 1] here and added one by one; `volume_rank` 0 to 100."""
    total, count = np.zeros(len(volume_rank)), 0
    up, down = np.zeros(len(volume_rank), np.int8), np.zeros(len(volume_rank), np.int8)
    for vote in votes:
        ballot = np.clip(vote, -1.0, 1.0)
        total += ballot
        up += ballot > 0
        down += ballot < 0
        count += 1
    score = (total / count + 1.0) / 2.0
    agreement = np.maximum(up, down) / count
    confidence: Floats = np.where(np.isnan(score), np.nan, 80.0 * agreement + 0.2 * volume_rank)
    return Bullish(np.round(score, 9), np.round(confidence, 7))
