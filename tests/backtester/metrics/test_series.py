from typing import Any

import numpy as np
import pytest

from backtester.metrics.series import DAY, EquityCurve, periods_per_year
from tests.backtester.metrics.curves import HOUR, curve


def test_year_has_365_and_a_quarter_days_around_the_clock() -> None:
    assert periods_per_year("1d") == 365.25
    assert periods_per_year("1h") == 8766
    assert periods_per_year("1m") == 525_960
    assert periods_per_year("1w") == pytest.approx(52.18, abs=0.01)


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
    assert days.equity.tolist() == [24.0, 48.0, 50.0]
    assert (days.time / DAY).tolist() == pytest.approx([1, 2, 2 + 2 / 24])


def test_days_of_a_daily_curve_are_its_bars() -> None:
    whole = curve([1.0, 2.0, 3.0])
    assert whole.daily().equity.tolist() == [1.0, 2.0, 3.0]
