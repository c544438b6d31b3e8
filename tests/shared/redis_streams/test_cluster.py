"""Partitions on a real Redis Cluster of three loopback servers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest

from shared.db import Database
from shared.errors import ConfigError
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.dead import dead_letters, requeue
from shared.redis_streams.maintenance import maintain
from shared.redis_streams.outbox import unpublished
from shared.redis_streams.overview import streams_overview
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.source import Newer, Source
from shared.redis_streams.transaction import Transaction
from shared.redis_streams.trim import trim
from shared.schemas.base import Message
from shared.schemas.signals import SignalGenerated
from shared.topology import partition_of
from tests.shared.redis_streams.desk import (
    FAST,
    BookkeepingCouncil,
    Council,
    add_raw,
    archive,
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

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "ADA/USD", "XMR/USD", "LTC/USD")


class Elsewhere(BookkeepingCouncil):
    """Decides about the next symbol, whose partition is another one."""

    async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
        await super().on_signal_generated(message, tx)
        return [elsewhere(message)]


def elsewhere(message: SignalGenerated) -> Message:
    here = SYMBOLS.index(message.symbol)
    away = next(s for s in SYMBOLS[here:] + SYMBOLS if partition_of(s, 4) != partition_of(message.symbol, 4))
    return decision(message).model_copy(update={"symbol": away})


def test_the_symbols_lie_in_several_partitions() -> None:
    assert len({partition_of(symbol, 4) for symbol in SYMBOLS}) >= 3


async def test_messages_pass_as_on_one_redis(cluster_bus: Bus) -> None:
    signals = [signal(n, symbol) for n in range(20) for symbol in SYMBOLS]
    items = [Newer(s, "1m", int(s.occurred_at.timestamp())) for s in signals]
    assert await Source(cluster_bus, "signal_generator").publish_newer_many(items) == [True] * len(signals)
    assert await Source(cluster_bus, "signal_generator").publish_newer_many(items) == [False] * len(signals)
    council = Council()
    async with running(cluster_bus, council):
        await until(lambda: group_is_done(cluster_bus))
    assert Counter(await ids_in(cluster_bus, "council:decided")) == Counter(decision(s).message_id for s in signals)
    for symbol in SYMBOLS:
        mine = [s.message_id for s in signals if s.symbol == symbol]
        assert [seen for seen in council.seen if seen in mine] == mine


async def test_outputs_of_other_partitions_arrive_through_the_outbox(cluster_bus: Bus, database: Database) -> None:
    await create_effects(database)
    signals = [signal(n, symbol) for n in range(5) for symbol in SYMBOLS]
    stop = asyncio.Event()
    relay = asyncio.create_task(maintain(cluster_bus, database, "one", 1000, stop))
    await publish(cluster_bus, *signals)
    async with running(cluster_bus, Elsewhere(), database):
        await until(lambda: group_is_done(cluster_bus))
        await until(partial(nothing_unpublished, database))
    stop.set()
    await relay
    expected = Counter(elsewhere(s).message_id for s in signals)
    assert Counter(await ids_in(cluster_bus, "council:decided")) == expected
    assert Counter(await effects(database)) == Counter(s.message_id for s in signals)


async def nothing_unpublished(database: Database) -> bool:
    return await unpublished(database) == 0


async def test_quiet_waits_for_the_outbox(cluster_bus: Bus, database: Database) -> None:
    await create_effects(database)
    await publish(cluster_bus, signal(1))
    async with running(cluster_bus, Elsewhere(), database):
        await until(lambda: group_is_done(cluster_bus))
    await archive(cluster_bus)
    assert (await is_quiet(cluster_bus)).quiet
    assert (await is_quiet(cluster_bus, database)).waiting == {"outbox": 1}


async def test_an_output_that_needs_the_outbox_needs_a_database(cluster_bus: Bus) -> None:
    class Homeless(Council):
        async def on_signal_generated(self, message: SignalGenerated, _tx: Transaction) -> Sequence[Message]:
            return [elsewhere(message)]

    await publish(cluster_bus, signal(1))
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        await Consumer(cluster_bus, "council", "one", Homeless(), None, options=FAST).run(asyncio.Event())


async def test_the_operators_views_work_on_a_cluster(cluster_bus: Bus) -> None:
    await publish(cluster_bus, signal(1))
    await add_raw(cluster_bus, "signals:generated", "ETH/USD", "k", "Nonsense", "b", "{}")
    assert (await is_quiet(cluster_bus)).waiting
    async with running(cluster_bus, Council()):
        await until(lambda: group_is_done(cluster_bus))
        overview = await streams_overview(cluster_bus)
        assert {lease.owner for lease in overview.leases["council"].values()} == {"one"}
    assert overview.streams["signals:generated"].messages == 2
    assert overview.streams["signals:generated"].dead == 1
    (letter,) = await dead_letters(cluster_bus)
    await requeue(cluster_bus, letter.id)
    assert not await group_is_done(cluster_bus)
    assert (await trim(cluster_bus, 1000)).removed == 0
    await Source(cluster_bus, "signal_generator").publish_unseen(signal(2))
