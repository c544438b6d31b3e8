"""The ATR of single bars, from one recursion, is the indicator's to the last digit that is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.vector import passes
from backtester.vector.arrays import ATR_BARS, atrs_at, ten_digits
from benchmarks.prove import DATA, MONTH
from shared.indicators import trend
from shared.indicators.computed import indicators_of
from shared.portfolio.grid import Grid
from shared.strategies.market import Market
from tests.backtester.vector.test_arrays import GRID


def of_indicator(market: Market, grid: Grid) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    known = ten_digits(indicators_of(market).atr.copy())
    return np.floor(known / float(grid.tick) * 1e6 + 0.5) / 1e6


def market_of(close: np.ndarray[tuple[int], np.dtype[np.float64]], reach: int) -> Market:
    steps = np.round(close)
    columns = (steps, steps + reach, np.maximum(steps - reach, 1.0), steps)
    return Market(np.arange(len(close)) * 60_000_000, *(column / 100 for column in columns), np.ones(len(close)))


@given(st.integers(0, 2**32), st.sampled_from((1, 50, 4_000)), st.sampled_from((0, 3, 400)))
def test_of_any_bars(seed: int, volatility: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    moves = rng.integers(-volatility, volatility + 1, 700) * (rng.random(700) < 0.5)
    moves[rng.integers(0, 700)] = 10**8  # one bar beside which all others vanish
    moves[rng.integers(0, 350) : rng.integers(350, 700)] = 0
    market = market_of(np.maximum(10**9 + np.cumsum(moves), 5_000), reach)
    places = np.flatnonzero(rng.random(700) < 0.7)
    assert np.array_equal(atrs_at(market, places, GRID), of_indicator(market, GRID)[places], equal_nan=True)


@pytest.mark.parametrize("bars", [1, 2, 270, 271, 272])
def test_of_few_bars(bars: int) -> None:
    market = market_of(np.linspace(1_000, 2_000, bars), 7)
    found = atrs_at(market, np.arange(bars), GRID)
    assert np.array_equal(found, of_indicator(market, GRID), equal_nan=True)
    assert np.isnan(found).sum() == min(bars, 270)


@given(st.integers(0, 2**32), st.sampled_from((1, 4_000)))
def test_the_bound_holds(seed: int, volatility: int) -> None:
    rng = np.random.default_rng(seed)
    market = market_of(10**6 + np.cumsum(rng.integers(-volatility, volatility + 1, 400)).astype(float), 5)
    places = np.arange(400)
    found, off = np.full(400, np.nan), np.zeros(400)
    passes.put_atrs(market.high, market.low, market.close, 1.0 - 1.0 / 14, ATR_BARS, places, found, off)
    exact = trend.atr(market.high, market.low, market.close)
    assert np.all(np.abs(found - exact)[ATR_BARS:] <= off[ATR_BARS:])
    assert np.all(off[ATR_BARS:] < 1e-12 * exact[ATR_BARS:])


@pytest.mark.skipif(not DATA.exists(), reason="the real candles are not here")
def test_of_a_real_month() -> None:
    columns = np.loadtxt(DATA / MONTH, delimiter=",", skiprows=1, usecols=range(1, 5))
    market = Market(np.arange(len(columns)) * 60_000_000, *columns.T, np.ones(len(columns)))
    found = atrs_at(market, np.arange(len(columns)), GRID)
    assert np.array_equal(found, of_indicator(market, GRID), equal_nan=True)
