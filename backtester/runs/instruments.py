"""A symbol's steps and minimums: what is stored with its candles, else learnt from them, and what Kraken asks for."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from backtester.data.steps import UNKNOWN
from backtester.data.store import CandleStore
from backtester.runs.plan import Plan
from shared.broker.base import Instrument
from shared.errors import ConfigError
from shared.strategies.market import PRICES, Market

LOT = Decimal("1e-8")
MAX_DECIMALS = 10
MIN_COST: Mapping[str, Decimal] = {"BTC": Decimal("0.00002"), "ETH": Decimal("0.0002")}
"""Kraken's least notional by quote currency; 0.5 for the others."""


def with_steps(plan: Plan, store: CandleStore) -> Plan:
    """The plan with the steps of all of its symbols.

    A tick that nobody knows, or that the venue had not yet when the oldest bars were made, is learnt from everything
    that is stored. It belongs to the plan: more candles may give another plan, but never other trades under the same
    one, nor another tick in a part of them.
    """
    steps, learnt = {}, []
    for symbol in plan.symbols:
        known = store.steps(plan.venue, symbol, plan.base_timeframe) or UNKNOWN
        market = store.load(plan.venue, symbol, plan.base_timeframe)
        if known.tick is None or not _fits(market, 1 / float(known.tick)):
            known = known.model_copy(update={"tick": learnt_tick(symbol, market)})
            learnt.append(symbol)
        steps[symbol] = known
    return plan.model_copy(update={"steps": steps, "learnt": tuple(learnt)})


def instrument_of(symbol: str, market: Market, plan: Plan) -> Instrument:
    """By the plan's steps; without them the tick is learnt from this market. Lots of 1e-8 where they are not known.

    ConfigError: prices with more than ten decimals.
    """
    steps, costs = plan.steps.get(symbol, UNKNOWN), plan.costs
    lot = steps.lot or LOT
    usual = MIN_COST.get(symbol.split("/")[1], Decimal("0.5")) if steps.min_cost is None else steps.min_cost
    least = usual if costs.min_cost is None else costs.min_cost
    return Instrument(symbol, steps.tick or learnt_tick(symbol, market), lot, steps.min_quantity or lot, least)


def learnt_tick(symbol: str, market: Market) -> Decimal:
    """The finest decimal place of the prices. ConfigError: more than ten decimals."""
    for decimals in range(MAX_DECIMALS + 1):
        if _fits(market, 10.0**decimals):
            return Decimal(1).scaleb(-decimals)
    raise ConfigError(
        f"{symbol}: a price has more than {MAX_DECIMALS} decimals; round the candles and import them again"
    )


def _fits(market: Market, ticks_per_unit: float) -> bool:
    return all(_on_grid(getattr(market, name), ticks_per_unit) for name in PRICES)


def _on_grid(prices: np.ndarray[tuple[int], np.dtype[np.float64]], ticks_per_unit: float) -> bool:
    exact = prices * ticks_per_unit
    ticks = np.rint(exact)
    near = np.abs(exact - ticks) <= 1e-6 * np.maximum(1.0, exact * 1e-6)
    return bool((near & (ticks >= 1)).all())  # a price below half a tick is near 0, and no price
