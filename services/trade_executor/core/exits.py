"""Why a trade is left, and when leaving it may be tried again."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from services.trade_executor.core.records import Order, Stop, Trade
from shared.schemas.orders import ExitReason

PRECEDENCE: tuple[ExitReason, ...] = (
    "drawdown",
    "stop",
    "breakeven",
    "trailing",
    "target",
    "time",
    "council",
    "manual",
    "external",
    "dust",
)
"""Of several requests of one instant the first in this order names the reason."""

EAGER_ATTEMPTS = 3
"""Exits that may follow one another at once; a further one waits for the clock to move."""


def outranks(trade: Trade, reason: ExitReason, at: datetime) -> bool:
    """Whether a request takes the place of the one that the trade is being left for."""
    if trade.exit_reason is None:
        return True
    return at == trade.exit_requested_at and PRECEDENCE.index(reason) < PRECEDENCE.index(_reason(trade.exit_reason))


def stop_reason(stop: Stop, order: Order) -> ExitReason:
    """The kind of stop that rested at the broker when it was hit; the row may have been raised since."""
    if order.trigger_price == stop.initial_price and order.trigger_price != stop.price:
        return "stop"
    return _reason(stop.kind)


def final_reason(trade: Trade, stop: Stop | None, orders: Sequence[Order]) -> ExitReason:
    """What the trade was closed by: the exit that sold, else the stop that did, else the request alone."""
    if any(order.purpose == "exit" and order.filled > 0 for order in orders):
        return _reason(trade.exit_reason or "manual")
    hit = next((order for order in orders if order.purpose == "stop" and order.filled > 0), None)
    if hit is not None and stop is not None:
        return stop_reason(stop, hit)
    return _reason(trade.exit_reason or "dust")


def may_try_again(attempts: Sequence[Order], now: datetime) -> bool:
    """A venue that keeps saying no is asked once an instant, not in a circle."""
    if not attempts or attempts[-1].filled > 0 or len(attempts) < EAGER_ATTEMPTS:
        return True
    return now > attempts[-1].updated_at


def _reason(name: str) -> ExitReason:
    return cast(ExitReason, name)
