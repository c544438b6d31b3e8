"""Values of trials, and the returns that judge them."""

from typing import get_args

import numpy as np
import pytest

from backtester.metrics.performance import METRICS, performance
from backtester.metrics.series import DAY, EquityCurve
from backtester.metrics.significance import SharpeEstimate, probabilistic_sharpe
from backtester.sweep.names import ObjectiveName
from backtester.sweep.objective import DEFLATED, daily_returns, deflated, value_of

RISING = np.array([0.01, -0.002, 0.004, 0.006, -0.001, 0.003, 0.002, -0.004, 0.005, 0.001])


def curve(equity: list[float]) -> EquityCurve:
    return EquityCurve(np.arange(len(equity)) * DAY, np.array(equity))


def test_every_objective_but_one_is_a_figure_of_the_reports() -> None:
    assert {*get_args(ObjectiveName)} - {metric.name for metric in METRICS} == {DEFLATED}


def test_a_figure_is_taken_as_it_is() -> None:
    figures = performance(curve([100.0, 110.0, 105.0]), [])
    assert value_of("total_return", figures, RISING, 5) == pytest.approx(0.05)
    assert value_of("sqn", figures, RISING, 5) is None


def test_deflated_of_one_trial_is_probabilistic_and_falls_with_their_number() -> None:
    estimate = SharpeEstimate.of(RISING)
    assert estimate is not None
    assert deflated(RISING, 1) == probabilistic_sharpe(estimate)
    few, many = deflated(RISING, 10), deflated(RISING, 1000)
    assert few is not None
    assert many is not None
    assert 0 < many < few < 1
    assert deflated(np.zeros(10), 5) is None


def test_daily_returns_begin_with_the_first_day() -> None:
    assert daily_returns(curve([100.0, 110.0, 99.0])) == pytest.approx([0.1, -0.1])


def test_a_ruined_account_loses_all_and_then_nothing() -> None:
    assert daily_returns(curve([100.0, 50.0, -10.0, 20.0, 30.0])) == pytest.approx([-0.5, -1.0, 0.0, 0.0])


def test_an_account_ruined_within_its_first_day_loses_all_of_it() -> None:
    hours = EquityCurve(np.arange(1, 4) * DAY // 24, np.array([100.0, 50.0, -10.0]))
    assert daily_returns(hours) == pytest.approx([-1.0])
