"""The archiver as a process on a real bus and database: nothing is lost or doubled, whatever kills it."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.dead import dead_letters
from shared.redis_streams.overview import group_lag
from shared.schemas.base import Message
from shared.topology import BY_MESSAGE
from tests.builders import GOOD, candle, decided, signal
from tests.services.process import start, until

PARTITIONS = 2
Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    connected = await Bus.connect(redis_url, PARTITIONS)
    await connected.ensure_groups()
    yield connected
    await connected.close()


@pytest.fixture
async def archiver(redis_url: str, database_url: str) -> AsyncIterator[Start]:
    """Starts one; at the end all are stopped."""
    started: list[Process] = []

    async def another(instance: str = "one", **settings: str) -> Process:
        process = await start("archiver", redis_url, database_url, INSTANCE=instance, **settings)
        started.append(process)
        return process

    yield another
    for process in started:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def publish(bus: Bus, *messages: Message) -> None:
    for message in messages:
        outgoing = encode(message, next(iter(BY_MESSAGE[type(message)].publishers)), PARTITIONS)
        await bus.execute("XADD", outgoing.stream_key, "*", *outgoing.fields())


async def caught_up(bus: Bus) -> None:
    async def done() -> bool:
        lag = await group_lag(bus, "archiver")
        return lag.lag == lag.pending == 0

    await until(done)


async def archived(database: Database) -> list[Any]:
    async with database.transaction() as connection:
        return list(await connection.execute(text("select * from events order by time, message_id")))


@asynccontextmanager
async def publishing(bus: Bus) -> AsyncIterator[list[Message]]:
    """Candles, signals and verdicts, one after the other, while the block runs; gives what was published."""
    sent: list[Message] = []
    enough = asyncio.Event()

    async def on_and_on() -> None:
        for minute in count(0, 5):
            if enough.is_set():
                return
            messages = [candle(minute=minute), signal(minute), decided(minute)]
            await publish(bus, *messages)
            sent.extend(messages)
            await asyncio.sleep(0.001)

    task = asyncio.create_task(on_and_on())
    try:
        yield sent
    finally:
        enough.set()
        await task


def same(rows: Sequence[Any], messages: Sequence[Message]) -> bool:
    return sorted(row.message_id for row in rows) == sorted(message.message_id for message in messages)


async def test_every_decision_relevant_message_is_kept_as_it_stood(
    bus: Bus, database: Database, archiver: Start
) -> None:
    messages = [make(5) for make in GOOD.values()]
    await publish(bus, *messages)
    await archiver()
    await caught_up(bus)
    wanted = {m.message_id: m for m in messages if "archiver" in BY_MESSAGE[type(m)].groups}
    rows = await archived(database)
    assert {row.message_id for row in rows} == wanted.keys()
    assert {type(m).__name__ for m in messages} - {row.kind for row in rows} == {"TickerUpdated", "BookUpdated"}
    for row in rows:
        assert type(wanted[row.message_id]).model_validate(row.body) == wanted[row.message_id]


async def test_a_message_published_twice_is_kept_once(bus: Bus, database: Database, archiver: Start) -> None:
    await publish(bus, candle(), candle(), signal(), candle())
    await archiver()
    await caught_up(bus)
    assert same(await archived(database), [candle(), signal()])


async def test_what_is_no_message_is_buried_and_the_rest_is_kept(bus: Bus, database: Database, archiver: Start) -> None:
    await publish(bus, candle())
    key = encode(candle(), "market_data", PARTITIONS).stream_key
    await bus.execute("XADD", key, "*", "k", "CandleClosed", "b", "{}")
    await publish(bus, candle(minute=5))
    await archiver()
    await caught_up(bus)
    assert same(await archived(database), [candle(), candle(minute=5)])
    letters = await dead_letters(bus, "archiver")
    assert [(letter.stream, letter.attempts) for letter in letters] == [("market:candles", 1)]
    assert "malformed CandleClosed" in letters[0].error


@pytest.mark.parametrize("point", ["before_database", "before_redis", "after_redis"])
async def test_a_kill_around_its_commits_loses_and_doubles_nothing(
    bus: Bus, database: Database, archiver: Start, point: str
) -> None:
    async with publishing(bus) as sent:
        doomed = await archiver(PARLEY_CRASH_AT=f"archiver:{point}:3", BATCH_SIZE="20")
        assert await doomed.wait() == -9
        await archiver()
        await asyncio.sleep(0.5)
    await caught_up(bus)
    assert len(sent) > 60
    assert same(await archived(database), sent)
    assert await dead_letters(bus) == []


async def test_killed_at_any_moment_another_takes_over_within_seconds(
    bus: Bus, database: Database, archiver: Start
) -> None:
    async with publishing(bus) as sent:
        first = await archiver("one")

        async def some() -> bool:
            return len(await archived(database)) > 100

        await until(some)
        await archiver("two")
        first.kill()
        await first.wait()
        before = len(sent)

        async def more() -> bool:
            return len(await archived(database)) > before

        await until(more)
    await caught_up(bus)
    assert same(await archived(database), sent)
