"""Other bars in place of some: what would have happened had the market gone elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.strategies.market import PRICES, Market

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
FARTHEST = 20.0
"""Largest log return of a replaced bar against the bar before the stretch."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How a bar is replaced: by its log return since the bar before the stretch, times `bend`, and `least` farther."""

    bend: float
    least: float
    volume: float
    mood: float


TURNED = Elsewhere(bend=-1.0, least=0.08, volume=0.2, mood=-1.0)
"""Every rise is a fall of at least `least`, and the other way round."""
STRETCHED = Elsewhere(bend=4.0, least=0.08, volume=7.0, mood=1.0)
"""Every move is four times as large, and `least` more."""


def replaced(market: Market, starts: Ints, bars: int, elsewhere: Elsewhere) -> Market:
    """The market with `bars` bars from each of `starts` on replaced; the others, and all times, stay as they are."""
    places = (starts[:, None] + np.arange(bars)).ravel()
    before = np.where(starts > 0, market.close[starts - 1], market.open[starts]).repeat(bars)
    inside = places < len(market)
    places, before = places[inside], before[inside]
    moved = {name: _moved(getattr(market, name)[places], before, elsewhere) for name in PRICES}
    edges = np.vstack(list(moved.values()))
    moved["high"], moved["low"] = edges.max(axis=0), edges.min(axis=0)
    volume = np.maximum(market.volume[places], 1e-9) * elsewhere.volume
    columns = {name: _put(getattr(market, name), places, values) for name, values in moved.items()}
    return Market(
        market.open_time,
        **columns,
        volume=_put(market.volume, places, volume),
        sentiment=_mood(market, places, elsewhere),
    )


def _moved(prices: Floats, before: Floats, elsewhere: Elsewhere) -> Floats:
    bent = elsewhere.bend * np.log(prices / before)
    move = np.clip(bent + np.where(bent < 0, -elsewhere.least, elsewhere.least), -FARTHEST, FARTHEST)
    moved: Floats = before * np.exp(move)
    return moved


def _mood(market: Market, places: NDArray[np.intp], elsewhere: Elsewhere) -> Floats | None:
    if market.sentiment is None:
        return None
    mood = np.where(np.isnan(market.sentiment), 0.7, market.sentiment)[places]
    return _put(market.sentiment, places, elsewhere.mood * np.clip(1.5 * mood, -1.0, 1.0))


def _put(values: Floats, places: NDArray[np.intp], new: Floats) -> Floats:
    result = values.copy()
    result[places] = new
    return result
