"""The two engines trade alike on any market, and the event engine whether it visits every bar or not."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

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
