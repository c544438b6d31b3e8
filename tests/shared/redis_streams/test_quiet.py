from shared.redis_streams.bus import Bus
from shared.redis_streams.overview import GroupView, group_lag, streams_overview
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.trim import trim
from shared.topology import partition_of, stream_key
from tests.shared.redis_streams.desk import (
    Council,
    add_raw,
    archive,
    group_is_done,
    publish,
    running,
    signal,
    until,
    waiting,
)

KEY = stream_key("signals:generated", partition_of("BTC/USD", 4))


async def test_an_empty_bus_is_quiet(bus: Bus) -> None:
    quiet = await is_quiet(bus)
    assert (quiet.quiet, quiet.waiting) == (True, {})


async def test_an_unread_message_is_not_quiet(bus: Bus) -> None:
    await publish(bus, signal(1))
    assert not (await is_quiet(bus)).quiet
    assert await waiting(bus) == {f"council {KEY}": 1}


async def test_a_message_in_hand_is_not_quiet(bus: Bus) -> None:
    await publish(bus, signal(1))
    await bus.execute("XREADGROUP", "GROUP", "council", "one", "STREAMS", KEY, ">")
    await archive(bus)
    assert (await is_quiet(bus)).waiting == {f"council {KEY}": 1}


async def test_a_handled_message_is_quiet_also_when_it_was_trimmed(bus: Bus) -> None:
    await publish(bus, signal(1), signal(2))
    ids = [row[0] for row in (await bus.execute("XREADGROUP", "GROUP", "council", "x", "STREAMS", KEY, ">"))[0][1]]
    await bus.execute("XACK", KEY, "council", *ids)
    await archive(bus)
    assert (await is_quiet(bus)).quiet
    await trim(bus, 1000, keep=0)
    assert (await is_quiet(bus)).quiet
    await bus.execute("XDEL", KEY, ids[-1])
    assert (await is_quiet(bus)).quiet


async def test_a_missing_group_with_entries_to_read_is_not_quiet(bus: Bus) -> None:
    await publish(bus, signal(1))
    await bus.execute("XGROUP", "DESTROY", KEY, "council")
    assert f"council {KEY}" in (await is_quiet(bus)).waiting


async def test_the_fingerprint_changes_with_every_message(bus: Bus) -> None:
    prints = {(await is_quiet(bus)).fingerprint}
    for n in range(3):
        await publish(bus, signal(n))
        prints.add((await is_quiet(bus)).fingerprint)
    assert len(prints) == 4


async def test_the_overview_counts_messages_lag_pending_dead_and_leases(bus: Bus) -> None:
    await publish(bus, *(signal(n) for n in range(5)))
    await add_raw(bus, "signals:generated", "BTC/USD", "k", "Nonsense", "b", "")
    await bus.execute("XREADGROUP", "GROUP", "council", "x", "COUNT", 2, "STREAMS", KEY, ">")
    before = await streams_overview(bus)
    assert before.streams["signals:generated"].groups["council"] == GroupView(pending=2, lag=4)
    assert await group_lag(bus, "council") == GroupView(pending=2, lag=4)
    async with running(bus, Council()) as consumer:
        await until(lambda: group_is_done(bus))
        held = (await streams_overview(bus)).leases["council"]
        assert {p: (lease.owner, lease.epoch) for p, lease in held.items()} == {
            p: ("one", epoch) for p, epoch in consumer.partitions.items()
        }
    after = await streams_overview(bus)
    assert after.streams["signals:generated"].groups["council"] == GroupView()
    assert (after.streams["signals:generated"].messages, after.streams["signals:generated"].dead) == (6, 1)
    assert after.streams["council:decided"].groups["trade_executor"].lag == 5
    assert {lease.owner for lease in after.leases["council"].values()} == {""}
