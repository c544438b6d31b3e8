"""A desk with one account, and the messages its position manager hears."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from services.position_manager.adapters import Accounts, OpenTrades
from services.position_manager.handlers import Handlers
from shared.config import Settings
from shared.db import Database
from shared.ids import derived_id
from shared.models import Account, Asset, Handled, Stop, Trade
from shared.redis_streams.codec import decode, encode
from shared.redis_streams.entries import from_json, to_json
from shared.redis_streams.handlers import handlers_of
from shared.redis_streams.transaction import AlreadyHandled, BatchTransaction, Transaction
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided, Verdict
from shared.schemas.market import BarsClosed, CandleClosed, CandleRevised, Mark, TickerUpdated
from shared.schemas.trades import TradeClosed, TradeOpened
from shared.topology import MESSAGES

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
BTC = "BTC/USD"
GROUP = "position_manager"


def at(minute: float) -> datetime:
    """Minutes after nine."""
    return NINE + timedelta(minutes=minute)


class Desk:
    """Handlers on a real database, fed as the bus does it: what a transaction remembers is not handled again."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database = database
        self.settings = Settings(
            timeframe="5m", soft_stop_grace=timedelta(seconds=5), initial_balance=Decimal(10_000), **settings
        )
        self.epoch = 1
        self.used = False
        self.handlers = self.started()

    def started(self) -> Handlers:
        """The service after a start: it remembers nothing."""
        self.handlers = Handlers(OpenTrades(lambda _symbol: self.epoch), Accounts(self.database), self.settings)
        return self.handlers

    async def hears(self, *messages: Message) -> list[Message]:
        """Each message in a batch of its own."""
        return [said for message in messages for said in await self.hears_together(message)]

    async def hears_together(self, *messages: Message, commit: bool = True) -> list[Message]:
        """All messages in one batch, rolled back at its end unless `commit`. `used`: whether it cost a transaction."""
        said: list[Message] = []
        ids = [message.message_id for message in messages]
        async with BatchTransaction(self.database, GROUP, ids, durable=False) as batch:
            for message in messages:
                said += await self._handle(message, batch)
            self.used = batch.begun
            if commit:
                await batch.write_handled()
                await batch.commit()
        return said

    async def _handle(self, message: Message, batch: BatchTransaction) -> list[Message]:
        handler = handlers_of(GROUP, self.handlers)[type(message)]
        transaction = Transaction(batch, message)
        try:
            if batch.begun and message.message_id in batch.stored:
                raise AlreadyHandled(batch.stored[message.message_id])
            outputs = [encode(output, GROUP, 8) for output in await handler(message, transaction)]
        except AlreadyHandled as done:
            outputs = from_json(done.outputs)
        else:
            if transaction.used:
                batch.remember(message.message_id, to_json(0, outputs))
        return [decode(MESSAGES[output.kind], output.body) for output in outputs]

    async def forgets_what_was_handled(self) -> None:
        """For a replay."""
        await self.write(delete(Handled))

    async def write(self, *statements: Executable) -> None:
        async with self.database.transaction() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def opens_account(self, cash: str = "9000", initial: str = "10000") -> None:
        row = {"name": "desk", "currency": "USD", "initial_balance": Decimal(initial), "cash": Decimal(cash)}
        await self.write(insert(Account).values(row))

    async def buys(
        self,
        symbol: str = BTC,
        *,
        entry: str = "100",
        stop: str = "90",
        target: str | None = "130",
        atr: str | None = "5",
        held: str = "10",
        entered: datetime = NINE,
        status: str = "open",
        with_stop: bool = True,
    ) -> UUID:
        """An open trade with its stop as the executor leaves it."""
        trade_id = derived_id("Trade", symbol, entered)
        asset = {"symbol": symbol, "base": symbol[:3], "quote": "USD", "name": symbol, "price_tick": Decimal("0.1")}
        trade = {
            "id": trade_id,
            "account": "desk",
            "symbol": symbol,
            "timeframe": "5m",
            "decision_id": derived_id("decision", symbol),
            "status": status,
            "order_id": f"entry-{symbol}",
            "decided_at": entered,
            "quantity": Decimal(held),
            "held": Decimal(held),
            "entry_price": Decimal(entry),
            "entry_time": entered,
            "atr": None if atr is None else Decimal(atr),
            "take_profit_price": None if target is None else Decimal(target),
            "score": 0.5,
            "contributions": [],
            "votes": [],
        }
        price = Decimal(stop)
        row = {"trade_id": trade_id, "symbol": symbol, "initial_price": price, "price": price, "kind": "stop"}
        times = {"effective_from": entered, "high_water": Decimal(entry)}
        await self.write(
            postgres_insert(Asset).values(asset).on_conflict_do_nothing(),
            insert(Trade).values(trade),
            *((insert(Stop).values(row | times),) if with_stop else ()),
        )
        return trade_id

    async def changes(self, trade_id: UUID, **values: Any) -> None:
        """What the executor does to a trade."""
        await self.write(update(Trade).where(Trade.id == trade_id).values(**values))

    async def rows(self, *columns: Any) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as connection:
            return [tuple(row) for row in await connection.execute(select(*columns))]

    async def stop(self) -> tuple[Any, ...]:
        """price, kind, version, previous price of the only stop."""
        return (await self.rows(Stop.price, Stop.kind, Stop.version, Stop.previous_price))[0]


def candle(
    minute: int,
    low: str,
    high: str,
    close: str | None = None,
    symbol: str = BTC,
    timeframe: str = "1m",
    kind: type[CandleClosed] | type[CandleRevised] = CandleClosed,
) -> Any:
    """The bar that opens `minute` minutes after nine."""
    length = timedelta(minutes=int(timeframe[:-1]))
    return kind(
        message_id=derived_id(kind.__name__, symbol, timeframe, at(minute), low, high),
        occurred_at=at(minute) + length,
        symbol=symbol,
        timeframe=timeframe,
        open_time=at(minute),
        open=close or low,
        high=high,
        low=low,
        close=close or low,
        volume="1",
    )


def ticker(minute: float, bid: str, symbol: str = BTC) -> TickerUpdated:
    return TickerUpdated(
        message_id=derived_id("TickerUpdated", symbol, at(minute), bid),
        occurred_at=at(minute),
        symbol=symbol,
        bid=bid,
        ask=Decimal(bid) + 1,
        last=bid,
    )


def bars(minute: int, timeframe: str = "5m", **bids: str) -> BarsClosed:
    """The instant's end; bids by base currency."""
    marks = tuple(Mark(symbol=f"{base}/USD", bid=bid, ask=Decimal(bid) + 1) for base, bid in bids.items())
    return BarsClosed(
        message_id=derived_id("BarsClosed", timeframe, at(minute)),
        occurred_at=at(minute),
        timeframe=timeframe,
        symbols=(BTC,),
        marks=marks,
    )


def verdict(minute: int, what: Verdict, symbol: str = BTC) -> CouncilDecided:
    signal_id = derived_id("SignalGenerated", symbol, at(minute))
    return CouncilDecided(
        message_id=derived_id("CouncilDecided", signal_id),
        occurred_at=at(minute),
        symbol=symbol,
        timeframe="5m",
        signal_id=signal_id,
        verdict=what,
        probability=0.3,
        quorum=True,
        reason="the council thought so",
        votes=(),
        score=0.1,
        contributions=(),
        price="100",
        atr="5",
        cost="0",
        expires_at=at(minute + 2),
    )


def opened(trade_id: UUID, minute: int = 0, symbol: str = BTC) -> TradeOpened:
    return TradeOpened(
        message_id=derived_id("TradeOpened", trade_id),
        occurred_at=at(minute),
        symbol=symbol,
        trade_id=trade_id,
        timeframe="5m",
        decision_id=trade_id,
        quantity="10",
        entry_price="100",
        entry_time=at(minute),
        atr="5",
        stop_price="90",
        take_profit_price="130",
    )


def closed(trade_id: UUID, minute: int, symbol: str = BTC) -> TradeClosed:
    return TradeClosed(
        message_id=derived_id("TradeClosed", trade_id),
        occurred_at=at(minute),
        symbol=symbol,
        trade_id=trade_id,
        quantity="10",
        entry_price="100",
        entry_time=NINE,
        exit_price="101",
        exit_time=at(minute),
        exit_reason="manual",
        fees="0",
        pnl="10",
        pnl_fraction=0.01,
        score=0.5,
        contributions=(),
        votes=(),
    )
