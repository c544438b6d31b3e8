"""A venue in memory behind the Broker protocol, with the faults that matter, and a source that keeps what it hears."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from shared.broker.base import (
    BrokerUnavailable,
    DeadlineElapsed,
    Execution,
    Instrument,
    OrderRefused,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    VenueOrder,
)
from shared.schemas.base import Message
from tests.services.trade_executor.builders import T0, D

FEE = D("0.0026")


@dataclass
class FakeBroker:
    """One account. Market orders wait for `match`, stops for `hit`. `faults` names what the next calls do wrong:
    "lost" books the request and gives no answer, "dropped" does neither, "slow" neither for `slowness` seconds,
    "late" comes after its deadline, "had" too and is booked from an earlier send, "refused", "limited".
    """

    time: datetime = T0
    cash: Decimal = Decimal(10_000)
    base: Decimal = Decimal(0)
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    fills: dict[str, list[Execution]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    slowness: float = 7
    away: bool = False
    clock_read: int = 0
    min_cost: Decimal = Decimal("0.5")
    bid: Decimal = Decimal("99.99")

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]:
        return {s: Instrument(s, D("0.01"), D("0.001"), D("0.001"), D("0.5")) for s in symbols}

    async def now(self) -> datetime:
        self._be_there()
        self.clock_read += 1
        return self.time

    async def place(self, order: OrderRequest, deadline: datetime) -> str:
        fault = self._request("place", order.client_order_id)
        if any(o.client_order_id == order.client_order_id and o.status == "open" for o in self.orders.values()):
            raise OrderRefused("EOrder:Duplicate cl_ord_id")
        if deadline < self.time:
            raise DeadlineElapsed("EService:Deadline elapsed")
        if order.side == "sell" and order.quantity * (order.trigger_price or self.bid) < self.min_cost:
            raise OrderRefused("EOrder:Cost minimum not met")
        number = f"V{len(self.orders) + 1}"
        self.orders[number] = VenueOrder(
            order.client_order_id,
            number,
            order.symbol,
            order.side,
            order.order_type,
            "open",
            order.quantity,
            D("0"),
            order.trigger_price,
        )
        self._answer(fault)
        return number

    async def amend(self, venue_order_id: str, symbol: str, quantity: Decimal, trigger_price: Decimal) -> None:
        fault = self._request("amend", venue_order_id)
        self.orders[venue_order_id] = replace(
            self._open(venue_order_id), quantity=quantity, trigger_price=trigger_price
        )
        self._answer(fault)

    async def cancel(self, venue_order_id: str, symbol: str) -> None:
        fault = self._request("cancel", venue_order_id)
        self.orders[venue_order_id] = replace(self._open(venue_order_id), status="canceled")
        self._answer(fault)

    async def find(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        self._request("find", client_order_id)
        return next((o for o in reversed(self.orders.values()) if o.client_order_id == client_order_id), None)

    async def open_orders(self) -> list[VenueOrder]:
        return [order for order in self.orders.values() if order.status == "open"]

    async def executions_of(self, venue_order_id: str, symbol: str) -> list[Execution]:
        return list(self.fills.get(venue_order_id, ()))

    async def balances(self) -> dict[str, Decimal]:
        return {"USD": self.cash, "BTC": self.base}

    async def executions(self) -> AsyncIterator[Execution]:
        for fills in list(self.fills.values()):
            for fill in fills:
                yield fill

    async def close(self) -> None:
        self.orders = {}

    def fill(self, venue_order_id: str, quantity: str | Decimal | None = None, price: str = "100.01") -> Execution:
        """Book a fill, of all that is left unless said otherwise."""
        order = self.orders[venue_order_id]
        amount = order.quantity - order.filled if quantity is None else D(str(quantity))
        fills = self.fills.setdefault(venue_order_id, [])
        cost = amount * D(price)
        fee = (cost * FEE).quantize(D("0.0001"))
        number = sum(len(known) for known in self.fills.values()) + 1
        execution = Execution(
            f"X{number}",
            order.client_order_id,
            venue_order_id,
            order.symbol,
            order.side,
            amount,
            D(price),
            cost,
            fee,
            "taker",
            self.time,
        )
        fills.append(execution)
        filled = order.filled + amount
        self.orders[venue_order_id] = replace(
            order, filled=filled, status="closed" if filled == order.quantity else order.status
        )
        sign = 1 if order.side == "buy" else -1
        self.cash -= sign * cost + fee
        self.base += sign * amount
        return execution

    def match(self, price: str = "100.01") -> list[Execution]:
        """Fill every waiting market order, sells first."""
        waiting = [o for o in self.orders.values() if o.status == "open" and o.order_type == "market"]
        waiting.sort(key=lambda o: (o.side == "buy", o.symbol, o.client_order_id or ""))
        return [self.fill(order.venue_order_id, price=price) for order in waiting]

    def hit(self, price: str) -> list[Execution]:
        """Fill every resting stop at or above this price."""
        stops = [o for o in self.orders.values() if o.status == "open" and o.order_type == "stop-loss"]
        return [self.fill(o.venue_order_id, price=price) for o in stops if (o.trigger_price or D("0")) >= D(price)]

    def resting(self) -> list[VenueOrder]:
        """Open stops."""
        return [o for o in self.orders.values() if o.status == "open" and o.order_type == "stop-loss"]

    def pass_time(self, seconds: float) -> None:
        """Move the venue's clock."""
        self.time += timedelta(seconds=seconds)

    def _open(self, venue_order_id: str) -> VenueOrder:
        order = self.orders.get(venue_order_id)
        if order is None or order.status != "open":
            raise OrderRefused("EOrder:Unknown order")
        return order

    def _request(self, kind: str, about: str) -> str:
        self.requests.append((kind, about))
        self._be_there()
        fault = "" if kind == "find" or not self.faults else self.faults.pop(0)
        if fault == "refused":
            raise OrderRefused("EOrder:Refused by the test")
        if fault == "limited":
            raise RateLimited("EAPI:Rate limit exceeded")
        if fault == "late":
            raise DeadlineElapsed("EService:Deadline elapsed")
        if fault == "slow":
            self.pass_time(self.slowness)
        if fault in ("dropped", "slow"):
            raise OutcomeUnknown("the connection broke before the request arrived")
        return fault

    def _answer(self, fault: str) -> None:
        if fault == "lost":
            raise OutcomeUnknown("the connection broke before the answer arrived")
        if fault == "had":
            raise DeadlineElapsed("EService:Deadline elapsed")

    def _be_there(self) -> None:
        if self.away:
            raise BrokerUnavailable("connection refused")


@dataclass
class FakeSource:
    """Publishes into a list, each id once."""

    published: list[Message] = field(default_factory=list)
    seen: set[UUID] = field(default_factory=set)

    async def publish_unseen(self, message: Message) -> bool:
        if message.message_id in self.seen:
            return False
        self.seen.add(message.message_id)
        self.published.append(message)
        return True

    def take(self) -> list[Message]:
        """What was published since the last time."""
        taken, self.published = self.published, []
        return taken


def of_kind(messages: Iterable[Message], kind: str) -> list[Message]:
    """Those of one kind."""
    return [message for message in messages if message.kind == kind]
