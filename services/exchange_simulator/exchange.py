"""The venue's books: takes orders in, executes them, and says what happened only once it is on the disk."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic_ns
from typing import Any, Literal, Protocol

from services.exchange_simulator import reports
from services.exchange_simulator.errors import KrakenError
from services.exchange_simulator.faults import Faults
from services.exchange_simulator.ledger import Ledger
from services.exchange_simulator.matching import live
from services.exchange_simulator.orders import Fill, Kind, Order, Side, matching_rank, venue_id
from services.exchange_simulator.pairs import Pair, amount
from services.exchange_simulator.store import Store
from services.exchange_simulator.tape import Tape

INSUFFICIENT = "Insufficient funds"


class Audience(Protocol):
    """Whoever hears of the account's events."""

    def executions(self, reports: Sequence[dict[str, Any]]) -> None: ...

    def balances(self, changes: Sequence[dict[str, Any]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A validated request for an order: prices in ticks (0 for none), quantity in lots."""

    symbol: str
    side: Side
    kind: Kind
    lots: int
    limit: int = 0
    trigger: int = 0
    cl_ord_id: str | None = None
    userref: int | None = None
    time_in_force: str = "GTC"
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class Fees:
    taker: Decimal
    maker: Decimal


class Exchange:
    """One account's orders and fills. ``frozen`` (lock-step): orders rest or queue until a step matches them.

    Every public method that changes something ends with ``commit`` by its caller, which makes it durable, then public.
    ``received`` says when each order of this process was accepted, by the wall's monotonic clock in ns.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        ledger: Ledger,
        store: Store,
        tape: Tape,
        fees: Fees,
        faults: Faults,
        clock: Callable[[], int],
        frozen: bool,
    ) -> None:
        self.pairs = pairs
        self.ledger = ledger
        self.tape = tape
        self.fees = fees
        self.frozen = frozen
        self.orders: dict[str, Order] = {order.txid: order for order in store.orders()}
        self.open = {txid: order for txid, order in self.orders.items() if order.is_open}
        self.fills: list[Fill] = store.fills()
        self.dead_man: int | None = store.fact("dead_man")
        self.audience: Audience | None = None
        self.received: dict[str, int] = {}
        self._store = store
        self._faults = faults
        self._clock = clock
        self._dirty: dict[str, Order] = {}
        self._unpublished: list[dict[str, Any]] = []
        self._unsaved: list[Fill] = []
        ledger.restore(self.open.values(), self.fills)

    @property
    def event(self) -> int:
        """The number of the last fill."""
        return len(self.fills)

    @property
    def queued(self) -> list[Order]:
        return sorted((order for order in self.open.values() if order.queued), key=matching_rank)

    def resting(self, symbol: str) -> list[Order]:
        return sorted((o for o in self.open.values() if o.symbol == symbol and not o.queued), key=matching_rank)

    def check(self, draft: Draft) -> None:
        """Raises KrakenError if the order would be refused now."""
        pair, quote = self.pairs[draft.symbol], self.tape[draft.symbol]
        if draft.cl_ord_id is not None and any(o.cl_ord_id == draft.cl_ord_id for o in self.open.values()):
            raise KrakenError("EOrder:Invalid order:cl_ord_id is in use by an open order")
        if amount(draft.lots) < pair.base.order_minimum:
            raise KrakenError("EOrder:Order minimum not met")
        price = draft.limit or draft.trigger or (quote.ask if draft.side == "buy" else quote.bid)
        if pair.cost(price, draft.lots) < pair.cost_minimum:
            raise KrakenError("EOrder:Cost minimum not met")
        market_buy_now = draft.kind == "market" and draft.side == "buy" and not self.frozen
        if not self.ledger.covers(self._order(draft), quote.ask if market_buy_now else None):
            raise KrakenError("EOrder:Insufficient funds")

    def place(self, draft: Draft) -> Order:
        """Accepts an order, and matches it at once unless the market is frozen. Raises KrakenError."""
        self.check(draft)
        order = self._order(draft)
        self.received[order.txid] = monotonic_ns()
        order.queued = order.kind == "market" and self.frozen
        self.orders[order.txid] = self.open[order.txid] = order
        self._changed(order, "pending_new", "new")
        if not self.frozen:
            self._arrive(order)
        return order

    def amend(self, order: Order, lots: int | None, limit: int | None, trigger: int | None) -> None:
        """Changes an open order in place; its ids stay. Raises KrakenError and leaves it as it was."""
        amended = copy.copy(order)
        amended.lots = lots if lots is not None else order.lots
        amended.limit = limit if limit is not None else order.limit
        amended.trigger = trigger if trigger is not None else order.trigger
        if amended.remaining <= 0:
            self.cancel(order, "Order quantity reduced below the filled quantity")
            return
        if not self.ledger.covers(amended):
            raise KrakenError("EOrder:Insufficient funds")
        order.lots, order.limit, order.trigger = amended.lots, amended.limit, amended.trigger
        order.amended = self._clock()
        order.amends += 1
        self._changed(order, "amended")
        if not self.frozen:
            self._arrive(order)

    def cancel(self, order: Order, reason: str) -> None:
        self._end(order, "canceled", reason)

    def cancel_all(self, reason: str) -> int:
        orders = list(self.open.values())
        for order in orders:
            self.cancel(order, reason)
        return len(orders)

    def set_dead_man(self, at: int | None) -> None:
        """Cancels everything at that time of the venue's clock; None calls it off. Durable at once."""
        self.dead_man = at
        self._store.save_books({}, (), (), {"dead_man": at})

    def check_dead_man(self) -> None:
        """Cancels everything if the client's countdown has run out on the venue's clock."""
        if self.dead_man is not None and self._clock() >= self.dead_man:
            self.dead_man = None
            self.cancel_all("Cancel all orders after")

    def fill(self, order: Order, ticks: int, liquidity: Literal["t", "m"]) -> None:
        """Executes what remains of an order (the first half only where a fault says so), or cancels it unpaid."""
        if order.side == "buy" and not self.ledger.covers(order, ticks):
            self.cancel(order, INSUFFICIENT)
            return
        lots = order.remaining
        if order.kind == "market" and lots > 1 and self._faults.take("partial_fill", symbol=order.symbol):
            lots //= 2
        self._book(order, self._execution(order, ticks, lots, liquidity))

    def on_print(self, symbol: str) -> None:
        """Matches what a newly printed price reaches (not in lock-step)."""
        quote = self.tape[symbol]
        mine = [order for order in self.open.values() if order.symbol == symbol]
        for order in sorted(mine, key=matching_rank):
            match = live(order, quote.bid, quote.ask, quote.last, resting=True)
            if match:
                self.fill(order, *match)

    def commit(self, facts: Mapping[str, object] | None = None) -> list[Fill]:
        """Makes all changes since the last commit durable, then public. Returns the new fills."""
        facts = dict(facts or {})
        if not self._dirty:
            if facts:
                self._store.save_place(facts)
            return []
        fills = self._unsaved
        facts["dead_man"] = self.dead_man
        self._store.save_books(self.ledger.balances, self._dirty.values(), fills, facts)
        # Only now: after a save that failed, the next one must write fills and orders together.
        self._dirty, self._unsaved = {}, []
        self._publish(fills)
        return fills

    def _order(self, draft: Draft) -> Order:
        number = len(self.orders) + 1
        return Order(
            number=number,
            txid=venue_id("O", number),
            symbol=draft.symbol,
            side=draft.side,
            kind=draft.kind,
            lots=draft.lots,
            limit=draft.limit,
            trigger=draft.trigger,
            opened=self._clock(),
            cl_ord_id=draft.cl_ord_id,
            userref=draft.userref,
            time_in_force=draft.time_in_force,
            post_only=draft.post_only,
        )

    def _arrive(self, order: Order) -> None:
        quote = self.tape[order.symbol]
        match = live(order, quote.bid, quote.ask, quote.last, resting=False)
        if match and order.post_only:
            self.cancel(order, "Post only order")
        elif match:
            self.fill(order, *match)
        elif order.time_in_force == "IOC":
            self.cancel(order, "IOC order did not match")

    def _execution(self, order: Order, ticks: int, lots: int, liquidity: Literal["t", "m"]) -> Fill:
        pair = self.pairs[order.symbol]
        cost = pair.cost(ticks, lots)
        event = self.event + 1
        return Fill(
            event=event,
            exec_id=venue_id("T", event),
            txid=order.txid,
            cl_ord_id=order.cl_ord_id,
            userref=order.userref,
            symbol=order.symbol,
            side=order.side,
            kind=order.kind,
            lots=lots,
            ticks=ticks,
            cost=cost,
            fee=pair.fee(cost, self.fees.taker if liquidity == "t" else self.fees.maker),
            liquidity=liquidity,
            time=self._clock(),
        )

    def _book(self, order: Order, fill: Fill) -> None:
        self.fills.append(fill)
        self._unsaved.append(fill)
        self.ledger.book(fill)
        order.filled += fill.lots
        order.value += fill.lots * fill.ticks
        order.cost += fill.cost
        order.fee += fill.fee
        order.trades.append(fill.exec_id)
        self.ledger.hold(order)
        self._dirty[order.txid] = order
        if order.remaining:
            order.queued = order.kind == "market"
            self._unpublished.append(reports.fill_report(fill, order, self.pairs[order.symbol]))
            return
        # Kraken calls an order filled in an event of its own, after the trade that filled it.
        self._unpublished.append(reports.fill_report(fill, order, self.pairs[order.symbol]))
        self._end(order, "closed", None)

    def _end(self, order: Order, status: Literal["closed", "canceled", "expired"], reason: str | None) -> None:
        order.status, order.reason, order.closed, order.queued = status, reason, self._clock(), False
        self.open.pop(order.txid, None)
        self._changed(order, "filled" if status == "closed" else status)

    def _changed(self, order: Order, *events: reports.ExecType) -> None:
        self.ledger.hold(order)
        self._dirty[order.txid] = order
        pair = self.pairs[order.symbol]
        self._unpublished.extend(reports.order_report(order, pair, event, self._clock()) for event in events)

    def _publish(self, fills: Sequence[Fill]) -> None:
        events, self._unpublished = self._unpublished, []
        if self.audience is None:
            return
        self.audience.executions(events)
        self.audience.balances([change for fill in fills for change in self._balance_changes(fill)])

    def _balance_changes(self, fill: Fill) -> list[dict[str, Any]]:
        pair, held = self.pairs[fill.symbol], self.ledger.balances
        return [reports.balance_change(fill, pair, a, held.get(a.code, Decimal(0))) for a in (pair.base, pair.quote)]
