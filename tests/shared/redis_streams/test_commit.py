"""The commit script fails whole: nothing is written unless everything can be."""

from datetime import timedelta

import pytest
from redis.exceptions import ResponseError

from shared.errors import InvariantBroken
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.commit import GroupMissing, commit
from shared.redis_streams.entries import Entry, Settled, entries_read
from shared.redis_streams.failures import LeaseLost, is_outside
from shared.redis_streams.lease import Lease, Leases
from shared.schemas.signals import SignalGenerated
from shared.topology import partition_of, stream_key
from tests.shared.redis_streams.desk import decision, ids_in, publish, signal

HERE = partition_of("BTC/USD", 4)
INPUT, OUTPUT = stream_key("signals:generated", HERE), stream_key("council:decided", HERE)


async def lease_of(bus: Bus, owner: str = "one") -> Lease:
    lease = await Leases(bus, "council", owner, timedelta(milliseconds=1)).acquire(HERE)
    assert lease is not None
    return lease


async def read(bus: Bus, *signals: SignalGenerated) -> list[Entry]:
    await publish(bus, *signals)
    return entries_read(await bus.execute("XREADGROUP", "GROUP", "council", "one", "STREAMS", INPUT, ">"))


def settled(entry: Entry, about: SignalGenerated, *, once: bool = False) -> Settled:
    return Settled(entry, "SignalGenerated", "handled", [encode(decision(about), "council", 4)], once=once)


async def pending(bus: Bus) -> int:
    return int((await bus.execute("XPENDING", INPUT, "council"))[0])


async def test_a_batch_is_acknowledged_and_its_outputs_published_together(bus: Bus) -> None:
    first, second = await read(bus, signal(1), signal(2))
    lease = await lease_of(bus)
    await commit(bus, "council", HERE, lease, [settled(first, signal(1)), settled(second, signal(2))], 77)
    assert await ids_in(bus, "council:decided") == [decision(signal(n)).message_id for n in (1, 2)]
    assert await pending(bus) == 0
    assert await bus.execute("GET", f"mark:council:{{{HERE}}}") == b"77"


async def test_a_stale_epoch_writes_nothing(bus: Bus) -> None:
    (entry,) = await read(bus, signal(1))
    stale = await lease_of(bus)
    while await Leases(bus, "council", "two", timedelta(seconds=1)).acquire(HERE) is None:
        pass
    with pytest.raises(LeaseLost, match="stale"):
        await commit(bus, "council", HERE, stale, [settled(entry, signal(1))], None)
    assert await ids_in(bus, "council:decided") == []
    assert await pending(bus) == 1


async def test_one_entry_that_is_not_pending_stops_the_whole_batch(bus: Bus) -> None:
    first, second = await read(bus, signal(1), signal(2))
    lease = await lease_of(bus)
    await bus.execute("XACK", INPUT, "council", second.entry_id)
    with pytest.raises(LeaseLost, match="not_pending"):
        await commit(bus, "council", HERE, lease, [settled(first, signal(1)), settled(second, signal(2))], None)
    assert await ids_in(bus, "council:decided") == []
    assert await pending(bus) == 1


async def test_committing_twice_publishes_once(bus: Bus) -> None:
    (entry,) = await read(bus, signal(1))
    lease = await lease_of(bus)
    await commit(bus, "council", HERE, lease, [settled(entry, signal(1))], None)
    with pytest.raises(LeaseLost, match="not_pending"):
        await commit(bus, "council", HERE, lease, [settled(entry, signal(1))], None)
    assert len(await ids_in(bus, "council:decided")) == 1


async def test_a_batch_with_gaps_in_what_is_pending_is_committed(bus: Bus) -> None:
    entries = await read(bus, *(signal(n) for n in range(5)))
    lease = await lease_of(bus)
    for place in (3, 0, 4):
        await commit(bus, "council", HERE, lease, [settled(entries[place], signal(place))], None)
    rest = [settled(entries[1], signal(1)), settled(entries[2], signal(2))]
    await commit(bus, "council", HERE, lease, rest, None)
    assert len(await ids_in(bus, "council:decided")) == 5


async def test_a_missing_group_writes_nothing(bus: Bus) -> None:
    (entry,) = await read(bus, signal(1))
    lease = await lease_of(bus)
    await bus.execute("XGROUP", "DESTROY", INPUT, "council")
    with pytest.raises(GroupMissing):
        await commit(bus, "council", HERE, lease, [settled(entry, signal(1))], None)
    assert await ids_in(bus, "council:decided") == []


async def test_a_destination_of_another_type_writes_nothing(bus: Bus) -> None:
    first, second = await read(bus, signal(1), signal(2))
    lease = await lease_of(bus)
    alert = encode(decision(signal(2)), "council", 4)._replace(stream_key=f"wrong:{{{HERE}}}")
    await bus.execute("SET", alert.stream_key, "x")
    batch = [settled(first, signal(1)), Settled(second, "SignalGenerated", "handled", [alert])]
    with pytest.raises(InvariantBroken, match="is no stream"):
        await commit(bus, "council", HERE, lease, batch, None)
    assert await ids_in(bus, "council:decided") == []
    assert await pending(bus) == 2


async def test_an_output_with_effects_is_published_once_by_id(bus: Bus) -> None:
    first, second = await read(bus, signal(1), signal(2))
    lease = await lease_of(bus)
    for entry in (first, second):
        await commit(bus, "council", HERE, lease, [settled(entry, signal(1), once=True)], None)
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]
    assert await pending(bus) == 0


async def test_the_same_id_with_other_content_breaks_an_invariant_and_writes_nothing(bus: Bus) -> None:
    first, second = await read(bus, signal(1), signal(2))
    lease = await lease_of(bus)
    await commit(bus, "council", HERE, lease, [settled(first, signal(1), once=True)], None)
    other = encode(decision(signal(1)).model_copy(update={"reason": "changed its mind"}), "council", 4)
    with pytest.raises(InvariantBroken, match="other content"):
        await commit(bus, "council", HERE, lease, [Settled(second, "x", "handled", [other], once=True)], None)
    assert len(await ids_in(bus, "council:decided")) == 1
    assert await pending(bus) == 1


async def test_a_full_redis_writes_nothing_and_passes(bus: Bus) -> None:
    (entry,) = await read(bus, signal(1))
    lease = await lease_of(bus)
    await bus.execute("CONFIG", "SET", "maxmemory", "100kb")
    with pytest.raises(ResponseError) as full:
        await commit(bus, "council", HERE, lease, [settled(entry, signal(1))], None)
    await bus.execute("CONFIG", "SET", "maxmemory", "0")
    assert is_outside(full.value)
    assert await pending(bus) == 1
    await commit(bus, "council", HERE, lease, [settled(entry, signal(1))], None)
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]
