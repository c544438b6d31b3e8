"""Ratios of return series. Every function takes simple returns per period, shape (n,), and periods per year.

Two conventions. `compounded=False`, which reports show, annualises by the square root of time, as the papers define
the ratios and as the tests in `significance` require. `compounded=True` is backtesting.py's: the numerator is the
geometric annual return and volatility that of compounded returns. On volatile series the two differ by tens of
per cent, so figures are only comparable within one.
"""

from math import exp, expm1, log, log1p, sqrt

import numpy as np

from backtester.metrics.deviation import Floats, deviation, exponential, varying
from backtester.metrics.series import EquityCurve

TAIL = 0.05
"""The worst share of periods that VaR and CVaR look at: 95 % confidence."""


def total_return(curve: EquityCurve) -> float | None:
    """Last equity over first, minus 1; None for a single bar."""
    return float(curve.equity[-1] / curve.equity[0] - 1.0) if len(curve) > 1 else None


def cagr(curve: EquityCurve) -> float | None:
    """Compound annual growth rate over calendar time: (last / first) ** (1 / years) - 1, years of 365.25 days.

    Convention of backtesting.py's CAGR, over calendar time and not over bars. None for a single bar or a
    ruined account, and where the run is so short that the power leaves float.
    """
    if len(curve) < 2 or curve.ruined:
        return None
    return _minus_one(exponential(log(float(curve.equity[-1] / curve.equity[0])) / curve.years))


def annual_return(returns: Floats, periods: float) -> float | None:
    """Geometric mean return, compounded over a year of `periods`. Source: backtesting.py's and empyrical's."""
    if len(returns) == 0 or (returns <= -1).any():
        return None
    return _minus_one(exponential(float(np.log1p(returns).mean()) * periods))


def volatility(returns: Floats, periods: float, *, compounded: bool = False) -> float | None:
    """Annual standard deviation, ddof 1: per period times the root of `periods`; 0 where returns do not vary.

    Source: Lo, "The Statistics of Sharpe Ratios", FAJ 58(4), 2002, for independent returns. Compounded: the
    deviation of a product of independent returns, Goodman, "On the Exact Variance of Products", JASA 55, 1960, with
    the geometric mean for the mean, as backtesting.py does.
    """
    if len(returns) < 2:
        return None
    if not compounded:
        return (deviation(returns, 1.0) or 0.0) * sqrt(periods)
    growth = annual_return(returns, 1.0)
    return None if growth is None else _compounded(float(returns.var(ddof=1)), growth, periods)


def sharpe(returns: Floats, periods: float, risk_free: float = 0.0, *, compounded: bool = False) -> float | None:
    """Mean return above the risk-free rate (a year's) over its standard deviation, annual.

    Source: Sharpe, "The Sharpe Ratio", JPM 21(1), 1994; annual by the root of time, Lo 2002. Compounded: the annual
    return above the rate over compounded volatility.
    """
    spread = deviation(returns, 1.0)
    if spread is None:
        return None
    if not compounded:
        return float(returns.mean() - _per_period(risk_free, periods)) / spread * sqrt(periods)
    return _over(annual_return(returns, periods), risk_free, volatility(returns, periods, compounded=True))


def sortino(returns: Floats, periods: float, risk_free: float = 0.0, *, compounded: bool = False) -> float | None:
    """Mean return above the target over the root mean square of the shortfalls below it, annual.

    The target is the risk-free rate (a year's), and all periods count in the mean square, those above with 0. Source:
    Sortino & Price, "Performance Measurement in a Downside Risk Framework", JOI 3(3), 1994. Compounded: the annual
    return above the rate over the shortfalls below 0. None where no period fell short.
    """
    if len(returns) < 2:
        return None
    target = 0.0 if compounded else _per_period(risk_free, periods)
    shortfall = varying(sqrt(float(np.mean(np.minimum(returns - target, 0.0) ** 2))), 1.0)
    if shortfall is None:
        return None
    if not compounded:
        return float(returns.mean() - target) / shortfall * sqrt(periods)
    return _over(annual_return(returns, periods), risk_free, shortfall * sqrt(periods))


def calmar(growth: float | None, depth: float) -> float | None:
    """Annual growth over the deepest drawdown of the same run; None where there was none.

    Source: Young, "Calmar Ratio: A Smoother Tool", Futures 20(1), 1991, who takes the last 36 months. Reports give it
    the CAGR; backtesting.py gives it `annual_return` of days.
    """
    return None if growth is None or depth <= 0 else growth / depth


def value_at_risk(returns: Floats, tail: float = TAIL) -> float | None:
    """Historical VaR: the loss that all but the worst `tail` of periods stay within; negative if even that gained.

    The empirical quantile without interpolation, (floor(n * tail) + 1)th worst. Source: Acerbi & Tasche, "On the
    coherence of expected shortfall", JBF 26(7), 2002, the upper quantile. None below 1 / tail periods.
    """
    count = _tail_count(returns, tail)
    return None if count < 1 else -float(np.partition(returns, int(count))[int(count)])


def conditional_value_at_risk(returns: Floats, tail: float = TAIL) -> float | None:
    """Historical CVaR (expected shortfall): the mean loss in the worst `tail` of periods, at least the VaR.

    Where n * tail is not whole, the next worst period counts with the rest. Source: Acerbi & Tasche 2002,
    their estimator from order statistics.
    """
    count = _tail_count(returns, tail)
    if count < 1:
        return None
    whole = int(count)
    worst = np.partition(returns, whole)
    return -float(worst[:whole].sum() + (count - whole) * worst[whole]) / count


def _tail_count(returns: Floats, tail: float) -> float:
    return round(len(returns) * tail, 9)


def _per_period(annual: float, periods: float) -> float:
    return expm1(log1p(annual) / periods)


def _minus_one(growth: float | None) -> float | None:
    return None if growth is None else growth - 1.0


def _over(growth: float | None, risk_free: float, risk: float | None) -> float | None:
    return None if growth is None or not risk else (growth - risk_free) / risk


def _compounded(variance: float, growth: float, periods: float) -> float | None:
    square = 2.0 * log1p(growth) * periods
    added = log1p(variance / (1.0 + growth) ** 2) * periods
    return None if exponential(max(added, square + added)) is None else sqrt(exp(square) * expm1(added))
