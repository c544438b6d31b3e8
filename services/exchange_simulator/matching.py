"""Whether an order fills, and at what price. Pure: prices in ticks in, prices in ticks out."""

from typing import Literal, NamedTuple

from services.exchange_simulator.orders import Order
from services.exchange_simulator.series import Bar


class Match(NamedTuple):
    """The price of a fill, and who made the liquidity (``t`` taker, ``m`` maker)."""

    ticks: int
    liquidity: Literal["t", "m"]


def frozen_market_price(order: Order, bid: int, ask: int, bar: Bar | None) -> int:
    """A queued market order's price: the touch at the frozen open, never outside the range of the bar it opens."""
    touch = ask if order.side == "buy" else bid
    return min(max(touch, bar.low), bar.high) if bar else touch


def walked(order: Order, price: int, opened: int) -> Match | None:
    """A resting order when a bar's walk reaches ``price``, having started from ``opened``.

    The path is continuous but for its start: beyond the open an order meets its own price, at the open the gap.
    """
    buys = order.side == "buy"
    if order.kind == "stop-loss":
        if price >= order.trigger if buys else price <= order.trigger:
            return Match(max(order.trigger, opened) if buys else min(order.trigger, opened), "t")
    elif order.kind == "limit" and (price <= order.limit if buys else price >= order.limit):
        return Match(min(order.limit, opened) if buys else max(order.limit, opened), "m")
    return None


def live(order: Order, bid: int, ask: int, last: int, resting: bool) -> Match | None:
    """An order against the current touch: on arrival (``resting`` False) or when a new price is printed."""
    buys = order.side == "buy"
    touch = ask if buys else bid
    if order.kind == "market":
        return Match(touch, "t")
    if order.kind == "stop-loss":
        return Match(touch, "t") if (last >= order.trigger if buys else last <= order.trigger) else None
    if ask <= order.limit if buys else bid >= order.limit:
        return Match(order.limit, "m") if resting else Match(touch, "t")
    return None
