"""A market drawn from a seed: trends, a stretch without moves, bars without volume, sentiment that comes and goes."""

import numpy as np
from numpy.typing import NDArray

from shared.strategies.market import Market

DRAWN_FROM = 1_704_067_200_000_000
"""2024-01-01, a Monday."""
LEG = 60
"""Bars of one trend."""


def drawn(seed: int, bars: int, step: int) -> Market:
    """A random walk in trends of LEG bars, one stretch without moves, some bars without volume; `step` microseconds."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.normal(0.0, 0.001, bars // LEG + 1), LEG)[:bars]
    moves = rng.normal(drift, 0.004)
    still = int(rng.integers(bars))
    moves[still : still + bars // 20] = 0.0
    close = np.round(100.0 * np.exp(np.cumsum(moves)), 4)
    opened = np.concatenate([close[:1], close[:-1]])
    wick = np.where(moves == 0.0, 0.0, np.round(0.001 * close * rng.random(bars), 4))
    volume = np.round(rng.lognormal(0.0, 1.0, bars) * (1 + 200 * np.abs(moves)) * (rng.random(bars) > 0.02), 6)
    time = DRAWN_FROM + np.arange(bars) * step
    high, low = np.maximum(opened, close) + wick, np.minimum(opened, close) - wick
    return Market(time, opened, high, low, close, volume, drawn_mood(rng, bars))


def drawn_mood(rng: np.random.Generator, bars: int) -> NDArray[np.float64]:
    """Sentiment that wanders between -1 and 1, unknown at one bar in five."""
    mood = np.sin(np.cumsum(rng.normal(0.0, 0.1, bars)))
    mood[rng.random(bars) < 0.2] = np.nan
    return mood
