from math import sqrt

import numpy as np
import pytest

from backtester.metrics.results import expectancy, profit_factor, sqn, win_rate

MIXED = np.array([30.0, -10.0, 20.0, 0.0])
NOTHING = np.empty(0)


def test_by_hand() -> None:
    assert win_rate(MIXED) == 0.5  # what earned nothing did not win
    assert profit_factor(MIXED) == 5.0
    assert expectancy(MIXED) == 10.0
    assert sqn(MIXED) == pytest.approx(2 * 10 / sqrt(1000 / 3))


def test_sqn_capped_at_a_hundred_trades_compares_systems_of_different_pace() -> None:
    once, often = np.tile(MIXED, 25), np.tile(MIXED, 100)
    assert sqn(once, cap=100) == sqn(once)
    assert sqn(often, cap=100) == pytest.approx(sqn(once), rel=0.01)
    assert sqn(often) == pytest.approx(2 * (sqn(once) or 0), rel=0.01)


def test_nothing_traded_is_not_defined() -> None:
    assert [measure(NOTHING) for measure in (win_rate, profit_factor, expectancy, sqn)] == [None] * 4


@pytest.mark.filterwarnings("error")
def test_one_trade_has_no_deviation() -> None:
    assert sqn(np.array([5.0])) is None


def test_no_losing_trade_has_no_profit_factor() -> None:
    assert profit_factor(np.array([5.0, 0.0])) is None
    assert profit_factor(np.array([-5.0])) == 0.0


@pytest.mark.parametrize("result", [0.1, -3.7, 0.0])
def test_equal_trades_have_no_sqn(result: float) -> None:
    assert sqn(np.full(7, result)) is None


def test_small_results_vary_as_large_ones_do() -> None:
    assert sqn(MIXED * 1e-18) == pytest.approx(sqn(MIXED))
