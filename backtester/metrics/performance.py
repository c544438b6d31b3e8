"""All figures of a run in one pass, for reports."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from backtester.metrics import ratios
from backtester.metrics.drawdowns import drawdowns
from backtester.metrics.results import expectancy, profit_factor, sqn, win_rate
from backtester.metrics.series import DAY, YEAR, EquityCurve
from backtester.metrics.trades import (
    Open,
    Trades,
    average_exposure,
    average_hold,
    fees,
    fractions,
    money,
    time_in_market,
    turnover,
)

Unit = Literal["share", "ratio", "days", "quote", "times a year"]
"""`share`: 0.05 is shown as 5 %; `quote`: money of the quote currency."""

LEAST_DAYS = {"volatility": 7, "sharpe": 7, "sortino": 7, "turnover": 7, "cagr": 28, "calmar": 28}
"""Days of a run below which a figure of a year is not defined.

In less than a week some days of the week are missing, and those differ; below four weeks growth would be compounded by
a power above 13, which turns one trade into thousands of per cent. GIPS (2020) wants a whole year of whoever shows
growth to clients; a researcher is warned by the interval instead.
"""


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
    time_in_market: float | None
    average_exposure: float | None
    turnover: float | None
    fees: float | None
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
    Metric("cagr", "CAGR", "share", "growth a year, compounded over calendar time; from 28 days on"),
    Metric(
        "volatility",
        "Volatility",
        "share",
        "deviation of bar returns, times the root of the bars in a year; from 7 days on",
    ),
    Metric(
        "sharpe",
        "Sharpe",
        "ratio",
        "mean bar return above the risk-free rate over its deviation, a year; from 7 days on",
    ),
    Metric("sortino", "Sortino", "ratio", "the same over the root mean square of returns below the risk-free rate"),
    Metric("calmar", "Calmar", "ratio", "CAGR over the deepest drawdown; from 28 days on"),
    Metric("max_drawdown", "Max drawdown", "share", "deepest fall below an earlier peak of equity"),
    Metric(
        "max_drawdown_days", "Max drawdown duration", "days", "longest time from a peak until equity was back at it"
    ),
    Metric("value_at_risk", "VaR 95 %", "share", "loss that all but the worst 5 % of days stay within"),
    Metric("conditional_value_at_risk", "CVaR 95 %", "share", "mean loss of the worst 5 % of days"),
    Metric("time_in_market", "Time in market", "share", "bars during which a position was held"),
    Metric(
        "average_exposure", "Average exposure", "share", "mean over all bars of gross notional at entry over equity"
    ),
    Metric("turnover", "Turnover", "times a year", "notional bought and sold over mean equity; from 7 days on"),
    Metric("fees", "Fees", "quote", "all fees paid, of positions still open too"),
    Metric("average_hold_days", "Average hold", "days", "mean time from entry to exit"),
    Metric("win_rate", "Win rate", "share", "trades that earned more than nothing after fees"),
    Metric("profit_factor", "Profit factor", "ratio", "money won by winners over money lost by losers"),
    Metric("expectancy", "Expectancy", "quote", "mean result of a trade after fees"),
    Metric("expectancy_share", "Expectancy per notional", "share", "mean result of a trade over its entry notional"),
    Metric("sqn", "SQN", "ratio", "mean result of a trade over its deviation, times the root of their number"),
)
"""Every field of Performance in the order of reports."""


def performance(curve: EquityCurve, trades: Trades, still_open: Open = (), risk_free: float = 0.0) -> Performance:
    """The figures of a run; `risk_free` is a year's rate as a fraction.

    Positions still open count wherever the account or time is meant: equity, time in market, exposure, turnover, fees;
    what is said of trades is said of closed ones. A run that stood still earned 0 at a risk of 0, which is known;
    ratios of the two are not defined. VaR and CVaR are of days, or of bars longer than a day. A ruined account has a
    return and drawdowns, no ratios. Figures of a year need LEAST_DAYS.
    """
    of_days, fallen, results, held = curve.daily().returns, drawdowns(curve), money(trades), len(curve) > 1
    depth = max((drawdown.depth for drawdown in fallen), default=0.0)
    return Performance(
        **_of_a_year(curve, trades, still_open, depth, risk_free),
        total_return=ratios.total_return(curve),
        max_drawdown=depth if held else None,
        max_drawdown_days=max((drawdown.days for drawdown in fallen), default=0.0) if held else None,
        value_at_risk=ratios.value_at_risk(of_days),
        conditional_value_at_risk=ratios.conditional_value_at_risk(of_days),
        time_in_market=time_in_market(trades, curve, still_open),
        average_exposure=average_exposure(trades, curve, still_open),
        fees=fees(trades, still_open),
        average_hold_days=average_hold(trades),
        win_rate=win_rate(results),
        profit_factor=profit_factor(results),
        expectancy=expectancy(results),
        expectancy_share=expectancy(fractions(trades)),
        sqn=sqn(results),
    )


def _of_a_year(
    curve: EquityCurve, trades: Trades, still_open: Open, depth: float, risk_free: float
) -> dict[str, float | None]:
    """The figures of LEAST_DAYS, by field."""
    returns, periods, growth = curve.returns, curve.periods_per_year, ratios.cagr(curve)
    figures = {
        "cagr": growth,
        "volatility": ratios.volatility(returns, periods),
        "sharpe": ratios.sharpe(returns, periods, risk_free),
        "sortino": ratios.sortino(returns, periods, risk_free),
        "calmar": ratios.calmar(growth, depth),
        "turnover": turnover(trades, curve, still_open),
    }
    return {name: value if curve.years * YEAR >= LEAST_DAYS[name] * DAY else None for name, value in figures.items()}
