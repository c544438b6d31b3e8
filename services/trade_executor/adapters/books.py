"""Trades in and out of PostgreSQL: loaded whole under their rows' locks, written back as what changed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import ARRAY, BindParameter, Text, any_, bindparam, select, text

from services.trade_executor.adapters.rows import TABLES, identity, values, write
from services.trade_executor.core.entries import Venue
from services.trade_executor.core.orders import client_order_id
from services.trade_executor.core.records import Fill, Order, Record, Stop, Trade
from services.trade_executor.core.trade_book import TradeBook
from services.trade_executor.ports import Connection
from shared import models
from shared.portfolio.grid import Grid
from shared.schemas.orders import ExecutionReported, Purpose

PURPOSES: tuple[Purpose, ...] = ("entry", "stop", "exit")
OF_TRADE: BindParameter[UUID] = bindparam("trade_id")
LOCKED_TRADE = select(TABLES[Trade]).where(models.Trade.id == OF_TRADE).with_for_update()
LOCKED_ORDERS = select(TABLES[Order]).where(models.Order.trade_id == OF_TRADE).with_for_update()
FILLS = (
    select(TABLES[Fill]).where(models.Fill.trade_id == OF_TRADE).order_by(models.Fill.time, models.Fill.execution_id)
)
STOP = select(TABLES[Stop]).where(models.Stop.trade_id == OF_TRADE)
IS_SUCCEEDED = text("""
    SELECT EXISTS(SELECT FROM trades WHERE account = :account AND symbol = :symbol AND id <> :id AND status <> 'closed')
""")
TRADE_OF = text("""
    SELECT client_order_id, trade_id FROM orders
    WHERE client_order_id = :client_order_id OR (venue_order_id = :venue_order_id AND :venue_order_id <> '')
    LIMIT 1
""")
UNSENT_ENTRIES = text("""
    SELECT trade_id FROM orders WHERE account = :account AND state = 'intended' AND purpose = 'entry'
    ORDER BY created_at, client_order_id
""")
SETTLE = text("""
    UPDATE accounts SET cash = cash + CAST(:cash AS numeric), reserved = reserved - CAST(:released AS numeric)
    WHERE name = :account
""")
KEEP_ORPHAN = text("""
    INSERT INTO audit (time, who, action, subject, details)
    VALUES (:time, 'trade_executor', 'unknown_execution', :venue_order_id, CAST(:body AS jsonb))
""")
ORPHANS = text("SELECT count(*) FROM audit WHERE action = 'unknown_execution' AND subject = :venue_order_id")
VENUES = select(
    models.Asset.symbol,
    models.Asset.quote,
    models.Asset.price_tick,
    models.Asset.lot_step,
    models.Asset.min_quantity,
    models.Asset.min_cost,
).where(models.Asset.symbol == any_(bindparam("symbols", type_=ARRAY(Text()))), models.Asset.price_tick.is_not(None))


class Books:
    """The trades of one account. Every method works on the caller's transaction."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._venues: dict[str, Venue] = {}

    @asynccontextmanager
    async def changing(self, tx: Connection, trade_id: UUID) -> AsyncIterator[TradeBook | None]:
        """One trade's book, None where there is no such trade. What the block changed in it is written at its end.

        The trade's and its orders' rows stay locked until the transaction ends.
        """
        book = await _load(tx, trade_id)
        before = {} if book is None else {identity(part): values(part) for part in _parts(book)}
        yield book
        if book is None:
            return
        for part in _parts(book):
            await write(tx, part, before.get(identity(part)))
        if book.cash or book.released:
            await tx.execute(SETTLE, {"cash": book.cash, "released": book.released, "account": self._account})

    async def of_order(
        self, tx: Connection, client_order_id: str | None, venue_order_id: str | None = None
    ) -> tuple[UUID, str] | None:
        """Trade and client order id of an order of ours by either id; None where we have no such order."""
        ids = {"client_order_id": client_order_id or "", "venue_order_id": venue_order_id or ""}
        found = (await tx.execute(TRADE_OF, ids)).first()
        return None if found is None else (found.trade_id, found.client_order_id)

    async def unsent_entries(self, tx: Connection) -> list[UUID]:
        """Trades whose entry the sender has not claimed."""
        return list((await tx.execute(UNSENT_ENTRIES, {"account": self._account})).scalars())

    async def keep_orphan(self, tx: Connection, execution: ExecutionReported) -> None:
        """Write down a fill that belongs to no order of ours."""
        kept = {"time": execution.occurred_at, "venue_order_id": execution.venue_order_id}
        await tx.execute(KEEP_ORPHAN, kept | {"body": execution.model_dump_json()})

    async def has_orphans(self, tx: Connection, venue_order_id: str) -> bool:
        """Whether fills of this order came before we knew that it is ours."""
        return bool((await tx.execute(ORPHANS, {"venue_order_id": venue_order_id})).scalar_one())

    async def venues(self, tx: Connection, symbols: set[str]) -> dict[str, Venue]:
        """Grid and minimums of those of the symbols that market_data has learnt them of."""
        if missing := symbols - self._venues.keys():
            for row in await tx.execute(VENUES, {"symbols": sorted(missing)}):
                grid = Grid.of_quote(row.price_tick, row.lot_step, row.quote)
                self._venues[row.symbol] = Venue(grid, row.min_quantity, row.min_cost)
        return {symbol: self._venues[symbol] for symbol in symbols if symbol in self._venues}


async def _load(tx: Connection, trade_id: UUID) -> TradeBook | None:
    key = {"trade_id": trade_id}
    row = (await tx.execute(LOCKED_TRADE, key)).mappings().first()
    if row is None:
        return None
    trade = Trade(**row)
    orders = [Order(**found) for found in (await tx.execute(LOCKED_ORDERS, key)).mappings()]
    fills = [Fill(**found) for found in (await tx.execute(FILLS, key)).mappings()]
    stop = (await tx.execute(STOP, key)).mappings().first()
    is_succeeded = False
    if trade.status == "closed":
        others = {"account": trade.account, "symbol": trade.symbol, "id": trade.id}
        is_succeeded = bool((await tx.execute(IS_SUCCEEDED, others)).scalar_one())
    return TradeBook(
        trade,
        {order.client_order_id: order for order in _by_attempt(trade, orders)},
        {fill.execution_id: fill for fill in fills},
        None if stop is None else Stop(**stop),
        is_succeeded,
    )


def _parts(book: TradeBook) -> Iterator[Record]:
    """In the order in which foreign keys allow them to be written. A stop, once there, is position_manager's."""
    yield book.trade
    yield from book.orders.values()
    yield from book.fills.values()
    if book.stop is not None:
        yield book.stop


def _by_attempt(trade: Trade, orders: list[Order]) -> list[Order]:
    """Ids tell no order, but each follows from its attempt."""
    named = {order.client_order_id: order for order in orders}
    ids = (
        client_order_id(trade.account, trade.id, purpose, attempt)
        for purpose in PURPOSES
        for attempt in range(1, len(orders) + 1)
    )
    return [named[name] for name in ids if name in named]
