"""When an instant is decided, and that every BUY ends as one order or one refusal: handlers on PostgreSQL."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.trade_executor.adapters.books import Books
from services.trade_executor.adapters.instants import Instants
from services.trade_executor.handlers import Handlers
from shared.db import Database
from shared.errors import Unprocessable
from shared.ids import derived_id
from shared.schemas.base import Message
from shared.schemas.system import TradingHalted, TradingPaused
from tests.services.trade_executor.builders import (
    ACCOUNT,
    BTC,
    LIMITS,
    RULES,
    D,
    at,
    bars,
    executed,
    exit_requested,
    mark,
    reported,
    verdict,
)
from tests.services.trade_executor.desk import Desk, desk_on
from tests.services.trade_executor.fakes import of_kind

ETH = "ETH/USD"


class Rollback(Exception):
    """What a batch may end in."""


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_on(database, symbols=(BTC, ETH))


async def refusals(desk: Desk) -> list[str]:
    async with desk.database.engine.connect() as connection:
        return list((await connection.execute(text("SELECT reason FROM refusals ORDER BY time, symbol"))).scalars())


async def test_instant_waits_for_every_listed_symbol(desk: Desk) -> None:
    await desk.hear(bars(symbols=(BTC, ETH)), verdict(BTC))
    assert await desk.orders() == []
    await desk.hear(verdict(ETH, "HOLD", score=0.0))
    assert [order.symbol for order in await desk.orders()] == [BTC]


async def test_missing_verdict_is_waited_for_until_the_deadline(desk: Desk) -> None:
    await desk.hear(bars(symbols=(BTC, ETH)), verdict(BTC), bars(0, timeframe="1m"))
    assert await desk.orders() == []
    await desk.hear(bars(1, timeframe="1m"))
    assert [order.symbol for order in await desk.orders()] == [BTC]


async def test_missing_verdict_costs_the_others_of_its_instant_nothing(desk: Desk) -> None:
    await desk.hear(bars(symbols=(BTC, ETH)), verdict(BTC), bars(1, timeframe="1m"))
    desk.broker.pass_time(60.4)  # live, a tick is heard after the bar it ends
    await desk.settle()
    assert [order.state for order in await desk.orders()] == ["open"]
    assert await refusals(desk) == []


async def test_instant_whose_next_tick_is_past_its_expiry_ends_as_refusals_with_numbers(database: Database) -> None:
    rules = replace(RULES, base_timeframe="5m")
    desk = await desk_on(database, symbols=(BTC, ETH), rules=rules)
    said = await desk.hear(bars(symbols=(BTC, ETH)), verdict(BTC), bars(5, symbols=(BTC, ETH)))
    (denial,) = of_kind(said, "OrderDenied")
    assert [(f.name, f.value) for f in denial.figures] == [("late_by_s", "180")]  # type: ignore[attr-defined]
    assert await refusals(desk) == ["expired"]
    assert await desk.orders() == []


async def test_complete_instant_is_decided_at_once_where_a_bar_outlives_a_decision(database: Database) -> None:
    desk = await desk_on(database, rules=replace(RULES, base_timeframe="5m"))
    await desk.hear(bars(), verdict())
    assert len(await desk.orders()) == 1


def test_instant_waits_a_base_bar_but_never_until_its_decisions_expire() -> None:
    minute = timedelta(minutes=1)
    assert RULES.patience == minute
    assert replace(RULES, base_timeframe="5m").patience == minute
    assert replace(RULES, decision_ttl=10 * minute, base_timeframe="5m").patience == 5 * minute
    assert replace(RULES, decision_ttl=minute).patience == minute / 2


async def test_verdict_without_the_end_of_its_instant_is_never_bought_on(desk: Desk) -> None:
    await desk.hear(verdict(), bars(1, timeframe="1m"), bars(2, timeframe="1m"))
    assert await desk.orders() == []
    await desk.hear(bars(3, timeframe="1m"))
    assert await refusals(desk) == ["expired"]


async def test_age_after_a_restart_is_held_against_the_newest_bar(database: Database) -> None:
    before = await desk_on(database)
    await before.sql(
        "INSERT INTO candles (symbol, timeframe, open_time, open, high, low, close, volume)"
        " VALUES ('BTC/USD', '1m', :at, 1, 1, 1, 1, 1)",
        at=at(29),
    )
    async with database.transaction() as connection:
        now = await Instants(ACCOUNT, "5m").newest_close(connection, "1m")
        assert await Instants(ACCOUNT, "5m").newest_close(connection, "5m") is None
    assert now == at(30)
    desk = replace(before, handlers=Handlers(Books(ACCOUNT), Instants(ACCOUNT, "5m"), RULES, now))
    await desk.hear(bars(), verdict())
    assert await refusals(desk) == ["expired"]
    assert await desk.orders() == []


async def test_verdict_that_comes_after_its_instant_was_decided_is_refused(desk: Desk) -> None:
    await desk.hear(bars(symbols=(BTC, ETH)), verdict(BTC, "HOLD", score=0.0), bars(2, timeframe="1m"))
    said = await desk.hear(verdict(ETH))
    assert [message.kind for message in said] == ["OrderDenied"]
    assert await refusals(desk) == ["expired"]
    assert await desk.orders() == []


async def test_in_lock_step_a_jump_of_the_clock_cuts_no_argument_short(database: Database) -> None:
    desk = await desk_on(database, rules=replace(RULES, lockstep=True))
    await desk.hear(bars(0, timeframe="1m"), bars(symbols=(BTC, ETH)), verdict(BTC), bars(2, timeframe="1m"))
    assert len(await desk.orders()) == 0
    await desk.hear(verdict(ETH, "HOLD", score=0.0))
    assert len(await desk.orders()) == 1


async def test_in_lock_step_a_lost_verdict_is_waited_for_until_the_tick_after(database: Database) -> None:
    desk = await desk_on(database, rules=replace(RULES, lockstep=True))
    await desk.hear(bars(0, timeframe="1m"), bars(symbols=(BTC, ETH)), verdict(BTC), bars(1, timeframe="1m"))
    assert len(await desk.orders()) == 0
    await desk.hear(bars(2, timeframe="1m"))
    assert len(await desk.orders()) == 1


async def test_stale_verdicts_after_an_outage_are_refused(desk: Desk) -> None:
    await desk.hear(bars(30, timeframe="1m"))
    await desk.hear(bars(), verdict())
    assert await refusals(desk) == ["expired"]


async def test_verdict_whose_instant_never_ends_is_refused_in_time(desk: Desk) -> None:
    await desk.hear(verdict(), bars(2.5, timeframe="1m"))
    assert await refusals(desk) == ["expired"]


async def test_every_buy_ends_as_one_order_or_one_refusal(desk: Desk) -> None:
    await desk.hear(bars(symbols=(BTC, ETH)), verdict(BTC), verdict(ETH, atr=None))
    assert len(await desk.orders()) == 1
    assert await refusals(desk) == ["no_atr"]
    await desk.hear(bars(5, symbols=(BTC, ETH)), verdict(BTC, minute=5), verdict(ETH, "SELL", minute=5, score=-0.5))
    assert await refusals(desk) == ["no_atr", "already_open"]


async def test_flags_changed_by_sql_alone_refuse_the_next_entry(desk: Desk) -> None:
    await desk.sql("UPDATE system_config SET system_status = 'PAUSED'")
    await desk.hear(bars(), verdict())
    await desk.sql("UPDATE system_config SET system_status = 'ACTIVE', is_trading_active = false")
    await desk.hear(bars(5), verdict(minute=5))
    assert await refusals(desk) == ["paused", "halted"]
    assert await desk.orders() == []


@pytest.mark.parametrize("kind", [TradingPaused, TradingHalted])
async def test_pause_takes_back_what_was_not_sent(desk: Desk, kind: type[Message]) -> None:
    await desk.hear(bars(), verdict())
    control = {"message_id": derived_id("Control", 1), "occurred_at": at(1), "reason": "test", "by": "test"}
    said = await desk.hear(kind.model_validate(control))
    assert len(of_kind(said, "OrderCanceled")) == 1
    assert (await desk.account()).reserved == await desk.busy() == 0
    assert (await desk.trade()).status == "closed"


async def waiting_for_a_lock(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with database.engine.connect() as connection:
        return bool((await connection.execute(text(query))).scalar_one())


async def test_two_executors_at_once_reserve_no_more_than_there_is(database: Database) -> None:
    all_in = replace(LIMITS, risk_per_trade=500_000_000, max_position=1_000_000_000, max_exposure=1_000_000_000)
    rules = replace(RULES, limits=all_in)
    one = await desk_on(database, symbols=(BTC, ETH), rules=rules)
    other = await desk_on(database, rules=rules, seed=False)
    await one.hear(bars(symbols=(BTC,)), bars(1, symbols=(ETH,)))
    async with database.transaction() as first:
        await one.handlers.on_council_decided(verdict(BTC), first)
        second = asyncio.create_task(other.hear(verdict(ETH, minute=1)))
        while not second.done() and not await waiting_for_a_lock(database):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
    await second
    account = await one.account()
    assert 0 < account.reserved <= account.cash
    assert await refusals(one) in (["cash"], ["exposure"])


async def test_decision_of_other_timeframes_is_not_ours(desk: Desk) -> None:
    other = verdict().model_copy(update={"timeframe": "1h"})
    assert await desk.hear(other) == []
    await desk.hear(bars())
    assert await desk.orders() == []


async def test_fill_of_no_order_of_ours_is_kept_and_said(desk: Desk) -> None:
    said = await desk.hear(executed("somebody-elses", "X9", venue_order_id="V9"))
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["unknown_execution"]  # type: ignore[attr-defined]
    async with desk.database.engine.connect() as connection:
        kept = (await connection.execute(text("SELECT details FROM audit"))).scalar_one()
    assert kept["execution_id"] == "X9"


async def test_fill_that_came_before_we_knew_its_order_is_fetched_once_we_do(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.sender.send()
    early = desk.broker.match()
    nameless = executed(None, early[0].execution_id, quantity=str(early[0].quantity), venue_order_id="V1")
    await desk.hear(nameless)
    await desk.settle()
    assert (await desk.trade()).status == "open"
    assert await desk.agrees()


async def test_report_about_no_order_of_ours_is_said(desk: Desk) -> None:
    said = await desk.hear(reported("not-ours", "accepted"))
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["unknown_order"]  # type: ignore[attr-defined]


async def test_exit_of_a_trade_that_is_not_in_the_books_is_a_dead_letter(desk: Desk) -> None:
    with pytest.raises(Unprocessable):
        await desk.hear(exit_requested(derived_id("Trade", "none")))


async def test_mark_decides_the_price_that_is_reserved_for(desk: Desk) -> None:
    await desk.hear(bars(marks=(mark(ask="110"),)), verdict(atr="5"))
    (order,) = await desk.orders()
    assert order.reserved > order.quantity * D("110")


async def test_instant_of_long_ago_is_still_seen_after_a_rollback(desk: Desk) -> None:
    await desk.hear(bars(-3 * 24 * 60))  # nobody said a word about it
    restarted = Handlers(Books(ACCOUNT), Instants(ACCOUNT, RULES.timeframe), RULES)
    ticks = [bars(minute, timeframe="1m") for minute in (0, 1)]
    with suppress(Rollback):
        async with desk.database.transaction() as connection:
            for tick in ticks:
                await restarted.on_bars_closed(tick, connection)
            raise Rollback
    desk.handlers = restarted
    await desk.hear(bars(5), verdict(minute=5, say="HOLD"), bars(6, timeframe="1m"))
    async with desk.database.engine.connect() as connection:
        left = await connection.execute(text("SELECT count(*) FROM decision_instants WHERE decided_at IS NULL"))
        assert left.scalar_one() == 0


async def test_quiet_clock_asks_the_database_nothing(desk: Desk) -> None:
    await desk.hear(bars(1, timeframe="1m"))

    class Refusing:
        async def execute(self, *_: object) -> object:
            raise AssertionError("nothing to ask")

    assert await desk.handlers.on_bars_closed(bars(2, timeframe="1m"), Refusing()) == []  # type: ignore[arg-type]
