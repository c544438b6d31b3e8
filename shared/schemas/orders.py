"""An order's life, what the venue reports of it, and requests to leave a trade."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from shared.schemas.base import Message, NonNegative, Price, Quantity, Symbol, Time, Value

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop-loss"]
Purpose = Literal["entry", "exit", "stop"]
ExitReason = Literal[
    "stop", "breakeven", "trailing", "target", "time", "council", "drawdown", "manual", "dust", "external"
]


class _OfSymbol(Message):
    symbol: Symbol

    @property
    def key(self) -> str:
        return self.symbol


class ExitRequested(_OfSymbol):
    """Close this trade. Never expires. `price` is what the requester saw, for the record."""

    kind: Literal["ExitRequested"] = "ExitRequested"
    trade_id: UUID
    reason: ExitReason
    price: Price | None = None
    note: str = ""


class Figure(Value):
    """A number behind a refusal, as text, named."""

    name: str
    value: str


class OrderDenied(_OfSymbol):
    """Our own risk said no before anything was sent. `reason` is a stable code, `figures` its numbers."""

    kind: Literal["OrderDenied"] = "OrderDenied"
    decision_id: UUID
    reason: str
    detail: str
    figures: tuple[Figure, ...] = ()


class _OrderEvent(_OfSymbol):
    client_order_id: str
    trade_id: UUID | None
    purpose: Purpose
    side: Side


class OrderSubmitted(_OrderEvent):
    """The venue accepted the order."""

    kind: Literal["OrderSubmitted"] = "OrderSubmitted"
    venue_order_id: str
    order_type: OrderType
    quantity: Quantity
    trigger_price: Price | None = None


class OrderFilled(_OrderEvent):
    """One fill. `cost` and `fee` in quote currency, as the venue booked them."""

    kind: Literal["OrderFilled"] = "OrderFilled"
    execution_id: str
    quantity: Quantity
    price: Price
    cost: NonNegative
    fee: NonNegative
    filled_total: Quantity


class OrderCanceled(_OrderEvent):
    """The order is gone at the venue with `filled_total` of it done."""

    kind: Literal["OrderCanceled"] = "OrderCanceled"
    filled_total: NonNegative
    reason: str


class OrderRejected(_OrderEvent):
    """The venue refused the order."""

    kind: Literal["OrderRejected"] = "OrderRejected"
    error: str


class OrderReported(_OfSymbol):
    """What came of a request to the venue, or of looking an order up there.

    `status`: accepted (resting or being matched), rejected, closed (terminal, with `filled_total`),
    canceled (terminal), amended, amend_failed, cancel_failed, missing (not at the venue after the deadline),
    unknown (no answer: to be resolved), not_sent (the venue could not be reached or refused to listen: ask again).
    `deadline`: that of the request, which tells an order's requests apart.
    """

    kind: Literal["OrderReported"] = "OrderReported"
    client_order_id: str
    status: Literal[
        "accepted",
        "rejected",
        "closed",
        "canceled",
        "amended",
        "amend_failed",
        "cancel_failed",
        "missing",
        "unknown",
        "not_sent",
    ]
    venue_order_id: str | None = None
    filled_total: NonNegative = Decimal(0)
    trigger_price: Price | None = None
    quantity: Quantity | None = None
    error: str = ""
    deadline: Time | None = None


class ExecutionReported(_OfSymbol):
    """One fill as the venue reports it; `execution_id` is the venue's own."""

    kind: Literal["ExecutionReported"] = "ExecutionReported"
    client_order_id: str | None
    venue_order_id: str
    execution_id: str
    side: Side
    quantity: Quantity
    price: Price
    cost: NonNegative
    fee: NonNegative
    liquidity: Literal["maker", "taker"]
