"""From markets to the loop's arrays: one timeline for all symbols, scores and ATR where decision bars close."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.vector.state import BAR, Floats, Ints, Tape
from shared.indicators.computed import indicators_of
from shared.portfolio.grid import Grid, atr_ticks
from shared.schemas.base import Timeframe
from shared.strategies.base import Strategy
from shared.strategies.ensemble import combine
from shared.strategies.market import PRICES, Market
from shared.timeframes import length

NEAR = 1e-9
"""Sums this near to where rounding to 1e-6 changes are added up exactly."""


def resampled(market: Market, timeframe: Timeframe, base: Timeframe) -> Market:
    """Bars of `timeframe` from those of `base`: whole ones only, the first and the last may have been cut."""
    if timeframe == base:
        return market
    span = length(timeframe)
    bucket = market.open_time // span
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    bars = Market(
        open_time=bucket[starts] * span,
        open=market.open[starts],
        high=np.maximum.reduceat(market.high, starts),
        low=np.minimum.reduceat(market.low, starts),
        close=market.close[np.append(starts[1:], len(market)) - 1],
        volume=np.add.reduceat(market.volume, starts),
    )
    first = int(market.open_time[0] != bars.open_time[0])
    last = int(market.open_time[-1] + length(base) < bars.open_time[-1] + span)
    return bars.between(first, len(bars) - last)


def ensemble(scores: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """`shared.strategies.ensemble.combine` of every bar, equal to the last bit; scores of shape (n,) each."""
    names = sorted(scores)
    table = np.vstack([scores[name] for name in names])
    weight = np.array([weights[name] for name in names])[:, None]
    spoke = (weight * (table != 0)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = np.where(spoke > 0, (weight * table).sum(axis=0) / spoke, 0.0)
    rounded = np.round(exact, 6).astype(np.float64)
    doubtful = np.flatnonzero(np.abs(np.abs(exact - rounded) - 5e-7) < NEAR)
    for place in doubtful:
        rounded[place] = combine({name: float(scores[name][place]) for name in names}, weights).score
    return rounded + np.float64(0.0)  # -0.0 becomes 0.0


def scored(market: Market, strategies: Mapping[str, Strategy], weights: Mapping[str, float]) -> Floats:
    """The ensemble's score of every bar."""
    return ensemble({name: strategy.score(market) for name, strategy in strategies.items()}, weights)


def tape_of(
    markets: Mapping[str, Market],
    decisions: Mapping[str, Market],
    scores: Mapping[str, Floats],
    grids: Mapping[str, Grid],
    base: Timeframe,
    decision: Timeframe,
    entry_score: float,
) -> Tape:
    """Everything on one timeline; symbols in alphabetical order."""
    symbols = sorted(markets)
    time = np.unique(np.concatenate([markets[symbol].open_time for symbol in symbols]))
    bars: Any = np.zeros((len(time), len(symbols)), BAR).view(np.recarray)
    bars.score, bars.atr = np.nan, np.nan
    for column, symbol in enumerate(symbols):
        rows = np.searchsorted(time, markets[symbol].open_time)
        for name in PRICES:
            bars[name][rows, column] = ticks_of(getattr(markets[symbol], name), grids[symbol])
        ends = decisions[symbol].open_time + length(decision) - length(base)
        at = np.searchsorted(time, ends, side="right") - 1
        bars.score[at, column] = scores[symbol]
        _put_atr(bars.atr[:, column], at, decisions[symbol], scores[symbol] >= entry_score, grids[symbol])
    return Tape(time, bars)


def ticks_of(prices: Floats, grid: Grid) -> Ints:
    """Prices on their grid. ValueError where one lies between two ticks by more than a float's rounding."""
    exact = prices / float(grid.tick)
    ticks = np.rint(exact)
    if (np.abs(exact - ticks) > 1e-6 * np.maximum(1.0, np.abs(exact) * 1e-6)).any():
        raise ValueError(f"a price is no multiple of the tick {grid.tick}")
    return ticks.astype(np.int64)


def _put_atr(column: Floats, at: NDArray[np.intp], market: Market, needed: NDArray[np.bool_], grid: Grid) -> None:
    """ATR in ticks, to the ten digits that live messages carry, where an entry may need it."""
    values = indicators_of(market).atr
    for place in np.flatnonzero(needed):
        if values[place] == values[place]:
            column[at[place]] = atr_ticks(float(f"{values[place]:.10g}"), float(grid.tick))
