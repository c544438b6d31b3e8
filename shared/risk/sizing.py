"""How many lots: risk over stop distance, capped by every limit. Integers only; compiles unchanged under Numba."""

from typing import NamedTuple

from shared.portfolio.exact import FRACTION, INT64_MAX, mul_div_ceil, mul_div_floor, product

BY_RISK = 0
BY_POSITION = 1
BY_EXPOSURE = 2
BY_CASH = 3
SMALL_DIVISOR = 2**40
COUNTED = 9e18
"""Lots that an int64 counts in any case: with a small divisor, INT64_MAX // div * div is beyond it."""
BOUND_NAMES = ("risk", "position", "exposure", "cash")
"""The name of what bound a size, by its number."""


class Sized(NamedTuple):
    """Lots, and the limit that allowed no more."""

    lots: int
    bound: int


def loading(fee_rate: int, slack: int) -> int:
    """1 + fee and 1 + slack multiplied, rounded up, in 1e-9: what an entry may cost for each unit of notional."""
    return mul_div_ceil(FRACTION + fee_rate, FRACTION + slack, FRACTION)


def reservation(notional: int, fee_rate: int, slack: int) -> int:
    """Money to hold back for a market buy: its notional, room for the price to slip, and the taker fee."""
    return mul_div_ceil(notional, loading(fee_rate, slack), FRACTION)


def lots_within(money: int, ticks: int, mul: int, div: int) -> int:
    """The most lots whose notional at `ticks` is not more than `money`; 0 where there is none to spend.

    Where an int64 cannot count them, as many as it can: too few is safe.
    """
    if money <= 0:
        return 0
    lot_price = product(ticks, mul)
    if div < SMALL_DIVISOR and float(money) * float(div) < COUNTED * float(lot_price):
        return mul_div_floor(money, div, lot_price)
    if money // lot_price >= INT64_MAX // div - 1:
        return INT64_MAX - div
    return mul_div_floor(money, div, lot_price)


def size_entry(
    price: int,
    stop: int,
    equity: int,
    cash: int,
    exposure: int,
    risk_per_trade: int,
    max_position: int,
    max_exposure: int,
    fee_rate: int,
    slack: int,
    mul: int,
    div: int,
) -> Sized:
    """Lots of an entry at `price` ticks with its stop at `stop` ticks.

    equity, cash (free of reservations) and exposure (notional of all trades and reservations) in money units,
    fractions and rates in 1e-9, mul / div of the grid. Of equal bounds the first in BY_ order is named.
    ValueError where the stop is at the price: the risk would be unlimited.
    """
    distance = abs(price - stop)
    if distance == 0 or price <= 0:
        raise ValueError("a size needs a price and a stop apart from it")
    lots = lots_within(mul_div_floor(max(equity, 0), risk_per_trade, FRACTION), distance, mul, div)
    bound = BY_RISK
    position = lots_within(mul_div_floor(max(equity, 0), max_position, FRACTION), price, mul, div)
    if position < lots:
        lots, bound = position, BY_POSITION
    remaining = lots_within(mul_div_floor(max(equity, 0), max_exposure, FRACTION) - exposure, price, mul, div)
    if remaining < lots:
        lots, bound = remaining, BY_EXPOSURE
    affordable = lots_within(mul_div_floor(max(cash, 0), FRACTION, loading(fee_rate, slack)), price, mul, div)
    if affordable < lots:
        lots, bound = affordable, BY_CASH
    return Sized(lots, bound)
