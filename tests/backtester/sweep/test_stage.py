"""A prepared stage plays what a plain run plays."""

from decimal import Decimal

import numpy as np
import pytest

from backtester.runs.run import run
from backtester.sweep.stage import Stage
from shared.errors import ConfigError
from tests.backtester.sweep.searches import START, markets, plan

PAIRS = ("BTC/USD", "ETH/USD")
COSTS = {"taker_fee": "0.002", "half_spread": "0.0003", "slippage": "0.0002", "impact": "0.05"}


@pytest.mark.parametrize("short", [False, True])
def test_the_same_as_a_run_whatever_was_played_before(short: bool) -> None:
    desk = {**plan().desk, "entry_score": "0.1"}
    asked = plan(("momentum", "swing", "mean_reversion"), PAIRS, costs=COSTS, short=short, desk=desk)
    bars = markets(PAIRS)
    stage = Stage(asked, bars)
    results = set()
    for adx, weight in ((10.0, 0.05), (40.0, 0.05), (10.0, 1.0), (10.0, 0.05)):
        other = asked.with_params({"momentum": {"adx_above": adx}}, {"momentum": weight})
        played, outcome = stage.played(other), run(other, bars)
        assert played.trades == outcome.trades
        assert np.array_equal(played.curve.time, outcome.time)
        assert np.array_equal(played.curve.equity, outcome.equity)
        results.add(outcome.result)
    assert len(results) >= 2 + short


def test_nothing_is_traded_before_its_time_but_strategies_are_warm_then() -> None:
    bars = markets()
    early = Stage(plan(), bars).played(plan())
    begin = early.trades[len(early.trades) // 2].entry_time
    late = Stage(plan(), bars, begin).played(plan())
    assert early.trades[0].entry_time < begin == late.trades[0].entry_time
    assert (late.curve.time[0], late.curve.equity[0]) == (begin, 10_000.0)


def test_a_bar_that_closes_at_that_time_may_open_a_trade_then() -> None:
    bars = markets()
    first = Stage(plan(), bars).played(plan()).trades[0]
    again = Stage(plan(), bars, first.entry_time).played(plan()).trades[0]
    later = Stage(plan(), bars, first.entry_time + 1).played(plan()).trades
    assert again == first
    assert all(trade.entry_time > first.entry_time for trade in later)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"council": "rules"}, "--council rules: the vector engine knows none"),
        ({"learning": "on"}, "--learning on: the vector engine"),
    ],
)
def test_what_the_vector_engine_can_not_express(values: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Stage(plan(**values), markets())


def test_the_event_engine_does_not_begin_after_a_warm_up() -> None:
    asked = plan(engine="event", desk={**plan().desk, "initial_balance": str(Decimal(500))})
    with pytest.raises(ConfigError, match="--engine event"):
        Stage(asked, markets(), START)
