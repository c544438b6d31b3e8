"""All figures of a run, and the same of holding its universe, in one pass for reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from backtester.metrics import ratios
from backtester.metrics.benchmark import buy_and_hold
from backtester.metrics.deviation import Floats
from backtester.metrics.drawdowns import drawdowns
from backtester.metrics.results import expectancy, profit_factor, sqn, win_rate
from backtester.metrics.series import DAY, EquityCurve, periods_per_year
from backtester.metrics.trades import Trades, average_hold, exposure, fractions, money, turnover
from shared.schemas.base import Timeframe
from shared.timeframes import length

Unit = Literal["share", "ratio", "days", "quote", "times a year"]
"""`share`: 0.05 is shown as 5 %; `quote`: money of the quote currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What METRICS lists, by name; None where not defined, never nan or infinite."""

    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float | None
    max_drawdown_days: float | None
    value_at_risk: float | None
    conditional_value_at_risk: float | None
    exposure: float | None
    turnover: float | None
    average_hold_days: float | None
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_share: float | None
    sqn: float | None


class Metric(NamedTuple):
    """A figure of Performance, for people."""

    name: str
    title: str
    unit: Unit
    meaning: str


METRICS = (
    Metric("total_return", "Return", "share", "last equity over starting cash, minus 1"),
    Metric("cagr", "CAGR", "share", "growth a year, compounded over calendar time"),
    Metric("volatility", "Volatility", "share", "standard deviation of bar returns, times the root of bars in a year"),
    Metric("sharpe", "Sharpe", "ratio", "mean bar return above the risk-free rate over its deviation, a year"),
    Metric("sortino", "Sortino", "ratio", "the same over the root mean square of returns below the risk-free rate"),
    Metric("calmar", "Calmar", "ratio", "CAGR over the deepest drawdown"),
    Metric("max_drawdown", "Max drawdown", "share", "deepest fall below an earlier peak of equity"),
    Metric(
        "max_drawdown_days", "Max drawdown duration", "days", "longest time from a peak until equity was back at it"
    ),
    Metric("value_at_risk", "VaR 95 %", "share", "loss that all but the worst 5 % of days stay within"),
    Metric("conditional_value_at_risk", "CVaR 95 %", "share", "mean loss of the worst 5 % of days"),
    Metric("exposure", "Exposure", "share", "bars during which a position was held"),
    Metric("turnover", "Turnover", "times a year", "notional bought and sold over mean equity"),
    Metric("average_hold_days", "Average hold", "days", "mean time from entry to exit"),
    Metric("win_rate", "Win rate", "share", "trades that earned more than nothing after fees"),
    Metric("profit_factor", "Profit factor", "ratio", "money won by winners over money lost by losers"),
    Metric("expectancy", "Expectancy", "quote", "mean result of a trade after fees"),
    Metric("expectancy_share", "Expectancy per notional", "share", "mean result of a trade over its entry notional"),
    Metric("sqn", "SQN", "ratio", "mean result of a trade over its deviation, times the root of their number"),
)
"""Every field of Performance in the order of reports."""


class Compared(NamedTuple):
    """A run beside buying and holding its universe."""

    strategy: Performance
    buy_and_hold: Performance


def performance(curve: EquityCurve, trades: Trades, timeframe: Timeframe, risk_free: float = 0.0) -> Performance:
    """The figures of a run; `risk_free` is a year's rate as a fraction.

    A run that stood still earned 0 at a risk of 0, which is known; ratios of the two are not defined. VaR and CVaR are
    of days, or of bars longer than a day. A ruined account has a return and drawdowns, no ratios.
    """
    returns, periods = curve.returns, periods_per_year(timeframe)
    of_days = returns if length(timeframe) >= DAY else curve.daily().returns
    growth, fallen = ratios.cagr(curve), drawdowns(curve)
    depth = max((drawdown.depth for drawdown in fallen), default=0.0)
    results, held = money(trades), len(curve) > 1
    return Performance(
        total_return=ratios.total_return(curve),
        cagr=growth,
        volatility=ratios.volatility(returns, periods),
        sharpe=ratios.sharpe(returns, periods, risk_free),
        sortino=ratios.sortino(returns, periods, risk_free),
        calmar=ratios.calmar(growth, depth),
        max_drawdown=depth if held else None,
        max_drawdown_days=max((drawdown.days for drawdown in fallen), default=0.0) if held else None,
        value_at_risk=ratios.value_at_risk(of_days),
        conditional_value_at_risk=ratios.conditional_value_at_risk(of_days),
        exposure=exposure(trades, curve, timeframe) if held else None,
        turnover=turnover(trades, curve),
        average_hold_days=average_hold(trades),
        win_rate=win_rate(results),
        profit_factor=profit_factor(results),
        expectancy=expectancy(results),
        expectancy_share=expectancy(fractions(trades)),
        sqn=sqn(results),
    )


def compared(
    curve: EquityCurve, trades: Trades, timeframe: Timeframe, closes: Mapping[str, Floats], risk_free: float = 0.0
) -> Compared:
    """The run, and its universe held from the first bar to the last with the same cash.

    `closes` has each symbol's closes at the curve's times, shape (n,). ValueError as `buy_and_hold`.
    """
    held = buy_and_hold(curve.time, closes, float(curve.equity[0]))
    return Compared(
        performance(curve, trades, timeframe, risk_free), performance(held.curve, held.trades, timeframe, risk_free)
    )
