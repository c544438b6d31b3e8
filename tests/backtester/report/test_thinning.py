"""A thinned curve still has what stood out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.report.thinning import thinned


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 3000), st.integers(8, 200))
def test_ends_and_extremes_of_every_curve_stay(seed: int, curves: int, count: int, most: int) -> None:
    drawn = list(np.random.default_rng(seed).normal(size=(curves, count)))
    kept = thinned(drawn, most)
    assert len(kept) <= most
    assert (np.diff(kept) > 0).all()
    wanted = {0, count - 1} | {int(at) for curve in drawn for at in (curve.argmin(), curve.argmax())}
    assert wanted <= set(kept.tolist())


def test_a_short_curve_stays_whole() -> None:
    assert thinned([np.arange(100.0)], 100).tolist() == list(range(100))


def test_points_are_spread_over_the_whole_curve() -> None:
    kept = thinned([np.sin(np.arange(100_000.0))], 400)
    assert len(kept) > 390
    assert np.diff(kept).max() < 1000


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="3 points cannot hold the extremes of 1 curves"):
        thinned([np.arange(10.0)], 3)
