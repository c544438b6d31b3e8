"""Processes that die and freeze: whatever happens, each input has one effect and its output stands once."""

import asyncio
import signal as signals
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source
from shared.schemas.signals import SignalGenerated
from tests.shared.redis_streams.desk import (
    BookkeepingCouncil,
    Council,
    add_raw,
    create_effects,
    decision,
    effects,
    group_is_done,
    ids_in,
    publish,
    running,
    signal,
    until,
)
from tests.shared.redis_streams.servers import RedisProcess, go_on, pause
from tests.shared.redis_streams.worker import start_worker

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
POINTS = ("before_database", "before_redis", "after_redis")


@pytest.fixture
async def books(database: Database) -> Database:
    """A database with a table of effects."""
    await create_effects(database)
    return database


def signals_of(count: int) -> list[SignalGenerated]:
    return [signal(n, symbol) for n in range(count) for symbol in SYMBOLS]


async def assert_once(bus: Bus, books: Database, published: list[SignalGenerated]) -> None:
    assert Counter(await effects(books)) == Counter(s.message_id for s in published)
    assert Counter(await ids_in(bus, "council:decided")) == Counter(decision(s).message_id for s in published)


async def died(worker: "subprocess.Popen[bytes]") -> None:
    await until(lambda: worker.poll() is not None, 30)
    assert worker.returncode == -signals.SIGKILL


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_around_the_commits_loses_and_repeats_nothing(
    bus: Bus, books: Database, database_url: str, shared_server: RedisProcess, point: str
) -> None:
    published = signals_of(40)
    await publish(bus, *published)
    for nth in (1, 2):
        await died(start_worker(shared_server.url, database_url, crash_at=f"council:{point}:{nth}"))
    async with running(bus, BookkeepingCouncil(), books):
        await until(lambda: group_is_done(bus))
    await assert_once(bus, books, published)


async def test_a_kill_without_a_database_loses_and_repeats_nothing(bus: Bus, shared_server: RedisProcess) -> None:
    published = signals_of(40)
    await publish(bus, *published)
    await died(start_worker(shared_server.url, crash_at="council:after_redis:2"))
    async with running(bus, Council()):
        await until(lambda: group_is_done(bus))
    assert Counter(await ids_in(bus, "council:decided")) == Counter(decision(s).message_id for s in published)


@settings(max_examples=3)
@given(plan=st.lists(st.tuples(st.sampled_from(POINTS), st.integers(1, 3)), min_size=1, max_size=2), data=st.data())
def test_whatever_the_sequence_of_kills_each_output_appears_once(
    plan: list[tuple[str, int]], data: st.DataObject, redis_url: str, database_url: str
) -> None:
    repeated = data.draw(st.lists(st.integers(0, 29), max_size=5))
    asyncio.run(killed_repeatedly(plan, repeated, redis_url, database_url))


async def killed_repeatedly(plan: list[tuple[str, int]], repeated: list[int], redis_url: str, url: str) -> None:
    bus, books = await Bus.connect(redis_url, 4), Database(url)
    await bus.execute("FLUSHALL")
    async with books.transaction() as connection:
        await connection.exec_driver_sql("DROP TABLE IF EXISTS effects")
        await connection.exec_driver_sql("DELETE FROM handled")
    await create_effects(books)
    await bus.ensure_groups()
    published = signals_of(10)
    await publish(bus, *published)
    for place in repeated:
        again = published[place]
        await add_raw(bus, "signals:generated", again.symbol, "k", again.kind, "b", again.model_dump_json())
    for point, nth in plan:
        await died_or_done(bus, start_worker(redis_url, url, crash_at=f"council:{point}:{nth}"))
    async with running(bus, BookkeepingCouncil(), books):
        await until(lambda: group_is_done(bus))
    await assert_once(bus, books, published)
    await bus.close()
    await books.close()


async def died_or_done(bus: Bus, worker: "subprocess.Popen[bytes]") -> None:
    async def over() -> bool:
        return worker.poll() is not None or await group_is_done(bus)

    await until(over, 30)
    worker.terminate()
    worker.wait(10)


async def test_a_frozen_process_that_wakes_up_can_do_no_harm(
    bus: Bus, books: Database, database_url: str, shared_server: RedisProcess
) -> None:
    source, published = Source(bus, "signal_generator"), signals_of(60)
    frozen = start_worker(shared_server.url, database_url, "frozen")
    try:
        await until(lambda: holds(bus, "frozen"), 20)
        for message in published[:90]:
            await source.publish_unseen(message)
        pause(frozen.pid)
        async with running(bus, BookkeepingCouncil(), books, instance="awake"):
            for message in published[90:]:
                await source.publish_unseen(message)
            await until(lambda: group_is_done(bus), 30)
            go_on(frozen.pid)
            await asyncio.sleep(0.5)
            await until(lambda: group_is_done(bus))
    finally:
        go_on(frozen.pid)
        frozen.terminate()
        frozen.wait(10)
    await assert_once(bus, books, published)


async def holds(bus: Bus, owner: str) -> bool:
    owners = [await bus.execute("HGET", f"lease:council:{{{p}}}", "owner") for p in range(bus.partitions)]
    return owners == [owner.encode()] * bus.partitions


async def test_work_goes_on_when_redis_was_restarted(own_bus: Bus, own_server: RedisProcess, books: Database) -> None:
    async with running(own_bus, BookkeepingCouncil(), books):
        await publish(own_bus, *signals_of(5))
        await until(lambda: group_is_done(own_bus))
        await asyncio.sleep(1.2)  # the file is synced every second
        own_server.restart()
        await until(lambda: answers(own_bus))
        more = [signal(n, symbol) for n in range(5, 10) for symbol in SYMBOLS]
        await publish(own_bus, *more)
        await until(lambda: group_is_done(own_bus))
    await assert_once(own_bus, books, signals_of(10))


async def test_a_redis_that_lost_its_last_seconds_gets_every_output_back(
    own_bus: Bus, own_server: RedisProcess, books: Database, tmp_path: Path
) -> None:
    async with running(own_bus, BookkeepingCouncil(), books):
        await publish(own_bus, *signals_of(5))
        await until(lambda: group_is_done(own_bus))
        own_server.keep_state(tmp_path / "then")
        await publish(own_bus, *(signal(n, symbol) for n in range(5, 10) for symbol in SYMBOLS))
        await until(lambda: group_is_done(own_bus))
        own_server.restore_state(tmp_path / "then")
        await until(lambda: answers(own_bus))
        await until(lambda: all_back(own_bus), 20)
        await publish(own_bus, *signals_of(12))  # the source tells everything again
        await until(lambda: group_is_done(own_bus))
    await assert_once(own_bus, books, signals_of(12))


async def all_back(bus: Bus) -> bool:
    return len(await ids_in(bus, "council:decided")) == 10 * len(SYMBOLS)


async def answers(bus: Bus) -> bool:
    """The first command after a restart fails, for it is not sent twice."""
    try:
        return bool(await bus.execute("PING"))
    except RedisError:
        return False
