"""A prepared stage plays what a plain run plays."""

from dataclasses import replace

import numpy as np
import pytest

from backtester.runs.run import run
from backtester.sweep.stage import Stage
from shared.errors import ConfigError
from tests.backtester.sweep.searches import HOUR, START, markets, plan

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
        assert played.trades == tuple(replace(trade, shares={}) for trade in outcome.trades)
        assert np.array_equal(played.curve.time, outcome.time)
        assert np.array_equal(played.curve.equity, outcome.equity)
        results.add(outcome.result)
    assert len(results) >= 2 + short


def test_the_same_as_a_run_with_other_settings_of_the_desk() -> None:
    bars, asked = markets(PAIRS), plan(symbols=PAIRS)
    stage = Stage(asked, bars)
    results = set()
    for desk in ({"stop_atr": "1"}, {"take_profit_r": "1"}, {"max_hold_bars": "5"}, {"entry_score": "0.2"}, {}):
        other = asked.with_params({}, desk=desk)
        played, outcome = stage.played(other), run(other, bars)
        assert np.array_equal(played.curve.equity, outcome.equity)
        results.add(outcome.result)
    assert len(results) == 5


def test_nothing_is_traded_before_its_time_but_strategies_are_warm_then() -> None:
    bars = markets()
    early = Stage(plan(), bars).played(plan())
    entry = early.trades[len(early.trades) // 2].entry_time
    begin = entry - HOUR
    late = Stage(plan(start=begin), bars).played(plan(start=begin))
    assert early.trades[0].entry_time < begin < entry == late.trades[0].entry_time
    assert (late.curve.time[0], late.curve.equity[0]) == (begin, 10_000.0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"council": "rules"}, "--council rules: the vector engine knows none"),
        ({"learning": "on"}, "--learning on: the vector engine"),
    ],
)
def test_what_the_vector_engine_can_not_express(values: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(**values)


def test_the_event_engine_begins_after_a_warm_up_too() -> None:
    bars, begin = markets(), START + 700 * HOUR
    vector, event = (
        Stage(asked, bars).played(asked) for asked in (plan(start=begin), plan(start=begin, engine="event"))
    )
    assert vector.trades
    assert [trade.entry_time for trade in vector.trades] == [trade.entry_time for trade in event.trades]
    assert np.array_equal(vector.curve.equity, event.curve.equity)
