"""What the venue's answers mean, as the reports that the books are moved by."""

from datetime import datetime

from services.trade_executor.core.orders import wanted_quantity, wanted_trigger
from services.trade_executor.core.records import Order
from shared.broker.base import Execution, VenueOrder
from shared.ids import derived_id
from shared.schemas.orders import ExecutionReported, OrderReported


def report(order: Order, status: str, at: datetime, repeat: int = 0, **said: object) -> OrderReported:
    """What came of the order's request. The id follows from all that is said; `repeat` tells equal answers apart."""
    content = tuple(f"{name}={value}" for name, value in sorted(said.items()))
    key = (order.request, order.request_deadline, status, at, *content, repeat)
    return OrderReported.model_validate(
        {
            "message_id": derived_id("OrderReported", order.client_order_id, *key),
            "occurred_at": at,
            "symbol": order.symbol,
            "client_order_id": order.client_order_id,
            "status": status,
            "deadline": order.request_deadline,
            **said,
        }
    )


def status_of(order: Order, found: VenueOrder | None, refused: bool) -> str:
    """What a look at the venue says about the request in flight; `refused`: the venue had said no to it."""
    if found is None:
        return "rejected" if refused and order.request == "place" else "missing"
    if found.status != "open":
        return found.status
    if order.request == "cancel":
        return "cancel_failed"
    if order.request == "amend":
        return "amend_failed" if refused else "amended"
    return "accepted"


def facts_of(found: VenueOrder | None) -> dict[str, object]:
    """What the venue shows of an order, as a report says it."""
    if found is None:
        return {}
    return {
        "venue_order_id": found.venue_order_id,
        "filled_total": found.filled,
        "trigger_price": found.trigger_price,
        "quantity": found.quantity,
        "error": found.reason,
    }


def granted(order: Order) -> dict[str, object]:
    """What an amendment that went through has made of the order."""
    return {
        "venue_order_id": order.venue_order_id,
        "trigger_price": wanted_trigger(order),
        "quantity": wanted_quantity(order),
    }


def differs(order: Order, theirs: VenueOrder | None) -> bool:
    """Whether the venue's open order is not the one in our books; None: it is not open there."""
    if theirs is None:
        return True
    moved = theirs.trigger_price is not None and theirs.trigger_price != order.trigger_price
    return moved or theirs.filled != order.filled or theirs.quantity != order.quantity


def executed(execution: Execution, client_order_id: str | None) -> ExecutionReported:
    """A fill as the venue tells it. Two ways of asking may tell it differently: the id follows from the content."""
    content = {
        "client_order_id": execution.client_order_id or client_order_id,
        "venue_order_id": execution.venue_order_id,
        "execution_id": execution.execution_id,
        "side": execution.side,
        "quantity": execution.quantity,
        "price": execution.price,
        "cost": execution.cost,
        "fee": execution.fee,
        "liquidity": execution.liquidity,
    }
    return ExecutionReported.model_validate(
        {
            "message_id": derived_id("ExecutionReported", execution.execution_id, execution.time, *content.values()),
            "occurred_at": execution.time,
            "symbol": execution.symbol,
            **content,
        }
    )
