import asyncio

import pytest
from redis.exceptions import RedisError

from shared.errors import ConfigError
from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import GROUPS, streams_of
from shared.topology import partition_of, stream_key
from tests.shared.redis_streams.desk import ids_in, publish, signal, until
from tests.shared.redis_streams.servers import RedisProcess, free_port

KEY = stream_key("signals:generated", partition_of("BTC/USD", 4))


async def test_every_group_of_the_topology_exists_on_every_partition(bus: Bus) -> None:
    for group in GROUPS:
        for partition in range(bus.partitions):
            for key in streams_of(group, partition):
                infos = await bus.execute("XINFO", "GROUPS", key)
                assert group.encode() in [info[1] for info in infos]


async def test_making_the_groups_again_forgets_nothing(bus: Bus) -> None:
    await publish(bus, signal(1))
    await bus.execute("XREADGROUP", "GROUP", "council", "one", "STREAMS", KEY, ">")
    await bus.ensure_groups()
    assert (await bus.execute("XPENDING", KEY, "council"))[0] == 1


async def test_a_group_made_late_reads_from_the_first_entry(bus: Bus) -> None:
    await publish(bus, signal(1))
    await bus.execute("XGROUP", "DESTROY", KEY, "council")
    await bus.ensure_groups()
    assert await bus.execute("XREADGROUP", "GROUP", "council", "one", "STREAMS", KEY, ">")


async def test_scripts_are_sent_again_to_a_redis_that_forgot_them(bus: Bus) -> None:
    await bus.execute("SCRIPT", "FLUSH")
    await publish(bus, signal(1))
    assert await ids_in(bus, "signals:generated") == [signal(1).message_id]


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", "redis+cluster://"])
async def test_a_wrong_url_is_said(url: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL"):
        await Bus.connect(url, 4)


async def test_a_command_that_fails_is_not_sent_again() -> None:
    """A slow reply is a lost connection, and the command may have been done."""
    received: list[bytes] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            received.append(data)
            if b"XADD" in data:
                writer.close()
                return
            writer.write(b"+OK\r\n" * data.count(b"\r\n$6\r\nCLIENT") or b"+OK\r\n")

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = await Bus.connect(f"redis://127.0.0.1:{port}", 4)
    with pytest.raises((RedisError, OSError)):
        await bus.execute("XADD", "s", "*", "k", "v")
    assert b"".join(received).count(b"XADD") == 1
    await bus.close()
    server.close()


async def test_only_one_command_fails_when_redis_was_restarted(own_bus: Bus, own_server: RedisProcess) -> None:
    await asyncio.gather(*(own_bus.execute("PING") for _ in range(10)))
    own_server.restart()
    failures = 0

    async def ping() -> bool:
        nonlocal failures
        try:
            return bool(await own_bus.execute("PING"))
        except RedisError:
            failures += 1
            return False

    await until(ping)
    await asyncio.gather(*(own_bus.execute("PING") for _ in range(10)))
    assert failures == 1


async def test_a_redis_that_is_not_there_is_an_error_and_not_a_hang() -> None:
    bus = await Bus.connect(f"redis://127.0.0.1:{free_port()}", 4)
    with pytest.raises((RedisError, OSError)):
        await bus.execute("PING")
    await bus.close()
