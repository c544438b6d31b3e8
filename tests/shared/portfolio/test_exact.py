"""Integer arithmetic against Python's unbounded integers and fractions, and against Numba."""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.portfolio.exact import INT64_MAX, mul_div_ceil, mul_div_floor, mul_div_half_even, product, total

signed = st.integers(-INT64_MAX, INT64_MAX)
factor = st.integers(0, 10**18)
divisor = st.integers(1, INT64_MAX // 2)
EXACTLY: dict[Callable[[int, int, int], int], Callable[[Fraction], int]] = {
    mul_div_floor: math.floor,
    mul_div_ceil: math.ceil,
    mul_div_half_even: round,
}


def fits(a: int, b: int, c: int) -> bool:
    """Whether the result, rounded either way, is an int64."""
    return abs((a // c) * b) <= INT64_MAX and abs(a * b // c) < INT64_MAX


@given(signed, factor, divisor)
def test_quotients_are_exact_or_refused(a: int, b: int, c: int) -> None:
    for function, exactly in EXACTLY.items():
        expected = exactly(Fraction(a * b, c))
        try:
            result = function(a, b, c)
        except OverflowError:
            assert not fits(a, b, c)
        else:
            assert result == expected
            assert abs(result) <= INT64_MAX


def test_a_long_division_carries_where_a_partial_sum_equals_the_divisor() -> None:
    divisor = 2**62 - 2
    assert mul_div_half_even(divisor // 2, 2**10, divisor) == 2**9
    assert mul_div_ceil(divisor // 2, 2**10 + 1, divisor) == 2**9 + 1


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.sampled_from((2, 10, 10**5)))
def test_half_even_is_the_venues_decimal_rounding(a: int, b: int, c: int) -> None:
    exact = Decimal(a * b) / Decimal(c)
    assert mul_div_half_even(a, b, c) == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN, Context(prec=60)))


@given(signed, factor, divisor)
def test_numba_gives_the_same_quotients(a: int, b: int, c: int) -> None:
    if fits(a, b, c):
        for function in EXACTLY:
            assert compiled(function)(a, b, c) == function(a, b, c)


@pytest.mark.parametrize("jit", [False, True])
def test_nothing_wraps_at_the_bound(jit: bool) -> None:
    times = compiled(product) if jit else product
    plus = compiled(total) if jit else total
    assert times(INT64_MAX, 1) == INT64_MAX
    assert times(-INT64_MAX, 1) == -INT64_MAX
    assert plus(INT64_MAX - 1, 1) == INT64_MAX
    for a, b in ((2**31, 2**32), (-(2**31), 2**32), (INT64_MAX, 2)):
        with pytest.raises(OverflowError):
            times(a, b)
    for a, b in ((INT64_MAX, 1), (-INT64_MAX, -1)):
        with pytest.raises(OverflowError):
            plus(a, b)
