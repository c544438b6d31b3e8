"""Days of a trial, and what is said where it fails."""

from backtester.metrics.series import DAY
from backtester.runs.plan import Parameter
from backtester.sweep.trial import tried
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
