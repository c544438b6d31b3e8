"""The position manager on real rows."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.position_manager.adapters import OpenTrades
from shared.db import Database
from shared.errors import InvariantBroken, Retryable
from shared.models import Asset, Stop, Trade
from shared.risk.stops import BREAKEVEN, StopState
from shared.schemas.base import Message
from shared.schemas.market import CandleRevised
from shared.schemas.orders import ExitRequested
from shared.schemas.trades import StopMoved
from tests.services.position_manager.desk import (
    BTC,
    Desk,
    at,
    candle,
    closed,
    opened,
    ticker,
    verdict,
)

INITIAL: dict[str, Any] = {
    "price": 90,
    "kind": "stop",
    "version": 1,
    "previous_price": None,
    "breached_at": None,
    "effective_from": at(0),
    "high_water": 100,
}
"""The columns of the stop before anything moved."""


@pytest.fixture
async def desk(database: Database) -> Desk:
    made = Desk(database)
    await made.opens_account()
    return made


def reasons(said: list[Message]) -> list[str]:
    return [message.reason for message in said if isinstance(message, ExitRequested)]


async def test_quiet_bars_of_an_open_trade_cost_no_statement_after_the_first(desk: Desk) -> None:
    await desk.buys()
    assert await desk.hears(candle(0, "95", "105")) == []
    assert desk.used
    assert await desk.hears(candle(1, "95", "105"), ticker(2.1, "99")) == []
    assert not desk.used


async def test_nothing_open_costs_no_statement_until_a_trade_opens(desk: Desk) -> None:
    await desk.hears(candle(0, "95", "105"))
    assert await desk.hears(candle(1, "95", "105")) == []
    assert not desk.used
    trade_id = await desk.buys()
    said = await desk.hears(opened(trade_id), candle(2, "95", "131"))
    assert reasons(said) == ["target"]


async def test_breakeven_then_trailing_reach_the_row_and_the_executor(desk: Desk) -> None:
    trade_id = await desk.buys()
    said = await desk.hears(candle(0, "99", "116"), candle(1, "107", "118"))
    assert [(type(m), m.version, m.stop_kind, m.old_price, m.new_price) for m in said if isinstance(m, StopMoved)] == [
        (StopMoved, 2, "breakeven", Decimal(90), Decimal(100)),
        (StopMoved, 3, "trailing", Decimal(100), Decimal(108)),
    ]
    first = said[0]
    assert isinstance(first, StopMoved)
    assert (first.trade_id, first.effective_from, first.occurred_at) == (trade_id, at(1), at(1))
    assert await desk.stop() == (108, "trailing", 3, 100)
    assert await desk.rows(Stop.effective_from, Stop.high_water) == [(at(2), 118)]


async def test_other_timeframes_guard_nothing(desk: Desk) -> None:
    await desk.buys()
    assert await desk.hears(candle(0, "1", "500", timeframe="5m")) == []
    assert not desk.used


async def test_stop_reached_is_noted_and_the_resting_stop_gets_its_grace(desk: Desk) -> None:
    trade_id = await desk.buys()
    assert await desk.hears(candle(0, "90", "105")) == []
    assert await desk.rows(Stop.breached_at) == [(at(1),)]
    await desk.changes(trade_id, status="closed", held=Decimal(0))
    assert await desk.hears(closed(trade_id, 1), candle(1, "80", "85")) == []


async def test_soft_stop_asks_once_and_again_only_after_another_grace(desk: Desk) -> None:
    trade_id = await desk.buys()
    await desk.hears(candle(0, "89", "105"))
    said = await desk.hears(ticker(1.05, "95"), ticker(1.09, "95"), ticker(1.1, "95"), ticker(1.11, "94"))
    assert [(m.reason, m.price, m.trade_id) for m in said if isinstance(m, ExitRequested)] == [
        ("stop", Decimal(95), trade_id)
    ]
    assert reasons(await desk.hears(ticker(1.2, "95"))) == ["stop"]


async def test_exit_under_way_is_not_asked_for_again(desk: Desk) -> None:
    trade_id = await desk.buys()
    assert reasons(await desk.hears(candle(0, "99", "130"))) == ["target"]
    await desk.changes(trade_id, status="closing", exit_requested_at=at(1))
    assert await desk.hears(candle(1, "80", "140"), ticker(2.5, "80"), verdict(5, "SELL")) == []


async def test_target_is_asked_for_again_while_the_trade_stays_open(desk: Desk) -> None:
    await desk.buys()
    said = await desk.hears(candle(0, "99", "130"), candle(1, "99", "131"))
    assert reasons(said) == ["target", "target"]
    assert len({m.message_id for m in said}) == 2


async def test_trailing_stop_reached_says_so(desk: Desk) -> None:
    await desk.buys()
    said = await desk.hears(candle(0, "99", "116"), candle(1, "107", "118"), candle(2, "107", "109"))
    assert len(said) == 2
    assert reasons(await desk.hears(candle(3, "107", "109"))) == ["trailing"]


async def test_breakeven_stop_reached_says_so(desk: Desk) -> None:
    await desk.buys()
    await desk.hears(candle(0, "99", "111"), candle(1, "100", "101"))
    assert reasons(await desk.hears(ticker(3, "102"))) == ["breakeven"]


async def test_time_stop(desk: Desk) -> None:
    await desk.buys()
    assert await desk.hears(candle(478, "95", "105")) == []
    assert reasons(await desk.hears(candle(479, "95", "105"))) == ["time"]


async def test_sell_closes_what_was_held_before_and_nothing_else(desk: Desk) -> None:
    assert await desk.hears(verdict(5, "SELL")) == []
    trade_id = await desk.buys(entered=at(5))
    await desk.hears(opened(trade_id, 5))
    assert await desk.hears(verdict(5, "SELL"), verdict(10, "HOLD"), verdict(10, "BUY")) == []
    said = await desk.hears(verdict(10, "SELL"))
    assert reasons(said) == ["council"]
    assert said[0].causation_id == verdict(10, "SELL").message_id


async def test_sell_does_not_wait_for_any_stop(desk: Desk) -> None:
    await desk.buys()
    await desk.hears(candle(0, "89", "105"))
    assert reasons(await desk.hears(verdict(5, "SELL"))) == ["council"]


async def test_half_filled_entry_counts_once_it_has_a_stop(desk: Desk) -> None:
    await desk.hears(candle(0, "95", "105"), verdict(1, "BUY"))
    trade_id = await desk.buys(entered=at(1), status="opening")
    assert reasons(await desk.hears(candle(1, "95", "131"))) == ["target"]
    assert await desk.rows(Trade.id) == [(trade_id,)]


async def test_entry_without_a_fill_is_nobodys_to_guard(desk: Desk) -> None:
    await desk.buys(status="opening", with_stop=False, held="0")
    assert await desk.hears(candle(0, "1", "500"), ticker(2, "1"), verdict(5, "SELL")) == []


async def test_trade_without_target_or_atr_keeps_its_stop(desk: Desk) -> None:
    await desk.buys(target=None, atr=None)
    assert await desk.hears(candle(0, "95", "500")) == []
    assert await desk.stop() == (90, "stop", 1, None)


async def test_late_bar_moves_nothing_but_its_low_is_held_to_the_stop_of_then(desk: Desk) -> None:
    await desk.buys()
    await desk.hears(candle(3, "99", "105"))
    assert await desk.hears(candle(1, "99", "131")) == []
    assert await desk.stop() == (90, "stop", 1, None)
    await desk.hears(candle(4, "99", "111"))
    assert await desk.hears(candle(2, "95", "131")) == []
    assert await desk.rows(Stop.breached_at) == [(None,)]
    assert await desk.hears(candle(0, "90", "131")) == []
    assert await desk.rows(Stop.breached_at) == [(at(1),)]


async def test_correction_of_a_bar_may_show_that_the_stop_was_reached(desk: Desk) -> None:
    await desk.buys()
    assert await desk.hears(candle(0, "99", "131", kind=CandleRevised), candle(1, "99", "100")) == []
    await desk.hears(candle(1, "90", "131", kind=CandleRevised))
    assert await desk.rows(Stop.breached_at) == [(at(2),)]


async def test_batch_that_rolls_back_is_handled_again_as_if_for_the_first_time(desk: Desk) -> None:
    await desk.buys()
    walk = [candle(0, "99", "116"), candle(1, "107", "118"), candle(2, "109", "119")]
    lost = await desk.hears_together(*walk, commit=False)
    assert await desk.stop() == (90, "stop", 1, None)
    assert await desk.hears(*walk) == lost
    assert len(lost) == 2
    assert await desk.stop() == (108, "trailing", 3, 100)


async def test_what_a_batch_wrote_is_seen_by_its_next_message(desk: Desk) -> None:
    await desk.buys()
    said = await desk.hears_together(candle(0, "99", "116"), candle(1, "99", "101"))
    assert len(said) == 1
    assert await desk.rows(Stop.breached_at, Stop.price) == [(at(2), 100)]


@pytest.mark.parametrize("forget", [lambda desk: desk.started(), lambda desk: setattr(desk, "epoch", desk.epoch + 1)])
async def test_start_and_takeover_find_what_others_did_meanwhile(desk: Desk, forget: Callable[[Desk], object]) -> None:
    await desk.hears(candle(0, "99", "101"))
    await desk.buys()
    forget(desk)
    assert reasons(await desk.hears(candle(1, "99", "130"))) == ["target"]


async def test_what_a_lost_batch_wrote_is_not_remembered(desk: Desk) -> None:
    await desk.buys()
    lost = [candle(0, "99", "116"), candle(1, "107", "118"), candle(2, "109", "112")]
    assert len(await desk.hears_together(*lost, commit=False)) == 2
    (raised,) = await desk.hears(candle(3, "109", "112"))
    assert isinstance(raised, StopMoved)
    assert (raised.version, raised.stop_kind) == (2, "breakeven")


@pytest.mark.parametrize("seed", range(5))
async def test_crashes_and_rollbacks_change_nothing_that_is_said(desk: Desk, seed: int) -> None:
    """Batches are lost before the database, or after it with all their outputs, and handled again one by one."""
    chance = random.Random(seed)
    walk = random_walk(chance)
    await desk.buys(target="125")
    undisturbed = await desk.hears(*walk)
    as_left = await desk.stop()
    await desk.write(update(Stop).values(INITIAL))
    await desk.forgets_what_was_handled()
    desk.started()
    said: list[Message] = []
    while walk:
        size = chance.randint(1, 6)
        batch, walk = walk[:size], walk[size:]
        await desk.hears_together(*batch, commit=chance.random() < 0.6)
        desk.epoch += chance.randint(0, 1)
        said += await desk.hears(*batch)
    assert said == undisturbed
    assert await desk.stop() == as_left


def random_walk(chance: random.Random) -> list[Message]:
    """Half an hour that starts at 100 and mostly climbs; bars with a ticker within the next one."""
    price, walk = 100.0, list[Message]()
    for minute in range(30):
        low, high = price - chance.random() * 5, price + chance.random() * 7
        price = low + (high - low) * chance.random()
        walk += [candle(minute, f"{low:.1f}", f"{high:.1f}"), ticker(minute + 1.2, f"{price:.1f}")]
    return walk


async def test_version_moved_by_another_instance_stops_this_one(desk: Desk) -> None:
    await desk.buys()
    async with desk.database.transaction() as connection:
        trades = OpenTrades(lambda _symbol: 1)
        held = await trades.read(BTC, ConnectionTx(connection))
        assert held is not None
        await desk.write(update(Stop).values(version=2))
        with pytest.raises(Retryable):
            await trades.move_stop(held, StopState(1000, BREAKEVEN, 1160), at(1), ConnectionTx(connection))


class ConnectionTx:
    """A transaction without a bus behind it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.execute = connection.execute

    async def connection(self) -> AsyncConnection:
        return self._connection


async def test_held_symbol_of_unknown_tick_is_refused(desk: Desk) -> None:
    await desk.buys()
    await desk.write(update(Asset).values(price_tick=None))
    with pytest.raises(InvariantBroken, match="price tick"):
        await desk.hears(candle(0, "99", "116"))


async def test_symbols_do_not_touch_each_other(desk: Desk) -> None:
    await desk.buys()
    await desk.buys("ETH/USD", entry="10", stop="9", target="13", atr="0.5")
    assert await desk.hears(candle(0, "95", "105"), candle(0, "9.1", "10", symbol="ETH/USD")) == []
    assert reasons(await desk.hears(candle(1, "9.5", "13", symbol="ETH/USD"))) == ["target"]
    assert await desk.hears(candle(1, "95", "105", symbol=BTC)) == []


async def test_replay_gives_the_same_messages(desk: Desk) -> None:
    await desk.buys()
    walk = [candle(0, "99", "116"), candle(1, "107", "118"), candle(2, "107", "109"), ticker(4, "100")]
    once = await desk.hears(*walk)
    await desk.write(update(Stop).values(INITIAL))
    await desk.forgets_what_was_handled()
    desk.started()
    assert await desk.hears(*walk) == once
    assert [type(m).__name__ for m in once] == ["StopMoved", "StopMoved", "ExitRequested"]
    assert timedelta(0) < once[-1].occurred_at - at(0)
