"""Days of a trial, and what is said where it fails."""

from dataclasses import asdict

import pytest

from backtester.metrics.series import DAY
from backtester.runs.plan import Parameter, desk_of
from backtester.runs.run import run
from backtester.sweep.trial import tried
from shared.config import load_settings
from tests.backtester.sweep.searches import HOUR, START, plan, work

PARAMS: dict[str, Parameter] = {"swing.floor": 0.3, "momentum.adx_above": 25.0}


def test_every_trial_has_the_days_of_its_search_and_the_first_of_them_too() -> None:
    task = work(1, plan=plan(start=START + 700 * HOUR))
    assert task.days.time[0] == START + 700 * HOUR
    assert len(tried(task, 0, PARAMS).returns) == len(task.days) - 1 == 34
    assert task.days.time[0] % DAY != 0


def test_an_objective_that_little_time_does_not_define_says_how_much_it_takes() -> None:
    trial = tried(work(1, count=500, objective="cagr"), 0, PARAMS)
    assert (trial.value, trial.reason) == (None, "cagr is not defined in less than 28 days")
    assert tried(work(1, count=28 * 24, objective="cagr"), 0, PARAMS).value is not None


@pytest.mark.parametrize("engine", ["vector", "event"])
def test_the_figures_of_a_trial_are_those_of_its_backtest_with_what_is_still_open(engine: str) -> None:
    patient = desk_of(load_settings()) | {"stop_atr": "50", "max_hold_bars": "1000000", "max_drawdown": "0.99"}
    task = work(1, count=1200, plan=plan(engine=engine, desk=patient))
    alone = run(task.space.applied(task.plan, PARAMS), task.markets)
    assert alone.open_trades
    assert tried(task, 0, PARAMS).figures == asdict(alone.performance)
