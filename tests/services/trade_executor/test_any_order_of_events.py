"""A whole trade against a venue that loses answers and tells late and twice: one position, sold once, books equal.

The venue, the sender and the stream between them are simulated in memory; the books are the executor's own core.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.trade_executor.core.answers import executed, facts_of, granted, report, status_of
from services.trade_executor.core.entries import Entry, decide
from services.trade_executor.core.orders import is_live, wanted_quantity, wanted_trigger
from services.trade_executor.core.progress import progress, request_exit
from services.trade_executor.core.trade_book import TradeBook
from shared.broker.base import Execution, VenueOrder
from shared.models import Order
from shared.schemas.base import Message
from shared.schemas.orders import ExecutionReported, OrderReported
from tests.services.trade_executor.builders import BTC, LIMITS, TERMS, VENUE, D, at, bars, exit_requested, mark, verdict
from tests.services.trade_executor.test_entries import DESK

OUTCOMES = st.sampled_from(["ok", "ok", "ok", "lost", "dropped", "refused", "limited"])


@dataclass
class Exchange:
    """Spot: nobody sells what is not free."""

    base: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    fills: list[Execution] = field(default_factory=list)

    def reserved(self, without: str = "") -> Decimal:
        held_back = (o.quantity - o.filled for o in self.open() if o.side == "sell" and o.venue_order_id != without)
        return sum(held_back, D("0"))

    def open(self) -> list[VenueOrder]:
        return [order for order in self.orders.values() if order.status == "open"]

    def named(self, client_order_id: str) -> VenueOrder | None:
        return next((o for o in reversed(self.orders.values()) if o.client_order_id == client_order_id), None)

    def fill(self, order: VenueOrder, quantity: Decimal, minute: float) -> Execution:
        price = order.trigger_price or D("100.01")
        cost = price * quantity
        sign = 1 if order.side == "buy" else -1
        self.base += sign * quantity
        self.cash -= sign * cost + D("0.1")
        assert self.base >= 0, "sold more than there was"
        execution = Execution(
            f"X{len(self.fills)}",
            order.client_order_id,
            order.venue_order_id,
            BTC,
            order.side,
            quantity,
            price,
            cost,
            D("0.1"),
            "taker",
            at(minute),
        )
        self.fills.append(execution)
        filled = order.filled + quantity
        status = "closed" if filled == order.quantity else "open"
        self.orders[order.venue_order_id] = replace(order, filled=filled, status=status)  # type: ignore[arg-type]
        return execution


class LifeOfATrade(RuleBasedStateMachine):
    """Draws what happens; at the end everything is delivered, and the trade must be closed with equal books."""

    @initialize()
    def begin(self) -> None:
        (entry,) = decide([verdict()], DESK, {BTC: mark()}, {BTC: VENUE}, LIMITS)
        assert isinstance(entry, Entry)
        self.book = TradeBook(entry.trade, {entry.order.client_order_id: entry.order}, {}, None)
        self.reserved = entry.order.reserved
        self.venue = Exchange()
        self.stream: list[Message] = []
        self.minute = 1.0
        self.closed = 0
        self.highest_stop = D("0")
        self.heard: set[UUID] = set()

    @rule(outcome=OUTCOMES)
    def send(self, outcome: str) -> None:
        """The sender takes the first request there is."""
        order = next((o for o in self.book.orders.values() if self._waits(o)), None)
        if order is None:
            return
        order.request = "place" if order.state == "intended" else "cancel" if order.cancel_wanted else "amend"
        order.state = "submitting" if order.request == "place" else order.state
        assert order.request != "place" or not order.cancel_wanted, "sent after it was taken back"
        if outcome == "limited":
            self._say(order, "not_sent", {})
        elif outcome != "dropped" and (outcome != "refused" or order.request == "cancel"):
            done = self._do(order)
            if outcome == "ok":
                self._answer(order, done)
        elif outcome == "refused":
            self._answer(order, False)

    @rule()
    def resolve(self) -> None:
        """Requests in flight are looked up."""
        for order in self.book.orders.values():
            if order.request is not None and not any(self._is_about(m, order) for m in self.stream):
                self._look(order, "")

    @rule(index=st.integers(0, 5), again=st.booleans())
    def deliver(self, index: int, again: bool) -> None:
        """Any message that is on its way, not always the oldest; perhaps it will come again."""
        if self.stream:
            position = index % len(self.stream)
            message = self.stream[position] if again else self.stream.pop(position)
            self._hear(message)

    @rule(part=st.integers(1, 4))
    def fill_market_orders(self, part: int) -> None:
        for order in self.venue.open():
            if order.order_type == "market":
                lots = max(int((order.quantity - order.filled) / D("0.001")) // part, 1)
                self._tell(self.venue.fill(order, Decimal(lots).scaleb(-3), self.minute))

    @rule(part=st.integers(1, 3))
    def hit_the_stop(self, part: int) -> None:
        for order in self.venue.open():
            if order.order_type == "stop-loss":
                lots = max(int((order.quantity - order.filled) / D("0.001")) // part, 1)
                self._tell(self.venue.fill(order, Decimal(lots).scaleb(-3), self.minute))

    @rule()
    def cancel_from_outside(self) -> None:
        for order in self.venue.open():
            if order.order_type == "stop-loss":
                self.venue.orders[order.venue_order_id] = replace(order, status="canceled")
                ours = self.book.orders[str(order.client_order_id)]
                if ours.request is None and ours.state == "open":
                    ours.request = "find"

    @precondition(lambda self: self.book.stop is not None and self.book.trade.status in ("opening", "open"))
    @rule(ticks=st.integers(1, 50))
    def raise_the_stop(self, ticks: int) -> None:
        assert self.book.stop is not None
        self.book.stop.price += Decimal(ticks).scaleb(-2)
        progress(self.book, TERMS, bars(self.minute))

    @rule()
    def want_out(self) -> None:
        request = exit_requested(self.book.trade.id, minute=self.minute)
        request_exit(self.book, request)
        self._progress(request)

    @rule()
    def tick(self) -> None:
        self.minute += 1
        self._progress(bars(self.minute))

    @invariant()
    def no_two_sells_for_the_same_base(self) -> None:
        if hasattr(self, "venue"):
            assert self.venue.reserved() <= self.venue.base

    def teardown(self) -> None:
        if not hasattr(self, "book"):
            return
        self.want_out()
        for _ in range(200):
            self.send("ok")
            self.resolve()
            self.fill_market_orders(1)
            while self.stream:
                self._hear(self.stream.pop(0))
            self.tick()
            if self.book.trade.status == "closed" and not self.stream and not self._busy():
                break
        trade, states = self.book.trade, [(o.purpose, o.state, o.request) for o in self.book.orders.values()]
        assert trade.status == "closed", states
        assert not self.venue.open()
        assert trade.held == self.venue.base
        assert self.book.cash == self.venue.cash
        assert self.book.released == self.reserved
        assert len(self.book.fills) == len(self.venue.fills)
        assert self.closed == (1 if trade.quantity else 0)

    def _busy(self) -> bool:
        return any(is_live(order) for order in self.book.orders.values())

    def _waits(self, order: Order) -> bool:
        changes = order.cancel_wanted or order.trigger_wanted is not None or order.quantity_wanted is not None
        return order.request is None and (order.state == "intended" or (order.state == "open" and changes))

    def _do(self, order: Order) -> bool:
        """What the venue makes of the request; False where it says no."""
        if order.request == "place":
            if order.side == "sell" and order.quantity > self.venue.base - self.venue.reserved():
                return False
            number = f"V{len(self.venue.orders) + 1}"
            name, kind = order.client_order_id, order.order_type
            side, trigger = order.side, order.trigger_price
            new = VenueOrder(name, number, BTC, side, kind, "open", order.quantity, D("0"), trigger)  # type: ignore[arg-type]
            self.venue.orders[number] = new
            return True
        theirs = self.venue.orders[str(order.venue_order_id)]
        if theirs.status != "open":
            return False
        if order.request == "cancel":
            self.venue.orders[theirs.venue_order_id] = replace(theirs, status="canceled")
            return True
        quantity = wanted_quantity(order)
        room = self.venue.base - self.venue.reserved(theirs.venue_order_id)
        if theirs.filled > 0 or quantity > room:
            return False
        amended = replace(theirs, quantity=quantity, trigger_price=wanted_trigger(order))
        self.venue.orders[theirs.venue_order_id] = amended
        return True

    def _answer(self, order: Order, done: bool) -> None:
        if order.request == "cancel" or not done:
            self._look(order, "" if done else "EOrder:Refused")
            return
        theirs = self.venue.named(order.client_order_id)
        assert theirs is not None
        facts: dict[str, object] = (
            granted(order) if order.request == "amend" else {"venue_order_id": theirs.venue_order_id}
        )
        self._say(order, "amended" if order.request == "amend" else "accepted", facts)

    def _look(self, order: Order, refused: str) -> None:
        found = self.venue.named(order.client_order_id)
        if found is not None:
            for execution in self.venue.fills:
                if execution.venue_order_id == found.venue_order_id:
                    self._tell(execution)
        self._say(order, status_of(order, found, bool(refused)), facts_of(found))

    def _say(self, order: Order, status: str, facts: dict[str, object]) -> None:
        self.stream.append(report(order, status, at(self.minute), len(self.stream), **facts))

    def _tell(self, execution: Execution) -> None:
        self.stream.append(executed(execution, None))

    def _is_about(self, message: Message, order: Order) -> bool:
        return isinstance(message, OrderReported) and message.client_order_id == order.client_order_id

    def _hear(self, message: Message) -> None:
        if isinstance(message, OrderReported):
            if message.status in ("missing", "not_sent") and message.message_id in self.heard:
                return  # these two allow another send: a stream's consumer hears each message once
            self.heard.add(message.message_id)
            self.book.report(message)
        elif isinstance(message, ExecutionReported):
            name = message.client_order_id
            assert name is not None
            self.book.execution(self.book.orders[name], message)
        self._progress(message)

    def _progress(self, cause: Message) -> None:
        progress(self.book, TERMS, cause)
        self.closed += len([m for m in self.book.messages if m.kind == "TradeClosed"])
        self.book.messages.clear()


LifeOfATrade.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLifeOfATrade = LifeOfATrade.TestCase
