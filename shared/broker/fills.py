"""How a bar fills orders: the one written rule of lock-step playback, the paper broker and both engines.

Inside a bar the price goes open, low, high, close. Market orders fill at the open with half the spread; resting
stop-losses at the first price through them; limits when the path reaches them. Orders of one instant match in the
order of `match_order`, never by arrival. Ticks are int64; the scalar functions compile unchanged under Numba.

A bar's points are numbered: 0 open, 1 low, 2 high, 3 close. The simulator implements the same rule on its own;
a test plays random bars through both.
"""

from typing import NamedTuple

from shared.portfolio.exact import FRACTION, mul_div_ceil, mul_div_floor

BUY = 1
SELL = -1
SPREAD_UNIT = 1_000_000
"""Half-spreads are integers in units of 1e-6 (1 bp = 100)."""

AT_OPEN = 0
AT_LOW = 1
AT_HIGH = 2
AT_CLOSE = 3
NOT_FILLED = -1
QUARTER_OF_BAR = (0, 1, 2, 3)
"""Point n of a bar is printed at open time + n / 4 of the bar."""


class Fill(NamedTuple):
    """The point of the bar and the price in ticks; NOT_FILLED and 0 where the bar did not reach the order."""

    point: int
    price: int


NONE = Fill(NOT_FILLED, 0)


def bid_of(price: int, half_spread: int) -> int:
    """The best bid around a printed price, floored to the tick, and at least one tick."""
    return max(1, price if half_spread == 0 else mul_div_floor(price, SPREAD_UNIT - half_spread, SPREAD_UNIT))


def ask_of(price: int, half_spread: int) -> int:
    """The best ask around a printed price, raised to the tick."""
    return price if half_spread == 0 else mul_div_ceil(price, SPREAD_UNIT + half_spread, SPREAD_UNIT)


def market_fill(side: int, price: int, half_spread: int, low: int, high: int) -> int:
    """Ticks at which a market order fills at the open `price`, inside [low, high]; high 0: the bar is not known."""
    touch = ask_of(price, half_spread) if side > 0 else bid_of(price, half_spread)
    if high <= 0:
        return touch
    return min(max(touch, low), high)


def slip_rate(slippage: int, impact: int, lots: int, volume: int) -> int:
    """How far an order slips, in 1e-9: `slippage`, and `impact` times its share of the bar's `volume` in lots.

    An order of the whole volume or more, or in a bar without any, slips by all of both.
    """
    if impact == 0:
        return slippage
    if lots >= volume:
        return slippage + impact
    return slippage + mul_div_ceil(impact, lots, volume)


def slipped(side: int, price: int, rate: int, low: int, high: int) -> int:
    """Ticks at which an order fills that takes liquidity: `rate` (1e-9) against it, rounded against it to the tick.

    Never beyond the bar's range [low, high]; high 0: the bar is not known.
    """
    if rate == 0:
        return price
    if side > 0:
        worse = mul_div_ceil(price, FRACTION + rate, FRACTION)
        return min(worse, max(high, price)) if high > 0 else worse
    worse = max(1, mul_div_floor(price, FRACTION - rate, FRACTION))
    return max(worse, min(low, price)) if high > 0 else worse


def stop_fill(side: int, trigger: int, open_: int, low: int, high: int) -> Fill:
    """Where a resting stop-loss fills: at the open if the bar opens through it (a gap), else at its trigger.

    A sell triggers at or below its price, a buy (of a short) at or above.
    """
    if side < 0:
        if open_ <= trigger:
            return Fill(AT_OPEN, open_)
        if low <= trigger:
            return Fill(AT_LOW, trigger)
        return NONE
    if open_ >= trigger:
        return Fill(AT_OPEN, open_)
    if high >= trigger:
        return Fill(AT_HIGH, trigger)
    return NONE


def limit_fill(side: int, limit: int, open_: int, low: int, high: int) -> Fill:
    """Where a resting limit fills: at the open if the bar opens beyond it, else at the limit."""
    if side > 0:
        if open_ <= limit:
            return Fill(AT_OPEN, open_)
        if low <= limit:
            return Fill(AT_LOW, limit)
        return NONE
    if open_ >= limit:
        return Fill(AT_OPEN, open_)
    if high >= limit:
        return Fill(AT_HIGH, limit)
    return NONE


def match_order(side: int, symbol: str, client_order_id: str) -> tuple[int, str, str]:
    """The key by which orders of the same instant match: sells first, then symbol, then client order id."""
    return (side, symbol, client_order_id)
