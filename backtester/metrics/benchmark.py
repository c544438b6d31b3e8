"""What any strategy has to beat: to buy the whole universe at the first bar, and do nothing more."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats
from backtester.metrics.series import EquityCurve
from backtester.metrics.trades import ClosedTrade


class Held(NamedTuple):
    """The account that held, and a trade for every symbol."""

    curve: EquityCurve
    trades: list[ClosedTrade]


def buy_and_hold(time: NDArray[np.int64], closes: Mapping[str, Floats], cash: float) -> Held:
    """Equal shares of `cash` in every symbol at the first close, never rebalanced, sold at the last.

    `time` as an EquityCurve's, `closes` of shape (n,) each. Without fees, so that it is not easier to beat than it
    could be. backtesting.py has the same over one symbol, from the first bar after its warm-up. ValueError: no symbol,
    or a close that is missing or not above zero.
    """
    if not closes:
        raise ValueError("closes has no symbol: nothing can be held")
    share = cash / len(closes)
    worth = [share * _growth(symbol, prices, len(time)) for symbol, prices in closes.items()]
    curve = EquityCurve(time, np.sum(worth, axis=0))
    return Held(curve, [_trade(symbol, prices, share, curve) for symbol, prices in closes.items()])


def _growth(symbol: str, prices: Floats, bars: int) -> Floats:
    if prices.shape != (bars,) or not (np.isfinite(prices) & (prices > 0)).all():
        raise ValueError(f"closes of {symbol} must be {bars} finite positive prices, one for each bar")
    return np.asarray(prices / prices[0])


def _trade(symbol: str, prices: Floats, cost: float, curve: EquityCurve) -> ClosedTrade:
    first, last = float(prices[0]), float(prices[-1])
    quantity = cost / first
    return ClosedTrade(
        symbol=symbol,
        side=1,
        quantity=quantity,
        entry_time=int(curve.time[0]),
        exit_time=int(curve.time[-1]),
        entry_price=first,
        exit_price=last,
        fees=0.0,
        pnl=quantity * (last - first),
        exit_reason="end",
    )
