"""Small curves and trades to write facts with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from backtester.metrics.deviation import Floats
from backtester.metrics.series import DAY, EquityCurve
from backtester.metrics.trades import ClosedTrade

HOUR = DAY // 24


def curve(values: Sequence[float] | Floats, bar: int = DAY) -> EquityCurve:
    """One value a bar; the first bar opens at the epoch."""
    return EquityCurve(bar * np.arange(1, len(values) + 1), np.asarray(values, np.float64))


def trade(pnl: float, **changed: Any) -> ClosedTrade:
    """A long of 2 bought at 100 at the open of day 1 and sold at that of day 2."""
    usual: dict[str, Any] = {
        "symbol": "BTC/USD",
        "side": 1,
        "quantity": 2.0,
        "entry_time": DAY,
        "exit_time": 2 * DAY,
        "entry_price": 100.0,
        "exit_price": 100.0 + pnl / 2,
        "fees": 0.0,
        "exit_reason": "target",
    }
    return ClosedTrade(**{**usual, **changed}, pnl=pnl)


def autoregressive(seed: int, count: int, persistence: float, mean: float = 0.0) -> Floats:
    """AR(1) with normal innovations of deviation 1, begun in its stationary law."""
    noise = np.random.default_rng(seed).standard_normal(count)
    values = np.empty(count)
    values[0] = noise[0] / np.sqrt(1 - persistence**2)
    for at in range(1, count):
        values[at] = persistence * values[at - 1] + noise[at]
    return values + mean
