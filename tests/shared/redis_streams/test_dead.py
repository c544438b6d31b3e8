from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Unprocessable
from shared.redis_streams.bus import Bus
from shared.redis_streams.dead import DeadLetter, dead_letters, requeue
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.source import Source
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.market import TickerUpdated
from shared.schemas.system import TradingPaused
from shared.topology import partition_of
from tests.shared.redis_streams.desk import (
    FAST,
    START,
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
    waiting,
)

SYMBOLS = [f"{asset}/USD" for asset in ("BTC", "ETH", "SOL", "ADA", "XMR", "LTC", "XLM", "DOT", "LINK", "UNI")]
LATER = START + timedelta(days=1)


async def bury(bus: Bus) -> DeadLetter:
    """One signal that failed for good."""
    failures = {signal(1).message_id: [RuntimeError("boom") for _ in range(5)]}
    await publish(bus, signal(1))
    async with running(bus, FailingCouncil(failures), options=replace(FAST, max_attempts=1)):
        await until(lambda: group_is_done(bus))
    (letter,) = await dead_letters(bus)
    return letter


async def test_a_requeued_letter_is_handled_and_gone(bus: Bus) -> None:
    letter = await bury(bus)
    await requeue(bus, letter.id)
    assert await dead_letters(bus) == []
    assert not (await is_quiet(bus)).quiet
    async with running(bus, Council()):
        await until(lambda: group_is_done(bus))
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]


async def test_a_letter_that_fails_again_is_buried_again(bus: Bus) -> None:
    letter = await bury(bus)
    await requeue(bus, letter.id)
    failures = {signal(1).message_id: [RuntimeError("still") for _ in range(5)]}
    async with running(bus, FailingCouncil(failures), options=replace(FAST, max_attempts=2)):
        await until(lambda: group_is_done(bus))
    (again,) = await dead_letters(bus)
    assert (again.stream, again.kind, again.error) == (letter.stream, letter.kind, "RuntimeError: still")


async def test_requeueing_reaches_only_the_group_that_buried_it(bus: Bus) -> None:
    await add_raw(bus, "council:decided", "BTC/USD", "k", "CouncilDecided", "b", "{}")

    class Deaf:
        async def on_council_decided(self, _message: object, _tx: object) -> list[object]:
            return []

    for group in ("position_manager", "trade_executor"):
        async with running(bus, Deaf(), group=group):
            await until(lambda group=group: group_is_done(bus, group))  # type: ignore[misc]
    mine, other = await dead_letters(bus)
    await requeue(bus, mine.id)
    assert set(await waiting(bus)) == {f"position_manager retry:position_manager:{{{partition(mine)}}}"}
    assert await dead_letters(bus) == [other]


def partition(letter: DeadLetter) -> str:
    return letter.id.split(":")[1]


async def test_an_expired_message_is_requeued_only_by_force(bus: Bus) -> None:
    letter = await bury(bus)
    with pytest.raises(Unprocessable, match="expired at 2022-01-01"):
        await requeue(bus, letter.id, venue_time=LATER)
    assert await dead_letters(bus) == [letter]
    await requeue(bus, letter.id, venue_time=LATER, force=True)
    assert await dead_letters(bus) == []


async def test_a_message_that_has_time_left_is_requeued(bus: Bus) -> None:
    letter = await bury(bus)
    await requeue(bus, letter.id, venue_time=START)
    assert await dead_letters(bus) == []


@pytest.mark.parametrize("letter_id", ["council:0:1-1", "nonsense", "nobody:0:1-1", "council:x:1-1"])
async def test_an_unknown_letter_is_said(bus: Bus, letter_id: str) -> None:
    with pytest.raises(Unprocessable):
        await requeue(bus, letter_id)


async def test_letters_are_listed_by_group(bus: Bus) -> None:
    letter = await bury(bus)
    assert await dead_letters(bus, "council") == [letter]
    assert await dead_letters(bus, "trade_executor") == []
    await Source(bus, "signal_generator").publish_unseen(signal(2))


async def test_a_letter_that_was_given_back_has_the_rank_of_its_own_stream(bus: Bus) -> None:
    near = next(s for s in SYMBOLS if partition_of(s, 4) == partition_of("system", 4))
    await Source(bus, "cli").publish_unseen(paused(1))
    failing = Executor(fails=True)
    async with running(bus, failing, group="trade_executor", options=replace(FAST, max_attempts=1)):
        await until(lambda: group_is_done(bus, "trade_executor"))
    await Source(bus, "market_data").publish_unseen(ticker(1, near))
    (letter,) = await dead_letters(bus)
    await requeue(bus, letter.id)
    executor = Executor(fails=False)
    async with running(bus, executor, group="trade_executor"):
        await until(lambda: group_is_done(bus, "trade_executor"))
    assert executor.heard == ["TradingPaused", "TickerUpdated"]


class Executor:
    """Hears of pauses and prices."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.heard: list[str] = []

    async def on_trading_paused(self, message: TradingPaused, _tx: Transaction) -> Sequence[Message]:
        if self.fails:
            raise RuntimeError("boom")
        self.heard.append(message.kind)
        return []

    async def on_ticker_updated(self, message: TickerUpdated, _tx: Transaction) -> Sequence[Message]:
        self.heard.append(message.kind)
        return []
