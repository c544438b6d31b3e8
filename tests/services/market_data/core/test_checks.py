"""Bad data stops, with its reason and numbers; good data passes exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.market_data.core import checks
from services.market_data.core.checks import BadData

MS = 1_640_995_200_000


def test_a_good_row_keeps_every_digit() -> None:
    bar = checks.bar([MS, "0.00005330", "0.0000534", "5.32e-05", "0.0000533", "12.5"], "1m")
    assert bar == (MS * 1000, *map(Decimal, ("0.0000533", "0.0000534", "0.0000532", "0.0000533", "12.5")))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([MS, "1", "2", "-1", "1", "0"], "price_not_positive"),
        ([MS, "0", "2", "0", "1", "0"], "price_not_positive"),
        ([MS, "1", "nan", "1", "1", "0"], "not_a_number"),
        ([MS, "1", "inf", "1", "1", "0"], "not_a_number"),
        ([MS, "1", None, "1", "1", "0"], "not_a_number"),
        ([MS, "1", "2", "1.5", "2", "0"], "candle_impossible"),
        ([MS, "1", "1", "1", "2", "0"], "candle_impossible"),
        ([MS, "1", "2", "1", "2", "-1"], "volume_negative"),
        ([MS + 1, "1", "2", "1", "2", "1"], "candle_misaligned"),
        (["soon", "1", "2", "1", "2", "1"], "not_a_number"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(row: list[object], code: str) -> None:
    with pytest.raises(BadData) as caught:
        checks.bar(row, "1m")
    assert caught.value.code == code


@given(st.lists(st.one_of(st.floats(), st.integers(), st.text(), st.none()), min_size=6, max_size=6))
def test_no_row_whatsoever_does_anything_but_pass_or_stop(row: list[object]) -> None:
    try:
        bar = checks.bar(row, "1m")
    except BadData:
        return
    assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
    assert bar.volume >= 0


def test_a_crossed_touch_is_refused_and_an_equal_one_is_not() -> None:
    assert checks.touch("1.5", 1.5) == (Decimal("1.5"), Decimal("1.5"))
    with pytest.raises(BadData, match="bid 2 above ask 1"):
        checks.touch("2", "1")


def test_a_time_ahead_of_the_clock_by_more_than_the_tolerance_is_refused() -> None:
    checks.not_in_future(110, clock=100, tolerance=10, what="a candle")
    with pytest.raises(BadData, match="ahead of the venue's clock"):
        checks.not_in_future(111, clock=100, tolerance=10, what="a candle")
