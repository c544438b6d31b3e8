"""Windows are whole, in order, and never overlap where it counts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.walkforward.windows import Lengths, Mode, cut, windows
from shared.errors import ConfigError
from tests.backtester.sweep.searches import HOUR, START, hours, markets, plan


def hour(count: int) -> int:
    return START + count * HOUR


def test_rolling_trainings_are_equally_long() -> None:
    found = windows(hour(0), hour(100), "rolling", Lengths(40 * HOUR, 20 * HOUR, 20 * HOUR), "1h")
    assert found == [
        (1, hour(0), hour(40), hour(60)),
        (2, hour(20), hour(60), hour(80)),
        (3, hour(40), hour(80), hour(100)),
    ]


def test_anchored_trainings_grow() -> None:
    found = windows(hour(0), hour(99), "anchored", Lengths(40 * HOUR, 20 * HOUR, 30 * HOUR), "1h")
    assert found == [(1, hour(0), hour(40), hour(60)), (2, hour(0), hour(70), hour(90))]


def test_windows_begin_with_a_bar() -> None:
    (only,) = windows(hour(0) + 1, hour(9), "rolling", Lengths(4 * HOUR, 4 * HOUR, 4 * HOUR), "1h")
    assert only.train == hour(1)


@given(
    st.sampled_from(["rolling", "anchored"]),
    st.tuples(st.integers(1, 50), st.integers(1, 20), st.integers(0, 20)),
    st.integers(0, 200),
)
def test_every_test_follows_its_training_and_the_test_before(
    mode: Mode, sizes: tuple[int, int, int], spare: int
) -> None:
    train, test, gap = sizes
    last = hour(train + test + spare)
    found = windows(hour(0), last, mode, Lengths(train * HOUR, test * HOUR, (test + gap) * HOUR), "1h")
    assert found[-1].end <= last < found[-1].end + (test + gap) * HOUR
    for window, following in pairwise(found):
        assert window.train < window.test < window.end <= following.test
    assert all(window.end - window.test == test * HOUR for window in found)


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ((90, 60, 60), "--train: must be a multiple of the timeframe, 1h"),
        ((60, 30, 60), "--test: must be a multiple"),
        ((120, 120, 60), "--step: shorter than --test"),
        ((600, 60, 60), "--train and --test: no window fits into the 0.4 days of candles"),
    ],
)
def test_a_mistake_names_its_option(lengths: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        windows(hour(0), hour(10), "rolling", Lengths(*(minutes * HOUR // 60 for minutes in lengths)), "1h")


def test_a_cut_has_its_warm_up_and_nothing_later() -> None:
    part = cut(markets(), plan(), hour(700), hour(800))["BTC/USD"]
    assert (part.open_time[0], part.open_time[-1]) == (hour(700 - 613), hour(799))
    first = cut(markets(), plan(), hour(0), hour(5))["BTC/USD"]
    assert (first.open_time[0], len(first)) == (hour(0), 5)


def test_a_market_that_is_not_there_yet_is_left_out() -> None:
    pairs = {"BTC/USD": hours(900), "ETH/USD": hours(900).between(800, 900)}
    assert sorted(cut(pairs, plan(), hour(700), hour(800))) == ["BTC/USD"]
    assert sorted(cut(pairs, plan(), hour(700), hour(801))) == ["BTC/USD", "ETH/USD"]
    with pytest.raises(ConfigError, match="no candles of BTC/USD in a window"):
        cut({"BTC/USD": hours(900)}, plan(), hour(900), hour(950))
