import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.errors import ConfigError
from shared.migrations import upgrade
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.dead import dead_letters
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.signals import SignalGenerated
from tests.shared.redis_streams.desk import (
    EFFECTS,
    FAST,
    BookkeepingCouncil,
    Council,
    add_raw,
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


@pytest.fixture
async def books(database: Database) -> Database:
    """A database with a table of effects."""
    await create_effects(database)
    return database


async def handled(books: Database) -> int:
    async with books.transaction() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM handled")) or 0)


async def test_effects_and_outputs_happen_once_each(bus: Bus, books: Database) -> None:
    signals = [signal(n, symbol) for n in range(25) for symbol in ("BTC/USD", "ETH/USD", "SOL/USD")]
    await publish(bus, *signals)
    async with running(bus, BookkeepingCouncil(), books):
        await until(lambda: group_is_done(bus))
    assert sorted(await effects(books)) == sorted(s.message_id for s in signals)
    assert sorted(await ids_in(bus, "council:decided")) == sorted(decision(s).message_id for s in signals)
    assert await handled(books) == len(signals)


async def test_a_message_that_comes_again_gets_its_stored_outputs_and_no_second_effect(
    bus: Bus, books: Database
) -> None:
    body = signal(1).model_dump_json()
    await publish(bus, signal(1))
    async with running(bus, BookkeepingCouncil(), books):
        await until(lambda: group_is_done(bus))
        await add_raw(bus, "signals:generated", "BTC/USD", "k", "SignalGenerated", "b", body)
        await until(lambda: group_is_done(bus))
    assert await effects(books) == [signal(1).message_id]
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]


async def test_a_message_that_stands_twice_in_one_batch_has_one_effect(bus: Bus, books: Database) -> None:
    for _ in range(3):
        await add_raw(bus, "signals:generated", "BTC/USD", "k", "SignalGenerated", "b", signal(1).model_dump_json())
    async with running(bus, BookkeepingCouncil(), books):
        await until(lambda: group_is_done(bus))
    assert await effects(books) == [signal(1).message_id]
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]


async def test_a_message_known_to_be_handled_is_not_run_at_all(bus: Bus, books: Database) -> None:
    for _ in range(3):
        await add_raw(bus, "signals:generated", "BTC/USD", "k", "SignalGenerated", "b", signal(1).model_dump_json())
    begun: list[UUID] = []

    class Eager(BookkeepingCouncil):
        async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
            begun.append(message.message_id)
            return await super().on_signal_generated(message, tx)

    async with running(bus, Eager(), books):
        await until(lambda: group_is_done(bus))
    assert begun == [signal(1).message_id]


async def test_the_stored_outputs_count_even_where_the_handler_would_decide_otherwise_now(
    bus: Bus, books: Database
) -> None:
    await publish(bus, signal(1))
    async with running(bus, BookkeepingCouncil(), books):
        await until(lambda: group_is_done(bus))
    for key in await bus.execute("KEYS", "council:decided:*"):
        await bus.execute("XTRIM", key, "MAXLEN", 0)
    for key in await bus.execute("KEYS", "seen:*"):
        await bus.execute("DEL", key)
    await publish(bus, signal(1))

    class OfTwoMinds(BookkeepingCouncil):
        async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
            await tx.execute(EFFECTS, {"id": message.message_id})
            return [decision(message), decision(signal(99))]

    async with running(bus, OfTwoMinds(), books):
        await until(lambda: group_is_done(bus))
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]
    assert await effects(books) == [signal(1).message_id]


async def test_a_failing_message_takes_its_effects_back_and_leaves_those_of_its_neighbours(
    bus: Bus, books: Database
) -> None:
    class Failing(BookkeepingCouncil):
        async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
            outputs = await super().on_signal_generated(message, tx)
            if message.message_id == signal(5).message_id:
                raise RuntimeError("after the effect")
            return outputs

    await publish(bus, *(signal(n) for n in range(10)))
    async with running(bus, Failing(), books, options=replace(FAST, max_attempts=2)):
        await until(lambda: group_is_done(bus))
    good = [signal(n) for n in range(10) if n != 5]
    assert await effects(books) == [s.message_id for s in good]
    assert await ids_in(bus, "council:decided") == [decision(s).message_id for s in good]
    assert len(await dead_letters(bus)) == 1


async def test_a_bad_statement_is_the_messages_fault_and_not_the_databases(bus: Bus, books: Database) -> None:
    class Misbehaving(Council):
        async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
            await tx.execute(EFFECTS, {"id": "no uuid at all"})
            return []

    await publish(bus, signal(1))
    async with running(bus, Misbehaving(), books, options=replace(FAST, max_attempts=2)):
        await until(lambda: group_is_done(bus))
    (letter,) = await dead_letters(bus)
    assert letter.attempts == 2


async def test_a_handler_that_needs_no_database_costs_none(bus: Bus, books: Database) -> None:
    await publish(bus, signal(1))
    async with running(bus, Council(), books):
        await until(lambda: group_is_done(bus))
    assert await handled(books) == 0


async def test_a_handler_that_needs_a_missing_database_says_so(bus: Bus) -> None:
    await publish(bus, signal(1))
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        await Consumer(bus, "council", "one", BookkeepingCouncil(), None, options=FAST).run(asyncio.Event())


async def test_two_deadlocked_batches_both_get_through(bus: Bus, books: Database) -> None:
    async with books.transaction() as connection:
        await connection.execute(text("CREATE TABLE purses AS SELECT n AS id, 0 AS used FROM generate_series(0, 1) n"))
    book = text("UPDATE purses SET used = used + 1 WHERE id = :id")
    met = asyncio.Barrier(2)
    first_time = {"BTC/USD", "ETH/USD"}

    class Crossing(Council):
        async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
            one = 0 if message.symbol == "BTC/USD" else 1
            await tx.execute(book, {"id": one})
            if message.symbol in first_time:
                first_time.discard(message.symbol)
                await met.wait()
            await tx.execute(book, {"id": 1 - one})
            return []

    await publish(bus, signal(1, "BTC/USD"), signal(1, "ETH/USD"))
    async with running(bus, Crossing(), books):
        await until(lambda: group_is_done(bus))
    async with books.transaction() as connection:
        assert list(await connection.scalars(text("SELECT used FROM purses ORDER BY id"))) == [2, 2]
    assert await dead_letters(bus) == []


async def test_work_goes_on_when_the_database_was_away(bus: Bus, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(folder, {"fsync": "off"}).start()
    try:
        await outage(bus, server)
    finally:
        server.stop()


async def outage(bus: Bus, server: EmbeddedPostgres) -> None:
    url = server.url("desk")
    upgrade(url)
    books = Database(url)
    await create_effects(books)
    async with running(bus, BookkeepingCouncil(), books, options=replace(FAST, max_attempts=1)):
        await publish(bus, signal(1))
        await until(lambda: group_is_done(bus))
        server.stop()
        await publish(bus, signal(2), signal(3))
        await asyncio.sleep(0.3)
        assert not await group_is_done(bus)
        server.start()
        await until(lambda: group_is_done(bus), 30)
    assert await effects(books) == [signal(n).message_id for n in (1, 2, 3)]
    assert await dead_letters(bus) == []
    await books.close()
