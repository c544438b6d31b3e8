"""Bars of tests: drawn from a seed, drawn by hypothesis, and as files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from backtester.data.checks import Checked, checked
from backtester.data.rows import VALUES, Rows
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import MINUTE

START = 1_640_995_200_000_000
"""2022-01-01, a Saturday; the clock of the tests stands a century later."""
NOW = START + 100 * 365 * 1440 * MINUTE
BTC = "BTC/USD"


def market(count: int, seed: int = 1, first: int = 0, minutes: int = 1) -> Market:
    """A random walk of `count` bars, from `first` bars after 2022-01-01 on; fewer bars are the first ones of more."""
    steps, sizes = np.random.default_rng(seed).normal(size=(count, 2)).T
    close = 100 * np.exp(np.cumsum(steps) / 1000)
    opened = np.concatenate([[100.0], close[:-1]])[:count]
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    time = START + (first + np.arange(count)) * minutes * MINUTE
    return Market(time, opened, high, low, close, np.abs(sizes))


@st.composite
def markets(draw: st.DrawFn, size: int = 30) -> Market:
    """Any bars that can be counted in ticks, with gaps, on the grid of 1m."""
    price, scale = st.floats(1, 1e4), draw(st.sampled_from([1e-6, 1e-3, 1.0, 1e4, 1e8]))
    bars = st.tuples(st.lists(price, min_size=4, max_size=4).map(sorted), st.booleans(), st.floats(0, 1e15))
    drawn = draw(st.dictionaries(st.integers(0, 3 * size), bars, min_size=1, max_size=size))
    minutes = np.array(sorted(drawn), np.int64)
    rows = [(body[falls], high, low, body[not falls], volume) for low, *body, high, falls, volume in _flat(drawn)]
    *prices, volume = np.array(rows, np.float64).T
    return Market(START + minutes * MINUTE, *(scale * column for column in prices), volume)


def _flat(drawn: dict[int, tuple[list[float], bool, float]]) -> list[tuple[float, float, float, float, bool, float]]:
    return [
        (prices[0], prices[1], prices[2], prices[3], falls, volume)
        for _, (prices, falls, volume) in sorted(drawn.items())
    ]


def rows(bars: Market, source: str = "bars") -> Rows:
    """As a source would give them, in lines from 2 on."""
    numbers = np.arange(2, len(bars) + 2)
    return Rows(source, "line", (), numbers, bars.open_time, *(getattr(bars, name) for name in VALUES))


def believed(bars: Market, timeframe: Timeframe = "1m", source: str = "bars") -> Checked:
    """As the store takes them."""
    return checked(rows(bars, source), timeframe, NOW)


def changed(bars: Market, at: int, **values: float) -> Market:
    """One bar with other values."""
    columns = {name: getattr(bars, name).copy() for name in values}
    for name, value in values.items():
        columns[name][at] = value
    return replace(bars, **columns)


def same(one: Market, other: Market) -> bool:
    """Equal to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("open_time", *VALUES))


def write_csv(path: Path, bars: Market) -> Path:
    """With times as epoch seconds and every digit of the prices."""
    columns = [(bars.open_time // 1_000_000).tolist(), *(getattr(bars, name).tolist() for name in VALUES)]
    lines = [",".join(map(repr, row)) for row in zip(*columns, strict=True)]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    return path
