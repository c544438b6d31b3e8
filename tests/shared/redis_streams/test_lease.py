import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import lease_key
from shared.redis_streams.lease import Leases
from tests.shared.redis_streams.desk import (
    FAST,
    Council,
    group_is_done,
    logged,
    publish,
    running,
    signal,
    until,
)
from tests.shared.redis_streams.servers import RedisProcess

LONG, SHORT = timedelta(seconds=30), timedelta(milliseconds=1)


async def test_a_lease_is_refused_while_another_instance_holds_it(bus: Bus) -> None:
    assert await Leases(bus, "council", "one", LONG).acquire(0)
    assert await Leases(bus, "council", "two", LONG).acquire(0) is None


async def test_the_same_instance_restarted_takes_its_lease_at_once_with_a_later_epoch(bus: Bus) -> None:
    leases = Leases(bus, "council", "one", LONG)
    first, second = await leases.acquire(0), await leases.acquire(0)
    assert first is not None
    assert second is not None
    assert second.epoch > first.epoch
    assert not await leases.renew(first)
    assert await leases.renew(second)


async def test_taking_over_a_live_lease_of_ones_own_name_is_said_once(bus: Bus) -> None:
    first, second = Leases(bus, "council", "one", LONG), Leases(bus, "council", "one", LONG)
    with logged("took over a lease from this name") as lines:
        mine = await first.acquire(0)
        assert mine is not None
        theirs = await second.acquire(0)
        assert theirs is not None
        await second.acquire(0)
    (line,) = lines()
    assert line == {
        "event": "took over a lease from this name",
        "log_level": "info",
        "lease": theirs.key,
        "instance": "one",
        "epoch": theirs.epoch,
    }


async def test_taking_a_free_lease_is_nothing_to_speak_of(bus: Bus) -> None:
    with logged("took over a lease from this name") as lines:
        lease = await Leases(bus, "council", "one", LONG).acquire(0)
        assert lease is not None
        await Leases(bus, "council", "one", LONG).release(lease)
        assert await Leases(bus, "council", "one", SHORT).acquire(0)
        await asyncio.sleep(0.01)
        assert await Leases(bus, "council", "one", LONG).acquire(0)
    assert lines() == []


async def test_a_released_lease_is_free_at_once_and_its_epoch_still_grows(bus: Bus) -> None:
    one, two = Leases(bus, "council", "one", LONG), Leases(bus, "council", "two", LONG)
    first = await one.acquire(0)
    assert first is not None
    await one.release(first)
    second = await two.acquire(0)
    assert second is not None
    assert second.epoch > first.epoch


async def test_a_stale_holder_can_not_release_its_successors_lease(bus: Bus) -> None:
    one = Leases(bus, "council", "one", SHORT)
    first = await one.acquire(0)
    assert first is not None
    await asyncio.sleep(0.01)
    assert await Leases(bus, "council", "two", LONG).acquire(0)
    await one.release(first)
    assert await one.acquire(0) is None


async def test_a_redis_that_forgot_its_leases_hands_out_no_epoch_twice(bus: Bus) -> None:
    leases = Leases(bus, "council", "one", LONG)
    before = await leases.acquire(0)
    await asyncio.sleep(0.01)
    await bus.execute("FLUSHALL")
    after = await leases.acquire(0)
    assert before is not None
    assert after is not None
    assert after.epoch > before.epoch


async def test_every_partition_has_one_owner_among_the_living(bus: Bus) -> None:
    members = [Leases(bus, "council", name, LONG) for name in ("a", "b", "c")]
    for member in members:
        await member.share()
    shares = [await member.share() for member in members]
    assert sorted(partition for share in shares for partition in share) == list(range(bus.partitions))
    await members[1].leave()
    assert sorted(await members[0].share() | await members[2].share()) == list(range(bus.partitions))


async def test_a_second_instance_takes_over_its_share_and_gives_it_back_when_it_leaves(bus: Bus) -> None:
    async with running(bus, Council(), instance="a") as first:
        await until(lambda: len(first.partitions) == 4)
        async with running(bus, Council(), instance="b") as second:
            await until(lambda: (len(first.partitions), len(second.partitions)) == (2, 2))
            assert set(first.partitions) | set(second.partitions) == {0, 1, 2, 3}
        await until(lambda: len(first.partitions) == 4)


async def test_nothing_is_handled_twice_while_partitions_change_hands(bus: Bus) -> None:
    first, second = Council(), Council()
    symbols = ("BTC/USD", "ETH/USD", "SOL/USD", "ADA/USD")
    async with running(bus, first, instance="a", options=replace(FAST, batch_size=5)):
        for start in range(0, 60, 20):
            await publish(bus, *(signal(n, s) for n in range(start, start + 20) for s in symbols))
            async with running(bus, second, instance="b"):
                await asyncio.sleep(0.25)
        await until(lambda: group_is_done(bus))
    together = first.seen + second.seen
    assert len(together) == len(set(together)) == 240


@pytest.mark.parametrize("group", ["trade_executor", "learning_engine"])
async def test_a_singletons_standby_holds_nothing_until_the_first_one_leaves(bus: Bus, group: str) -> None:
    async with running(bus, object(), group=group, instance="b") as second:
        await until(lambda: len(second.partitions) == 4)
        async with running(bus, object(), group=group, instance="a") as standby:
            await until(lambda: standby.started)
            assert (dict(standby.partitions), standby.is_leader) == ({}, False)
            assert second.is_leader
    async with running(bus, object(), group=group, instance="a") as standby:
        await until(lambda: len(standby.partitions) == 4)
        assert standby.is_leader


async def test_a_leader_without_redis_is_none_once_its_lease_is_over(own_bus: Bus, own_server: RedisProcess) -> None:
    async with running(own_bus, object(), group="trade_executor") as consumer:
        await until(lambda: consumer.is_leader)
        own_server.kill()
        await until(lambda: not consumer.is_leader)
        own_server.start()
        await until(lambda: consumer.is_leader)


async def test_a_leader_whose_lease_another_has_taken_is_none(bus: Bus) -> None:
    async with running(bus, object(), group="trade_executor", options=replace(FAST, lease_ttl=LONG / 30)) as consumer:
        await until(lambda: consumer.is_leader)
        await bus.execute("DEL", lease_key("trade_executor", "leader"))
        assert await Leases(bus, "trade_executor", "two", LONG).acquire("leader")
        await until(lambda: not consumer.is_leader)


async def test_a_leader_that_stopped_is_none(bus: Bus) -> None:
    async with running(bus, object(), group="trade_executor", options=replace(FAST, lease_ttl=LONG)) as consumer:
        await until(lambda: consumer.is_leader)
    assert not consumer.is_leader
