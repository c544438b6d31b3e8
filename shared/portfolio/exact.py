"""Integer arithmetic that never wraps an int64, so that every function here compiles unchanged under Numba.

`a * b / c` is split into `(a // c) * b + (a % c) * b / c`: exact, without ever forming `a * b`. OverflowError where the
result itself would leave int64: under Numba a silent wrap would be a wrong trade.
"""

import math

INT64_MAX = 9_223_372_036_854_775_807
FRACTION = 1_000_000_000
"""Fractions and fee rates are integers in units of 1e-9."""
GUESSED_DIVISOR = 2**52
GUESSED_QUOTIENT = 2.0**62
CLOSE_GUESS = 2.0**50
NEAR_MAX = 9.2e18
"""A product below this in floats is below INT64_MAX in integers: three roundings move it by less than 1e-15 of it."""


def product(a: int, b: int) -> int:
    """a * b for b >= 0. OverflowError beyond int64."""
    if abs(float(a)) * float(b) < NEAR_MAX:
        return a * b
    if b != 0 and abs(a) > INT64_MAX // b:
        raise OverflowError("product leaves int64")
    return a * b


def total(a: int, b: int) -> int:
    """a + b. OverflowError beyond int64."""
    if b >= 0 and a > INT64_MAX - b:
        raise OverflowError("sum leaves int64")
    if b < 0 and a < -INT64_MAX - b:
        raise OverflowError("sum leaves int64")
    return a + b


def divided(a: int, b: int, c: int) -> tuple[int, int]:
    """Quotient (floored) and remainder of a * b / c, exact, for b >= 0 and 0 < c <= INT64_MAX // 2.

    A quotient guessed in floats is off by at most 3 * 2^-53 of itself, so below 2^62 by less than 2^11: what it leaves
    is below 2^63 where c is below 2^52, and exact even where both products wrap an int64, as the wraps cancel. What is
    left gives the rest of the quotient, now off by at most one; a guess below 2^50 is so from the start.
    """
    guess = float(a) * float(b) / float(c)
    if c >= GUESSED_DIVISOR or abs(guess) >= GUESSED_QUOTIENT:
        return _divided(a, b, c)
    a, b, c = int(a), int(b), int(c)
    if c == 1:
        return a * b, 0
    quotient = math.floor(guess)
    left = a * b - quotient * c
    if abs(guess) >= CLOSE_GUESS:
        rest = math.floor(left / c)
        quotient, left = quotient + rest, left - rest * c
    if left < 0:
        return quotient - 1, left + c
    if left >= c:
        return quotient + 1, left - c
    return quotient, left


def _divided(a: int, b: int, c: int) -> tuple[int, int]:
    whole, rest = product(a // c, b), a % c
    if b == 0 or rest <= INT64_MAX // b:
        return total(whole, rest * b // c), rest * b % c
    quotient, left = _long_divided(rest, b, c)
    return total(whole, quotient), left


def _long_divided(rest: int, b: int, c: int) -> tuple[int, int]:
    """rest * b / c for rest < c, bit by bit from the top of b: slow, and never larger than 2 * c."""
    if c > INT64_MAX // 2:
        raise OverflowError("divisor leaves int64")
    bit = 1
    while bit <= b // 2:
        bit *= 2
    quotient, left = 0, 0
    while bit > 0:
        quotient, left = quotient * 2, left * 2
        if left >= c:
            quotient, left = quotient + 1, left - c
        if b // bit % 2 == 1:
            left += rest
            if left >= c:
                quotient, left = quotient + 1, left - c
        bit //= 2
    return quotient, left


def mul_div_floor(a: int, b: int, c: int) -> int:
    """floor(a * b / c), exact, for b >= 0 and c > 0."""
    return divided(a, b, c)[0]


def mul_div_ceil(a: int, b: int, c: int) -> int:
    """ceil(a * b / c), exact, for b >= 0 and c > 0."""
    quotient, left = divided(a, b, c)
    return total(quotient, 1) if left > 0 else quotient


def mul_div_half_even(a: int, b: int, c: int) -> int:
    """a * b / c rounded half to even, exact, for b >= 0 and c > 0."""
    quotient, left = divided(a, b, c)
    if left > c - left or (left == c - left and quotient % 2 != 0):
        return total(quotient, 1)
    return quotient
