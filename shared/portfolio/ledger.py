"""A position's books over integers: exact average, realised result after fees, equity marked to the bid.

Compiles unchanged under Numba. The average entry is `whole + excess / bought` ticks, 0 <= excess < bought: exact for
any number of fills, without ever holding the sum of price times quantity, which leaves int64 for cheap coins.
"""

from typing import NamedTuple

from shared.portfolio.exact import mul_div_half_even, product, total
from shared.portfolio.grid import notional

LONG = 1
SHORT = -1


class Position(NamedTuple):
    """What is held: `lots`, which cost `cost` and `fees` money units.

    `whole` and `excess` are the average over all `bought` lots since the position was flat.
    """

    side: int
    lots: int
    bought: int
    whole: int
    excess: int
    cost: int
    fees: int


def flat(side: int) -> Position:
    """Nothing held."""
    return Position(side, 0, 0, 0, 0, 0, 0)


def increased(position: Position, ticks: int, lots: int, cost: int, fee: int) -> Position:
    """After a fill that adds `lots` at `ticks`; `cost` and `fee` as the venue booked them."""
    bought = total(position.bought, lots)
    base = position.whole if position.bought > 0 else ticks
    excess = total(position.excess, _signed_product(ticks - base, lots))
    return Position(
        position.side,
        total(position.lots, lots),
        bought,
        base + excess // bought,
        excess % bought,
        total(position.cost, cost),
        total(position.fees, fee),
    )


def reduced(position: Position, lots: int, cost: int, fee: int) -> tuple[Position, int]:
    """After a fill that takes `lots` off, and the realised result after fees.

    Each part carries its share of the entry's cost and fees, half-even; the last takes the rest, so that the results
    of all parts add up to what the whole trade earned. ValueError for more than is held.
    """
    if lots <= 0 or lots > position.lots:
        raise ValueError("a position is reduced by some of what is held")
    basis = mul_div_half_even(position.cost, lots, position.lots)
    fees = mul_div_half_even(position.fees, lots, position.lots)
    result = position.side * (cost - basis) - fees - fee
    left = position.lots - lots
    if left == 0:
        return flat(position.side), result
    return (
        Position(
            position.side,
            left,
            position.bought,
            position.whole,
            position.excess,
            position.cost - basis,
            position.fees - fees,
        ),
        result,
    )


def average_ticks(position: Position) -> int:
    """The average entry on the tick on its cautious side: floored for a long, raised for a short."""
    if position.side < 0 and position.excess > 0:
        return position.whole + 1
    return position.whole


def compare_averages(cost_a: int, lots_a: int, cost_b: int, lots_b: int) -> int:
    """-1, 0 or 1: cost_a / lots_a against cost_b / lots_b, decided exactly.

    Continued fractions: compare whole parts, then the reciprocals of what is left. Lots must be positive.
    """
    sign = 1
    while True:
        whole_a, whole_b = cost_a // lots_a, cost_b // lots_b
        if whole_a != whole_b:
            return sign if whole_a > whole_b else -sign
        left_a, left_b = cost_a % lots_a, cost_b % lots_b
        if left_a == 0 or left_b == 0:
            return sign * ((1 if left_a > 0 else 0) - (1 if left_b > 0 else 0))
        cost_a, lots_a, cost_b, lots_b = lots_a, left_a, lots_b, left_b
        sign = -sign


def marked(position: Position, bid: int, ask: int, mul: int, div: int) -> int:
    """What the position is worth if closed now, in money units: longs at the bid, shorts owe the ask."""
    price = bid if position.side > 0 else ask
    return position.side * notional(price, position.lots, mul, div)


def equity(cash: int, marks: int) -> int:
    """Cash plus the marked worth of everything held, in money units."""
    return total(cash, marks)


def unrealised(position: Position, bid: int, ask: int, mul: int, div: int) -> int:
    """Marked worth less cost and entry fees, in money units."""
    return marked(position, bid, ask, mul, div) - position.side * position.cost - position.fees


def _signed_product(a: int, b: int) -> int:
    return -product(-a, b) if a < 0 else product(a, b)
