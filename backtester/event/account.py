"""One account in memory: its trades, orders, stops and flags. What PostgreSQL is to the live desk."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.trade_executor.core.entries import Venue
from services.trade_executor.core.records import Order, Trade
from services.trade_executor.core.trade_book import TradeBook

NOTHING = Decimal(0)


@dataclass(slots=True)
class Account:
    """`standing` are the trades that are not closed, by symbol; `closed` the others, oldest first.

    `version` rises with every change of a trade or a stop.
    """

    name: str
    initial_balance: Decimal
    venues: dict[str, Venue]
    cash: Decimal = NOTHING
    reserved: Decimal = NOTHING
    halted: bool = False
    books: dict[UUID, TradeBook] = field(default_factory=dict)
    owners: dict[str, UUID] = field(default_factory=dict)
    standing: dict[str, UUID] = field(default_factory=dict)
    closed: list[Trade] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    version: int = 0

    def __post_init__(self) -> None:
        self.cash = self.initial_balance

    def open_trades(self) -> Iterator[TradeBook]:
        """The books of the trades that are not closed, by symbol."""
        for symbol in sorted(self.standing):
            yield self.books[self.standing[symbol]]

    def live_orders(self) -> Iterator[Order]:
        """Every order of a trade that is not closed."""
        for book in self.open_trades():
            yield from book.orders.values()

    def held_in(self, symbol: str) -> TradeBook | None:
        """The book of the symbol's trade that is not closed."""
        trade_id = self.standing.get(symbol)
        return None if trade_id is None else self.books[trade_id]

    def begin(self, trade: Trade, order: Order) -> None:
        """A trade, and its first order."""
        self.books[trade.id] = TradeBook(trade, {order.client_order_id: order}, {}, None)
        self.owners[order.client_order_id] = trade.id
        self.standing[trade.symbol] = trade.id
        self.reserved += order.reserved
        self.version += 1

    def settle(self, book: TradeBook) -> None:
        """Keep what a handler changed in a trade's book."""
        trade = book.trade
        self.version += 1
        self.books[trade.id] = TradeBook(trade, book.orders, book.fills, book.stop)
        self.owners |= dict.fromkeys(book.orders, trade.id)
        self.cash += book.cash
        self.reserved -= book.released
        if trade.status == "closed" and self.standing.get(trade.symbol) == trade.id:
            del self.standing[trade.symbol]
            if trade.quantity > 0:
                self.closed.append(trade)
            elif any(order.venue_order_id for order in book.orders.values()):
                self.refusals["canceled"] = self.refusals.get("canceled", 0) + 1

    def result_since(self, start: datetime, end: datetime | None = None) -> Decimal:
        """What trades closed from `start` on (and before `end`) have earned."""
        total = NOTHING
        for trade in reversed(self.closed):
            if trade.exit_time is None or trade.exit_time < start:
                break
            if end is None or trade.exit_time < end:
                total += trade.pnl or NOTHING
        return total
