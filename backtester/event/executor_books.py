"""What the trade executor's handlers and its sender ask for, out of the account in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from backtester.event.account import NOTHING, Account
from services.trade_executor.adapters.claims import CLAIMED_AT_ONCE
from services.trade_executor.core.entries import Desk, Entry, Standing, Venue
from services.trade_executor.core.records import Order
from services.trade_executor.core.trade_book import TradeBook
from services.trade_executor.ports import Instant, Kept, Watched
from shared.errors import InvariantBroken
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, Mark
from shared.schemas.orders import ExecutionReported, OrderDenied

RANK_OF_NEW = {"exit": 1, "stop": 2, "entry": 4}
STEP = timedelta(microseconds=1)


class MemoryBooks:
    """Trades of the account; nothing is rolled back, since nothing dies here."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @asynccontextmanager
    async def changing(self, tx: object, trade_id: UUID) -> AsyncIterator[TradeBook | None]:
        kept = self._account.books.get(trade_id)
        if kept is None:
            yield None
            return
        succeeded = kept.trade.status == "closed" and kept.trade.symbol in self._account.standing
        book = replace(kept, is_succeeded=succeeded, ended=set(), messages=[])
        yield book
        self._account.settle(book)

    async def of_order(
        self, tx: object, client_order_id: str | None, venue_order_id: str | None = None
    ) -> tuple[UUID, str] | None:
        trade_id = self._account.owners.get(client_order_id or "")
        return None if trade_id is None else (trade_id, client_order_id or "")

    async def unsent_entries(self, tx: object) -> list[UUID]:
        unsent = [o for o in self._account.live_orders() if o.state == "intended" and o.purpose == "entry"]
        return [order.trade_id for order in sorted(unsent, key=_age) if order.trade_id is not None]

    async def keep_orphan(self, tx: object, execution: ExecutionReported) -> None:
        raise InvariantBroken(f"the simulated broker filled an order that nobody placed: {execution.venue_order_id}")

    async def has_orphans(self, tx: object, venue_order_id: str) -> bool:
        return False

    async def venues(self, tx: object, symbols: set[str]) -> dict[str, Venue]:
        known = self._account.venues
        return {symbol: known[symbol] for symbol in symbols if symbol in known}


@dataclass(slots=True)
class _Waiting:
    """An instant: the symbols that it waits for once its end was said, its marks, and the verdicts so far."""

    symbols: frozenset[str] | None = None
    marks: dict[str, Mark] = field(default_factory=dict)
    verdicts: dict[str, CouncilDecided] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.symbols is not None and self.symbols <= self.verdicts.keys()


class MemoryInstants:
    """Decision instants and the books as a decision sees them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._waiting: dict[datetime, _Waiting] = {}
        self._newest_decided = datetime.min.replace(tzinfo=UTC)

    async def end(self, tx: object, bars: BarsClosed) -> bool:
        waiting = self._waiting.setdefault(bars.occurred_at, _Waiting())
        waiting.symbols = frozenset(bars.symbols)
        waiting.marks = {mark.symbol: mark for mark in bars.marks}
        return waiting.complete

    async def keep(self, tx: object, verdict: CouncilDecided) -> Kept:
        time = verdict.occurred_at
        if time <= self._newest_decided:
            return Kept(False, None)
        waiting = self._waiting.setdefault(time, _Waiting())
        waiting.verdicts[verdict.symbol] = verdict
        return Kept(True, self._instant(time) if waiting.complete else None)

    async def instant(self, tx: object, time: datetime) -> Instant:
        return self._instant(time)

    async def desk(self, tx: object, now: datetime) -> Desk:
        account = self._account
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Desk(
            account=account.name,
            now=now,
            cash=account.cash,
            reserved=account.reserved,
            initial_balance=account.initial_balance,
            paused=False,
            halted=account.halted,
            daily_result=account.result_since(midnight),
            standing=tuple(_standing(book) for book in account.open_trades()),
        )

    async def decided(self, tx: object, time: datetime, at: datetime, outcomes: Sequence[Entry | OrderDenied]) -> None:
        self._waiting.pop(time, None)
        self._newest_decided = max(self._newest_decided, time)
        for outcome in outcomes:
            if isinstance(outcome, Entry):
                self._account.begin(outcome.trade, outcome.order)
        await self.refuse(tx, [outcome for outcome in outcomes if isinstance(outcome, OrderDenied)])

    async def refuse(self, tx: object, denials: Sequence[OrderDenied]) -> None:
        counts = self._account.refusals
        for denial in denials:
            counts[denial.reason] = counts.get(denial.reason, 0) + 1

    async def watch(self, tx: object, now: datetime, due: datetime, stale: datetime, since: datetime) -> Watched:
        overdue = [time for time, waiting in self._waiting.items() if time <= due and waiting.symbols is not None]
        slow = [order.trade_id for order in self._account.live_orders() if _is_slow(order, now)]
        stuck = [book.trade.id for book in self._account.open_trades() if _is_stuck(book)]
        moving = any(book.trade.status in ("opening", "closing") for book in self._account.open_trades())
        return Watched(sorted(overdue), [t for t in slow if t], stuck, bool(self._waiting) or moving)

    def _instant(self, time: datetime) -> Instant:
        waiting = self._waiting.get(time, _Waiting())
        return Instant(time, list(waiting.verdicts.values()), waiting.marks)


class MemoryRequests:
    """What the account's orders want of the broker."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def waiting(self) -> bool:
        return any(_wants(order) for order in self._account.live_orders())

    async def claim(self, deadline: datetime) -> list[Order]:
        urgent = sorted((order for order in self._account.live_orders() if _wants(order)), key=_urgency)
        for order in urgent[:CLAIMED_AT_ONCE]:
            order.request = _task(order)
            if order.request == "place":
                order.state = "submitting"
            earlier = order.request_deadline
            order.request_deadline = deadline if earlier is None else max(deadline, earlier + STEP)
        return urgent[:CLAIMED_AT_ONCE]

    async def entries_allowed(self) -> bool:
        return not self._account.halted

    async def in_flight(self) -> list[Order]:
        return [order for order in self._account.live_orders() if order.request is not None]


def _age(order: Order) -> tuple[datetime, str]:
    return order.created_at, order.client_order_id


def _standing(book: TradeBook) -> Standing:
    reserved = sum((order.reserved for order in book.orders.values()), NOTHING)
    return Standing(book.trade.symbol, book.trade.held, book.trade.entry_price, reserved)


def _is_slow(order: Order, now: datetime) -> bool:
    working = order.state == "open" and order.request is None and not order.cancel_wanted
    return working and (order.order_type == "market" or order.filled > 0) and order.updated_at < now


def _is_stuck(book: TradeBook) -> bool:
    live = ("intended", "submitting", "unknown", "open")
    return book.trade.status == "closing" and not any(order.state in live for order in book.orders.values())


def _wants(order: Order) -> bool:
    if order.request is not None:
        return False
    changed = order.cancel_wanted or order.trigger_wanted is not None or order.quantity_wanted is not None
    return order.state == "intended" or (order.state == "open" and changed)


def _task(order: Order) -> str:
    if order.state == "intended":
        return "place"
    return "cancel" if order.cancel_wanted else "amend"


def _urgency(order: Order) -> tuple[int, datetime, str, str]:
    """The order of services/trade_executor/adapters/claims.py."""
    ranks = {"cancel": 0, "amend": 3, "place": RANK_OF_NEW[order.purpose]}
    return ranks[_task(order)], order.created_at, order.symbol, order.client_order_id
