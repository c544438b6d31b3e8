from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics.series import DAY
from backtester.metrics.trades import average_hold, exposure, fractions, money, turnover
from tests.backtester.metrics.curves import HOUR, curve, trade

WEEK = curve([100.0] * 7)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"side": 0}, "side is 0"),
        ({"exit_time": 0}, "before entry_time"),
        ({"quantity": 0.0}, "quantity must be"),
        ({"entry_price": -1.0}, "entry_price must be"),
        ({"exit_price": float("inf")}, "exit_price must be"),
        ({"fees": float("nan")}, "fees and pnl"),
    ],
)
def test_impossible_trades_are_refused(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        trade(10.0, **changed)


def test_result_in_money_and_on_its_own_notional() -> None:
    trades = [trade(10.0), trade(-4.0, quantity=1.0)]
    assert money(trades).tolist() == [10.0, -4.0]
    assert fractions(trades).tolist() == [0.05, -0.04]


def test_average_hold_is_in_days() -> None:
    assert average_hold([trade(1.0), trade(1.0, exit_time=DAY + 6 * HOUR)]) == (1 + 0.25) / 2
    assert average_hold([]) is None


def test_turnover_counts_both_sides_a_year() -> None:
    bars = curve([1000.0] * 1462)  # four years
    assert turnover([trade(20.0)], bars) == pytest.approx((200 + 220) / 1000 / 4)
    assert turnover([], bars) == 0.0


def test_turnover_of_no_time_or_no_equity_is_not_defined() -> None:
    assert turnover([trade(20.0)], curve([1000.0])) is None
    assert turnover([trade(20.0)], curve([10.0, -50.0])) is None


def test_bar_at_whose_open_a_trade_ends_is_not_exposed() -> None:
    assert exposure([trade(1.0)], WEEK, "1d") == 1 / 7
    assert exposure([trade(1.0)], WEEK, "1d", through_exit_bar=True) == 2 / 7


def test_bar_in_which_a_stop_fills_is_exposed() -> None:
    assert exposure([trade(-1.0, exit_time=2 * DAY + 1)], WEEK, "1d") == 2 / 7
    assert exposure([trade(-1.0, exit_time=DAY + DAY // 4)], WEEK, "1d") == 1 / 7


def test_position_over_a_gap_is_exposed_in_the_bars_there_are() -> None:
    bars = type(WEEK)(WEEK.time + 50 * DAY * np.repeat([0, 1], [2, 5]), WEEK.equity)
    assert exposure([trade(1.0, exit_time=52 * DAY)], bars, "1d") == 1 / 7  # sold at the open after the gap


def test_nothing_held_is_no_exposure() -> None:
    assert exposure([], WEEK, "1d") == 0.0


SPANS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)).map(sorted), max_size=8)


@given(SPANS)
def test_exposure_is_the_share_of_bars_that_any_trade_overlaps(spans: list[list[int]]) -> None:
    trades = [trade(1.0, entry_time=start * HOUR, exit_time=end * HOUR) for start, end in spans]
    overlapped = [any(start < 24 * (day + 1) and end > 24 * day for start, end in spans) for day in range(7)]
    assert exposure(trades, WEEK, "1d") == pytest.approx(sum(overlapped) / 7)
