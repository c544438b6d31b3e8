"""What any strategy has to beat: to buy the whole universe as it becomes available, and do nothing more."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats
from backtester.metrics.series import EquityCurve


def buy_and_hold(time: NDArray[np.int64], prices: Mapping[str, Floats], cash: float) -> EquityCurve:
    """Equal shares of `cash`, each put into its symbol at its own first price, never rebalanced; in cash until then.

    `time` as an EquityCurve's, `prices` of shape (n,) each, nan before a symbol is listed. Without fees, so that it is
    not easier to beat than it could be. backtesting.py has the same over one symbol, from the first bar after its
    warm-up. ValueError: no symbol, or a price that is missing after the first or not above zero.
    """
    if not prices:
        raise ValueError("prices has no symbol: nothing can be held")
    share = cash / len(prices)
    worth = [share * _growth(symbol, known, len(time)) for symbol, known in prices.items()]
    return EquityCurve(time, np.sum(worth, axis=0))


def _growth(symbol: str, prices: Floats, bars: int) -> Floats:
    listed = np.flatnonzero(~np.isnan(prices))
    known = prices[listed[0] :] if len(listed) else prices
    if prices.shape != (bars,) or not (np.isfinite(known) & (known > 0)).all():
        raise ValueError(f"prices of {symbol} must be {bars} finite positive ones, nan only before its first")
    return np.concatenate([np.ones(bars - len(known)), known / known[0]])
