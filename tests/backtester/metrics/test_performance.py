from dataclasses import asdict, fields
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics import ratios
from backtester.metrics.performance import METRICS, Performance, compared, performance
from backtester.metrics.trades import ClosedTrade
from shared.schemas.base import Timeframe
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
    found = performance(curve([100.0] * 40), [], "1d")
    assert undefined(found) == UNDEFINED_WHERE_NOTHING_HAPPENS
    assert {value for value in asdict(found).values() if value is not None} == {0.0}


def test_single_bar_tells_nothing() -> None:
    assert undefined(performance(curve([100.0]), [], "1d")) == {field.name for field in fields(Performance)}


def test_one_winning_trade_has_no_sqn_and_no_profit_factor() -> None:
    found = performance(curve([100.0, 100.0, 105.0] + [105.0] * 30), [trade(5.0)], "1d")
    assert undefined(found) == {"sortino", "calmar", "profit_factor", "sqn"}
    assert (found.win_rate, found.expectancy, found.average_hold_days) == (1.0, 5.0, 1.0)


def test_ruined_account_has_a_return_and_a_drawdown_but_no_ratios() -> None:
    found = performance(curve([100.0, 50.0, -10.0, -10.0]), [trade(-110.0)], "1d")
    assert (found.total_return, found.max_drawdown, found.max_drawdown_days) == (-1.1, 1.1, 3.0)
    assert {"cagr", "volatility", "sharpe", "sortino", "calmar", "value_at_risk"} <= undefined(found)


def test_ratios_are_of_bars_and_tails_of_days() -> None:
    found = performance(WALK, [], "1h")
    assert found.sharpe == ratios.sharpe(WALK.returns, 8766)
    assert found.volatility == ratios.volatility(WALK.returns, 8766)
    assert found.value_at_risk == ratios.value_at_risk(WALK.daily().returns)
    assert found.conditional_value_at_risk == ratios.conditional_value_at_risk(WALK.daily().returns)


def test_risk_free_rate_lowers_sharpe_and_sortino() -> None:
    without, above = performance(WALK, [], "1h"), performance(WALK, [], "1h", risk_free=0.05)
    assert (above.sharpe or 0) < (without.sharpe or 0)
    assert (above.sortino or 0) < (without.sortino or 0)


def test_holding_the_universe_is_measured_as_the_strategy_is() -> None:
    found = compared(WALK, [], "1h", {"IT": WALK.equity / 7})
    assert found.strategy == performance(WALK, [], "1h")
    assert found.buy_and_hold.sharpe == pytest.approx(found.strategy.sharpe)
    assert found.buy_and_hold.exposure == (len(WALK) - 1) / len(WALK)
    assert found.buy_and_hold.expectancy == pytest.approx(WALK.equity[-1] - WALK.equity[0])


EQUITY = st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=50)
RESULTS = st.lists(st.floats(-150, 1e6).map(lambda pnl: trade(round(pnl, 6))), max_size=6)


@given(EQUITY, RESULTS, st.sampled_from(TIMEFRAMES))
def test_no_figure_is_ever_nan_or_infinite(
    equity: list[float], trades: list[ClosedTrade], timeframe: Timeframe
) -> None:
    found = performance(curve(equity, bar=length(timeframe)), trades, timeframe)
    assert all(value is None or isfinite(value) for value in asdict(found).values())
