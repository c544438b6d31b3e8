import numpy as np
import pytest

from backtester.metrics.benchmark import buy_and_hold
from backtester.metrics.series import DAY

TIME = DAY * np.arange(1, 4)
DOUBLES = np.array([10.0, 15.0, 20.0])
HALVES = np.array([80.0, 60.0, 40.0])


def test_equal_shares_at_the_first_bar_are_never_rebalanced() -> None:
    held = buy_and_hold(TIME, {"UP": DOUBLES, "DOWN": HALVES}, 1000.0)
    assert held.equity.tolist() == [1000.0, 750 + 375.0, 1000 + 250.0]


def test_share_of_a_symbol_that_is_not_listed_yet_waits_and_the_others_do_not() -> None:
    late = np.array([np.nan, 60.0, 40.0])
    held = buy_and_hold(TIME, {"UP": DOUBLES, "LATE": late}, 1000.0)
    assert held.equity.tolist() == pytest.approx([1000.0, 750 + 500.0, 1000 + 500 * 40 / 60])


@pytest.mark.parametrize(
    "prices",
    [[1.0, 2.0], [1.0, np.nan, 2.0], [np.nan, 1.0, np.nan], [np.nan] * 3, [0.0, 1.0, 2.0], [1.0, np.inf, 2.0]],
)
def test_missing_or_impossible_price_is_refused_by_symbol(prices: list[float]) -> None:
    with pytest.raises(ValueError, match="prices of DOWN must be 3 finite positive ones"):
        buy_and_hold(TIME, {"UP": DOUBLES, "DOWN": np.array(prices)}, 1000.0)


def test_empty_universe_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbol"):
        buy_and_hold(TIME, {}, 1000.0)
