"""The paper broker's books in a SQLite file of its own: what it said it did is on the disk before it says so."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from shared.broker.base import BrokerUnavailable, Execution, Instrument, VenueOrder
from shared.schemas.orders import OrderType, Side

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS balances (asset TEXT PRIMARY KEY, total TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS instruments (
    symbol TEXT PRIMARY KEY, tick TEXT NOT NULL, lot TEXT NOT NULL, min_quantity TEXT NOT NULL, min_cost TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    order_type TEXT NOT NULL, status TEXT NOT NULL, quantity TEXT NOT NULL, filled TEXT NOT NULL,
    trigger_price TEXT, limit_price TEXT, reason TEXT NOT NULL, since INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS open_orders ON orders (symbol) WHERE status = 'open';
CREATE INDEX IF NOT EXISTS client_orders ON orders (client_order_id);
CREATE TABLE IF NOT EXISTS executions (
    number INTEGER PRIMARY KEY, order_number INTEGER NOT NULL REFERENCES orders (number), quantity TEXT NOT NULL,
    price TEXT NOT NULL, cost TEXT NOT NULL, fee TEXT NOT NULL, liquidity TEXT NOT NULL, time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS executions_of_order ON executions (order_number);
"""


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """An order in the books. `since`: when it was placed or last amended; older prices do not concern it."""

    number: int
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    status: Literal["open", "closed", "canceled"]
    quantity: Decimal
    filled: Decimal
    trigger_price: Decimal | None
    limit_price: Decimal | None
    reason: str
    since: datetime

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet, in base units."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class PaperFill:
    """One fill to book, in base and quote units."""

    quantity: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    liquidity: Literal["maker", "taker"]
    time: datetime


class PaperStore:
    """Every method is one read, or part of the transaction around it. Nothing is kept in memory: several may look."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it on the disk at the end, or none. BrokerUnavailable where the file cannot be written."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise BrokerUnavailable(f"paper books: {error}") from error
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise BrokerUnavailable(f"paper books: {error}") from error
            raise

    def fact(self, name: str) -> str | None:
        """A remembered value."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def remember(self, name: str, value: str) -> None:
        """Write a value."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def balances(self) -> dict[str, Decimal]:
        """Totals by asset."""
        return {row["asset"]: Decimal(row["total"]) for row in self._connection.execute("SELECT * FROM balances")}

    def add_to_balance(self, asset: str, amount: Decimal) -> None:
        """Change a total."""
        total = self.balances().get(asset, Decimal(0)) + amount
        self._connection.execute("INSERT OR REPLACE INTO balances VALUES (?, ?)", (asset, str(total)))

    def instrument(self, symbol: str) -> Instrument | None:
        """A pair's grid, as the venue last told it."""
        row = self._connection.execute("SELECT * FROM instruments WHERE symbol = ?", (symbol,)).fetchone()
        return None if row is None else Instrument(symbol, *(Decimal(row[name]) for name in row.keys()[1:]))

    def keep_instrument(self, grid: Instrument) -> None:
        """Remember a pair's grid."""
        values = (grid.symbol, *map(str, (grid.tick, grid.lot, grid.min_quantity, grid.min_cost)))
        self._connection.execute("INSERT OR REPLACE INTO instruments VALUES (?, ?, ?, ?, ?)", values)

    def add_order(self, order: PaperOrder) -> PaperOrder:
        """The order with its number."""
        number = self._connection.execute(
            "INSERT INTO orders (client_order_id, symbol, side, order_type, status, quantity, filled, trigger_price, "
            "limit_price, reason, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                order.client_order_id,
                order.symbol,
                order.side,
                order.order_type,
                order.status,
                str(order.quantity),
                str(order.filled),
                _text(order.trigger_price),
                _text(order.limit_price),
                order.reason,
                _micros(order.since),
            ),
        ).lastrowid
        return replace(order, number=number or 0)

    def save_order(self, order: PaperOrder) -> None:
        """Write what may change of an order."""
        self._connection.execute(
            "UPDATE orders SET status = ?, quantity = ?, filled = ?, trigger_price = ?, reason = ?, since = ? "
            "WHERE number = ?",
            (
                order.status,
                str(order.quantity),
                str(order.filled),
                _text(order.trigger_price),
                order.reason,
                _micros(order.since),
                order.number,
            ),
        )

    def order(self, number: int) -> PaperOrder | None:
        """By its number."""
        found = self._orders("WHERE number = ?", number)
        return found[0] if found else None

    def order_of(self, client_order_id: str) -> PaperOrder | None:
        """The latest with this client id."""
        found = self._orders("WHERE client_order_id = ? ORDER BY number DESC LIMIT 1", client_order_id)
        return found[0] if found else None

    def open_orders(self, symbol: str | None = None) -> list[PaperOrder]:
        """Open orders, of one symbol or of all, oldest first."""
        if symbol is None:
            return self._orders("WHERE status = 'open' ORDER BY number")
        return self._orders("WHERE status = 'open' AND symbol = ? ORDER BY number", symbol)

    def add_fill(self, order: PaperOrder, fill: PaperFill) -> None:
        """Insert an execution of an order."""
        self._connection.execute(
            "INSERT INTO executions (order_number, quantity, price, cost, fee, liquidity, time) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                order.number,
                *map(str, (fill.quantity, fill.price, fill.cost, fill.fee)),
                fill.liquidity,
                _micros(fill.time),
            ),
        )

    def executions_of(self, number: int, book: str) -> list[Execution]:
        """The fills of one order, oldest first."""
        return [execution for _, execution in self._executions("WHERE order_number = ?", number, book)]

    def executions_after(self, number: int, book: str) -> list[tuple[int, Execution]]:
        """Fills with a greater number, each with its number."""
        return self._executions("WHERE e.number > ?", number, book)

    def last_execution(self) -> int:
        """The number of the latest fill; 0 before the first."""
        return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM executions").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _orders(self, where: str, *parameters: object) -> list[PaperOrder]:
        return [_order(row) for row in self._connection.execute(f"SELECT * FROM orders {where}", parameters)]

    def _executions(self, where: str, number: int, book: str) -> list[tuple[int, Execution]]:
        rows = self._connection.execute(
            "SELECT e.*, o.client_order_id, o.symbol, o.side FROM executions e "
            f"JOIN orders o ON o.number = e.order_number {where} ORDER BY e.number",
            (number,),
        )
        return [(int(row["number"]), _execution(row, book)) for row in rows]


def venue_order_id(book: str, number: int) -> str:
    """`book` tells a new file's orders from those of one that was deleted."""
    return f"{book}-O{number}"


def order_number(book: str, order_id: str) -> int:
    """The number in one of our venue order ids; 0, which no order has, in any other text."""
    prefix, _, number = order_id.rpartition("-O")
    return int(number) if prefix == book and number.isdigit() else 0


def view(order: PaperOrder, book: str) -> VenueOrder:
    """The order as a venue shows it."""
    return VenueOrder(
        client_order_id=order.client_order_id,
        venue_order_id=venue_order_id(book, order.number),
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        status=order.status,
        quantity=order.quantity,
        filled=order.filled,
        trigger_price=order.trigger_price,
        reason=order.reason,
    )


def _order(row: sqlite3.Row) -> PaperOrder:
    return PaperOrder(
        number=row["number"],
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=row["side"],
        order_type=row["order_type"],
        status=row["status"],
        quantity=Decimal(row["quantity"]),
        filled=Decimal(row["filled"]),
        trigger_price=_number(row["trigger_price"]),
        limit_price=_number(row["limit_price"]),
        reason=row["reason"],
        since=EPOCH + row["since"] * MICROSECOND,
    )


def _execution(row: sqlite3.Row, book: str) -> Execution:
    return Execution(
        execution_id=f"{book}-T{row['number']}",
        client_order_id=row["client_order_id"],
        venue_order_id=venue_order_id(book, row["order_number"]),
        symbol=row["symbol"],
        side=row["side"],
        quantity=Decimal(row["quantity"]),
        price=Decimal(row["price"]),
        cost=Decimal(row["cost"]),
        fee=Decimal(row["fee"]),
        liquidity=row["liquidity"],
        time=EPOCH + row["time"] * MICROSECOND,
    )


def _micros(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)
