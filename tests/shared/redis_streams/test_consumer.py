import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.errors import ConfigError, InvariantBroken, Retryable, Unprocessable
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.dead import dead_letters
from shared.redis_streams.source import Source
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.market import TickerUpdated
from shared.schemas.signals import SignalGenerated
from shared.schemas.system import TradingPaused
from shared.topology import partition_of, stream_key
from tests.shared.redis_streams.desk import (
    FAST,
    Council,
    FailingCouncil,
    add_raw,
    decision,
    group_is_done,
    ids_in,
    paused,
    publish,
    running,
    signal,
    ticker,
    until,
)

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "ADA/USD", "XMR/USD")


async def test_every_message_leads_to_its_output_once(bus: Bus) -> None:
    signals = [signal(n, symbol) for n in range(20) for symbol in SYMBOLS]
    await publish(bus, *signals)
    council = Council()
    async with running(bus, council):
        await until(lambda: group_is_done(bus))
    assert sorted(council.seen) == sorted(s.message_id for s in signals)
    assert sorted(await ids_in(bus, "council:decided")) == sorted(decision(s).message_id for s in signals)


async def test_messages_of_one_key_are_handled_in_the_order_they_were_published(bus: Bus) -> None:
    council = Council()
    async with running(bus, council, options=replace(FAST, batch_size=7)):
        for start in range(0, 60, 20):
            await publish(bus, *(signal(n) for n in range(start, start + 20)))
        await until(lambda: group_is_done(bus))
    assert council.seen == [signal(n).message_id for n in range(60)]


async def test_messages_of_one_batch_are_handled_by_the_rank_of_their_stream(bus: Bus) -> None:
    heard: list[str] = []

    class Executor:
        async def on_ticker_updated(self, _message: TickerUpdated, _tx: Transaction) -> Sequence[Message]:
            heard.append("ticker")
            return []

        async def on_council_decided(self, _message: CouncilDecided, _tx: Transaction) -> Sequence[Message]:
            heard.append("decision")
            return []

    await Source(bus, "market_data").publish_unseen(ticker(1))
    await Source(bus, "council").publish_unseen(decision(signal(1)))
    async with running(bus, Executor(), group="trade_executor"):
        await until(lambda: group_is_done(bus, "trade_executor"))
    assert heard == ["decision", "ticker"]


async def test_a_singleton_handles_one_batch_at_a_time(bus: Bus) -> None:
    at_work = 0
    most = 0

    class Executor:
        async def on_ticker_updated(self, _message: TickerUpdated, _tx: Transaction) -> Sequence[Message]:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0)
            at_work -= 1
            return []

    source = Source(bus, "market_data")
    for n in range(20):
        for symbol in SYMBOLS:
            await source.publish_unseen(ticker(n, symbol))
    async with running(bus, Executor(), group="trade_executor"):
        await until(lambda: group_is_done(bus, "trade_executor"))
    assert most == 1


async def test_a_message_nobody_wants_is_acknowledged_without_effect(bus: Bus) -> None:
    await publish(bus, signal(1))
    async with running(bus, object()):
        await until(lambda: group_is_done(bus))
    assert await ids_in(bus, "council:decided") == []
    assert await dead_letters(bus) == []


class ReadsTooMuch:
    async def on_trade_closed(self, _message: Message, _tx: Transaction) -> Sequence[Message]:
        return []


class Misspelt:
    async def on_signal_genarated(self, _message: Message, _tx: Transaction) -> Sequence[Message]:
        return []


@pytest.mark.parametrize("handlers", [ReadsTooMuch(), Misspelt()])
async def test_a_handler_for_what_the_group_does_not_read_is_refused_at_the_start(bus: Bus, handlers: object) -> None:
    with pytest.raises(ConfigError, match=r"council\.on_"):
        Consumer(bus, "council", "one", handlers, None)


async def test_a_message_that_always_fails_is_buried_not_retried_forever(bus: Bus) -> None:
    poison = signal(2)
    council = FailingCouncil({poison.message_id: [RuntimeError("boom") for _ in range(9)]})
    await publish(bus, signal(1), poison, signal(3))
    async with running(bus, council, options=replace(FAST, max_attempts=3)):
        await until(lambda: group_is_done(bus))
    assert await ids_in(bus, "council:decided") == [decision(signal(n)).message_id for n in (1, 3)]
    (letter,) = await dead_letters(bus)
    assert (letter.group, letter.kind, letter.attempts) == ("council", "SignalGenerated", 3)
    assert letter.error == "RuntimeError: boom"
    assert str(poison.message_id) in letter.body
    assert len(council.failures[poison.message_id]) == 9 - 1 - 3


async def test_a_poisoned_batch_does_not_bury_its_neighbours(bus: Bus) -> None:
    signals = [signal(n) for n in range(30)]
    poison = {signals[n].message_id: [ValueError("no") for _ in range(9)] for n in (3, 17)}
    await publish(bus, *signals)
    async with running(bus, FailingCouncil(poison), options=replace(FAST, max_attempts=2)):
        await until(lambda: group_is_done(bus))
    assert len(await dead_letters(bus)) == 2
    good = [decision(s).message_id for s in signals if s.message_id not in poison]
    assert await ids_in(bus, "council:decided") == good


async def test_attempts_are_forgotten_with_the_message(bus: Bus) -> None:
    council = FailingCouncil({signal(1).message_id: [RuntimeError("once")]})
    await publish(bus, signal(1))
    async with running(bus, council):
        await until(lambda: group_is_done(bus))
        await until(lambda: no_attempts(bus))
    assert await dead_letters(bus) == []


async def no_attempts(bus: Bus) -> bool:
    return not await bus.execute("KEYS", "attempts:*")


class Clumsy(Council):
    """Builds a decision that is none, as often as told."""

    def __init__(self, mistakes: int) -> None:
        super().__init__()
        self.mistakes = mistakes

    async def on_signal_generated(self, message: SignalGenerated, tx: Transaction) -> Sequence[Message]:
        if self.mistakes:
            self.mistakes -= 1
            CouncilDecided.model_validate({"symbol": "nothing"})
        return await super().on_signal_generated(message, tx)


@pytest.mark.parametrize(("mistakes", "buried"), [(2, []), (9, [3])])
async def test_an_output_that_can_not_be_built_costs_an_attempt(bus: Bus, mistakes: int, buried: list[int]) -> None:
    await publish(bus, signal(1))
    async with running(bus, Clumsy(mistakes), options=replace(FAST, max_attempts=3)):
        await until(lambda: group_is_done(bus))
    assert [letter.attempts for letter in await dead_letters(bus)] == buried


async def test_what_can_never_be_handled_is_buried_at_once(bus: Bus) -> None:
    council = FailingCouncil({signal(1).message_id: [Unprocessable("no such asset")] * 2})
    await publish(bus, signal(1), signal(2))
    async with running(bus, council):
        await until(lambda: group_is_done(bus))
    (letter,) = await dead_letters(bus)
    assert (letter.attempts, letter.error) == (1, "Unprocessable: no such asset")
    assert council.seen == [signal(2).message_id]


async def test_trouble_outside_counts_for_nothing(bus: Bus) -> None:
    failures: list[Exception] = [Retryable("venue away"), ConnectionRefusedError(), TimeoutError()]
    council = FailingCouncil({signal(1).message_id: failures})
    await publish(bus, signal(1))
    async with running(bus, council, options=replace(FAST, max_attempts=1)):
        await until(lambda: group_is_done(bus))
    assert council.seen == [signal(1).message_id]
    assert await dead_letters(bus) == []


async def test_a_broken_invariant_ends_the_process_and_leaves_the_message(bus: Bus) -> None:
    council = FailingCouncil({signal(1).message_id: [InvariantBroken("two entries of one trade")]})
    await publish(bus, signal(1))
    consumer = Consumer(bus, "council", "one", council, None, options=FAST)
    with pytest.raises(InvariantBroken, match="two entries"):
        await consumer.run(asyncio.Event())
    assert not await group_is_done(bus)
    async with running(bus, council):
        await until(lambda: group_is_done(bus))
    assert council.seen == [signal(1).message_id]


class Chatterbox:
    async def on_signal_generated(self, message: Message, _tx: Transaction) -> Sequence[Message]:
        return [paused(1)]


async def test_an_output_the_topology_does_not_allow_ends_the_process(bus: Bus) -> None:
    await publish(bus, signal(1))
    with pytest.raises(InvariantBroken, match="council publishes TradingPaused"):
        await Consumer(bus, "council", "one", Chatterbox(), None, options=FAST).run(asyncio.Event())


BAD_ENTRIES = {
    "no fields of ours": ("x", "y"),
    "unknown kind": ("k", "TradeClosed", "b", "{}"),
    "not JSON": ("k", "SignalGenerated", "b", b"\xff\x00"),
    "empty object": ("k", "SignalGenerated", "b", "{}"),
    "other version": (
        "k",
        "SignalGenerated",
        "b",
        signal(5).model_copy(update={"schema_version": 9}).model_dump_json(),
    ),
    "oversize": ("k", "SignalGenerated", "b", b" " * (256 * 1024 + 1)),
    "broken trace": ("k", "SignalGenerated", "b", signal(6).model_dump_json(), "t", b"\xff"),
}


@pytest.mark.parametrize("fields", BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
async def test_a_malformed_entry_is_buried_and_the_next_one_handled(bus: Bus, fields: tuple[str | bytes, ...]) -> None:
    await add_raw(bus, "signals:generated", "BTC/USD", *fields)
    await publish(bus, signal(1))
    council = Council()
    async with running(bus, council):
        await until(lambda: group_is_done(bus))
    assert council.seen == [signal(1).message_id]
    (letter,) = await dead_letters(bus, "council")
    assert letter.stream == "signals:generated"
    assert len(letter.body) <= 256 * 1024


async def test_a_bad_entry_buries_itself_for_each_of_its_readers(bus: Bus) -> None:
    await add_raw(bus, "council:decided", "BTC/USD", "k", "Nonsense", "b", "{}")
    for group in ("trade_executor", "position_manager"):
        async with running(bus, object(), group=group):
            await until(lambda group=group: group_is_done(bus, group))  # type: ignore[misc]
    assert sorted(letter.group for letter in await dead_letters(bus)) == ["position_manager", "trade_executor"]


async def test_a_destination_that_is_no_stream_ends_the_process_and_loses_nothing(bus: Bus) -> None:
    destination = stream_key("council:decided", partition_of("BTC/USD", bus.partitions))
    await bus.execute("DEL", destination)
    await bus.execute("SET", destination, "in the way")
    await publish(bus, signal(1))
    with pytest.raises(InvariantBroken, match="is no stream"):
        await Consumer(bus, "council", "one", Council(), None, options=FAST).run(asyncio.Event())
    await bus.execute("DEL", destination)
    async with running(bus, Council()):
        await until(lambda: group_is_done(bus))
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]


async def test_a_group_that_was_destroyed_is_made_again_and_nothing_is_lost(bus: Bus) -> None:
    council = Council()
    async with running(bus, council):
        await publish(bus, signal(1))
        await until(lambda: group_is_done(bus))
        key = stream_key("signals:generated", partition_of("BTC/USD", bus.partitions))
        await bus.execute("XGROUP", "DESTROY", key, "council")
        await publish(bus, signal(2))
        await until(lambda: signal(2).message_id in council.seen)
    assert set(await ids_in(bus, "council:decided")) == {decision(signal(n)).message_id for n in (1, 2)}


async def test_what_is_pending_behind_trimmed_entries_is_finished(bus: Bus) -> None:
    key = stream_key("signals:generated", partition_of("BTC/USD", bus.partitions))
    await publish(bus, *(signal(n) for n in range(130)))
    await bus.execute("XREADGROUP", "GROUP", "council", "dead", "COUNT", 200, "STREAMS", key, ">")
    for entry in (await bus.execute("XRANGE", key, "-", "+"))[:120]:
        await bus.execute("XDEL", key, entry[0])
    async with running(bus, Council()):
        await until(lambda: group_is_done(bus))
    assert await ids_in(bus, "council:decided") == [decision(signal(n)).message_id for n in range(120, 130)]


async def test_the_batch_in_hand_is_committed_before_the_consumer_stops(bus: Bus) -> None:
    entered, proceed = asyncio.Event(), asyncio.Event()

    class Slow(Council):
        async def on_signal_generated(self, message: Message, tx: Transaction) -> Sequence[Message]:
            entered.set()
            await proceed.wait()
            return await super().on_signal_generated(message, tx)  # type: ignore[arg-type]

    await publish(bus, *(signal(n) for n in range(5)))
    stop = asyncio.Event()
    task = asyncio.create_task(Consumer(bus, "council", "one", Slow(), None, options=FAST).run(stop))
    await entered.wait()
    stop.set()
    proceed.set()
    await task
    assert await group_is_done(bus)
    assert len(await ids_in(bus, "council:decided")) == 5


async def test_the_same_message_under_two_entries_gives_outputs_of_equal_ids(bus: Bus) -> None:
    for _ in range(2):
        await add_raw(bus, "signals:generated", "BTC/USD", "k", "SignalGenerated", "b", signal(1).model_dump_json())
    async with running(bus, Council()):
        await until(lambda: group_is_done(bus))
    assert set(await ids_in(bus, "council:decided")) == {decision(signal(1)).message_id}


async def test_a_committed_batch_is_told_to_whoever_asked(bus: Bus) -> None:
    told = asyncio.Event()
    consumer = Consumer(bus, "council", "one", Council(), None, options=FAST, on_commit=told.set)
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    await publish(bus, signal(1))
    await asyncio.wait_for(told.wait(), 10)
    stop.set()
    await task
    assert consumer.idle_seconds is not None


async def test_a_paused_desk_is_heard_before_everything_else(bus: Bus) -> None:
    heard: list[str] = []

    class Executor:
        async def on_trading_paused(self, message: TradingPaused, _tx: Transaction) -> Sequence[Message]:
            heard.append(message.kind)
            return []

    await Source(bus, "cli").publish_unseen(paused(1))
    async with running(bus, Executor(), group="trade_executor"):
        await until(lambda: group_is_done(bus, "trade_executor"))
    assert heard == ["TradingPaused"]
