from itertools import combinations
from math import comb, log

import numpy as np
import pytest

from backtester.metrics.deviation import Floats
from backtester.metrics.overfitting import logits, probability_of_overfitting


def noise(seed: int, periods: int = 320, trials: int = 10) -> Floats:
    return np.random.default_rng(seed).standard_normal((periods, trials)) / 100


def slow_logits(returns: Floats, blocks: int) -> list[float]:
    """The definition written out: split, choose, rank."""
    rows = len(returns) // blocks
    parts = [returns[len(returns) - rows * (blocks - at) :][:rows] for at in range(blocks)]
    found = []
    for inside in combinations(range(blocks), blocks // 2):
        chosen = np.concatenate([parts[at] for at in inside])
        rest = np.concatenate([parts[at] for at in range(blocks) if at not in inside])
        best = int((chosen.mean(axis=0) / chosen.std(axis=0)).argmax())
        scores = rest.mean(axis=0) / rest.std(axis=0)
        rank = (1 + sum(scores < scores[best])) / (returns.shape[1] + 1)
        found.append(log(rank / (1 - rank)))
    return found


def test_agrees_with_the_definition_written_out() -> None:
    returns = noise(1, periods=103, trials=7)  # three rows too many
    assert logits(returns, 8) == pytest.approx(slow_logits(returns, 8))


def test_every_way_to_halve_the_blocks_is_tried() -> None:
    found = logits(noise(2), 14)
    assert found is not None
    assert len(found) == comb(14, 7)  # more than one batch


def test_choosing_among_pure_noise_is_a_coin_toss() -> None:
    found = [probability_of_overfitting(noise(seed), 8) or 0 for seed in range(200)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.04)


def test_one_truly_better_trial_is_no_overfitting() -> None:
    for seed in range(20):
        returns = noise(seed)
        returns[:, 3] += 0.004
        assert (probability_of_overfitting(returns, 8) or 0) < 0.02


def test_trial_that_was_only_lucky_once_is_overfitting() -> None:
    returns = noise(5, trials=20)
    for trial in range(20):
        at = 16 * trial
        returns[:, trial] -= 0.003
        returns[at : at + 16, trial] += 0.1  # each has a streak of its own
    assert (probability_of_overfitting(returns, 8) or 0) > 0.9


def test_equal_trials_share_their_rank() -> None:
    same = np.repeat(noise(6, trials=1), 4, axis=1)
    found = logits(same, 8)
    assert found is not None
    assert (found == 0).all()


def test_trial_that_never_traded_counts_with_a_ratio_of_zero() -> None:
    returns = noise(7, trials=3) - 0.01
    returns[:, 1] = 0.0
    assert probability_of_overfitting(returns, 8) == 0.0  # to stay out was best in every half


def test_not_defined_for_one_trial_few_rows_or_no_variation() -> None:
    assert probability_of_overfitting(noise(8, trials=1), 8) is None
    assert probability_of_overfitting(noise(8, periods=15), 8) is None
    assert probability_of_overfitting(np.zeros((320, 5)), 8) is None


@pytest.mark.parametrize("blocks", [0, 7])
def test_odd_blocks_are_refused(blocks: int) -> None:
    with pytest.raises(ValueError, match="even number"):
        logits(noise(9), blocks)


@pytest.mark.parametrize("returns", [np.zeros(10), np.full((320, 2), np.nan)])
def test_what_is_not_a_finite_matrix_is_refused(returns: Floats) -> None:
    with pytest.raises(ValueError, match="finite matrix"):
        logits(returns, 8)
