"""The papers' own examples, and properties."""

from math import sqrt

import numpy as np
import pytest

from backtester.metrics.significance import (
    NORMAL,
    SharpeEstimate,
    deflated_sharpe,
    expected_best,
    minimum_track_record,
    probabilistic_sharpe,
)

# Bailey & López de Prado 2014, "A numerical example": a Sharpe ratio of 2.5 a year of 250 days over five years
PUBLISHED = SharpeEstimate(2.5 / sqrt(250), 1250, skewness=-3, kurtosis=10)
VARIANCE = 0.5 / 250
# 2012: 24 months of a hedge fund
FUND = SharpeEstimate(0.458, 24, skewness=-2.448, kurtosis=10.164)


def test_published_example_of_the_deflated_sharpe_ratio() -> None:
    assert expected_best(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PUBLISHED, 100, VARIANCE) == pytest.approx(0.9004, abs=5e-5)


def test_published_numbers_of_trials_that_would_still_have_passed() -> None:
    normal = SharpeEstimate(PUBLISHED.ratio, 1250)
    assert deflated_sharpe(PUBLISHED, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(normal, 88, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_published_example_of_the_probabilistic_sharpe_ratio() -> None:
    assert probabilistic_sharpe(SharpeEstimate(0.458, 24)) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(FUND) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_published_track_records_for_a_sharpe_of_two_to_exceed_one(periods: int, years: float) -> None:
    found = minimum_track_record(SharpeEstimate(2 / sqrt(periods), 100), benchmark=1 / sqrt(periods))
    assert found is not None
    assert found / periods == pytest.approx(years, abs=0.005)


def test_minimum_track_record_is_where_the_probability_reaches_the_confidence() -> None:
    needed = minimum_track_record(FUND, confidence=0.99)
    assert needed is not None
    at_length = [SharpeEstimate(0.458, count, -2.448, 10.164) for count in (int(needed), int(needed) + 1)]
    below, above = (probabilistic_sharpe(estimate) for estimate in at_length)
    assert (below or 1) < 0.99 <= (above or 0)


def test_probability_grows_with_length() -> None:
    found = [probabilistic_sharpe(SharpeEstimate(0.05, count)) or 0 for count in (2, 10, 100, 1000, 10_000)]
    assert found == sorted(found)
    assert found[0] < 0.55
    assert found[-1] > 0.999


def test_fat_tails_and_losses_to_one_side_lower_the_probability() -> None:
    plain = probabilistic_sharpe(SharpeEstimate(0.3, 50)) or 0
    assert (probabilistic_sharpe(SharpeEstimate(0.3, 50, kurtosis=9)) or 1) < plain
    assert (probabilistic_sharpe(SharpeEstimate(0.3, 50, skewness=-2)) or 1) < plain


def test_estimate_from_returns_by_hand() -> None:
    found = SharpeEstimate.of(np.array([0.0, 0.0, 0.0, 4.0]))  # mean 1, deviation 2 of a sample, root 3 of all
    assert found is not None
    assert (found.ratio, found.count) == (0.5, 4)
    assert found.skewness == pytest.approx((-3 + 27) / 4 / 3**1.5)
    assert found.kurtosis == pytest.approx((3 + 81) / 4 / 9)


def test_probability_is_uniform_over_worthless_strategies() -> None:
    rng = np.random.default_rng(8)
    estimates = [SharpeEstimate.of(rng.standard_normal(120)) for _ in range(2000)]
    found = [probabilistic_sharpe(estimate) or 0 for estimate in estimates if estimate]
    assert np.mean(np.array(found) > 0.95) == pytest.approx(0.05, abs=0.01)


def test_best_of_many_worthless_trials_is_as_good_as_expected() -> None:
    rng = np.random.default_rng(9)
    best = [max(rng.standard_normal(200)) for _ in range(2000)]
    assert np.mean(best) == pytest.approx(expected_best(200, 1.0), rel=0.01)


def test_one_trial_is_not_deflated() -> None:
    assert expected_best(1, 5.0) == 0.0
    assert deflated_sharpe(PUBLISHED, 1, 5.0) == probabilistic_sharpe(PUBLISHED)


def test_each_trial_more_deflates_more() -> None:
    found = [deflated_sharpe(PUBLISHED, trials, VARIANCE) or 0 for trials in (1, 2, 10, 100, 10_000)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(("trials", "variance"), [(0, 1.0), (5, -1.0)])
def test_impossible_trials_are_refused(trials: int, variance: float) -> None:
    with pytest.raises(ValueError, match="need at least one trial"):
        expected_best(trials, variance)


def test_not_defined_without_variation_length_or_excess() -> None:
    assert SharpeEstimate.of(np.full(30, 0.1)) is None
    assert SharpeEstimate.of(np.array([0.1])) is None
    assert probabilistic_sharpe(SharpeEstimate(0.1, 1)) is None
    assert minimum_track_record(SharpeEstimate(0.1, 50), benchmark=0.1) is None
    assert minimum_track_record(SharpeEstimate(-0.1, 50)) is None


def test_not_defined_where_the_estimate_would_have_no_variance() -> None:
    certain = SharpeEstimate(1.0, 50, skewness=2.0, kurtosis=5.0)  # 1 - 2 + 1
    assert probabilistic_sharpe(certain) is None
    assert minimum_track_record(certain) is None


def test_normal_law_is_the_standard_one() -> None:
    assert NORMAL.inv_cdf(0.95) == pytest.approx(1.6448536269514722)
