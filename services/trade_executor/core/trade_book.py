"""All that is known of one trade: its row, its orders, their fills, its stop. Every change of a trade starts here.

The order of events does not matter: each is booked as what it is, then `progress` looks at the whole
(services/trade_executor/core/progress.py) and wants what is missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from services.trade_executor.core import orders
from services.trade_executor.core.records import Fill, Order, Stop, Trade
from shared.errors import InvariantBroken
from shared.ids import derived_id
from shared.portfolio import ledger
from shared.portfolio.grid import EXACT, Grid, to_money
from shared.schemas.base import Message
from shared.schemas.orders import ExecutionReported, OrderCanceled, OrderFilled, OrderRejected, OrderSubmitted
from shared.schemas.orders import OrderReported as Reported

NOTHING = Decimal(0)
AVERAGE_DIGITS = Decimal("1e-4")
"""Averages over several fills are kept to this part of a tick."""


@dataclass(slots=True)
class TradeBook:
    """One trade. The last six say what the events booked so far changed: on the account (`cash`, `released`),
    which purposes' orders `ended`, whether something was `bought`, whether that came `late`, and the messages about it.

    `is_succeeded`: another trade of the symbol is not closed yet, so that this closed one may not open again.
    """

    trade: Trade
    orders: dict[str, Order]
    fills: dict[str, Fill]
    stop: Stop | None
    is_succeeded: bool = False
    cash: Decimal = NOTHING
    released: Decimal = NOTHING
    ended: set[str] = field(default_factory=set)
    bought: bool = False
    late: bool = False
    messages: list[Message] = field(default_factory=list)

    def of(self, purpose: str) -> list[Order]:
        """Its orders of one purpose, in the order of their attempts."""
        return [order for order in self.orders.values() if order.purpose == purpose]

    def live(self, purpose: str) -> Order | None:
        """The order of that purpose that may still be acted on; at most one is."""
        return next((order for order in self.of(purpose) if orders.is_live(order)), None)

    def filled_on(self, side: str) -> list[Fill]:
        """Its fills on one side."""
        return [fill for fill in self.fills.values() if fill.side == side]

    def report(self, reported: Reported) -> None:
        """Book what came of a request to the venue."""
        order = self.orders[reported.client_order_id]
        was_known, was_live = order.venue_order_id is not None, orders.is_live(order)
        orders.report(order, reported)
        order.updated_at = reported.occurred_at
        self._announce(order, reported, was_known, was_live)

    def execution(self, order: Order, reported: ExecutionReported) -> bool:
        """Book a fill once. False where it is booked already; InvariantBroken where that one says otherwise."""
        if (known := self.fills.get(reported.execution_id)) is not None:
            _require_same(known, reported)
            return False
        was_known, was_live = order.venue_order_id is not None, orders.is_live(order)
        orders.execute(order, reported.venue_order_id, reported.quantity, reported.cost, reported.fee)
        order.updated_at = reported.occurred_at
        fill = self._fill(order, reported)
        self.fills[fill.execution_id] = fill
        self._settle(fill, order, reported)
        self.messages.append(_filled(order, reported))
        self._announce(order, reported, was_known, was_live)
        return True

    def add(self, order: Order) -> None:
        """Another order is wanted."""
        self.orders[order.client_order_id] = order

    def withdraw(self, order: Order, why: str, cause: Message) -> None:
        """Take an order back: at once where it was not sent, else as soon as the venue has canceled it."""
        if order.cancel_wanted:
            return
        orders.withdraw(order, why)
        order.updated_at = cause.occurred_at
        self._announce(order, cause, was_known=True, was_live=True)

    def _fill(self, order: Order, reported: ExecutionReported) -> Fill:
        return Fill(
            execution_id=reported.execution_id,
            client_order_id=order.client_order_id,
            trade_id=self.trade.id,
            symbol=reported.symbol,
            side=reported.side,
            quantity=reported.quantity,
            price=reported.price,
            cost=reported.cost,
            fee=reported.fee,
            liquidity=reported.liquidity,
            time=reported.occurred_at,
        )

    def _settle(self, fill: Fill, order: Order, cause: Message) -> None:
        self.trade.fees += fill.fee
        # What an exit sells of a closed trade is what an earlier late fill had left.
        self.late = self.late or (self.trade.status == "closed" and order.purpose != "exit")
        if fill.side == "buy":
            self.cash -= fill.cost + fill.fee
            self.trade.quantity += fill.quantity
            self.trade.held += fill.quantity
            self.bought = True
            return
        self.cash += fill.cost - fill.fee
        self.trade.held -= fill.quantity
        if self.trade.held < 0:
            sold = f"trade {self.trade.id} sold {-self.trade.held} more {fill.symbol} than it held"
            raise InvariantBroken(f"{sold}: execution {fill.execution_id} in message {cause.message_id}")

    def _announce(self, order: Order, cause: Message, was_known: bool, was_live: bool) -> None:
        if not was_known and order.venue_order_id is not None:
            self.messages.append(_submitted(order, cause))
        if was_live and not orders.is_live(order):
            self.ended.add(order.purpose)
            self.released += order.reserved
            order.reserved = NOTHING
            if order.state != "filled":
                self.messages.append(_gone(order, cause))


def average_price(fills: Sequence[Fill], tick: Decimal) -> Decimal:
    """Mean price by quantity of at least one fill, to a ten-thousandth of a tick."""
    step = EXACT.multiply(tick, AVERAGE_DIGITS)
    steps = EXACT.divide(_mean(fills), step)
    return EXACT.multiply(steps.to_integral_value(ROUND_HALF_EVEN), step).normalize(EXACT)


def _mean(fills: Sequence[Fill]) -> Decimal:
    if len(fills) == 1:
        return fills[0].price
    quantity = sum((Fraction(part.quantity) for part in fills), Fraction(0))
    mean = sum((Fraction(part.price) * Fraction(part.quantity) for part in fills), Fraction(0)) / quantity
    return EXACT.divide(Decimal(mean.numerator), Decimal(mean.denominator))


def position(fills: Iterable[Fill], grid: Grid) -> ledger.Position:
    """What the fills bought, as exact integers: its average decides where the stop lies."""
    bought = ledger.flat(ledger.LONG)
    for fill in sorted(fills, key=lambda fill: (fill.time, fill.execution_id)):
        money = (to_money(fill.cost, "floor"), to_money(fill.fee, "floor"))
        bought = ledger.increased(bought, grid.to_ticks(fill.price, "floor"), grid.to_lots(fill.quantity), *money)
    return bought


def _require_same(known: Fill, reported: ExecutionReported) -> None:
    said = (reported.side, reported.quantity, reported.price, reported.cost, reported.fee)
    if (known.side, known.quantity, known.price, known.cost, known.fee) != said:
        raise InvariantBroken(
            f"execution {known.execution_id} was booked as {known.quantity} at {known.price}, "
            f"now {said} in message {reported.message_id}"
        )


def _submitted(order: Order, cause: Message) -> OrderSubmitted:
    return OrderSubmitted.model_validate(
        _event(order, cause, "OrderSubmitted", order.client_order_id)
        | {
            "venue_order_id": order.venue_order_id,
            "order_type": order.order_type,
            "quantity": order.quantity,
            "trigger_price": order.trigger_price,
        }
    )


def _filled(order: Order, reported: ExecutionReported) -> OrderFilled:
    return OrderFilled.model_validate(
        _event(order, reported, "OrderFilled", reported.execution_id)
        | {
            "execution_id": reported.execution_id,
            "quantity": reported.quantity,
            "price": reported.price,
            "cost": reported.cost,
            "fee": reported.fee,
            "filled_total": order.filled,
        }
    )


def _gone(order: Order, cause: Message) -> Message:
    if order.state == "rejected":
        event = _event(order, cause, "OrderRejected", order.client_order_id)
        return OrderRejected.model_validate(event | {"error": order.error})
    event = _event(order, cause, "OrderCanceled", order.client_order_id)
    return OrderCanceled.model_validate(event | {"filled_total": order.filled, "reason": order.error})


def _event(order: Order, cause: Message, kind: str, key: str) -> dict[str, object]:
    return {
        "message_id": derived_id(kind, key),
        "causation_id": cause.message_id,
        "occurred_at": cause.occurred_at,
        "symbol": order.symbol,
        "client_order_id": order.client_order_id,
        "trade_id": order.trade_id,
        "purpose": order.purpose,
        "side": order.side,
    }
