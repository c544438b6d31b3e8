"""From a window of bars to one signal: pure, the same for the same window, weights and candle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import fsum

import numpy as np

from shared.ids import derived_id
from shared.indicators.snapshot import snapshot
from shared.schemas.market import CandleClosed
from shared.schemas.signals import Contribution, SignalGenerated, Technicals
from shared.strategies import ensemble
from shared.strategies.base import Strategy
from shared.strategies.market import Market

SNAPSHOT_BARS = 620
"""Bars after which every technical of the snapshot is known, the average over 200 bars included."""

NO_WEIGHT = "has no weight yet"


@dataclass(frozen=True, slots=True)
class Roster:
    """The active strategies by name, and their weights (sum 1) as of one time; 0 for one without a weight."""

    strategies: Mapping[str, Strategy]
    weights: Mapping[str, float]

    @property
    def bars(self) -> int:
        """The size of window that every strategy and the snapshot can work with."""
        return max([SNAPSHOT_BARS, *(strategy.warmup for strategy in self.strategies.values())])


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights that sum to 1. ValueError: they sum to 0."""
    total = fsum(weights.values())
    if not total > 0:
        raise ValueError("no active strategy has a weight")
    return {name: round(weight / total, 9) for name, weight in weights.items()}


def extended(market: Market, candle: CandleClosed, bars: int) -> Market:
    """The last `bars` bars up to and including the candle."""
    start = max(len(market) + 1 - bars, 0)
    price = {name: float(getattr(candle, name)) for name in ("open", "high", "low", "close", "volume")}
    columns = {name: np.append(getattr(market, name)[start:], price[name]) for name in price}
    return Market(open_time=np.append(market.open_time[start:], microseconds(candle)), **columns)


def microseconds(candle: CandleClosed) -> int:
    """The bar's open since the epoch."""
    return round(candle.open_time.timestamp() * 1_000_000)


@dataclass(frozen=True, slots=True)
class View:
    """What there is to say about one bar: each active strategy's score, weight and reason, and the technicals."""

    scores: Mapping[str, float]
    weights: Mapping[str, float]
    reasons: Mapping[str, str]
    technicals: Technicals


def view(market: Market, roster: Roster) -> View:
    """Of the market's last bar."""
    scores = {name: float(strategy.score(market)[-1]) for name, strategy in roster.strategies.items()}
    reasons = {name: _reason(strategy, market) for name, strategy in roster.strategies.items() if roster.weights[name]}
    return View(scores, roster.weights, reasons, snapshot(market))


def signal(candle: CandleClosed, seen: View, ttl: timedelta) -> SignalGenerated:
    """What the ensemble says about the candle."""
    verdict = ensemble.combine(seen.scores, seen.weights) if seen.scores else ensemble.Ensemble(0.0, ())
    return SignalGenerated(
        message_id=derived_id("SignalGenerated", candle.message_id),
        causation_id=candle.message_id,
        occurred_at=candle.occurred_at,
        symbol=candle.symbol,
        timeframe=candle.timeframe,
        score=verdict.score,
        contributions=tuple(_contribution(part, seen) for part in verdict.contributions),
        technicals=seen.technicals,
        price=candle.close,
        expires_at=candle.occurred_at + ttl,
    )


def _contribution(part: ensemble.Contribution, seen: View) -> Contribution:
    reason = seen.reasons.get(part.strategy, "") if part.weight else NO_WEIGHT
    return Contribution(strategy=part.strategy, weight=part.weight, score=part.score, share=part.share, reason=reason)


def _reason(strategy: Strategy, market: Market) -> str:
    if len(market) < strategy.warmup:
        return f"warming up: {len(market)} of {strategy.warmup} bars"
    return strategy.explain(market)
