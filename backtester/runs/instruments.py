"""A symbol's steps and minimums where no venue can be asked: from the prices, and from what Kraken asks for."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from backtester.runs.plan import Costs
from shared.broker.base import Instrument
from shared.errors import ConfigError
from shared.strategies.market import PRICES, Market

LOT = Decimal("1e-8")
MAX_DECIMALS = 10
MIN_COST: Mapping[str, Decimal] = {"BTC": Decimal("0.00002"), "ETH": Decimal("0.0002")}
"""Kraken's least notional by quote currency; 0.5 for the others."""


def instrument_of(symbol: str, market: Market, costs: Costs) -> Instrument:
    """The tick is the finest decimal place of the prices; lots of 1e-8, and no least quantity but one lot.

    ConfigError: prices with more than ten decimals.
    """
    tick = Decimal(1).scaleb(-decimals_of(symbol, market))
    least = MIN_COST.get(symbol.split("/")[1], Decimal("0.5")) if costs.min_cost is None else costs.min_cost
    return Instrument(symbol, tick, LOT, LOT, least)


def decimals_of(symbol: str, market: Market) -> int:
    """The decimals that all prices need, 0 to 10."""
    for decimals in range(MAX_DECIMALS + 1):
        if all(_on_grid(getattr(market, name), decimals) for name in PRICES):
            return decimals
    raise ConfigError(
        f"{symbol}: a price has more than {MAX_DECIMALS} decimals; round the candles and import them again"
    )


def _on_grid(prices: np.ndarray[tuple[int], np.dtype[np.float64]], decimals: int) -> bool:
    exact = prices * 10.0**decimals
    ticks = np.rint(exact)
    near = np.abs(exact - ticks) <= 1e-6 * np.maximum(1.0, exact * 1e-6)
    return bool((near & (ticks >= 1)).all())  # a price below half a tick is near 0, and no price
