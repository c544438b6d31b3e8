"""The three services that decide, as their main.py wires them, on a real bus and a real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from services.council.main import build as build_council
from services.learning_engine.main import build as build_learning_engine
from services.signal_generator.main import build as build_signal_generator
from shared.clock import WallClock
from shared.config import Settings, load_settings
from shared.db import Database
from shared.errors import ConfigError
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.lane import ConsumerOptions
from shared.redis_streams.source import Newer, Source
from shared.schemas.council import CouncilDecided
from shared.seed import seed
from shared.service import Context, Service
from shared.topology import partition_of, stream_key
from tests.services.learning_engine.trades import closed
from tests.services.signal_generator.market import BTC, START, bars, store

OPTIONS = ConsumerOptions(lease_ttl=timedelta(seconds=2), block=timedelta(milliseconds=50))
BUILDS = {
    "signal_generator": build_signal_generator,
    "council": build_council,
    "learning_engine": build_learning_engine,
}


def context(name: str, settings: Settings, bus: Bus, database: Database | None) -> Context:
    source = Source(bus, "market_data")
    return Context(name, settings, bus, database, source, f"{name}-1", WallClock(), asyncio.Event())


@asynccontextmanager
async def running(settings: Settings, bus: Bus, database: Database) -> AsyncIterator[None]:
    stop = asyncio.Event()
    consumers = []
    for name, build in BUILDS.items():
        own = context(name, settings, bus, database)
        service: Service = await build(own)
        assert service.handlers is not None
        consumers.append(Consumer(bus, name, own.instance, service.handlers, database, options=OPTIONS))
    tasks = [asyncio.create_task(consumer.run(stop)) for consumer in consumers]
    yield
    stop.set()
    await asyncio.gather(*tasks)


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    while not (found := await holds()):  # noqa: ASYNC110 - Redis and PostgreSQL set no event
        await asyncio.sleep(0.02)
    return found


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    connected = await Bus.connect(redis_url, 2)
    await connected.ensure_groups()
    yield connected
    await connected.close()


async def test_a_closed_bar_becomes_a_decision_and_a_closed_trade_an_outcome(bus: Bus, database: Database) -> None:
    settings = load_settings(partitions=2, timeframe="5m")
    async with database.transaction() as connection:
        await seed(connection)
    candles = bars(3)
    await store(database, candles)
    trade = closed(START, 0.01, {"momentum": 0.4}, {"portfolio": 0.6})
    decided = stream_key("council:decided", partition_of(BTC, 2))

    async def outcomes() -> int:
        async with database.transaction() as connection:
            rows = await connection.exec_driver_sql("select count(*) from learning_outcomes")
            return int(rows.scalar_one())

    async def three_decisions() -> bool:
        return bool(await bus.redis.xlen(decided) == 3)

    async with running(settings, bus, database):
        source = Source(bus, "market_data")
        await source.publish_newer_many([Newer(c, "5m", int(c.occurred_at.timestamp())) for c in candles])
        await Source(bus, "trade_executor").publish_unseen(trade)
        await until(three_decisions)
        await until(outcomes)
    entries = await bus.redis.xrange(decided)
    bodies = [fields[fields.index(b"b") + 1] for _, fields in entries]
    verdicts = [CouncilDecided.model_validate_json(body) for body in bodies]
    assert [(v.symbol, v.occurred_at, v.verdict) for v in verdicts] == [(BTC, c.occurred_at, "HOLD") for c in candles]
    assert "warming up: 3 of 602 bars" in [part.reason for part in verdicts[-1].contributions]


@pytest.mark.parametrize("name", sorted(BUILDS))
async def test_without_a_database_it_says_what_is_missing(name: str, bus: Bus) -> None:
    with pytest.raises(ConfigError, match="needs DATABASE_URL"):
        await BUILDS[name](context(name, load_settings(), bus, None))
