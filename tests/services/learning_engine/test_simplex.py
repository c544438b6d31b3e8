import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_engine.simplex import MILLION, millionths, projected

positive = st.floats(1e-6, 1e6)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[float], list[int], list[int]]:
    """Desires, and bounds that contain a point summing to a million."""
    desired = draw(st.lists(positive, min_size=2, max_size=8))
    inside = millionths(draw(st.lists(positive, min_size=len(desired), max_size=len(desired))))
    slack = st.integers(0, MILLION)
    low = [max(0, share - draw(slack)) for share in inside]
    high = [min(MILLION, share + draw(slack)) for share in inside]
    return desired, low, high


@given(problems())
def test_shares_sum_exactly_and_respect_every_bound(problem: tuple[list[float], list[int], list[int]]) -> None:
    desired, low, high = problem
    shares = projected(desired, low, high)
    assert sum(shares) == MILLION
    assert all(lo <= share <= hi for lo, share, hi in zip(low, shares, high, strict=True))


@given(problems())
def test_names_between_their_bounds_keep_their_proportion(problem: tuple[list[float], list[int], list[int]]) -> None:
    desired, low, high = problem
    shares = projected(desired, low, high)
    free = [i for i in range(len(shares)) if low[i] + 1 < shares[i] < high[i] - 1]
    for i in free[1:]:
        first = free[0]
        assert abs(shares[i] * desired[first] - shares[first] * desired[i]) <= 2 * (desired[i] + desired[first])


@given(st.lists(positive, min_size=1, max_size=8))
def test_millionths_are_near_the_weights_and_sum_exactly(weights: list[float]) -> None:
    shares = millionths(weights)
    assert sum(shares) == MILLION
    assert all(abs(share / MILLION - w / sum(weights)) <= 2e-6 for share, w in zip(shares, weights, strict=True))


def test_what_the_capped_cannot_hold_goes_to_the_others_in_proportion() -> None:
    shares = projected([8.0, 1.0, 3.0], [0, 0, 0], [500_000, MILLION, MILLION])
    assert shares == [500_000, 125_000, 375_000]


def test_who_is_wanted_nowhere_gets_its_floor() -> None:
    assert projected([0.0, 1.0], [50_000, 0], [MILLION, MILLION]) == [50_000, 950_000]


def test_ties_of_rounding_go_to_the_first() -> None:
    assert millionths([1.0, 1.0, 1.0]) == [333_334, 333_333, 333_333]


def test_all_that_is_wanted_may_lie_below_what_must_be_shared() -> None:
    assert projected([0.0, 0.0], [0, 0], [600_000, 600_000]) == [500_000, 500_000]


@pytest.mark.parametrize(
    ("low", "high"), [([600_000, 600_000], [MILLION, MILLION]), ([0, 0], [400_000, 400_000]), ([-1, 0], [MILLION] * 2)]
)
def test_bounds_without_room_are_refused(low: list[int], high: list[int]) -> None:
    with pytest.raises(ValueError, match="no way to share"):
        projected([1.0, 1.0], low, high)


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 0"):
        millionths([0.0, 0.0])
