"""One order: new, reported on, executed. What we know and what we want; never a guess about the venue.

An order is terminal in our books only when it is terminal at the venue *and* all its fills are booked.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.trade_executor.core.records import Order
from services.trade_executor.core.transitions import LIVE, moved
from shared.ids import derived_id
from shared.schemas.orders import OrderReported, OrderType, Purpose, Side

NOTHING = Decimal(0)


def client_order_id(account: str, trade_id: UUID, purpose: Purpose, attempt: int) -> str:
    """The same for the same attempt in every run: what makes a second send recognisable."""
    return str(derived_id("Order", account, trade_id, purpose, attempt))


def intent(
    account: str,
    trade_id: UUID,
    symbol: str,
    purpose: Purpose,
    attempt: int,
    quantity: Decimal,
    at: datetime,
    trigger: Decimal | None = None,
    reserved: Decimal = NOTHING,
) -> Order:
    """An order that is wanted; nothing of it is known at the venue."""
    side: Side = "buy" if purpose == "entry" else "sell"
    order_type: OrderType = "stop-loss" if purpose == "stop" else "market"
    return Order(
        client_order_id=client_order_id(account, trade_id, purpose, attempt),
        account=account,
        trade_id=trade_id,
        symbol=symbol,
        purpose=purpose,
        side=side,
        order_type=order_type,
        quantity=quantity,
        trigger_price=trigger,
        state="intended",
        cancel_wanted=False,
        trigger_wanted=None,
        quantity_wanted=None,
        request=None,
        request_deadline=None,
        venue_order_id=None,
        filled=NOTHING,
        venue_filled=None,
        cost=NOTHING,
        fee=NOTHING,
        reserved=reserved,
        error="",
        created_at=at,
        updated_at=at,
    )


def is_live(order: Order) -> bool:
    """Whether the venue may still act on it, or will once it is sent."""
    return order.state in LIVE


def wanted_quantity(order: Order) -> Decimal:
    """The quantity the order will have when the venue has done as we want."""
    return order.quantity if order.quantity_wanted is None else order.quantity_wanted


def wanted_trigger(order: Order) -> Decimal | None:
    """The trigger the order will have when the venue has done as we want."""
    return order.trigger_price if order.trigger_wanted is None else order.trigger_wanted


def want(order: Order, quantity: Decimal, trigger: Decimal) -> None:
    """Ask for another quantity, and for a trigger that is never lower."""
    trigger = max(trigger, wanted_trigger(order) or trigger)
    if order.state == "intended":
        order.quantity, order.trigger_price = quantity, trigger
        return
    if quantity != wanted_quantity(order):
        order.quantity_wanted = quantity
    if trigger != wanted_trigger(order):
        order.trigger_wanted = trigger


def withdraw(order: Order, why: str) -> None:
    """Take back what was not sent, ask the venue to cancel what was."""
    if order.state == "intended":
        order.state, order.error = moved("intended", "withdrawn"), why
    else:
        order.cancel_wanted = True


def look_up(order: Order) -> None:
    """Have the sender ask the venue about it, unless it waits for an answer already."""
    if order.request is None and order.state == "open":
        order.request = "find"


def was_withheld(order: Order, reported: OrderReported) -> bool:
    """Whether the report says that the sender kept back an entry that the venue never had. Ask before booking it."""
    known = order.venue_order_id or reported.venue_order_id
    kept_back = order.purpose == "entry" and reported.status == "canceled" and known is None
    return kept_back and is_live(order) and not _is_outdated(order, reported)


def report(order: Order, reported: OrderReported) -> None:
    """What came of a request. A report twice, or about what was over before, changes nothing."""
    if not is_live(order) or _is_outdated(order, reported):
        return
    order.venue_order_id = reported.venue_order_id or order.venue_order_id
    order.error = reported.error or order.error
    REPORTS[reported.status](order, reported)
    if max(order.venue_filled or NOTHING, reported.filled_total) > order.filled:
        look_up(order)


def _is_outdated(order: Order, reported: OrderReported) -> bool:
    """Whether it says that an earlier request did not arrive: the order has been sent again since."""
    return reported.venue_order_id is None and reported.deadline not in (None, order.request_deadline)


def execute(order: Order, venue_order_id: str, quantity: Decimal, cost: Decimal, fee: Decimal) -> None:
    """Book a fill that was not booked before."""
    order.venue_order_id = order.venue_order_id or venue_order_id
    order.filled += quantity
    order.cost += cost
    order.fee += fee
    order.state = moved(order.state, "executed")
    _complete_if_all_is_filled(order)


def _accepted(order: Order, reported: OrderReported) -> None:
    order.state = moved(order.state, "accepted")
    if order.request in ("place", "find"):
        order.request = None
    _confirm(order, reported)


def _amended(order: Order, reported: OrderReported) -> None:
    if order.request == "amend":
        order.request = None
    _confirm(order, reported)
    _complete_if_all_is_filled(order)


def _amend_failed(order: Order, _reported: OrderReported) -> None:
    # The venue keeps what it has; a new order in its place will have what we want.
    if order.request == "amend":
        order.request = None
        order.cancel_wanted = True


def _cancel_failed(order: Order, _reported: OrderReported) -> None:
    if order.request == "cancel":
        order.request = None


def _not_sent(order: Order, _reported: OrderReported) -> None:
    order.state = moved(order.state, "not_sent")
    order.request = None
    _call_off(order)


def _unknown(order: Order, _reported: OrderReported) -> None:
    order.state = moved(order.state, "unknown")


def _rejected(order: Order, reported: OrderReported) -> None:
    if order.filled > 0:
        _ended(order, reported)
        return
    order.state = moved(order.state, "refused")
    _settle(order)


def _missing(order: Order, reported: OrderReported) -> None:
    """Not at the venue after the deadline, so it never will be.

    An entry may be sent again under the same id while its decision is fresh (the sender looks at the clock);
    for a stop or an exit the trade makes a new attempt, and counts it.
    """
    order.error = reported.error or "missing at the venue"
    if order.purpose == "entry" and order.filled == 0:
        order.state = moved(order.state, "missing")
        order.request = None
        _call_off(order)
        _settle(order)
        return
    _ended(order, reported)


def _call_off(order: Order) -> None:
    """What was taken back while its request was on its way is not sent again."""
    if order.cancel_wanted and order.state == "intended":
        withdraw(order, "taken back before the venue had it")
        _settle(order)


def _ended(order: Order, reported: OrderReported) -> None:
    order.venue_filled = max(reported.filled_total, order.filled)
    order.state = moved(order.state, "accepted")
    order.request = None
    if order.filled >= order.venue_filled:
        _end(order)


def _confirm(order: Order, reported: OrderReported) -> None:
    order.quantity = reported.quantity or order.quantity
    order.trigger_price = reported.trigger_price or order.trigger_price
    if order.quantity_wanted == order.quantity:
        order.quantity_wanted = None
    if order.trigger_wanted is not None and order.trigger_wanted <= (order.trigger_price or NOTHING):
        order.trigger_wanted = None


def _complete_if_all_is_filled(order: Order) -> None:
    if order.venue_filled is not None:
        if order.filled >= order.venue_filled:
            _end(order)
        return
    if order.filled < order.quantity:
        return
    if order.quantity_wanted is not None or order.request == "amend":
        # The venue may have granted more than we know; only it can say whether the order is over.
        look_up(order)
        return
    order.state = moved(order.state, "completed")
    _settle(order)


def _end(order: Order) -> None:
    order.state = moved(order.state, "completed" if order.filled >= order.quantity else "ended")
    _settle(order)


def _settle(order: Order) -> None:
    if not is_live(order):
        order.request = order.trigger_wanted = order.quantity_wanted = None


REPORTS = {
    "accepted": _accepted,
    "rejected": _rejected,
    "closed": _ended,
    "canceled": _ended,
    "amended": _amended,
    "amend_failed": _amend_failed,
    "cancel_failed": _cancel_failed,
    "missing": _missing,
    "unknown": _unknown,
    "not_sent": _not_sent,
}
