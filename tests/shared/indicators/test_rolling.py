from collections.abc import Callable

import numpy as np
import pytest

from shared.indicators import rolling
from shared.indicators.rolling import Floats
from shared.indicators.smoothing import ema, ema_windowed

VALUES = np.random.default_rng(11).lognormal(size=1500) * 1e6

MEASURES: dict[str, tuple[int, Callable[[Floats], Floats]]] = {
    "mean": (20, lambda x: rolling.rolling_mean(x, 20)),
    "std": (20, lambda x: rolling.rolling_std(x, 20)),
    "max": (20, lambda x: rolling.rolling_max(x, 20)),
    "min": (20, lambda x: rolling.rolling_min(x, 20)),
    "percentile": (120, lambda x: rolling.percentile_rank(x, 120)),
    "zscore": (51, lambda x: rolling.zscore_of_last(x, 50)),
    "ema": (200, lambda x: ema(x, 20)),
    "ema windowed": (600, lambda x: ema_windowed(x, 200, window=600)),
}


@pytest.mark.parametrize("name", MEASURES)
def test_value_is_the_same_to_the_last_bit_wherever_the_array_starts(name: str) -> None:
    bars, measure = MEASURES[name]
    whole = measure(VALUES)
    for start in (1, 7, 64, 333, len(VALUES) - bars):
        part = measure(VALUES[start:])
        np.testing.assert_array_equal(part[bars - 1 :], whole[start + bars - 1 :])


@pytest.mark.parametrize("name", MEASURES)
def test_unknown_until_enough_bars_are_there(name: str) -> None:
    bars, measure = MEASURES[name]
    assert np.isnan(measure(VALUES)[: bars - 1]).all()
    assert not np.isnan(measure(VALUES)[bars - 1 :]).any()
    assert np.isnan(measure(VALUES[: bars - 1])).all()
    assert len(measure(VALUES[:0])) == 0


def test_percentile_rank_counts_ties_half() -> None:
    ranks = rolling.percentile_rank(np.array([1.0, 2.0, 3.0, 2.0, 5.0]), 4)
    assert ranks[3] == 50.0  # one of three below, one equal: (1 + 0.5) / 3
    assert ranks[4] == 100.0


def test_zscore_compares_with_the_bars_before() -> None:
    assert rolling.zscore_of_last(np.array([1.0, 3.0, 1.0, 3.0, 6.0]), 4)[-1] == 4.0


def test_zscore_of_a_series_that_never_varied_is_zero() -> None:
    assert rolling.zscore_of_last(np.array([0.1] * 20 + [5.0]), 20)[-1] == 0.0


def test_ema_weights_sum_to_one() -> None:
    assert ema_windowed(np.full(600, 42.0), 200, window=600)[-1] == pytest.approx(42.0, rel=1e-14)


def test_rolling_any_remembers_as_long_as_told() -> None:
    flags = np.array([True, False, False, False])
    assert rolling.rolling_any(flags, 3).tolist() == [False, False, True, False]
    assert rolling.rolling_any(flags, 1).tolist() == [True, False, False, False]
