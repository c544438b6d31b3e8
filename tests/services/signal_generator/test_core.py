from datetime import timedelta

import numpy as np
import pytest

from services.signal_generator.core import NO_WEIGHT, Roster, extended, normalised, signal, view
from shared.ids import derived_id
from shared.strategies.market import Market
from shared.strategies.registry import REGISTRY, build
from tests.services.signal_generator.market import BAR, bars

TTL = timedelta(minutes=2)
EMPTY = Market(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(5)))


def roster(*names: str, **weights: float) -> Roster:
    return Roster({name: build(name) for name in names}, weights or {name: 1 / len(names) for name in names})


def test_weights_are_brought_to_a_sum_of_one() -> None:
    assert normalised({"a": 0.2, "b": 0.6}) == {"a": 0.25, "b": 0.75}


def test_weights_that_sum_to_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no active strategy has a weight"):
        normalised({"a": 0.0})


def test_a_window_ends_with_the_candle_and_never_outgrows_its_size() -> None:
    closed = bars(6)
    market = EMPTY
    for candle in closed:
        market = extended(market, candle, 4)
    assert list(market.close) == [float(candle.close) for candle in closed[2:]]
    assert int(market.open_time[-1]) == round(closed[-1].open_time.timestamp() * 1e6)


def test_a_young_market_is_scored_zero_and_says_how_young() -> None:
    candle = bars(1)[0]
    generated = signal(candle, view(extended(EMPTY, candle, 620), roster("momentum", "swing")), TTL)
    assert generated.score == 0
    assert [part.reason for part in generated.contributions] == [
        "warming up: 1 of 602 bars",
        "warming up: 1 of 612 bars",
    ]
    assert generated.technicals.close == float(candle.close)
    assert generated.technicals.ema200 is None


def test_no_active_strategy_is_a_score_of_zero() -> None:
    candle = bars(1)[0]
    generated = signal(candle, view(extended(EMPTY, candle, 620), Roster({}, {})), TTL)
    assert (generated.score, generated.contributions) == (0, ())


def test_a_strategy_without_weight_is_listed_and_does_not_count() -> None:
    candle = bars(1)[0]
    mixed = roster("momentum", "swing", momentum=1.0, swing=0.0)
    generated = signal(candle, view(extended(EMPTY, candle, 620), mixed), TTL)
    assert [part.reason for part in generated.contributions] == ["warming up: 1 of 602 bars", NO_WEIGHT]


def test_a_signal_speaks_of_its_candle_and_expires() -> None:
    candle = bars(1)[0]
    generated = signal(candle, view(extended(EMPTY, candle, 620), roster("momentum")), TTL)
    assert generated.message_id == derived_id("SignalGenerated", candle.message_id)
    assert generated.causation_id == candle.message_id
    assert (generated.symbol, generated.timeframe, generated.price) == (candle.symbol, "5m", candle.close)
    assert (generated.occurred_at, generated.expires_at) == (candle.open_time + BAR, candle.open_time + BAR + TTL)


def test_windows_are_large_enough_for_every_strategy_and_the_snapshot() -> None:
    assert roster(*REGISTRY).bars >= max(build(name).warmup for name in REGISTRY)
    closed = bars(620)
    market = EMPTY
    for candle in closed:
        market = extended(market, candle, roster("news_driven").bars)
    generated = signal(closed[-1], view(market, roster("news_driven")), TTL)
    assert None not in generated.technicals.model_dump().values()
