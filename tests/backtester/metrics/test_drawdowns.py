import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics.drawdowns import drawdowns, underwater
from backtester.metrics.series import DAY
from tests.backtester.metrics.curves import curve


def test_drawdown_lasts_from_the_peak_until_equity_is_back_at_it() -> None:
    (found,) = drawdowns(curve([100, 120, 90, 60, 120, 130]))
    assert found.depth == 0.5
    assert (found.peak, found.trough, found.end) == (2 * DAY, 4 * DAY, 5 * DAY)
    assert found.days == 3
    assert found.recovered


def test_drawdown_that_is_still_open_lasts_to_the_end() -> None:
    (found,) = drawdowns(curve([100, 80, 90]))
    assert (found.days, found.recovered) == (2, False)


def test_fall_of_the_last_bar_counts() -> None:
    (found,) = drawdowns(curve([100, 110, 99]))
    assert found.days == 1
    assert found.depth == pytest.approx(0.1)


def test_standing_still_is_no_drawdown() -> None:
    assert drawdowns(curve([100, 100, 100])) == []
    assert drawdowns(curve([100])) == []


def test_time_without_bars_counts_too() -> None:
    bars = curve([100, 90, 100])
    gap = type(bars)(bars.time + np.array([0, 0, 7 * DAY]), bars.equity)
    assert drawdowns(gap)[0].days == 9


def test_account_in_debt_lost_more_than_everything() -> None:
    assert drawdowns(curve([100, -50]))[0].depth == 1.5


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_drawdowns_are_the_stretches_below_the_running_peak(values: list[int]) -> None:
    bars = curve(values)
    depth = underwater(bars)
    covered = np.zeros(len(values), bool)
    for found in drawdowns(bars):
        inside = (bars.time > found.peak) & (bars.time < found.end + (not found.recovered))
        assert not (covered & inside).any()
        assert found.depth == depth[inside].max() == depth[bars.time == found.trough][0]
        covered |= inside
    assert [bool(below) for below in covered] == [value < max(values[: at + 1]) for at, value in enumerate(values)]
