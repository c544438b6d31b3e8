import numpy as np
import pytest

from backtester.metrics.benchmark import buy_and_hold
from backtester.metrics.series import DAY

TIME = DAY * np.arange(1, 4)
DOUBLES = np.array([10.0, 15.0, 20.0])
HALVES = np.array([80.0, 60.0, 40.0])


def test_equal_shares_at_the_first_bar_are_never_rebalanced() -> None:
    held = buy_and_hold(TIME, {"UP": DOUBLES, "DOWN": HALVES}, 1000.0)
    assert held.curve.equity.tolist() == [1000.0, 750 + 375.0, 1000 + 250.0]


def test_every_symbol_is_a_trade_whose_results_add_up_to_the_account() -> None:
    held = buy_and_hold(TIME, {"UP": DOUBLES, "DOWN": HALVES}, 1000.0)
    assert [(trade.symbol, trade.quantity, trade.pnl) for trade in held.trades] == [
        ("UP", 50.0, 500.0),
        ("DOWN", 6.25, -250.0),
    ]
    assert {(trade.entry_time, trade.exit_time) for trade in held.trades} == {(DAY, 3 * DAY)}


@pytest.mark.parametrize("prices", [[1.0, 2.0], [1.0, np.nan, 2.0], [0.0, 1.0, 2.0], [1.0, np.inf, 2.0]])
def test_missing_or_impossible_price_is_refused_by_symbol(prices: list[float]) -> None:
    with pytest.raises(ValueError, match="closes of DOWN must be 3 finite positive prices"):
        buy_and_hold(TIME, {"UP": DOUBLES, "DOWN": np.array(prices)}, 1000.0)


def test_empty_universe_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbol"):
        buy_and_hold(TIME, {}, 1000.0)
