"""The two engines trade alike on any market, and the event engine whether it visits every bar or not."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.strategies.market import Market
from tests.backtester.event.markets import MINUTE, START, alone, by_event, by_vector, costs, desks, plain, plan_on, walk

BARS = 500
"""ATR is known after 271 bars: no trade is made before."""


@settings(max_examples=25)
@given(
    desk=desks,
    costs=costs,
    symbols=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    gaps=st.sampled_from((0.0, 0.02, 0.3)),
    volatility=st.sampled_from((20, 300)),
    timeframe=st.sampled_from(("1m", "5m")),
)
def test_both_engines_trade_alike(
    desk: dict[str, str],
    costs: dict[str, str],
    symbols: int,
    seed: int,
    gaps: float,
    volatility: int,
    timeframe: Literal["1m", "5m"],
) -> None:
    plan = plan_on(symbols, desk=desk, costs=costs, timeframe=timeframe, **alone)
    bars = BARS if timeframe == "1m" else 4 * BARS
    markets = {symbol: walk(seed + n, bars, gaps, volatility) for n, symbol in enumerate(plan.symbols)}
    visited = plain(by_event(plan, markets, every_bar=True))
    assert plain(by_event(plan, markets)) == visited
    assert plain(by_vector(plan, markets)) == visited


ALL_IN = {"max_position": "1", "max_exposure": "1", "risk_per_trade": "1", "stop_atr": "5", "max_daily_loss": "1"}


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), symbols=st.integers(1, 2))
def test_where_a_tick_is_more_than_what_is_held_back_the_venue_lends_nothing(seed: int, symbols: int) -> None:
    costs = {"slippage": "0.0005", "taker_fee": "0.0026"}
    plan = plan_on(symbols, desk=ALL_IN, costs=costs, timeframe="1m", **alone)
    markets = {symbol: walk(seed + n, BARS, 0.0, 2, level=150) for n, symbol in enumerate(plan.symbols)}
    played = by_vector(plan, markets)
    assert played.cash >= 0
    assert plain(played) == plain(by_event(plan, markets))


def test_an_entry_that_can_not_be_paid_is_counted_in_both() -> None:
    plan = plan_on(2, desk=ALL_IN, costs={"slippage": "0.0005", "taker_fee": "0.0026"}, timeframe="1m", **alone)
    markets = {symbol: walk(n, BARS, 0.0, 2, level=150) for n, symbol in enumerate(plan.symbols)}
    played = by_event(plan, markets)
    assert played.refusals["canceled"] > 0
    assert plain(by_vector(plan, markets)) == plain(played)


def test_what_no_stop_may_rest_for_is_left_at_the_next_open() -> None:
    bound = {"max_position": "0.25", "risk_per_trade": "1", "stop_atr": "0.7", "max_drawdown": "1"}
    costs = {"min_cost": "2408.09", "half_spread": "0.01", "taker_fee": "0"}
    plan = plan_on(1, desk=bound, costs=costs, timeframe="1m", **alone)
    market = {"A/USD": walk(1_429_270_290, BARS, 0.0, 4_000)}
    played = by_vector(plan, market)
    assert "dust" in {trade.exit_reason for trade in played.trades}
    assert plain(played) == plain(by_event(plan, market))


def test_an_exit_below_the_least_order_is_no_free_sale() -> None:
    small = {"initial_balance": "48", "max_drawdown": "1", "risk_per_trade": "1", "max_hold_bars": "3"}
    plan = plan_on(1, desk=small, costs={"min_cost": "10"}, timeframe="1m", **alone)
    market = walk(4, BARS, 0.0, 20)
    trade = next(trade for trade in by_vector(plan, {"A/USD": market}).trades if trade.exit_reason == "time")
    at = market.open_time >= trade.exit_time
    columns = (market.open, market.high, market.low, market.close)
    fallen = Market(market.open_time, *(np.where(at, np.round(0.7 * x, 2), x) for x in columns), market.volume)
    with pytest.raises(ConfigError, match=r"A/USD: what is to be sold at .* worth less than the venue's least order"):
        by_vector(plan, {"A/USD": fallen})
    assert by_event(plan, {"A/USD": fallen}).held["A/USD"] == trade.quantity


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), gaps=st.sampled_from((0.0, 0.1)), learning=st.sampled_from(("on", "off")))
def test_with_a_council_no_bar_that_matters_is_passed_over(seed: int, gaps: float, learning: str) -> None:
    bold = {
        "council_quorum": "1",
        "council_buy_above": "0.51",
        "council_sell_below": "0.49",
        "learning_min_trades": "2",
    }
    plan = plan_on(2, desk=bold, timeframe="5m", base_timeframe="1m", council="rules", learning=learning)
    markets = {symbol: walk(seed + n, 2_500, gaps, 60) for n, symbol in enumerate(plan.symbols)}
    visited = by_event(plan, markets, every_bar=True)
    assert plain(by_event(plan, markets)) == plain(visited)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=8)
def test_the_future_changes_no_trade_of_the_past(seed: int) -> None:
    plan = plan_on(2, desk={}, timeframe="1m", **alone)
    whole = {symbol: walk(seed + n, BARS, 0.05, 200) for n, symbol in enumerate(plan.symbols)}
    begun = {symbol: market.between(0, 4 * len(market) // 5) for symbol, market in whole.items()}
    end = min(int(market.open_time[-1]) for market in begun.values())
    past = [trade for trade in by_event(plan, whole).trades if trade.exit_time < end]
    assert past == [trade for trade in by_event(plan, begun).trades if trade.exit_time < end]


@given(seed=st.integers(0, 2**32), gaps=st.sampled_from((0.0, 0.1)))
@settings(max_examples=8)
def test_bars_before_the_start_are_only_looked_back_at(seed: int, gaps: float) -> None:
    plan = plan_on(2, desk={}, timeframe="1m", start=START + 320 * MINUTE, **alone)
    markets = {symbol: walk(seed + n, BARS, gaps, 200) for n, symbol in enumerate(plan.symbols)}
    found = by_event(plan, markets)
    assert plain(by_vector(plan, markets)) == plain(found) == plain(by_event(plan, markets, every_bar=True))
    assert found.time[0] >= START + 320 * MINUTE
    assert all(trade.entry_time > START + 320 * MINUTE for trade in found.trades)


def test_these_markets_are_traded_in() -> None:
    plan = plan_on(3, desk={"max_hold_bars": "3", "max_drawdown": "1", "max_daily_loss": "1"}, timeframe="1m", **alone)
    markets = {symbol: walk(n, BARS, 0.02, 100) for n, symbol in enumerate(plan.symbols)}
    found = by_event(plan, markets)
    assert len(found.trades) > 50
    assert {trade.exit_reason for trade in found.trades} >= {"stop", "time", "council"}
