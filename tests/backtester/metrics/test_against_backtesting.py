"""Every metric that backtesting.py has too, from its own equity curves and trades, to 1e-8."""

import warnings
from math import isnan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from backtesting.backtesting import Backtest, Strategy
from backtesting.lib import compute_stats
from backtesting.test import BTCUSD, EURUSD, GOOG, SMA

from backtester.metrics import ratios
from backtester.metrics.benchmark import buy_and_hold
from backtester.metrics.deviation import Floats
from backtester.metrics.drawdowns import drawdowns
from backtester.metrics.performance import Performance, performance
from backtester.metrics.results import expectancy, profit_factor
from backtester.metrics.series import DAY, EquityCurve
from backtester.metrics.trades import ClosedTrade, fractions, time_in_market
from shared.schemas.base import Timeframe
from shared.timeframes import length

FAST, SLOW = 3, 8
EXACT = 1e-8


class SmaCross(Strategy):
    shorts = False

    def init(self) -> None:
        self.fast = self.I(SMA, self.data.Close, FAST)
        self.slow = self.I(SMA, self.data.Close, SLOW)

    def next(self) -> None:
        before, now = self.fast[-2] - self.slow[-2], self.fast[-1] - self.slow[-1]
        if before < 0 < now:
            self.position.close()
            self.buy(size=0.9)
        elif before > 0 > now:
            self.position.close()
            if self.shorts:
                self.sell(size=0.9)


class Run(NamedTuple):
    """What backtesting.py found, and the same run as our types have it."""

    theirs: pd.Series
    curve: EquityCurve
    trades: list[ClosedTrade]
    timeframe: Timeframe
    periods: int
    closes: np.ndarray[Any, np.dtype[np.float64]]
    risk_free: float

    @property
    def ours(self) -> Performance:
        return performance(self.curve, self.trades)

    @property
    def day_returns(self) -> Floats:
        """Without the rest of the first day, which backtesting.py leaves out of the run."""
        begins_within = self.curve.time[0] % DAY > 0
        return self.curve.daily().returns[int(begins_within) :]

    @property
    def opens(self) -> EquityCurve:
        """The same account at every open and the last close, as our engines give it: so many periods as bars."""
        bar = length(self.timeframe)
        time = np.append(self.curve.time - bar, self.curve.time[-1])
        return EquityCurve(time, np.append(self.curve.equity[:1], self.curve.equity))


# a month is no timeframe of ours; bars of a day with gaps between them are counted the same
MARKETS: dict[str, tuple[pd.DataFrame, Timeframe, int]] = {
    "GOOG": (GOOG, "1d", 252),
    "EURUSD": (EURUSD, "1h", 252),
    "BTCUSD": (BTCUSD, "1d", 12),
}
RUNS = [
    ("GOOG", True, 0.0),
    ("GOOG", False, 0.02),
    ("EURUSD", True, 0.02),
    ("EURUSD", False, 0.0),
    ("BTCUSD", False, 0.0),
]


@pytest.fixture(scope="module", params=RUNS, ids=str)
def run(request: pytest.FixtureRequest) -> Run:
    name, shorts, risk_free = request.param
    data, timeframe, periods = MARKETS[name]
    test = Backtest(data, SmaCross, cash=10_000_000, commission=0.0002, finalize_trades=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = test.run(shorts=shorts)
        theirs = compute_stats(stats=found, data=data, risk_free_rate=risk_free) if risk_free else found
    opens = data.index.to_numpy("datetime64[us]").astype(np.int64)
    curve = EquityCurve(opens + length(timeframe), found["_equity_curve"]["Equity"].to_numpy())
    rows = found["_trades"].itertuples(index=False)
    trades = [closed(name, row, opens) for row in rows]
    return Run(theirs, curve, trades, timeframe, periods, data["Close"].to_numpy(np.float64), risk_free)


def closed(symbol: str, row: Any, opens: Any) -> ClosedTrade:
    return ClosedTrade(
        symbol=symbol,
        side=1 if row.Size > 0 else -1,
        quantity=abs(row.Size),
        entry_time=int(opens[row.EntryBar]),
        exit_time=int(opens[row.ExitBar]),
        entry_price=row.EntryPrice,
        exit_price=row.ExitPrice,
        fees=row.Commission,
        pnl=row.PnL,
        exit_reason="cross",
    )


def agrees(ours: float | None, theirs: float) -> bool:
    assert not isnan(theirs)
    return ours == pytest.approx(theirs, rel=EXACT, abs=0)


def test_the_run_is_worth_comparing(run: Run) -> None:
    assert len(run.trades) == run.theirs["# Trades"] >= 6
    assert not run.curve.ruined
    if {trade.side for trade in run.trades} == {1}:
        assert 10 < run.theirs["Exposure Time [%]"] < 90


def test_return(run: Run) -> None:
    assert agrees(run.ours.total_return, run.theirs["Return [%]"] / 100)


def test_cagr(run: Run) -> None:
    assert agrees(run.ours.cagr, run.theirs["CAGR [%]"] / 100)


def test_annual_return_of_days(run: Run) -> None:
    assert agrees(ratios.annual_return(run.day_returns, run.periods), run.theirs["Return (Ann.) [%]"] / 100)


def test_volatility_of_days_compounded(run: Run) -> None:
    ours = ratios.volatility(run.day_returns, run.periods, compounded=True)
    assert agrees(ours, run.theirs["Volatility (Ann.) [%]"] / 100)


def test_sharpe_of_days_compounded(run: Run) -> None:
    ours = ratios.sharpe(run.day_returns, run.periods, run.risk_free, compounded=True)
    assert agrees(ours, run.theirs["Sharpe Ratio"])


def test_sortino_of_days_compounded(run: Run) -> None:
    ours = ratios.sortino(run.day_returns, run.periods, run.risk_free, compounded=True)
    assert agrees(ours, run.theirs["Sortino Ratio"])


def test_calmar_of_the_annual_return_of_days(run: Run) -> None:
    growth = ratios.annual_return(run.day_returns, run.periods)
    assert agrees(ratios.calmar(growth, run.ours.max_drawdown or 0.0), run.theirs["Calmar Ratio"])


def test_the_convention_of_reports_is_that_of_pandas_one_liners(run: Run) -> None:
    returns = pd.Series(run.curve.equity).pct_change().dropna()
    year = len(returns) / (pd.Timedelta(run.curve.time[-1] - run.curve.time[0], "us") / pd.Timedelta(days=365.25))
    downside = np.sqrt((returns.clip(upper=0) ** 2).mean())
    assert agrees(run.ours.volatility, returns.std() * np.sqrt(year))
    assert agrees(run.ours.sharpe, returns.mean() / returns.std() * np.sqrt(year))
    assert agrees(run.ours.sortino, returns.mean() / downside * np.sqrt(year))
    assert agrees(run.ours.calmar, run.theirs["CAGR [%]"] / -run.theirs["Max. Drawdown [%]"])


def test_max_drawdown(run: Run) -> None:
    assert agrees(run.ours.max_drawdown, -run.theirs["Max. Drawdown [%]"] / 100)


def test_max_drawdown_duration(run: Run) -> None:
    assert agrees(run.ours.max_drawdown_days, run.theirs["Max. Drawdown Duration"] / pd.Timedelta(days=1))


def test_every_drawdown_has_its_depth(run: Run) -> None:
    depths = [drawdown.depth for drawdown in drawdowns(run.curve) if drawdown.peak < run.curve.time[-2]]
    assert agrees(float(np.mean(depths)), -run.theirs["Avg. Drawdown [%]"] / 100)


def test_time_in_market_through_the_exit_bar(run: Run) -> None:
    ours = time_in_market(run.trades, run.opens, through_exit_bar=True)
    assert agrees(ours, run.theirs["Exposure Time [%]"] / 100)


def test_fees(run: Run) -> None:
    theirs = run.theirs.get("Commissions [$]", run.theirs["_trades"]["Commission"].sum())
    assert agrees(run.ours.fees, theirs)


def test_win_rate(run: Run) -> None:
    assert agrees(run.ours.win_rate, run.theirs["Win Rate [%]"] / 100)


def test_profit_factor_of_fractions(run: Run) -> None:
    assert agrees(profit_factor(fractions(run.trades)), run.theirs["Profit Factor"])


def test_expectancy_of_fractions(run: Run) -> None:
    assert agrees(expectancy(fractions(run.trades)), run.theirs["Expectancy [%]"] / 100)
    assert agrees(run.ours.expectancy_share, run.theirs["Expectancy [%]"] / 100)


def test_sqn(run: Run) -> None:
    assert agrees(run.ours.sqn, run.theirs["SQN"])


def test_average_hold_where_bars_open_at_whole_days(run: Run) -> None:
    theirs = run.theirs["_trades"]["Duration"].mean() / pd.Timedelta(microseconds=1) / DAY
    assert run.ours.average_hold_days == pytest.approx(theirs, rel=1e-6)  # pandas rounds the mean to the index's unit


def test_buy_and_hold_from_the_first_bar_after_warm_up(run: Run) -> None:
    first = SLOW - 1
    held = buy_and_hold(run.curve.time[first:], {"it": run.closes[first:]}, 1000.0)
    assert agrees(ratios.total_return(held), run.theirs["Buy & Hold Return [%]"] / 100)
