"""The streams are read whole, from a moment of rest."""

from collections.abc import AsyncIterator, Sequence

import pytest

from shared.db import Database
from shared.errors import ConfigError
from shared.recording.capture import Tail, at_rest, finish, named, require_whole
from shared.recording.entries import Recorded
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.keys import GROUPS, trimmed_key
from shared.schemas.base import Message
from shared.topology import BY_MESSAGE, STREAMS
from tests.builders import candle, decided, signal

ALL = [stream.name for stream in STREAMS]


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    connected = await Bus.connect(redis_url, 2)
    await connected.ensure_groups()
    yield connected
    await connected.close()


async def publish(bus: Bus, message: Message) -> None:
    publisher = next(iter(BY_MESSAGE[type(message)].publishers))
    outgoing = encode(message, publisher, bus.partitions)
    await bus.execute("XADD", outgoing.stream_key, "*", *outgoing.fields())


async def handled(bus: Bus, message: Message) -> None:
    """By every group that reads it."""
    stream = BY_MESSAGE[type(message)]
    key = encode(message, next(iter(stream.publishers)), bus.partitions).stream_key
    for group in GROUPS:
        if group in stream.groups:
            await bus.execute("XREADGROUP", "GROUP", group, "me", "NOACK", "STREAMS", key, ">")


async def test_everything_is_read_once_and_in_order(bus: Bus) -> None:
    tail, messages = Tail(bus, ALL), [candle(), signal(), candle(minute=5), decided()]
    for message in messages[:2]:
        await publish(bus, message)
    first = await tail.read()
    for message in messages[2:]:
        await publish(bus, message)
    assert [e.message_id for e in [*first, *await tail.read()]] == [str(m.message_id) for m in messages]
    assert await tail.read() == []


async def test_only_the_streams_asked_for_are_read(bus: Bus) -> None:
    for message in (candle(), signal()):
        await publish(bus, message)
    assert [entry.kind for entry in await Tail(bus, ["signals:generated"]).read()] == ["SignalGenerated"]


async def test_a_moment_of_rest_is_the_ends_of_the_streams(bus: Bus, database: Database) -> None:
    await publish(bus, candle())
    await handled(bus, candle())
    tail = Tail(bus, ALL)
    async with at_rest(bus, database, tail):
        await publish(bus, candle(minute=5))
    assert [entry.message_id for entry in await tail.read()] == [str(candle(minute=5).message_id)]


async def test_a_desk_that_never_rests_is_refused(bus: Bus, database: Database) -> None:
    await publish(bus, candle())
    with pytest.raises(ConfigError, match=r"did not come to rest .*\(waiting: signal_generator market:candles"):
        async with at_rest(bus, database, Tail(bus, ALL), patience=0.2):
            pass


async def test_what_is_under_way_at_the_end_is_taken_and_the_end_says_whether_all_was_done(bus: Bus) -> None:
    taken: list[Recorded] = []

    def take(entries: Sequence[Recorded]) -> None:
        taken.extend(entries)

    await publish(bus, candle())
    assert not await finish(Tail(bus, ALL), take, patience=0.1)
    assert len(taken) == 1
    await handled(bus, candle())
    assert await finish(Tail(bus, ALL), take, patience=5)


async def test_a_life_whose_beginning_was_trimmed_can_not_be_recorded(bus: Bus) -> None:
    await require_whole(bus, ALL)
    await bus.execute("HINCRBY", trimmed_key(1), "market:candles:{1}", 7)
    with pytest.raises(ConfigError, match=r"--from-start: the beginning of market:candles has been trimmed"):
        await require_whole(bus, ALL)
    await require_whole(bus, ["signals:generated"])


def test_streams_are_named_as_in_the_topology() -> None:
    assert named("all") == tuple(ALL)
    assert named("signals:generated, market:candles") == ("market:candles", "signals:generated")
    for wrong, said in (("market:candle", "no such stream"), (",", "at least one")):
        with pytest.raises(ConfigError, match=f"--streams.*{said}"):
            named(wrong)
