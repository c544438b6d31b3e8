"""The executor without Redis: handlers on a real database, the sender on a fake venue, messages handed over by hand."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.trade_executor.adapters.books import Books
from services.trade_executor.adapters.claims import Claims
from services.trade_executor.adapters.instants import Instants
from services.trade_executor.adapters.sender import Pace, Sender
from services.trade_executor.adapters.venue import Venue
from services.trade_executor.core.answers import executed
from services.trade_executor.handlers import Handlers, Rules
from shared.broker.base import Execution, RateLimited
from shared.db import Database
from shared.models import Account, Asset, Fill, Order, SystemConfig, Trade
from shared.models.busy import BUSY_ORDERS
from shared.redis_streams.handlers import method_name
from shared.schemas.base import Message
from tests.services.trade_executor.builders import ACCOUNT, BTC, RULES
from tests.services.trade_executor.fakes import FakeBroker, FakeSource

ALONE = Pace(0, timedelta(minutes=2))
"""Lock-step: requests without an answer are looked up at once."""


@dataclass
class Desk:
    """One executor. `said` is all that its handlers wanted sent."""

    database: Database
    broker: FakeBroker
    source: FakeSource
    handlers: Handlers
    sender: Sender
    venue: Venue
    said: list[Message] = field(default_factory=list)

    async def hear(self, *messages: Message) -> list[Message]:
        """Handle each in a transaction of its own."""
        said: list[Message] = []
        for message in messages:
            async with self.database.transaction() as connection:
                handle = getattr(self.handlers, method_name(type(message)))
                said += await handle(message, connection)
        self.said += said
        return said

    async def settle(self) -> list[Message]:
        """Send, hear the answers, until nothing is left to do."""
        said: list[Message] = []
        for _ in range(30):
            with suppress(RateLimited):  # the loop would pause here, and come back
                await self.sender.send()
            await self.sender.resolve()
            answers = self.source.take()
            said += await self.hear(*[a for a in answers if a.kind != "AlertRaised"])
            if not answers and not await self.busy():
                return said
        raise AssertionError("the desk does not come to rest")

    async def fills(self, executions: Sequence[Execution]) -> list[Message]:
        """Hear of fills, then settle."""
        said = await self.hear(*[executed(execution, None) for execution in executions])
        return said + await self.settle()

    async def busy(self) -> int:
        """What the conductor would ask."""
        async with self.database.engine.connect() as connection:
            return int((await connection.execute(BUSY_ORDERS)).scalar_one())

    async def trades(self) -> list[Trade]:
        """Every trade, oldest first."""
        return await self._rows(Trade, Trade.decided_at, Trade.symbol)

    async def trade(self) -> Trade:
        """The only trade."""
        (trade,) = await self.trades()
        return trade

    async def orders(self, purpose: str | None = None) -> list[Order]:
        """Every order, oldest first."""
        found: list[Order] = await self._rows(Order, Order.created_at, Order.client_order_id)
        return [order for order in found if purpose in (None, order.purpose)]

    async def booked(self) -> list[Fill]:
        """Every fill."""
        return await self._rows(Fill, Fill.time, Fill.execution_id)

    async def account(self) -> Account:
        """The account."""
        found: list[Account] = await self._rows(Account, Account.name)
        return found[0]

    async def sql(self, statement: str, **parameters: Any) -> None:
        """Change something behind everybody's back."""
        async with self.database.transaction() as connection:
            await connection.execute(text(statement), parameters)

    async def agrees(self) -> bool:
        """Whether ledger and venue hold the same, and no cash is reserved for nothing."""
        account, held = await self.account(), sum((t.held for t in await self.trades()), Decimal(0))
        return account.cash == self.broker.cash and held == self.broker.base

    async def _rows(self, model: Any, *order: Any) -> list[Any]:
        async with self.database.engine.connect() as connection:
            rows = await connection.execute(select(model.__table__).order_by(*order))
            return [model(**row) for row in rows.mappings()]


async def seeded(connection: AsyncConnection, symbols: Sequence[str], balance: str = "10000") -> None:
    """An account, the flags, and the symbols' grids, whatever the seed had put there."""
    await connection.execute(insert(Account).values(name=ACCOUNT, currency="USD", **_money(balance)))
    if not (await connection.execute(select(SystemConfig.id))).first():
        await connection.execute(insert(SystemConfig).values(id=1))
    for symbol in symbols:
        await connection.execute(text("DELETE FROM assets WHERE symbol = :symbol"), {"symbol": symbol})
        base, quote = symbol.split("/")
        await connection.execute(
            insert(Asset).values(
                symbol=symbol,
                base=base,
                quote=quote,
                name=base,
                is_active=True,
                price_tick=Decimal("0.01"),
                lot_step=Decimal("0.001"),
                min_quantity=Decimal("0.001"),
                min_cost=Decimal("0.5"),
            )
        )


async def desk_on(
    database: Database,
    *,
    symbols: Sequence[str] = (BTC,),
    rules: Rules = RULES,
    pace: Pace = ALONE,
    balance: str = "10000",
    seed: bool = True,
) -> Desk:
    """An executor on this database; `seed` False: another one beside the first."""
    if seed:
        async with database.transaction() as connection:
            await seeded(connection, symbols, balance)
    broker, source = FakeBroker(cash=Decimal(balance)), FakeSource()
    venue = Venue(broker, source)
    handlers = Handlers(Books(ACCOUNT), Instants(ACCOUNT, rules.timeframe), rules)
    sender = Sender(Claims(database, ACCOUNT), venue, pace, lambda: True)
    return Desk(database, broker, source, handlers, sender, venue)


def _money(balance: str) -> dict[str, Decimal]:
    return {"initial_balance": Decimal(balance), "cash": Decimal(balance), "reserved": Decimal(0)}
