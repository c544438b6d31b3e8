"""The number of partitions is fixed for the life of a desk: another one would scatter the keys anew."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.errors import ConfigError
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.maintenance import maintain
from shared.redis_streams.source import Source
from tests.shared.redis_streams.conftest import PARTITIONS
from tests.shared.redis_streams.desk import FAST, Council, ids_in, publish, signal
from tests.shared.redis_streams.servers import RedisProcess

REFUSED = rf"PARTITIONS.* {PARTITIONS} .* {PARTITIONS + 1}"


@pytest.fixture
async def wider(bus: Bus, shared_server: RedisProcess) -> AsyncIterator[Bus]:
    """A bus of one partition more on the same desk."""
    connected = await Bus.connect(shared_server.url, bus.partitions + 1)
    yield connected
    await connected.close()


async def test_a_desk_keeps_its_number_of_partitions(bus: Bus, wider: Bus) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        await wider.ensure_groups()
    await bus.ensure_groups()


async def test_a_consumer_of_another_number_ends_and_handles_nothing(bus: Bus, wider: Bus) -> None:
    await publish(bus, signal(1))
    council = Council()
    with pytest.raises(ConfigError, match=REFUSED):
        await Consumer(wider, "council", "one", council, None, options=FAST).run(asyncio.Event())
    assert council.seen == []


async def test_a_source_of_another_number_publishes_nothing(bus: Bus, wider: Bus) -> None:
    source = Source(wider, "signal_generator")
    with pytest.raises(ConfigError, match=REFUSED):
        await source.publish_unseen(signal(1))
    with pytest.raises(ConfigError, match=REFUSED):
        await source.publish_newer(signal(1), cursor_key="1m", cursor=1)
    assert await ids_in(bus, "signals:generated") == []


async def test_a_process_without_a_consumer_ends_too(bus: Bus, wider: Bus) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        await maintain(wider, None, "one", 1000, asyncio.Event())
    assert bus.partitions == PARTITIONS


async def test_the_first_one_to_publish_settles_the_number(bus: Bus, wider: Bus) -> None:
    await bus.execute("FLUSHALL")
    await Source(wider, "signal_generator").publish_unseen(signal(1))
    assert await bus.execute("GET", "parley:partitions") == str(wider.partitions).encode()
