"""From markets to the loop's arrays."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.vector.arrays import ensemble, loud_of, ten_digits, ticks_of
from shared.errors import ConfigError
from shared.portfolio.grid import Grid
from shared.strategies.ensemble import combine

GRID = Grid.of(Decimal("0.01"), Decimal("1e-8"))
scores = st.integers(-1_000_000, 1_000_000).map(lambda millionths: millionths / 1e6)


@given(st.lists(st.floats(0, 1e12), min_size=1), st.integers(-15, 3))
def test_ten_digits_are_those_of_text(values: list[float], power: int) -> None:
    given_ = np.array(values) * 10.0**power
    expected = np.array([float(f"{value:.10g}") for value in given_])
    assert np.array_equal(ten_digits(given_), expected)


@pytest.mark.parametrize("value", [0.0, 1234567890.5, 1.2345678905, 9.9999999995, 1e-30, float("nan")])
def test_ten_digits_where_rounding_turns(value: float) -> None:
    assert np.array_equal(ten_digits(np.array([value])), [float(f"{value:.10g}")], equal_nan=True)


def test_prices_between_two_ticks_are_refused() -> None:
    assert ticks_of(np.array([0.07, 1000.01]), GRID).tolist() == [7, 100_001]
    with pytest.raises(ConfigError, match="no multiple of the tick"):
        ticks_of(np.array([0.07, 1000.014]), GRID)


@given(st.lists(scores, min_size=1), st.floats(0.01, 1))
def test_a_single_strategy_is_its_own_ensemble(given_: list[float], weight: float) -> None:
    found = ensemble({"a": np.array(given_)}, {"a": weight})
    assert found.tolist() == [combine({"a": score}, {"a": weight}).score for score in given_]


@given(st.lists(scores), scores.map(abs))
def test_loud_scores_reach_the_least_on_either_side(given_: list[float], least: float) -> None:
    assert loud_of(np.array(given_), least).tolist() == [n for n, score in enumerate(given_) if abs(score) >= least]
