from dataclasses import replace

import numpy as np
import pytest

from backtester.metrics.bootstrap import Interval
from backtester.metrics.deviation import Floats
from backtester.metrics.luck import COULD_BE_LUCK, HARD_TO_EXPLAIN, Evidence, evidence, verdict
from backtester.metrics.significance import SharpeEstimate, deflated_sharpe

YEAR = 365.25


def days(seed: int, mean: float, count: int = 1000, trials: int | None = None) -> Floats:
    size = count if trials is None else (count, trials)
    return np.random.default_rng(seed).standard_normal(size) / 100 + mean


SOUND = Evidence(
    trials=40,
    periods=1000,
    confidence=0.95,
    interval=Interval(0.8, 3.1, 0.95),
    overfitting=0.04,
    probabilistic=0.999,
    deflated=0.981,
    track_record=310.4,
)


def test_sound_evidence_is_told_with_its_numbers() -> None:
    found = verdict(SOUND)
    assert not found.could_be_luck
    assert found.words == (
        "hard to explain by luck: Sharpe ratio deflated for 40 trials 98.1% (95% wanted); 1000 periods, 310 needed; "
        "annual Sharpe ratio from 0.80 to 3.10 (95%); probability of overfitting 4%"
    )


@pytest.mark.parametrize(
    ("doubtful", "words"),
    [
        ({"deflated": 0.812}, "Sharpe ratio deflated for 40 trials 81.2% (95% wanted)"),
        ({"deflated": None}, "Sharpe ratio deflated for 40 trials not defined"),
        ({"track_record": 1200.0}, "1000 periods, 1200 needed"),
        ({"track_record": None}, "1000 periods, and no track record would be long enough"),
        ({"interval": Interval(-0.31, 2.0, 0.95)}, "annual Sharpe ratio from -0.31 to 2.00 (95%)"),
        ({"interval": None}, "no interval of the Sharpe ratio"),
        ({"overfitting": 0.62}, "probability of overfitting 62%"),
        ({"overfitting": None}, "probability of overfitting not defined"),
        ({"trials": 1, "probabilistic": 0.9}, "probabilistic Sharpe ratio 90.0% (95% wanted)"),
    ],
)
def test_each_doubt_alone_leaves_luck_possible_and_is_named(doubtful: dict[str, object], words: str) -> None:
    found = verdict(replace(SOUND, **doubtful))  # type: ignore[arg-type]
    assert found.could_be_luck
    assert found.words == f"could be luck: {words}"


def test_limit_for_overfitting_can_be_stricter() -> None:
    assert verdict(SOUND, overfit_above=0.03).could_be_luck


def test_single_run_needs_no_trials() -> None:
    alone = evidence(days(1, mean=0.002), YEAR, seed=1)
    assert (alone.trials, alone.periods, alone.overfitting) == (1, 1000, None)
    assert alone.deflated == alone.probabilistic
    assert verdict(alone).words.startswith(HARD_TO_EXPLAIN)


def test_best_of_many_worthless_trials_could_be_luck_although_it_looks_sure_alone() -> None:
    trials = days(2, mean=0.0, trials=200)
    best = trials[:, trials.mean(axis=0).argmax()]
    alone, among = evidence(best, YEAR, seed=1), evidence(best, YEAR, seed=1, trials=trials, blocks=8)
    assert not verdict(alone).could_be_luck
    assert verdict(among).could_be_luck
    assert "deflated for 200 trials" in verdict(among).words


def test_one_trial_that_is_truly_better_stands_out() -> None:
    trials = days(3, mean=0.0, trials=50)
    trials[:, 20] += 0.0025
    found = verdict(evidence(trials[:, 20], YEAR, seed=1, trials=trials, blocks=8))
    assert found.words.startswith(HARD_TO_EXPLAIN)


def test_deflation_takes_the_variance_of_all_trials_those_that_never_traded_too() -> None:
    trials = days(4, mean=0.001, trials=3)
    trials[:, 1] = 0.0
    first, last = SharpeEstimate.of(trials[:, 0]), SharpeEstimate.of(trials[:, 2])
    assert first is not None
    assert last is not None
    expected = deflated_sharpe(first, 3, float(np.var([first.ratio, 0.0, last.ratio], ddof=1)))
    assert evidence(trials[:, 0], YEAR, seed=1, trials=trials).deflated == expected


def test_flat_run_could_be_anything() -> None:
    found = verdict(evidence(np.zeros(100), YEAR, seed=1))
    assert found.words == (
        f"{COULD_BE_LUCK}: probabilistic Sharpe ratio not defined; 100 periods, and no track record would be long "
        "enough; no interval of the Sharpe ratio"
    )


def test_worthless_runs_are_seldom_called_more_than_luck() -> None:
    called = [verdict(evidence(days(seed, mean=0.0, count=200), YEAR, seed=seed)).could_be_luck for seed in range(25)]
    assert np.mean(called) >= 0.85


def test_trials_of_other_periods_are_refused() -> None:
    with pytest.raises(ValueError, match="both need the same"):
        evidence(days(5, mean=0.0), YEAR, seed=1, trials=days(5, mean=0.0, count=900, trials=3))
