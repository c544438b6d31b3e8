import pytest

from shared.errors import InvariantBroken, Retryable, Unprocessable
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Newer, Source
from tests.shared.redis_streams.desk import ids_in, paused, signal

STREAM = "signals:generated"


async def test_a_fact_is_published_only_if_it_is_newer_than_its_cursor(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    published = [await source.publish_newer(signal(n), cursor_key="1m", cursor=n) for n in (5, 5, 4, 6)]
    assert published == [True, False, False, True]
    assert await source.cursor("1m", "BTC/USD") == 6
    assert await ids_in(bus, STREAM) == [signal(5).message_id, signal(6).message_id]


async def test_each_cursor_key_message_key_and_source_has_a_cursor_of_its_own(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    assert await source.publish_newer(signal(5), cursor_key="1m", cursor=5)
    assert await source.publish_newer(signal(1), cursor_key="5m", cursor=1)
    assert await source.publish_newer(signal(1, "ETH/USD"), cursor_key="1m", cursor=1)
    assert await source.cursor("1h", "BTC/USD") is None


async def test_several_facts_are_published_in_order_and_only_the_newer_ones(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    items = [Newer(signal(n, symbol), "1m", n) for n in (1, 2, 2, 3) for symbol in ("BTC/USD", "ETH/USD")]
    assert await source.publish_newer_many(items) == [True, True, True, True, False, False, True, True]
    assert len(await ids_in(bus, STREAM)) == 6


async def test_microsecond_cursors_are_compared_exactly(bus: Bus) -> None:
    source, now = Source(bus, "signal_generator"), 1_795_169_420_444_123
    assert await source.publish_newer(signal(1), cursor_key="1m", cursor=now)
    assert not await source.publish_newer(signal(1), cursor_key="1m", cursor=now)
    assert await source.publish_newer(signal(2), cursor_key="1m", cursor=now + 1)
    with pytest.raises(InvariantBroken, match="2\\^53"):
        await source.publish_newer(signal(1), cursor_key="1m", cursor=2**53)


async def test_an_id_is_published_once(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    assert [await source.publish_unseen(signal(1)) for _ in range(3)] == [True, False, False]
    assert await ids_in(bus, STREAM) == [signal(1).message_id]


async def test_an_id_with_other_content_breaks_an_invariant(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    await source.publish_unseen(signal(1))
    with pytest.raises(InvariantBroken, match="other content"):
        await source.publish_unseen(signal(1).model_copy(update={"score": 0.5}))
    assert len(await ids_in(bus, STREAM)) == 1


async def test_a_source_publishes_only_what_the_topology_lets_it(bus: Bus) -> None:
    with pytest.raises(InvariantBroken, match="council publishes SignalGenerated"):
        await Source(bus, "council").publish_unseen(signal(1))


async def test_an_oversized_message_is_refused_before_it_is_sent(bus: Bus) -> None:
    large = paused(1).model_copy(update={"reason": "x" * 300_000})
    with pytest.raises(Unprocessable, match="bytes"):
        await Source(bus, "cli").publish_unseen(large)
    assert await ids_in(bus, "system:control") == []


async def test_a_source_stops_loudly_while_redis_is_nearly_full(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    used = int((await bus.redis.info("memory"))["used_memory"])
    await bus.execute("CONFIG", "SET", "maxmemory", int(used * 1.1))
    with pytest.raises(Retryable, match="% full: sources pause"):
        await source.publish_unseen(signal(1))
    with pytest.raises(Retryable, match="% full: sources pause"):
        await source.publish_newer(signal(1), cursor_key="1m", cursor=1)
    await bus.execute("CONFIG", "SET", "maxmemory", 0)
    assert await ids_in(bus, STREAM) == []


async def test_a_stream_of_another_type_is_said_and_moves_no_cursor(bus: Bus) -> None:
    source = Source(bus, "signal_generator")
    await source.publish_newer(signal(1), cursor_key="1m", cursor=1)
    for key in await bus.execute("KEYS", f"{STREAM}:*"):
        await bus.execute("DEL", key)
        await bus.execute("SET", key, "in the way")
    with pytest.raises(InvariantBroken, match="WRONGTYPE"):
        await source.publish_newer(signal(2), cursor_key="1m", cursor=2)
    with pytest.raises(InvariantBroken, match="WRONGTYPE"):
        await source.publish_unseen(signal(3))
    assert await source.cursor("1m", "BTC/USD") == 1
