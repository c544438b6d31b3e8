"""Candle series that can be reasoned about."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.strategies.market import Market

Floats = NDArray[np.float64]
MINUTES_5 = 5 * 60 * 1_000_000


def market(
    close: Sequence[float] | Floats,
    *,
    wick: float = 0.0,
    volume: Sequence[float] | Floats | None = None,
    sentiment: Sequence[float] | None = None,
) -> Market:
    """Bars that open at the close before, with wicks of `wick` on both ends; volume 1 unless told."""
    closes = np.asarray(close, dtype=np.float64)
    opens = np.concatenate([closes[:1], closes[:-1]])
    return Market(
        open_time=np.arange(len(closes), dtype=np.int64) * MINUTES_5,
        open=opens,
        high=np.maximum(opens, closes) + wick,
        low=np.minimum(opens, closes) - wick,
        close=closes,
        volume=np.ones(len(closes)) if volume is None else np.asarray(volume, dtype=np.float64),
        sentiment=None if sentiment is None else np.asarray(sentiment, dtype=np.float64),
    )


def path(start: float, *steps: float) -> Floats:
    """Closes that begin at `start` and move by each step."""
    return np.asarray(start + np.concatenate([[0.0], np.cumsum(steps)]))


def mirrored(original: Market, around: float) -> Market:
    """The same market upside down: every price p becomes 2 * around - p, so highs become lows."""
    return Market(
        open_time=original.open_time,
        open=2 * around - original.open,
        high=2 * around - original.low,
        low=2 * around - original.high,
        close=2 * around - original.close,
        volume=original.volume,
        sentiment=None if original.sentiment is None else -original.sentiment,
    )


def scaled(original: Market, factor: float) -> Market:
    """The same market with prices and volumes in other units."""
    return Market(
        open_time=original.open_time,
        open=original.open * factor,
        high=original.high * factor,
        low=original.low * factor,
        close=original.close * factor,
        volume=original.volume * factor,
        sentiment=original.sentiment,
    )


def wandering(seed: int, bars: int, *, volatility: float = 0.004, quiet: float = 0.0, silent: float = 0.0) -> Market:
    """A seeded market with trends that change every 40 bars; `quiet` and `silent` are the shares of bars
    without a move and without volume, the quiet ones in one stretch."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.normal(0.0, 0.25 * volatility, bars // 40 + 1), 40)[:bars]
    steps = rng.normal(drift, volatility)
    begin = rng.integers(0, bars)
    steps[begin : begin + int(quiet * bars)] = 0.0
    close = 100.0 * np.exp(np.cumsum(steps))
    opens = np.concatenate([close[:1], close[:-1]])
    wick = np.where(steps == 0.0, 0.0, 0.3 * volatility * close * rng.random(bars))
    volume = rng.lognormal(0.0, 1.0, bars) * (1 + 200 * np.abs(steps)) * (rng.random(bars) >= silent)
    mood = np.clip(np.cumsum(rng.normal(0.0, 0.1, bars)), -1.0, 1.0)
    mood[rng.random(bars) < 0.2] = np.nan
    return Market(
        open_time=np.arange(bars, dtype=np.int64) * MINUTES_5,
        open=opens,
        high=np.maximum(opens, close) + wick,
        low=np.minimum(opens, close) - wick,
        close=close,
        volume=volume,
        sentiment=mood,
    )
