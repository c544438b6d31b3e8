"""What is chosen knows nothing of its test, and what is tested trades only there."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backtester.runs.plan import desk_of
from backtester.runs.run import run
from backtester.walkforward.settling import WINDOW_END
from backtester.walkforward.walk import Leg, Walk
from backtester.walkforward.windows import cut
from shared.config import load_settings
from shared.strategies.market import Market
from tests.backtester.sweep.searches import HOUR, START, markets, plan
from tests.backtester.walkforward.walks import legs, walk, windows_of

PATIENT = desk_of(load_settings()) | {"stop_atr": "50", "max_hold_bars": "1000000", "max_drawdown": "0.99"}
"""Hardly ever sells."""


def distorted(market: Market, since: int, factor: float, seed: int) -> Market:
    """Other candles from `since` on, in cents as before."""
    noise = np.random.default_rng(seed).uniform(0.9, 1.1, len(market)) * factor
    scale = np.where(market.open_time >= since, noise, 1.0)
    prices = {name: np.round(getattr(market, name) * scale, 2) for name in ("open", "high", "low", "close")}
    return replace(market, **prices, volume=market.volume * scale)


def chosen(leg: Leg) -> Mapping[str, object]:
    assert leg.chosen is not None
    return leg.chosen.params


@settings(max_examples=4)
@given(st.integers(0, 2), st.floats(0.3, 3.0), st.integers(0, 2**32 - 1))
@example(0, 2.0, 1)
@example(2, 0.5, 1)
def test_candles_of_a_test_choose_nothing(number: int, factor: float, seed: int) -> None:
    before = walk(trials=4)
    with TemporaryDirectory() as folder:
        usual = legs(before, Path(folder))
        since = usual[number].window.test
        bars = {symbol: distorted(market, since, factor, seed) for symbol, market in before.markets.items()}
        other = legs(walk(trials=4, markets=bars), Path(folder) / "other")
    for one, changed in zip(usual[: number + 1], other[: number + 1], strict=True):
        assert chosen(one) == chosen(changed)
        assert one.chosen is not None
        assert changed.chosen is not None
        assert np.array_equal(one.chosen.returns, changed.chosen.returns)


def test_candles_of_the_training_do_choose(tmp_path: Path) -> None:
    before = walk()
    usual = legs(before, tmp_path)[0]
    bars = {s: distorted(market, START + 700 * HOUR, 1.0, 1) for s, market in before.markets.items()}
    other = legs(walk(markets=bars), tmp_path)[0]
    assert usual.chosen is not None
    assert other.chosen is not None
    assert usual.chosen.value != other.chosen.value


def test_each_test_begins_with_what_the_one_before_left(tmp_path: Path) -> None:
    found = legs(walk(), tmp_path)
    assert [leg.window.number for leg in found] == [1, 2, 3]
    assert found[0].curve.equity[0] == 10_000.0
    for leg, following in pairwise(found):
        assert following.curve.equity[0] == leg.curve.equity[-1]
        assert following.curve.time[0] == leg.curve.time[-1] == leg.window.end


def test_tests_trade_only_inside_and_from_their_first_bars_on(tmp_path: Path) -> None:
    found = legs(walk(), tmp_path)
    trades = [(leg.window, trade) for leg in found for trade in leg.trades]
    assert len(trades) > 3
    assert all(window.test <= trade.entry_time < trade.exit_time <= window.end for window, trade in trades)
    assert all((trade.exit_reason == WINDOW_END) == (trade.exit_time == window.end) for window, trade in trades)


@pytest.mark.parametrize("engine", ["vector", "event"])
def test_what_a_test_leaves_open_is_sold_at_its_end(engine: str, tmp_path: Path) -> None:
    ends = legs(walk(plan=plan(engine=engine, desk=PATIENT), trials=1), tmp_path)
    assert sum(leg.trades[-1].exit_reason == WINDOW_END for leg in ends if leg.trades) > 0
    balance = Decimal(10_000)
    for leg in ends:
        balance += sum(trade.pnl for trade in leg.trades)
        assert leg.curve.equity[-1] == float(balance)


def test_selling_at_the_end_costs_the_exit(tmp_path: Path) -> None:
    task = walk(plan=plan(desk=PATIENT), trials=1)
    (leg, *_) = legs(task, tmp_path)
    assert leg.chosen is not None
    own = task.plan.model_copy(update={"start": leg.window.test, "end": leg.window.end})
    left = run(task.space.applied(own, leg.chosen.params), cut(task.markets, own, leg.window.test, leg.window.end))
    (held,), (*before, sold) = left.open_trades, leg.trades
    assert tuple(before) == left.trades
    assert (sold.entry_time, sold.entry_price, sold.quantity) == (held.entry_time, held.entry_price, held.quantity)
    exit_fee = sold.fees - held.fees
    assert float(exit_fee / (sold.quantity * sold.exit_price)) == pytest.approx(0.0026, rel=1e-3)
    assert left.equity[-1] - leg.curve.equity[-1] == pytest.approx(float(held.pnl - sold.pnl), abs=1e-9)
    assert leg.performance.time_in_market == left.performance.time_in_market
    assert np.array_equal(leg.curve.equity[:-1], left.equity[:-1])


def test_a_walk_goes_on_from_its_studies(tmp_path: Path) -> None:
    once = legs(walk(), tmp_path)
    again = legs(walk(), tmp_path)
    assert [leg.trades for leg in again] == [leg.trades for leg in once]
    assert len(list(tmp_path.rglob("*.log"))) == 3


def test_a_longer_walk_begins_with_the_searches_of_a_shorter(tmp_path: Path) -> None:
    one = walk()
    shorter = walk(markets={symbol: bars.between(0, 1400) for symbol, bars in one.markets.items()})
    assert len(legs(shorter, tmp_path)) == 2
    assert len(legs(one, tmp_path)) == len(list(tmp_path.glob("*.log"))) == 3


def test_where_nothing_is_worth_choosing_the_test_is_sat_out(tmp_path: Path) -> None:
    found = legs(walk(min_trades=1000), tmp_path)
    assert all(leg.chosen is None and not leg.trades for leg in found)
    assert all((leg.curve.equity == 10_000.0).all() for leg in found)


def test_several_symbols_share_the_cash(tmp_path: Path) -> None:
    pairs = ("BTC/USD", "ETH/USD")
    found = legs(walk(plan=plan(symbols=pairs), trials=2), tmp_path)
    assert {trade.symbol for leg in found for trade in leg.trades} == set(pairs)


def test_the_training_is_cut_before_the_search_sees_it() -> None:
    one: Walk = walk()
    for window in windows_of(one):
        work = one.training(window)
        assert max(int(bars.open_time[-1]) for bars in work.markets.values()) < window.test
        assert (work.plan.start, work.plan.end) == (window.train, window.test)
    assert markets()["BTC/USD"].open_time[-1] > window.test
