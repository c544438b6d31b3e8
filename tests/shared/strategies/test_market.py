from dataclasses import replace

import numpy as np
import pytest

from tests.shared.strategies.markets import market, wandering


@pytest.mark.parametrize(
    ("field", "values", "complaint"),
    [
        ("close", [1.0, 2.0], "close has shape"),
        ("close", [1.0, np.nan, 3.0], "close must be finite and positive"),
        ("open", [1.0, 0.0, 3.0], "open must be finite and positive"),
        ("high", [3.0, 1.5, 9.0], "low <= open, close <= high"),
        ("low", [1.0, 1.9, 2.0], "low <= open, close <= high"),
        ("volume", [1.0, -1.0, 1.0], "volume must be finite"),
        ("sentiment", [0.0, 1.5, 0.0], "sentiment must lie"),
        ("open_time", [0, 5, 5], "open_time must ascend"),
    ],
)
def test_broken_bars_are_refused(field: str, values: list[float], complaint: str) -> None:
    good = market([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=complaint):
        replace(good, **{field: np.asarray(values)})


def test_arrays_cannot_be_written() -> None:
    bars = market([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 5.0


def test_the_callers_arrays_stay_writable() -> None:
    closes = np.array([1.0, 2.0])
    market(closes)
    closes[0] = 1.5


def test_between_takes_bars_by_position_with_their_sentiment() -> None:
    bars = wandering(seed=1, bars=30)
    part = bars.between(10, 12)
    assert len(part) == 2
    assert part.open_time.tolist() == bars.open_time[10:12].tolist()
    assert part.sentiment is not None
    assert bars.sentiment is not None
    np.testing.assert_array_equal(part.sentiment, bars.sentiment[10:12])
