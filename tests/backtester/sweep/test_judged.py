"""What is said of the best counts every trial that was made."""

import json
from pathlib import Path

import numpy as np
import pytest

from backtester.metrics.luck import evidence
from backtester.metrics.overfitting import probability_of_overfitting
from backtester.sweep.judged import Sweep, best_of, summary
from backtester.sweep.trial import Trial
from tests.backtester.sweep.searches import search, work

A_DAY = 63 / (1500 / 24 / 365.25)
"""63 returns, the last of half a day, in 1500 hours."""


def trial(number: int, value: float | None, returns: object = (0.0, 0.0)) -> Trial:
    return Trial(number=number, params={"swing.floor": 0.3}, value=value, returns=np.array(returns))


def test_the_best_is_the_highest_and_the_first_of_equals() -> None:
    found = best_of([trial(0, None), trial(1, -1.0), trial(2, 3.0), trial(3, 3.0)])
    assert found is not None
    assert found.number == 2
    assert best_of([trial(0, None)]) is None


def test_ranked_best_first_failures_last() -> None:
    ranked = Sweep(work(4), [trial(0, None), trial(1, -1.0), trial(2, 0.0), trial(3, 2.0)]).ranked
    assert [one.number for one in ranked] == [3, 2, 1, 0]


def test_evidence_counts_failures_and_all_their_returns() -> None:
    random = np.random.default_rng(1)
    returns = random.normal(0.001, 0.01, (64, 8))
    trials = [trial(n, None if n % 2 else float(n), returns[:, n]) for n in range(8)]
    task = work(8)
    found = Sweep(task, trials)
    assert found.evidence == evidence(returns[:, 6], A_DAY, seed=task.plan.seed, trials=returns)
    assert found.evidence is not None
    assert (found.evidence.trials, found.evidence.overfitting) == (8, probability_of_overfitting(returns))


def test_without_a_best_it_could_be_luck() -> None:
    found = Sweep(work(2), [trial(0, None), trial(1, None)])
    assert (found.best, found.plan, found.evidence) == (None, None, None)
    assert found.verdict == (True, "could be luck: total_return is defined for none of the trials")
    assert json.loads(json.dumps(summary(found)))["trials_failed"] == 2


def test_a_summary_has_all_that_repeats_the_best(tmp_path: Path) -> None:
    task = work(6, weights=True)
    found = Sweep(task, search(task, tmp_path))
    told = json.loads(json.dumps(summary(found)))
    assert found.best is not None
    assert told["best"]["params"] == dict(found.best.params)
    assert [one["number"] for one in told["trials"]] == list(range(6))
    assert told["plan"]["strategies"][1]["params"] == {"floor": found.best.params["swing.floor"]}
    assert told["verdict"] == found.verdict.words


def test_importance_only_with_its_library(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    task = work(20)
    shares = Sweep(task, search(task, tmp_path)).importance
    assert shares is not None
    assert sum(shares.values()) == pytest.approx(1.0)
