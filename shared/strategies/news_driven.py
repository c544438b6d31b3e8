"""News: sentiment that is strong and not turning back.

gates   sentiment known at the bar, at least 0.2 away from neutral; its change against the mean of the 12 bars before
        (those known) not against it by more than 0.1; no mean yet counts as no change
score   sign * (0.6 * level + 0.4 * change / 0.5), the change cut to 0 .. 0.5 in the direction of the level
Silent until there is sentiment. Prices are not looked at.
"""

from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field

from shared.indicators.rolling import Bools, Floats, lagged, padded, ratio
from shared.strategies.base import Params, finished
from shared.strategies.market import Market
from shared.strategies.rules import ramp

LEVEL_WEIGHT = 0.6


class NewsDrivenParams(Params):
    neutral_within: float = Field(0.2, gt=0, le=1)
    compared_bars: int = Field(12, ge=1, le=500)
    turning_back: float = Field(0.1, ge=0, le=2)
    change_full: float = Field(0.5, gt=0, le=2)


class NewsDriven:
    name: ClassVar[str] = "news_driven"
    description: ClassVar[str] = "Follows strong news sentiment while it lasts"
    Params: ClassVar[type[NewsDrivenParams]] = NewsDrivenParams

    def __init__(self, params: NewsDrivenParams | None = None) -> None:
        self.params = params or NewsDrivenParams()

    @property
    def warmup(self) -> int:
        return self.params.compared_bars + 1

    def score(self, market: Market) -> Floats:
        if market.sentiment is None or len(market) < self.warmup:
            return np.zeros(len(market))
        level = market.sentiment
        change = np.sign(level) * self._change(level)
        size = LEVEL_WEIGHT * np.abs(level) + (1 - LEVEL_WEIGHT) * ramp(change, 0.0, self.params.change_full)
        return finished(np.where(self._speaks(level, change), np.sign(level) * size, 0.0), self.warmup)

    def explain(self, market: Market) -> str:
        if len(market) < self.warmup:
            return f"{self.name} is silent: {len(market)} of the {self.warmup} bars it needs"
        if market.sentiment is None or np.isnan(market.sentiment[-1]):
            return f"{self.name} is silent: no sentiment is known"
        level, change = market.sentiment[-1], self._change(market.sentiment)[-1]
        seen = f"sentiment {level:+.2f}, change {change:+.2f} against {self.params.compared_bars} bars"
        score = self.score(market)[-1]
        return f"{self.name} follows ({score:+.2f}): {seen}" if score else f"{self.name} is silent: {seen}"

    def _speaks(self, level: Floats, change: Floats) -> Bools:
        return np.asarray((np.abs(level) >= self.params.neutral_within) & (change >= -self.params.turning_back))

    def _change(self, level: Floats) -> Floats:
        """Level minus the mean of the known levels of the bars before; 0 where none was known."""
        view = np.ascontiguousarray(sliding_window_view(lagged(level, 1), self.params.compared_bars))
        known = ~np.isnan(view)
        count = known.sum(axis=1).astype(np.float64)
        mean = ratio(np.where(known, view, 0.0).sum(axis=1), count, otherwise=0.0)
        change: Floats = np.where(count > 0, level[-len(mean) :] - mean, 0.0)
        return padded(np.round(change, 9), len(level))
