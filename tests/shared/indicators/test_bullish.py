import numpy as np
import pytest

from shared.indicators.bullish import bullish
from shared.indicators.computed import indicators_of
from tests.shared.strategies.markets import market, mirrored, path, wandering


def test_score_and_confidence_by_hand() -> None:
    votes = [np.array([value]) for value in (1.0, 0.5, -0.5, 3.0, 0.0)]
    found = bullish(votes, np.array([60.0]))
    assert found.score[0] == pytest.approx((2.0 / 5 + 1) / 2)  # 3.0 counts as 1.0
    assert found.confidence[0] == pytest.approx(80 * 3 / 5 + 12)


def test_an_unknown_vote_makes_both_unknown() -> None:
    found = bullish([np.array([1.0]), np.array([np.nan])], np.array([60.0]))
    assert np.isnan(found.score[0])
    assert np.isnan(found.confidence[0])


def test_votes_reach_as_far_as_documented() -> None:
    bars = wandering(seed=6, bars=1500)
    ind = indicators_of(bars)
    _, plus, minus = ind.directional
    votes = [
        (ind.rsi - 50) / 20,
        ind.macd_hist / (0.15 * ind.atr),
        (ind.close - ind.ema20) / ind.atr,
        (ind.close - ind.ema50) / (2 * ind.atr),
        (ind.close - ind.ema200) / (4 * ind.atr),
        2 * (plus - minus) / (plus + minus),
        2 * ind.percent_b - 1,
        (ind.stochastic[0] - 50) / 40,
        2 * ind.obv_slope,
    ]
    expected = (np.mean([np.clip(vote, -1, 1) for vote in votes], axis=0) + 1) / 2
    np.testing.assert_allclose(ind.bullish.score[600:], expected[600:], atol=1e-5)


def test_steady_rise_is_bullish_with_every_vote_for_it() -> None:
    found = indicators_of(market(path(1000.0, *[1.0] * 699))).bullish
    assert found.score[-1] > 0.85
    assert found.confidence[-1] == pytest.approx(80 * 8 / 9 + 10)  # the MACD of a straight line is flat


def test_flat_market_is_neutral_and_without_confidence() -> None:
    found = indicators_of(market(np.full(700, 50.0))).bullish
    assert found.score[-1] == pytest.approx(0.5)
    assert found.confidence[-1] == pytest.approx(10.0)


def test_market_upside_down_is_as_bearish_as_it_was_bullish() -> None:
    up = wandering(seed=2, bars=900)
    down = mirrored(up, around=200.0)
    here, there = indicators_of(up).bullish, indicators_of(down).bullish
    np.testing.assert_allclose(there.score[620:], 1 - here.score[620:], atol=1e-5)
    np.testing.assert_allclose(there.confidence[620:], here.confidence[620:], atol=1e-6)
