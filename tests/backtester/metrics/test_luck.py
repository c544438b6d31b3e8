from dataclasses import replace

import numpy as np
import pytest

from backtester.metrics.bootstrap import Interval
from backtester.metrics.deviation import Floats
from backtester.metrics.luck import MIN_PERIODS, Answer, Evidence, evidence, verdict
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
    assert verdict(alone).answer == Answer.HARD_TO_EXPLAIN


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
    assert found.answer == Answer.HARD_TO_EXPLAIN


def test_deflation_takes_the_variance_of_all_trials_those_that_never_traded_too() -> None:
    trials = days(4, mean=0.001, trials=3)
    trials[:, 1] = 0.0
    first, last = SharpeEstimate.of(trials[:, 0]), SharpeEstimate.of(trials[:, 2])
    assert first is not None
    assert last is not None
    expected = deflated_sharpe(first, 3, float(np.var([first.ratio, 0.0, last.ratio], ddof=1)))
    assert evidence(trials[:, 0], YEAR, seed=1, trials=trials).deflated == expected


def test_repeated_trials_lower_no_bar_but_count_as_made() -> None:
    trials = days(6, mean=0.0, trials=16)
    best = trials[:, [trials.mean(axis=0).argmax()]]
    found = evidence(best[:, 0], YEAR, seed=1, trials=np.hstack([trials, np.tile(best, 284)]))
    estimates = [SharpeEstimate.of(column) for column in trials.T]
    ratios = [estimate.ratio for estimate in estimates if estimate is not None]
    alone = SharpeEstimate.of(best[:, 0])
    assert alone is not None
    assert found.trials == 300
    assert found.deflated == deflated_sharpe(alone, 300, float(np.var(ratios, ddof=1)))
    fewer = evidence(best[:, 0], YEAR, seed=1, trials=trials).deflated
    assert fewer is not None
    assert found.deflated is not None
    assert found.deflated < fewer


def test_flat_run_is_not_judged_however_short() -> None:
    for count in (0, 3, 100):
        found = verdict(evidence(np.zeros(count), YEAR, seed=1))
        assert found == (True, "nothing to judge: no period gained or lost anything")
        assert found.answer == Answer.NOTHING


def test_run_of_a_few_days_is_not_judged_however_good() -> None:
    found = verdict(evidence(days(1, mean=0.05, count=MIN_PERIODS - 1), YEAR, seed=1))
    assert found == (True, "too short to judge: 19 periods of returns, 20 are the least")
    assert found.answer == Answer.TOO_SHORT
    enough = verdict(evidence(days(1, mean=0.05, count=MIN_PERIODS), YEAR, seed=1))
    assert enough.answer == Answer.HARD_TO_EXPLAIN


def test_sure_loss_is_no_luck() -> None:
    found = verdict(evidence(days(1, mean=-0.003), YEAR, seed=1))
    assert not found.could_be_luck
    assert found.answer == Answer.LOST
    assert found.words.startswith("lost, and luck does not explain it: annual Sharpe ratio from -")


def test_loss_that_could_be_chance_is_not_called_bad_luck_alone() -> None:
    found = verdict(evidence(days(9, mean=-0.0002), YEAR, seed=1))
    assert found.answer == Answer.COULD_BE_LUCK
    assert "periods" not in found.words  # no length makes a loss a gain
    assert found.words.endswith("; it lost, which chance explains as well as a bad strategy does")
    gained = verdict(evidence(days(1, mean=0.0006), YEAR, seed=1))
    assert gained.answer == Answer.COULD_BE_LUCK
    assert "it lost" not in gained.words


def test_steady_gain_has_no_ratio_and_so_no_length() -> None:
    found = verdict(evidence(np.full(100, 0.001), YEAR, seed=1))
    assert found == (
        True,
        "could be luck: probabilistic Sharpe ratio not defined; 100 periods, how many are needed is not defined; no "
        "interval of the Sharpe ratio",
    )


def test_worthless_runs_are_seldom_called_more_than_luck() -> None:
    called = [verdict(evidence(days(seed, mean=0.0, count=200), YEAR, seed=seed)).could_be_luck for seed in range(25)]
    assert np.mean(called) >= 0.85


def test_trials_of_other_periods_are_refused() -> None:
    with pytest.raises(ValueError, match="both need the same"):
        evidence(days(5, mean=0.0), YEAR, seed=1, trials=days(5, mean=0.0, count=900, trials=3))
