"""Other bars in place of some: what would have happened had the market gone elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtester.data.rows import VALUES
from shared.strategies.market import PRICES, Market

Places = NDArray[np.intp]
Floats = NDArray[np.float64]
STRETCH = 20
"""Bars that are replaced at one place where bars at many places are."""
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


def replaced(market: Market, starts: Places, bars: int, elsewhere: Elsewhere) -> Market:
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


def interrupted(market: Market, starts: Places, bars: int) -> tuple[Market, Places]:
    """As `replaced`, and at other times; and which of the market's bars are left, by position, shape (m,).

    `bars` bars that began after a gap follow at once, of any others the first half is left out. `starts` are not 0.
    """
    other = replaced(market, starts, bars, TURNED)
    time, left = market.open_time.copy(), np.ones(len(market), bool)
    gaps = np.isin(starts, after_gaps(market))
    closing = (starts[gaps][:, None] + np.arange(bars)).ravel()
    closed = (time[starts[gaps] - 1][:, None] + usual_step(market) * (1 + np.arange(bars))).ravel()
    inside = closing < len(market)
    time[closing[inside]] = closed[inside]
    gone = (starts[~gaps][:, None] + np.arange((bars + 1) // 2)).ravel()
    left[gone[gone < len(market)]] = False
    columns = {name: getattr(other, name)[left] for name in VALUES}
    mood = None if other.sentiment is None else other.sentiment[left]
    return Market(time[left], **columns, sentiment=mood), np.flatnonzero(left)


def after_gaps(market: Market) -> Places:
    """The bars that open later after the one before than bars of this market do at least."""
    return 1 + np.flatnonzero(np.diff(market.open_time) > usual_step(market))


def usual_step(market: Market) -> int:
    """The least time from one bar to the next, in microseconds; 0 where there are not two."""
    return int(np.diff(market.open_time).min()) if len(market) > 1 else 0


def _moved(prices: Floats, before: Floats, elsewhere: Elsewhere) -> Floats:
    bent = elsewhere.bend * np.log(prices / before)
    move = np.clip(bent + np.where(bent < 0, -elsewhere.least, elsewhere.least), -FARTHEST, FARTHEST)
    moved: Floats = before * np.exp(move)
    return moved


def _mood(market: Market, places: Places, elsewhere: Elsewhere) -> Floats | None:
    if market.sentiment is None:
        return None
    mood = np.where(np.isnan(market.sentiment), 0.7, market.sentiment)[places]
    return _put(market.sentiment, places, elsewhere.mood * np.clip(1.5 * mood, -1.0, 1.0))


def _put(values: Floats, places: Places, new: Floats) -> Floats:
    result = values.copy()
    result[places] = new
    return result
