from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics.ratios import total_return
from backtester.metrics.series import DAY, EquityCurve
from tests.backtester.metrics.curves import HOUR, curve


@pytest.mark.parametrize(("bar", "a_year"), [(DAY, 365.25), (HOUR, 8766), (HOUR // 60, 525_960), (7 * DAY, 365.25 / 7)])
def test_year_has_365_and_a_quarter_days_around_the_clock(bar: int, a_year: float) -> None:
    assert curve([1.0] * 30, bar=bar).periods_per_year == pytest.approx(a_year, rel=1e-12)


def test_periods_that_are_not_there_are_not_counted() -> None:
    days = curve([1.0] * 2801)
    workdays = np.arange(2801) % 7 < 5
    assert EquityCurve(days.time[workdays], days.equity[workdays]).periods_per_year == pytest.approx(
        365.25 * 5 / 7, rel=1e-3
    )
    assert curve([1.0]).periods_per_year == 0.0


@pytest.mark.parametrize(
    ("time", "equity", "complaint"),
    [
        ([], [], "n >= 1"),
        ([1, 2], [1.0], "n >= 1"),
        ([[1, 2]], [[1.0, 2.0]], "n >= 1"),
        ([1, 1], [1.0, 2.0], "time must ascend"),
        ([1, 2], [1.0, np.nan], "equity must be finite"),
        ([1, 2], [1.0, np.inf], "equity must be finite"),
        ([1, 2], [0.0, 1.0], "begin above zero"),
    ],
)
def test_broken_curves_are_refused(time: Any, equity: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        EquityCurve(np.array(time, np.int64), np.array(equity, np.float64))


def test_arrays_cannot_be_written_and_the_callers_can() -> None:
    values = np.array([1.0, 2.0])
    frozen = curve(values)
    with pytest.raises(ValueError, match="read-only"):
        frozen.equity[0] = 5.0
    values[0] = 1.5


def test_returns_are_simple_and_one_fewer_than_bars() -> None:
    assert curve([100, 110, 99]).returns.tolist() == pytest.approx([0.1, -0.1])
    assert len(curve([100]).returns) == 0


def test_ruined_account_has_no_returns() -> None:
    assert curve([100, 0, 50]).ruined
    assert curve([100, -5]).ruined
    assert len(curve([100, 0, 50]).returns) == 0


def test_years_run_from_first_close_to_last() -> None:
    assert curve([1.0] * 1462).years == 4.0


def test_day_ends_with_the_bar_that_closes_at_its_midnight() -> None:
    days = curve(np.arange(1.0, 51.0), bar=HOUR).daily()  # 24 bars of the first day, 24 of the second, 2 of the third
    assert days.equity.tolist() == [1.0, 24.0, 48.0, 50.0]
    assert (days.time / DAY).tolist() == pytest.approx([1 / 24, 1, 2, 2 + 2 / 24])


def test_days_of_a_daily_curve_are_its_bars() -> None:
    whole = curve([1.0, 2.0, 3.0])
    assert whole.daily().equity.tolist() == [1.0, 2.0, 3.0]


@given(
    st.lists(st.floats(1.0, 1e3), min_size=2, max_size=80), st.integers(0, 30), st.sampled_from([HOUR, DAY, 7 * DAY])
)
def test_days_compound_to_the_whole_run(equity: list[float], later: int, bar: int) -> None:
    run = curve(equity, bar=bar)
    begun = EquityCurve(run.time + later * HOUR, run.equity)
    assert np.prod(1 + begun.daily().returns) - 1 == pytest.approx(total_return(begun), rel=1e-9, abs=1e-9)


def test_account_that_is_ruined_on_its_first_day_has_days() -> None:
    assert curve([100.0, -10.0, -10.0], bar=HOUR).daily().equity.tolist() == [100.0, -10.0]
