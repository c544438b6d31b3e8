"""Prices that the engines can count: whole ticks of a power of ten, in an int64."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from backtester.data.rows import Rows
from shared.ids import canonical
from shared.strategies.market import PRICES

MOST_DECIMALS = 18
MOST_TICKS = 2.0**62
OFF_TICK = 1e-6
"""Ticks that a price may be off; a float's rounding moves it by no more."""
Rule = tuple[str, str, NDArray[np.bool_]]


def countable(rows: Rows) -> Iterator[Rule]:
    """Prices that are too fine or too large to be counted beside the others; the middle one of all is believed."""
    columns = {name: getattr(rows, name) for name in PRICES}
    prices = np.unique(np.concatenate([column[_positive(column)] for column in columns.values()]))
    if not len(prices):
        return
    allowed = int(np.clip(MOST_DECIMALS - np.ceil(np.log10(np.median(prices))), 0, MOST_DECIMALS))
    decimals = decimals_of(prices[on_grid(prices, allowed)], allowed)
    for name, column in columns.items():
        good = _positive(column)
        fine, large = np.zeros(len(column), np.bool_), np.zeros(len(column), np.bool_)
        fine[good] = ~on_grid(column[good], allowed)
        large[good] = column[good] > MOST_TICKS / 10.0**decimals
        yield name, f"needs more than {allowed} decimals, which no backtest can count; round it", fine
        tick = canonical(Decimal(1).scaleb(-decimals))
        yield name, f"is too large to be counted in ticks of {tick}; correct it, or round the file's prices", large


def between_ticks(rows: Rows, tick: Decimal) -> Iterator[Rule]:
    """Prices that are no whole ticks."""
    fix = "round it, or give the finer step as --tick (with --replace where one is stored)"
    for name in PRICES:
        yield name, f"lies between two ticks of {canonical(tick)}; {fix}", off_tick(getattr(rows, name), tick)


def off_tick(prices: NDArray[np.float64], tick: Decimal) -> NDArray[np.bool_]:
    """Where a price of shape (n,) is no whole number of ticks."""
    return ~_whole(prices / float(tick))


def decimals_of(prices: NDArray[np.float64], most: int = MOST_DECIMALS) -> int:
    """The decimals that all prices need, up to `most`."""
    for decimals in range(most):
        prices = prices[~on_grid(prices, decimals)]
        if not len(prices):
            return decimals
    return most


def on_grid(prices: NDArray[np.float64], decimals: int) -> NDArray[np.bool_]:
    """Where so many decimals are enough."""
    return _whole(prices * 10.0**decimals)


def _whole(exact: NDArray[np.float64]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        nearest = np.rint(exact)
        near = np.abs(exact - nearest) <= OFF_TICK * np.maximum(1.0, np.abs(exact) * OFF_TICK)
        return np.asarray(near & (nearest != 0))


def _positive(prices: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (prices > 0) & np.isfinite(prices)
