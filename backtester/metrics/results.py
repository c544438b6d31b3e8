"""What the results of trades say together. Every function takes an array of results, shape (n,).

`trades.money` counts each trade by what it earned, as reports show it; `trades.fractions` by what it earned on its own
notional, as backtesting.py does for profit factor and expectancy. The two differ where sizes do, and only money adds
up to the account.
"""

from math import sqrt

import numpy as np

from backtester.metrics.deviation import Floats, deviation


def win_rate(results: Floats) -> float | None:
    """Share of trades that earned more than nothing after fees; None without trades. Convention of backtesting.py."""
    return float((results > 0).mean()) if len(results) else None


def profit_factor(results: Floats) -> float | None:
    """Gains of the winners over losses of the losers; None where nothing was lost.

    Convention of vectorbt's profit_factor, which counts money too.
    """
    losses = -float(results[results < 0].sum())
    return float(results[results > 0].sum()) / losses if losses > 0 else None


def expectancy(results: Floats) -> float | None:
    """Mean result of a trade; None without trades.

    Source: Tharp, "Trade Your Way to Financial Freedom", 1998, who divides each result by the risk taken first.
    """
    return float(results.mean()) if len(results) else None


def sqn(results: Floats, cap: int | None = None) -> float | None:
    """System quality number: root of the number of trades times their mean result over its deviation (ddof 1).

    Source: Tharp, "Definitive Guide to Position Sizing", 2008, over multiples of the risk taken, and with the number
    capped at 100 so that systems of different pace compare: `cap=100`. Without a cap, as backtesting.py and vectorbt
    have it and reports show it, it is the t statistic of the mean result. None where results do not vary.
    """
    spread = deviation(results, float(np.abs(results).max(initial=0.0)))
    if spread is None:
        return None
    count = len(results) if cap is None else min(len(results), cap)
    return sqrt(count) * float(results.mean()) / spread
