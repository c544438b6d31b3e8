"""What live trading and backtests both rely on, for every registered strategy."""

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backtester.check.exam import checked
from backtester.check.probe import Make
from shared.indicators.rolling import Floats
from shared.strategies.base import Strategy
from shared.strategies.market import Market
from shared.strategies.registry import REGISTRY, build
from tests.backtester.check.cheats import Honest, LeavesBeforeGaps, ReadsNext, Remembers
from tests.shared.strategies.markets import market, mirrored, scaled, wandering

LONGEST_WINDOW = 700

markets = st.builds(
    wandering,
    seed=st.integers(0, 10_000),
    bars=st.integers(640, 1100),
    volatility=st.sampled_from([0.0002, 0.004, 0.03]),
    quiet=st.sampled_from([0.0, 0.2, 0.9]),
    silent=st.sampled_from([0.0, 0.3, 1.0]),
)
few = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(params=sorted(REGISTRY))
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return build(request.param)


each_strategy = pytest.mark.parametrize("name", sorted(REGISTRY))


def broken(make: Make, bars: Market) -> list[str]:
    """What `parley check` says against the strategy on these bars, each with its bar."""
    return [str(finding) for finding in checked(make, bars, cuts=200).findings]


@each_strategy
def test_parley_check_finds_nothing(name: str) -> None:
    assert broken(partial(build, name), wandering(seed=31, bars=1500, quiet=0.05, silent=0.05)) == []


def test_the_contract_catches_a_cheat_and_a_short_warm_up_with_the_bar_named() -> None:
    bars = wandering(seed=32, bars=1500)
    assert broken(Honest, bars) == []
    (cheat,) = broken(partial(ReadsNext, 2_000, 1_234), bars)
    assert cheat.startswith("bar 1234 (1970-01-05 06:50): the value changed when the bars after it were cut off: ")
    (short,) = broken(partial(Remembers, 9, 30), bars)
    (gap,) = broken(LeavesBeforeGaps, bars)
    assert gap.startswith("bar 8 (1970-01-01 00:40): the value changed when the bars after it came at other times: ")
    assert short.startswith("bar 30 (1970-01-01 02:30): the value with 9 bars of past is not the one with all 31: 0.0")


@each_strategy
@few
@given(bars=markets, cuts=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_the_future_changes_no_value(name: str, bars: Market, cuts: list[float]) -> None:
    strategy = build(name)
    whole = strategy.score(bars)
    for cut in cuts:
        known = int(cut * len(bars))
        np.testing.assert_array_equal(strategy.score(bars.between(0, known)), whole[:known])


@each_strategy
@few
@given(bars=markets, cuts=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_warmup_bars_are_enough_for_the_value_of_all_history(name: str, bars: Market, cuts: list[float]) -> None:
    strategy = build(name)
    whole = strategy.score(bars)
    for at in _instants(whole, strategy.warmup, cuts):
        window = bars.between(at - strategy.warmup + 1, at + 1)
        assert strategy.score(window)[-1] == pytest.approx(whole[at], abs=1e-9)


@each_strategy
@few
@given(bars=markets)
def test_score_is_a_rounded_number_between_minus_one_and_one(name: str, bars: Market) -> None:
    score = build(name).score(bars)
    assert score.shape == (len(bars),)
    assert (np.abs(score) <= 1).all()
    np.testing.assert_array_equal(score, np.round(score, 6))


@each_strategy
@pytest.mark.parametrize("factor", [1e-10, 1e7])
def test_unit_of_price_and_volume_does_not_matter(name: str, factor: float) -> None:
    strategy, bars = build(name), wandering(seed=21, bars=1500)
    np.testing.assert_allclose(strategy.score(scaled(bars, factor)), strategy.score(bars), atol=2e-5)


@each_strategy
def test_market_upside_down_turns_the_score_around(name: str) -> None:
    strategy, bars = build(name), wandering(seed=22, bars=6000)
    turned = strategy.score(mirrored(bars, around=1.5 * bars.high.max()))
    differs = np.abs(turned + strategy.score(bars)) > 1e-3
    assert np.count_nonzero(turned) > 10
    assert differs.mean() < 0.01  # the chase limit is a fraction of the price, which the mirror changes


def test_warmup_is_needed_and_fits_in_one_request_to_the_venue(strategy: Strategy) -> None:
    assert 1 < strategy.warmup <= LONGEST_WINDOW


@pytest.mark.parametrize("bars", [0, 1, 2, 100])
def test_short_history_is_silence(strategy: Strategy, bars: int) -> None:
    history = wandering(seed=1, bars=600).between(0, min(bars, strategy.warmup - 1))
    assert strategy.score(history).tolist() == [0.0] * len(history)
    assert f"of the {strategy.warmup} bars" in strategy.explain(history)


@pytest.mark.parametrize("price", [1e-8, 1.0, 1e9])
def test_flat_prices_are_silence(strategy: Strategy, price: float) -> None:
    flat = market(np.full(800, price))
    assert not strategy.score(flat).any()
    assert "silent" in strategy.explain(flat)


def test_explanation_names_the_score_of_the_last_bar(strategy: Strategy) -> None:
    bars = wandering(seed=23, bars=2500)
    score = strategy.score(bars)
    for at in [*np.flatnonzero(score)[:40], *np.flatnonzero(score == 0)[-10:]]:
        words = strategy.explain(bars.between(0, at + 1))
        assert (f"({score[at]:+.2f})" in words) == (score[at] != 0)
        assert ("silent" in words) == (score[at] == 0)


def _instants(score: Floats, warmup: int, cuts: list[float]) -> list[int]:
    """Bars drawn at random, and as many among those where the strategy speaks."""
    spoken = np.flatnonzero(score)
    drawn = [warmup - 1 + int(cut * (len(score) - warmup)) for cut in cuts]
    return drawn + [int(spoken[int(cut * (len(spoken) - 1))]) for cut in cuts if len(spoken)]
