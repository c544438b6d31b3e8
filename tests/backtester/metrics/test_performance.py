from dataclasses import asdict, fields
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics import ratios
from backtester.metrics.performance import METRICS, Performance, performance
from backtester.metrics.series import DAY, EquityCurve
from backtester.metrics.trades import ClosedTrade, OpenPosition
from shared.timeframes import TIMEFRAMES, length
from tests.backtester.metrics.curves import HOUR, curve, trade

UNDEFINED_WHERE_NOTHING_HAPPENS = {
    "sharpe", "sortino", "calmar", "average_hold_days", "win_rate", "profit_factor", "expectancy", "expectancy_share",
    "sqn",
}  # fmt: skip
WALK = curve(1000 * np.exp(np.random.default_rng(4).standard_normal(2400).cumsum() / 100), bar=HOUR)


def undefined(found: Performance) -> set[str]:
    return {name for name, value in asdict(found).items() if value is None}


def test_every_field_is_in_the_table_for_reports() -> None:
    assert [metric.name for metric in METRICS] == [field.name for field in fields(Performance)]


def test_flat_run_earned_nothing_at_no_risk_and_has_no_ratios() -> None:
    found = performance(curve([100.0] * 40), [])
    assert undefined(found) == UNDEFINED_WHERE_NOTHING_HAPPENS
    assert {value for value in asdict(found).values() if value is not None} == {0.0}


def test_single_bar_tells_nothing() -> None:
    assert undefined(performance(curve([100.0]), [])) == {field.name for field in fields(Performance)} - {"fees"}


def test_one_winning_trade_has_no_sqn_and_no_profit_factor() -> None:
    found = performance(curve([100.0, 100.0, 105.0] + [105.0] * 30), [trade(5.0)])
    assert undefined(found) == {"sortino", "calmar", "profit_factor", "sqn"}
    assert (found.win_rate, found.expectancy, found.average_hold_days) == (1.0, 5.0, 1.0)


def test_ruined_account_has_a_return_and_a_drawdown_but_no_ratios() -> None:
    found = performance(curve([100.0, 50.0, -10.0, -10.0]), [trade(-110.0)])
    assert (found.total_return, found.max_drawdown, found.max_drawdown_days) == (-1.1, 1.1, 3.0)
    assert {"cagr", "volatility", "sharpe", "sortino", "calmar", "value_at_risk"} <= undefined(found)


def test_ratios_are_of_bars_and_tails_of_days() -> None:
    found = performance(WALK, [])
    assert found.sharpe == pytest.approx(ratios.sharpe(WALK.returns, 8766), rel=1e-12)
    assert found.volatility == pytest.approx(ratios.volatility(WALK.returns, 8766), rel=1e-12)
    assert found.value_at_risk == ratios.value_at_risk(WALK.daily().returns)
    assert found.conditional_value_at_risk == ratios.conditional_value_at_risk(WALK.daily().returns)


def test_risk_free_rate_lowers_sharpe_and_sortino() -> None:
    without, above = performance(WALK, []), performance(WALK, [], risk_free=0.05)
    assert (above.sharpe or 0) < (without.sharpe or 0)
    assert (above.sortino or 0) < (without.sortino or 0)


def test_years_are_those_that_the_curve_counts() -> None:
    months = EquityCurve(30 * WALK.time, WALK.equity)
    found, usual = performance(months, []), performance(WALK, [])
    assert found.sharpe == pytest.approx((usual.sharpe or 0) / 30**0.5)
    assert found.volatility == pytest.approx((usual.volatility or 0) / 30**0.5)


@pytest.mark.parametrize(
    ("hours", "silent"),
    [
        (1, {"cagr", "calmar", "volatility", "sharpe", "sortino", "turnover"}),
        (7 * 24 - 1, {"cagr", "calmar", "volatility", "sharpe", "sortino", "turnover"}),
        (7 * 24, {"cagr", "calmar"}),
        (28 * 24 - 1, {"cagr", "calmar"}),
        (28 * 24, set()),
    ],
)
def test_little_time_says_nothing_of_a_year(hours: int, silent: set[str]) -> None:
    wild = 100.0 + np.arange(2 * hours + 1) % 3
    found = performance(EquityCurve(HOUR // 2 * np.arange(2 * hours + 1), wild), [])
    ofyear = {"cagr", "calmar", "volatility", "sharpe", "sortino", "turnover"}
    assert undefined(found) & ofyear == silent
    assert found.total_return is not None


def test_what_is_still_open_counts_where_the_account_is_meant_and_not_in_trades() -> None:
    bars, left = curve([100.0] * 41), OpenPosition(21 * DAY, 60.0, 0.5)
    found, without = performance(bars, [trade(1.0)], [left]), performance(bars, [trade(1.0)])
    assert (found.time_in_market, without.time_in_market) == (21 / 40, 1 / 40)
    assert found.average_exposure == pytest.approx((20 * 0.6 + 2.0) / 40)
    assert found.fees == 0.5
    assert (found.turnover or 0) > (without.turnover or 0)
    of_trades = ("win_rate", "profit_factor", "expectancy", "expectancy_share", "sqn", "average_hold_days")
    assert all(getattr(found, name) == getattr(without, name) for name in of_trades)


EQUITY = st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=50)
RESULTS = st.lists(st.floats(-150, 1e6).map(lambda pnl: trade(round(pnl, 6))), max_size=6)


@given(EQUITY, RESULTS, st.sampled_from(TIMEFRAMES).map(length))
def test_no_figure_is_ever_nan_or_infinite(equity: list[float], trades: list[ClosedTrade], bar: int) -> None:
    found = performance(curve(equity, bar=bar), trades)
    assert all(value is None or isfinite(value) for value in asdict(found).values())
