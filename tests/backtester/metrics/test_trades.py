from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics.series import DAY, EquityCurve
from backtester.metrics.trades import (
    OpenPosition,
    average_exposure,
    average_hold,
    fees,
    fractions,
    money,
    time_in_market,
    turnover,
)
from tests.backtester.metrics.curves import HOUR, curve, trade

WEEK = EquityCurve(DAY * np.arange(8), np.full(8, 100.0))
"""Seven bars: their opens, and the last close."""


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
    assert time_in_market([trade(1.0)], WEEK) == 1 / 7
    assert time_in_market([trade(1.0)], WEEK, through_exit_bar=True) == 2 / 7


def test_bar_in_which_a_stop_fills_is_exposed() -> None:
    assert time_in_market([trade(-1.0, exit_time=2 * DAY + 1)], WEEK) == 2 / 7
    assert time_in_market([trade(-1.0, exit_time=DAY + DAY // 4)], WEEK) == 1 / 7


def test_position_over_a_gap_is_exposed_in_the_bars_there_are() -> None:
    bars = type(WEEK)(WEEK.time + 50 * DAY * np.repeat([0, 1], [2, 6]), WEEK.equity)
    assert time_in_market([trade(1.0, exit_time=52 * DAY)], bars) == 1 / 7  # sold at the open after the gap


def test_nothing_held_is_no_exposure() -> None:
    assert time_in_market([], WEEK) == average_exposure([], WEEK) == 0.0
    assert time_in_market([], curve([1.0])) is average_exposure([], curve([1.0])) is None


def test_all_the_time_is_all_of_it() -> None:
    assert time_in_market([trade(1.0, entry_time=0, exit_time=7 * DAY)], WEEK) == 1.0
    assert time_in_market([], WEEK, [OpenPosition(0, 50.0, 0.0)]) == 1.0


def test_what_is_still_open_is_held_to_the_end() -> None:
    left = OpenPosition(3 * DAY, 50.0, 0.25)
    assert time_in_market([trade(1.0)], WEEK, [left]) == 5 / 7
    assert average_exposure([trade(1.0)], WEEK, [left]) == pytest.approx((2.0 + 4 * 0.5) / 7)
    assert turnover([trade(20.0)], WEEK, [left]) == pytest.approx((200 + 220 + 50) / 100 / WEEK.years)
    assert fees([trade(1.0, fees=0.5), trade(1.0, fees=1.0)], [left]) == 1.75


def test_exposure_is_over_the_equity_there_is_and_adds_shorts() -> None:
    doubled = curve([100.0, 100.0, 200.0, 200.0])
    both = [trade(0.0, entry_time=DAY, exit_time=4 * DAY), trade(0.0, side=-1, entry_time=3 * DAY, exit_time=4 * DAY)]
    assert average_exposure(both, doubled) == pytest.approx((2.0 + 2.0 + 2.0) / 3)
    assert average_exposure(both, curve([100.0, 50.0, -1.0])) is None


SPANS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)).map(sorted), max_size=8)


@given(SPANS)
def test_time_in_market_is_the_share_of_bars_that_any_trade_overlaps(spans: list[list[int]]) -> None:
    trades = [trade(1.0, entry_time=start * HOUR, exit_time=end * HOUR) for start, end in spans]
    overlapped = [any(start < 24 * (day + 1) and end > 24 * day for start, end in spans) for day in range(7)]
    assert time_in_market(trades, WEEK) == pytest.approx(sum(overlapped) / 7)
