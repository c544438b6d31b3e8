import pytest
from sqlalchemy import insert, text

from shared.db import Database
from shared.models import Handled, Outbox
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.entries import to_json
from shared.redis_streams.outbox import forget, relay, unpublished
from shared.redis_streams.recovery import refresh
from shared.schemas.signals import SignalGenerated
from shared.topology import partition_of
from tests.shared.redis_streams.desk import (
    BookkeepingCouncil,
    create_effects,
    decision,
    group_is_done,
    ids_in,
    publish,
    running,
    signal,
    until,
)

HERE = partition_of("BTC/USD", 4)


async def leave(database: Database, *signals: SignalGenerated) -> None:
    """Put their decisions into the outbox."""
    async with database.transaction() as connection:
        rows = [
            {"message_id": d.message_id, "kind": d.kind, "body": d.model_dump_json()} for d in map(decision, signals)
        ]
        await connection.execute(insert(Outbox), rows)


async def test_what_waits_is_published_in_the_order_it_was_written(bus: Bus, database: Database) -> None:
    signals = [signal(n) for n in range(5)]
    await leave(database, *signals)
    assert await unpublished(database) == 5
    assert await relay(bus, database) == 5
    assert await relay(bus, database) == 0
    assert await ids_in(bus, "council:decided") == [decision(s).message_id for s in signals]


async def test_a_relay_that_died_before_it_took_note_publishes_nothing_twice(bus: Bus, database: Database) -> None:
    await leave(database, signal(1), signal(2))
    await relay(bus, database)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE outbox SET published_at = NULL"))
    await relay(bus, database)
    assert len(await ids_in(bus, "council:decided")) == 2


async def test_old_rows_are_forgotten_and_waiting_ones_kept(bus: Bus, database: Database) -> None:
    await leave(database, signal(1))
    await relay(bus, database)
    await leave(database, signal(2))
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE outbox SET published_at = published_at - interval '2 days'"))
        rows = [{"group_name": "council", "message_id": signal(n).message_id, "outputs": {}} for n in (1, 2)]
        await connection.execute(insert(Handled), rows)
        await connection.execute(
            text("UPDATE handled SET handled_at = now() - interval '40 days' WHERE message_id = :id"),
            {"id": signal(1).message_id},
        )
    await forget(database)
    assert await unpublished(database) == 1
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM outbox")) == 1
        assert await connection.scalar(text("SELECT count(*) FROM handled")) == 1


@pytest.fixture
async def decided(bus: Bus, database: Database) -> list[SignalGenerated]:
    """Five signals that were handled, in Redis and in the database."""
    await create_effects(database)
    signals = [signal(n) for n in range(5)]
    async with running(bus, BookkeepingCouncil(), database):
        for message in signals:
            await publish(bus, message)
            await until(lambda: group_is_done(bus))
    return signals


async def marked(bus: Bus) -> int:
    return int(await bus.execute("GET", f"mark:council:{{{HERE}}}"))


async def test_nothing_is_published_again_while_redis_and_the_database_agree(
    bus: Bus, database: Database, decided: list[SignalGenerated]
) -> None:
    for key in await bus.execute("KEYS", "seen:*"):
        await bus.execute("DEL", key)
    await refresh(bus, database, "council", HERE)
    assert len(await ids_in(bus, "council:decided")) == len(decided)


async def test_what_redis_lost_is_published_again_and_only_that(
    bus: Bus, database: Database, decided: list[SignalGenerated]
) -> None:
    before = await ids_in(bus, "council:decided")
    key = f"council:decided:{{{HERE}}}"
    entry = (await bus.execute("XREVRANGE", key, "+", "-", "COUNT", 1))[0][0]
    await bus.execute("XDEL", key, entry)
    await bus.execute("DEL", f"seen:{{{HERE}}}:{decision(decided[-1]).message_id}")
    await bus.execute("SET", f"mark:council:{{{HERE}}}", await marked(bus) - 60_000_000)
    await refresh(bus, database, "council", HERE)
    assert await ids_in(bus, "council:decided") == before


async def test_a_redis_that_lost_everything_gets_the_newest_work_back(
    bus: Bus, database: Database, decided: list[SignalGenerated]
) -> None:
    before = await ids_in(bus, "council:decided")
    await bus.execute("FLUSHALL")
    await refresh(bus, database, "council", HERE)
    assert await ids_in(bus, "council:decided") == before
    assert len(before) == len(decided)


async def test_work_older_than_the_window_is_left_alone(bus: Bus, database: Database) -> None:
    async with database.transaction() as connection:
        for n, age in ((1, "1 hour"), (2, "0")):
            outputs = to_json(HERE, [encode(decision(signal(n)), "council", 4)])
            row = {"group_name": "council", "message_id": signal(n).message_id, "outputs": outputs}
            await connection.execute(insert(Handled), row)
            await connection.execute(
                text(
                    "UPDATE handled SET handled_at = handled_at - cast(cast(:age AS text) AS interval) "
                    "WHERE message_id = :id"
                ),
                {"age": age, "id": signal(n).message_id},
            )
    await refresh(bus, database, "council", HERE)
    assert await ids_in(bus, "council:decided") == [decision(signal(2)).message_id]
