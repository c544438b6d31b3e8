"""Messages, handlers and looks into Redis for the tests of the bus."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from shared.db import Database
from shared.ids import derived_id
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.lane import ConsumerOptions
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.source import Source
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.market import TickerUpdated
from shared.schemas.signals import SignalGenerated, Technicals
from shared.schemas.system import TradingPaused
from shared.topology import partition_of, read_by, stream_key

START = datetime(2022, 1, 1, tzinfo=UTC)
FAST = ConsumerOptions(block=timedelta(milliseconds=50), lease_ttl=timedelta(milliseconds=600))
EFFECTS = text("INSERT INTO effects (message_id) VALUES (:id)")


def signal(number: int, symbol: str = "BTC/USD", expires_in: int = 2) -> SignalGenerated:
    """The signal of one minute."""
    at = START + timedelta(minutes=number)
    return SignalGenerated(
        message_id=derived_id("SignalGenerated", symbol, number),
        occurred_at=at,
        symbol=symbol,
        timeframe="1m",
        score=0.25,
        contributions=(),
        technicals=Technicals(close=100.0),
        price=Decimal("100.5"),
        expires_at=at + timedelta(minutes=expires_in),
    )


def decision(about: SignalGenerated) -> CouncilDecided:
    """What the council makes of a signal."""
    return CouncilDecided(
        message_id=derived_id("CouncilDecided", about.message_id),
        causation_id=about.message_id,
        occurred_at=about.occurred_at,
        symbol=about.symbol,
        timeframe=about.timeframe,
        signal_id=about.message_id,
        verdict="HOLD",
        probability=None,
        quorum=True,
        reason="nothing to see",
        votes=(),
        score=about.score,
        contributions=about.contributions,
        price=about.price,
        atr=None,
        cost=Decimal(0),
        expires_at=about.expires_at,
    )


def ticker(number: int, symbol: str = "BTC/USD") -> TickerUpdated:
    """A quote."""
    return TickerUpdated(
        message_id=derived_id("TickerUpdated", symbol, number),
        occurred_at=START + timedelta(seconds=number),
        symbol=symbol,
        bid=Decimal(99),
        ask=Decimal(101),
        last=Decimal(100),
    )


def paused(number: int) -> TradingPaused:
    """A command."""
    at = START + timedelta(seconds=number)
    return TradingPaused(message_id=derived_id("TradingPaused", number), occurred_at=at, reason="test", by="test")


class Council:
    """Decides on every signal; keeps what it saw, in order."""

    def __init__(self) -> None:
        self.seen: list[UUID] = []

    async def on_signal_generated(self, message: SignalGenerated, _tx: Transaction) -> Sequence[Message]:
        self.seen.append(message.message_id)
        return [decision(message)]


class BookkeepingCouncil(Council):
    """The same with an effect in the database for each signal."""

    async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
        await tx.execute(EFFECTS, {"id": message.message_id})
        return await super().on_signal_generated(message, tx)


class FailingCouncil(Council):
    """Raises what it is told for some signals, as often as told."""

    def __init__(self, failures: Mapping[UUID, Sequence[Exception]]) -> None:
        super().__init__()
        self.failures = {which: list(errors) for which, errors in failures.items()}

    async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
        if self.failures.get(message.message_id):
            raise self.failures[message.message_id].pop(0)
        return await super().on_signal_generated(message, tx)


async def publish(bus: Bus, *signals: SignalGenerated) -> None:
    """As the signal generator would."""
    source = Source(bus, "signal_generator")
    for message in signals:
        await source.publish_unseen(message)


async def add_raw(bus: Bus, stream: str, key: str, *fields: str | bytes) -> bytes:
    """Put an entry into a stream past all our code."""
    entry: bytes = await bus.execute("XADD", stream_key(stream, partition_of(key, bus.partitions)), "*", *fields)
    return entry


async def ids_in(bus: Bus, stream: str) -> list[UUID]:
    """The message ids that stand in a stream, partition by partition."""
    found = []
    for partition in range(bus.partitions):
        for _, fields in await rows(bus, stream_key(stream, partition)):
            found.append(message_id(fields))
    return found


def message_id(fields: Sequence[bytes]) -> UUID:
    """Of a well-formed entry."""
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    return UUID(json.loads(named[b"b"])["message_id"])


async def rows(bus: Bus, key: str) -> list[tuple[bytes, list[bytes]]]:
    """Every entry of one key."""
    reply: list[Any] = await bus.execute("XRANGE", key, "-", "+")
    return [(row[0], row[1]) for row in reply]


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait for a fact, and fail where it does not come about."""
    async with asyncio.timeout(seconds):
        while True:
            answer = true()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    bus: Bus,
    handlers: object,
    database: Database | None = None,
    *,
    group: str = "council",
    instance: str = "one",
    options: ConsumerOptions = FAST,
) -> AsyncIterator[Consumer]:
    """A consumer at work; what it raises is raised here."""
    consumer = Consumer(bus, group, instance, handlers, database, options=options)
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        await task


@contextmanager
def logged(event: str) -> Iterator[Callable[[], list[Mapping[str, Any]]]]:
    """Asks for the log lines of one event that were written meanwhile, of every level."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(0))
    with structlog.testing.capture_logs() as lines:
        yield lambda: [line for line in lines if line["event"] == event]
    structlog.configure(wrapper_class=before)


async def archive(bus: Bus) -> None:
    """As if the archiver, which reads all that decides, had kept everything."""
    for stream in read_by("archiver"):
        for partition in range(bus.partitions):
            await bus.execute("XGROUP", "SETID", stream_key(stream.name, partition), "archiver", "$")


async def waiting(bus: Bus) -> dict[str, int]:
    """What the bus waits for, the archiver aside."""
    return {what: count for what, count in (await is_quiet(bus)).waiting.items() if not what.startswith("archiver ")}


async def group_is_done(bus: Bus, group: str = "council") -> bool:
    """Nothing pending, nothing unread by one group."""
    return not any(name.startswith(f"{group} ") for name in (await is_quiet(bus)).waiting)


async def create_effects(database: Database) -> None:
    """A table that shows each effect as often as it happened."""
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE effects (message_id uuid)"))


async def effects(database: Database) -> list[UUID]:
    """What happened in the database."""
    async with database.transaction() as connection:
        return list((await connection.scalars(text("SELECT message_id FROM effects"))).all())
