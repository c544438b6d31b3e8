from math import log10, sqrt

import numpy as np
import pytest

from backtester.metrics.bootstrap import MIN_RETURNS, NORMAL, _left_out, block_length, bootstrap_interval
from backtester.metrics.deviation import Floats
from backtester.metrics.ratios import sharpe
from tests.backtester.metrics.curves import autoregressive


def mean(values: Floats) -> float:
    return float(values.mean())


def coverage(persistence: float, mean_block: float | None = None, count: int = 400, confidence: float = 0.9) -> float:
    """Share of 200 series of `count` whose interval holds their true mean."""
    held = 0
    for seed in range(200):
        series = autoregressive(seed, count, persistence, mean=1.0)
        found = bootstrap_interval(series, mean, seed=seed, confidence=confidence, draws=250, mean_block=mean_block)
        assert found is not None
        held += found.low <= 1.0 <= found.high
    return held / 200


def test_interval_covers_the_truth_about_as_often_as_it_says_on_dependent_data() -> None:
    assert coverage(persistence=0.5) == pytest.approx(0.9, abs=0.05)


def test_blocks_of_one_would_be_too_sure() -> None:
    assert coverage(persistence=0.5, mean_block=1.0) < 0.75


@pytest.mark.parametrize(("persistence", "least"), [(0.0, 0.92), (0.3, 0.87)])
def test_short_runs_are_not_told_much_too_narrow(persistence: float, least: float) -> None:
    assert coverage(persistence, count=20, confidence=0.95) >= least


@pytest.mark.parametrize(
    ("blocks", "reach"), [(4.0, 3.67), (8.0, 2.53), (21.0, 2.14), (1000.0, 1.96)], ids=lambda value: f"{value:g}"
)
def test_ends_lie_where_a_t_interval_of_so_many_blocks_would(blocks: float, reach: float) -> None:
    # sqrt(n / (n - 1)) times the 97.5 % quantile of t with n - 1 degrees of freedom, from a table
    assert -NORMAL.inv_cdf(_left_out(0.95, blocks)) == pytest.approx(reach, rel=0.01)


def test_independent_data_give_the_textbook_interval() -> None:
    values = np.random.default_rng(2).standard_normal(2000)
    found = bootstrap_interval(values, mean, seed=1)
    assert found is not None
    half = 1.96 * values.std() / np.sqrt(2000)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


@pytest.mark.parametrize(("persistence", "expected"), [(0.3, 12.0), (0.5, 19.2), (0.8, 42.9)])
def test_block_length_is_near_the_best_for_an_autoregression(persistence: float, expected: float) -> None:
    # (2 rho / (1 - rho**2)) ** (2/3) * n ** (1/3), the theory for AR(1) and the stationary bootstrap
    found = [block_length(autoregressive(seed, 4000, persistence)) for seed in range(20)]
    assert np.mean(found) == pytest.approx(expected, rel=0.2)


def slow_block_length(values: Floats) -> float:
    """Politis & White 2004 with the correction of 2009, written out; for series that need no bounds."""
    count, mean = len(values), values.mean()

    def covariance(lag: int) -> float:
        return (
            float(sum((values[at] - mean) * (values[at + abs(lag)] - mean) for at in range(count - abs(lag)))) / count
        )

    def small(lag: int) -> bool:
        return abs(covariance(lag) / covariance(0)) < 2 * sqrt(log10(count) / count)

    last = next(lag for lag in range(count) if all(small(lag + ahead) for ahead in range(1, 6)))
    reach = 2 * last
    weights = {lag: min(1.0, 2 * (1 - abs(lag) / reach)) for lag in range(-reach, reach + 1)}
    spectrum = sum(weight * covariance(lag) for lag, weight in weights.items())
    slope = sum(weight * abs(lag) * covariance(lag) for lag, weight in weights.items())
    return float((2 * slope**2 / (2 * spectrum**2)) ** (1 / 3) * count ** (1 / 3))


def test_block_length_agrees_with_the_papers_written_out() -> None:
    values = autoregressive(5, 250, 0.5)
    assert block_length(values) == pytest.approx(slow_block_length(values))


@pytest.mark.filterwarnings("error")
def test_block_length_is_at_least_one_and_never_most_of_the_series() -> None:
    assert block_length(np.zeros(50)) == 1.0
    assert block_length(np.array([1.0, 2.0])) == 1.0
    assert block_length(np.tile([1.0, -1.0], 10)) == 7  # a third of twenty, rounded up


def test_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    values = autoregressive(3, 300, 0.3)
    first, again, other = (bootstrap_interval(values, mean, seed=seed, draws=100) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_more_confidence_is_a_wider_interval() -> None:
    values = autoregressive(4, 300, 0.3)
    narrow = bootstrap_interval(values, mean, seed=1, confidence=0.5)
    wide = bootstrap_interval(values, mean, seed=1, confidence=0.99)
    assert narrow is not None
    assert wide is not None
    assert wide.low < narrow.low < narrow.high < wide.high


def test_blocks_keep_neighbours_together() -> None:
    def steps_forward(values: Floats) -> float:
        return float(np.mean(np.diff(values) % 200 == 1))  # the end wraps around to the beginning

    found = bootstrap_interval(np.arange(200.0), steps_forward, seed=1, mean_block=10.0)
    assert found is not None
    assert (found.low + found.high) / 2 == pytest.approx(0.9, abs=0.02)


def test_not_defined_where_the_statistic_is_not() -> None:
    few = autoregressive(1, MIN_RETURNS, 0.0)
    assert bootstrap_interval(few[1:], mean, seed=1) is None
    assert bootstrap_interval(few, mean, seed=1) is not None
    assert bootstrap_interval(np.zeros(50), lambda values: sharpe(values, 365.25), seed=1) is None


def test_not_defined_where_too_many_draws_are_not() -> None:
    once = np.zeros(50)
    once[7] = 0.1  # a third of the draws miss the only day that moved
    assert bootstrap_interval(once, lambda values: sharpe(values, 365.25), seed=1, mean_block=1.0) is None
