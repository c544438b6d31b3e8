import pytest

from shared.indicators.computed import indicators_of
from shared.indicators.snapshot import snapshot
from tests.shared.strategies.markets import market, wandering


def test_every_fact_of_the_last_bar_is_there() -> None:
    bars = wandering(seed=4, bars=700)
    facts, known = snapshot(bars), indicators_of(bars)
    assert None not in facts.model_dump().values()
    assert facts.ema200 == pytest.approx(known.ema200[-1], rel=1e-9)
    assert facts.macd_hist_prev == pytest.approx(known.macd_hist[-2], rel=1e-9)
    assert facts.minus_di == pytest.approx(known.directional.minus_di[-1], rel=1e-9)
    assert facts.volatility_pct == pytest.approx(100 * known.atr[-1] / bars.close[-1], rel=1e-9)
    assert facts.bb_lower == pytest.approx(known.bands.lower[-1], rel=1e-9)
    assert facts.stoch_d == pytest.approx(known.stochastic[1][-1], rel=1e-9)


def test_what_a_short_window_cannot_tell_is_none() -> None:
    facts = snapshot(wandering(seed=4, bars=300))
    assert facts.ema200 is None
    assert facts.ema50 is None
    assert facts.ema20 is not None
    assert facts.rsi14 is not None
    first = snapshot(market([10.0]))
    assert [name for name, value in first.model_dump().items() if value is not None] == ["close"]


def test_ten_significant_digits() -> None:
    assert snapshot(market([0.123456789012345])).close == 0.123456789


def test_the_same_facts_from_a_window_and_from_all_history() -> None:
    bars = wandering(seed=9, bars=1500)
    assert snapshot(bars) == snapshot(bars.between(1500 - 601, 1500))


def test_an_empty_market_has_no_facts() -> None:
    with pytest.raises(ValueError, match="no bar"):
        snapshot(wandering(seed=1, bars=50).between(0, 0))
