from functools import partial

from shared.redis_streams.bus import Bus
from shared.redis_streams.overview import streams_overview
from shared.redis_streams.source import Source
from shared.redis_streams.trim import trim
from shared.topology import partition_of, stream_key
from tests.shared.redis_streams.desk import (
    Council,
    archive,
    decision,
    group_is_done,
    ids_in,
    publish,
    running,
    signal,
    until,
)

HERE = partition_of("BTC/USD", 4)
STREAM = stream_key("signals:generated", HERE)
DECIDED = stream_key("council:decided", HERE)


async def read(bus: Bus, key: str, group: str, count: int) -> list[bytes]:
    reply = await bus.execute("XREADGROUP", "GROUP", group, "one", "COUNT", count, "STREAMS", key, ">")
    return [row[0] for row in reply[0][1]]


async def test_what_every_group_has_done_is_trimmed(bus: Bus) -> None:
    await publish(bus, *(signal(n) for n in range(10)))
    ids = await read(bus, STREAM, "council", 6)
    await bus.execute("XACK", STREAM, "council", *ids)
    await archive(bus)
    assert (await trim(bus, 1000, keep=0)).removed == 5
    assert await ids_in(bus, "signals:generated") == [signal(n).message_id for n in range(5, 10)]


async def test_the_slowest_group_holds_the_stream(bus: Bus) -> None:
    source = Source(bus, "council")
    for n in range(10):
        await source.publish_unseen(decision(signal(n)))
    await archive(bus)
    fast = await read(bus, DECIDED, "trade_executor", 10)
    await bus.execute("XACK", DECIDED, "trade_executor", *fast)
    assert (await trim(bus, 1000, keep=0)).removed == 0
    slow = await read(bus, DECIDED, "position_manager", 4)
    await bus.execute("XACK", DECIDED, "position_manager", *slow)
    assert (await trim(bus, 1000, keep=0)).removed == 3


async def test_a_pending_entry_is_never_trimmed(bus: Bus) -> None:
    await publish(bus, *(signal(n) for n in range(10)))
    ids = await read(bus, STREAM, "council", 10)
    await bus.execute("XACK", STREAM, "council", *ids[:2], *ids[3:])
    await archive(bus)
    assert (await trim(bus, 1000, keep=0)).removed == 2
    assert (await ids_in(bus, "signals:generated"))[0] == signal(2).message_id


async def test_a_group_that_is_missing_has_read_nothing(bus: Bus) -> None:
    source = Source(bus, "council")
    for n in range(10):
        await source.publish_unseen(decision(signal(n)))
    await bus.execute("XACK", DECIDED, "trade_executor", *await read(bus, DECIDED, "trade_executor", 10))
    await bus.execute("XGROUP", "DESTROY", DECIDED, "position_manager")
    await archive(bus)
    assert (await trim(bus, 1000, keep=0)).removed == 0


async def test_groups_the_topology_does_not_know_are_listed_and_hold_nothing(bus: Bus) -> None:
    await bus.execute("XGROUP", "CREATE", STREAM, "strangers", "0")
    await publish(bus, *(signal(n) for n in range(10)))
    await bus.execute("XACK", STREAM, "council", *await read(bus, STREAM, "council", 10))
    await archive(bus)
    trimmed = await trim(bus, 1000, keep=0)
    assert trimmed.removed == 9
    assert trimmed.unknown == {STREAM: ("strangers",)}


async def test_a_short_stream_is_left_to_look_at(bus: Bus) -> None:
    await publish(bus, *(signal(n) for n in range(10)))
    await bus.execute("XACK", STREAM, "council", *await read(bus, STREAM, "council", 10))
    await archive(bus)
    assert (await trim(bus, 1000, keep=10)).removed == 0


async def test_trimmed_messages_are_still_counted(bus: Bus) -> None:
    await publish(bus, *(signal(n) for n in range(10)))
    await bus.execute("XACK", STREAM, "council", *await read(bus, STREAM, "council", 10))
    await archive(bus)
    await trim(bus, 1000, keep=0)
    view = (await streams_overview(bus)).streams["signals:generated"]
    assert (view.messages, view.length) == (10, 1)


async def test_an_entry_lost_while_pending_is_reported_and_its_neighbours_are_handled(bus: Bus) -> None:
    await publish(bus, *(signal(n) for n in range(3)))
    ids = await read(bus, STREAM, "council", 3)
    await bus.execute("XDEL", STREAM, ids[1])
    council = Council()
    async with running(bus, council):
        await until(lambda: group_is_done(bus))
        await until(partial(nothing_pending, bus))
    assert council.seen == [signal(0).message_id, signal(2).message_id]


async def nothing_pending(bus: Bus) -> bool:
    return not (await bus.execute("XPENDING", STREAM, "council"))[0]
