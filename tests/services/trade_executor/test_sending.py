"""The sender and what it does when answers are lost: claimed, sent, found again, never sent blind."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.trade_executor.adapters.sender import Pace
from services.trade_executor.core.answers import report
from shared.broker.base import RateLimited
from shared.db import Database
from tests.services.trade_executor.builders import BTC, D, bars, exit_requested, reported, stop_moved, verdict
from tests.services.trade_executor.desk import Desk, desk_on
from tests.services.trade_executor.fakes import of_kind

LIVE = Pace(1.0, timedelta(minutes=2))


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_on(database)


async def bought(desk: Desk) -> Desk:
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.fills(desk.broker.match())
    return desk


def places(desk: Desk) -> list[str]:
    return [about for kind, about in desk.broker.requests if kind == "place"]


async def until(something: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while True:
            if something():
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("fault", ["lost", "dropped", "limited", "late", "had"])
async def test_entry_is_booked_once_whatever_happened_to_its_request(desk: Desk, fault: str) -> None:
    desk.broker.faults = [fault]
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.fills(desk.broker.match())
    assert len(desk.broker.orders) == 2  # the entry and its stop
    assert (await desk.trade()).status == "open"
    assert await desk.agrees()


async def test_refused_entry_gives_its_reservation_back(desk: Desk) -> None:
    desk.broker.faults = ["refused"]
    await desk.hear(bars(), verdict())
    said = await desk.settle()
    assert len(of_kind(said, "OrderRejected")) == 1
    assert (await desk.trade()).status == "closed"
    assert (await desk.account()).reserved == 0


async def test_unknown_outcome_is_not_touched_before_the_deadline_and_skew_are_over(database: Database) -> None:
    desk = await desk_on(database, pace=LIVE)
    desk.broker.faults = ["dropped"]
    await desk.hear(bars(), verdict())
    await desk.sender.send()
    await desk.hear(*desk.source.take())
    desk.broker.pass_time(6.9)
    await desk.sender.resolve()
    assert [kind for kind, _ in desk.broker.requests] == ["place"]
    assert [order.state for order in await desk.orders()] == ["unknown"]
    desk.broker.pass_time(0.2)
    await desk.settle()
    assert [kind for kind, _ in desk.broker.requests] == ["place", "find", "place"]
    assert len(set(places(desk))) == 1
    assert [order.state for order in await desk.orders()] == ["open"]


async def test_claim_of_a_dead_process_is_looked_up_by_the_next(database: Database) -> None:
    dead = await desk_on(database)
    await dead.hear(bars(), verdict())
    await dead.sender._claims.claim(dead.broker.time)
    heir = await desk_on(database, seed=False)
    heir.broker = dead.broker
    heir.venue.broker = dead.broker
    await heir.settle()
    assert [kind for kind, _ in dead.broker.requests] == ["find", "place"]
    assert [order.state for order in await heir.orders()] == ["open"]


async def test_two_processes_never_claim_the_same_order(database: Database) -> None:
    one, other = await desk_on(database), await desk_on(database, seed=False)
    await one.hear(bars(), verdict())
    both = await asyncio.gather(*[desk.sender._claims.claim(one.broker.time) for desk in (one, other)])
    assert sorted(len(claimed) for claimed in both) == [0, 1]


async def test_row_that_a_handler_is_changing_is_left_for_the_next_time(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    async with desk.database.transaction() as handling:
        await handling.execute(text("SELECT * FROM orders FOR UPDATE"))
        async with asyncio.timeout(5):
            assert await desk.sender._claims.claim(desk.broker.time) == []
    assert len(await desk.sender._claims.claim(desk.broker.time)) == 1


async def test_request_in_flight_is_not_claimed_again(desk: Desk) -> None:
    await bought(desk)
    await desk.hear(exit_requested((await desk.trade()).id))
    (cancel,) = await desk.sender._claims.claim(desk.broker.time)
    assert (cancel.purpose, cancel.request) == ("stop", "cancel")
    assert await desk.sender._claims.claim(desk.broker.time) == []


async def test_sender_outlives_a_venue_that_is_away_with_a_request_in_flight(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.sender._claims.claim(desk.broker.time)  # whoever did was killed
    desk.broker.away = True
    stop = asyncio.Event()
    running = asyncio.create_task(desk.sender.run(stop))  # nobody wakes it
    await until(lambda: running.done() or desk.venue.trouble)
    assert not running.done()
    desk.broker.away = False
    await until(lambda: desk.source.published)
    await desk.hear(*desk.source.take())
    await until(lambda: desk.broker.orders)
    stop.set()
    await running
    assert [kind for kind, _ in desk.broker.requests] == ["find", "place"]
    assert desk.venue.trouble == ""


THREE = ("ADA/USD", BTC, "ETH/USD")


async def three_claimed_at_once(database: Database, pace: Pace) -> Desk:
    desk = await desk_on(database, symbols=THREE, pace=pace)
    await desk.hear(bars(symbols=THREE), *[verdict(symbol) for symbol in THREE])
    return desk


async def test_request_after_a_slow_one_has_a_deadline_that_is_not_over(database: Database) -> None:
    desk = await three_claimed_at_once(database, LIVE)
    desk.broker.faults = ["slow"]
    await desk.sender.send()
    said = await desk.hear(*desk.source.take())
    desk.broker.pass_time(0.2)
    said += await desk.settle()
    assert of_kind(said, "OrderRejected") == []
    assert sorted(order.symbol for order in desk.broker.orders.values()) == [*THREE]
    assert [order.state for order in await desk.orders()] == ["open"] * 3


async def test_entry_whose_decision_expires_behind_a_slow_request_is_denied_as_expired(database: Database) -> None:
    desk = await three_claimed_at_once(database, LIVE)
    desk.broker.faults, desk.broker.slowness = ["slow"], 121
    said = await desk.settle()
    assert len(desk.broker.requests) == 2, "the slow one and the look for it"
    assert [denial.reason for denial in of_kind(said, "OrderDenied")] == ["expired"] * 3  # type: ignore[attr-defined]


async def test_lock_step_reads_the_clock_once_for_all_that_goes_out_at_once(database: Database) -> None:
    desk = await three_claimed_at_once(database, Pace(0, LIVE.decision_ttl))
    await desk.sender.send()
    assert (len(desk.broker.orders), desk.broker.clock_read) == (3, 1)


async def test_report_on_an_earlier_request_does_not_send_the_next_one_twice(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    (first,) = await desk.sender._claims.claim(desk.broker.time)
    await desk.hear(report(first, "not_sent", desk.broker.time))
    await desk.sender.send()
    await desk.hear(report(first, "missing", desk.broker.time))
    assert [order.state for order in await desk.orders()] == ["submitting"]
    await desk.settle()
    assert len(places(desk)) == 1
    assert [order.state for order in await desk.orders()] == ["open"]


async def test_request_that_came_too_late_for_an_order_that_is_there_is_not_sent_again(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    desk.broker.faults = ["had"]
    await desk.sender.send()
    desk.broker.match()  # and nobody heard
    await desk.settle()
    assert len(places(desk)) == 1


async def test_stop_that_came_too_late_is_sent_again_and_is_no_failure(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    desk.broker.faults = ["late"] * 4
    said = await desk.fills(desk.broker.match())
    assert len(desk.broker.resting()) == 1
    assert of_kind(said, "AlertRaised") == []
    assert (await desk.trade()).status == "open"


async def test_entry_that_comes_too_late_until_its_decision_expires_is_denied_as_expired(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    desk.broker.faults = ["late"]
    with suppress(RateLimited):
        await desk.sender.send()
    await desk.hear(*desk.source.take())
    desk.broker.pass_time(121)
    (denial,) = of_kind(await desk.settle(), "OrderDenied")
    assert denial.reason == "expired"  # type: ignore[attr-defined]
    assert desk.broker.orders == {}
    assert (await desk.account()).reserved == 0


async def test_standby_sends_nothing(database: Database) -> None:
    desk = await desk_on(database)
    desk.sender._is_leader = lambda: False
    await desk.hear(bars(), verdict())
    await desk.sender._claims.claim(desk.broker.time)  # the leader's, which we might take for lost
    await desk.hear(bars(5), verdict(minute=5))
    stop = asyncio.Event()
    running = asyncio.create_task(desk.sender.run(stop))
    desk.sender.wake()
    await asyncio.sleep(0.05)
    stop.set()
    await running
    assert desk.broker.requests == []


async def test_entry_that_grew_old_before_it_was_sent_is_taken_back(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    desk.broker.pass_time(121)
    said = await desk.settle()
    (canceled,) = of_kind(said, "OrderCanceled")
    assert "expired" in canceled.reason  # type: ignore[attr-defined]
    assert desk.broker.requests == []
    assert (await desk.account()).reserved == 0


async def test_entry_that_grew_old_before_it_was_sent_is_a_refusal_with_its_numbers(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    desk.broker.pass_time(121)
    (denial,) = of_kind(await desk.settle(), "OrderDenied")
    assert (denial.decision_id, denial.reason) == (verdict().message_id, "expired")  # type: ignore[attr-defined]
    async with desk.database.engine.connect() as connection:
        kept = (await connection.execute(text("SELECT id, reason, figures FROM refusals"))).one()
    assert (kept.id, kept.reason) == (denial.message_id, "expired")
    assert kept.figures == [{"name": "late_by_s", "value": "1"}]


async def test_entry_that_the_venue_canceled_is_not_called_expired(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    (order,) = await desk.orders()
    said = await desk.hear(reported(order.client_order_id, "canceled", minute=5))
    assert of_kind(said, "OrderDenied") == []


@pytest.mark.parametrize("fault", ["limited", "dropped"])
async def test_entry_that_was_taken_back_while_its_request_was_lost_is_not_sent(desk: Desk, fault: str) -> None:
    await desk.hear(bars(), verdict())
    desk.broker.faults = [fault]
    with suppress(RateLimited):
        await desk.sender.send()
    await desk.hear(exit_requested((await desk.trade()).id, "manual", minute=1))
    await desk.settle()
    assert len(places(desk)) == 1
    assert desk.broker.orders == {}
    assert (await desk.trade()).status == "closed"
    assert (await desk.account()).reserved == 0


async def test_flag_set_by_sql_alone_keeps_an_entry_from_being_sent(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.sql("UPDATE system_config SET system_status = 'PAUSED'")
    said = await desk.settle()
    assert of_kind(said, "OrderDenied") == []
    assert desk.broker.requests == []
    assert (await desk.trade()).status == "closed"


async def test_exits_are_sent_while_trading_is_halted(desk: Desk) -> None:
    await bought(desk)
    await desk.sql("UPDATE system_config SET is_trading_active = false, system_status = 'PAUSED'")
    await desk.hear(exit_requested((await desk.trade()).id, "drawdown"))
    await desk.settle()
    await desk.fills(desk.broker.match("90"))
    assert ((await desk.trade()).status, (await desk.trade()).exit_reason) == ("closed", "drawdown")
    assert await desk.agrees()


@pytest.mark.parametrize("fault", ["lost", "dropped"])
async def test_lost_answer_to_a_cancel_sells_once_all_the_same(desk: Desk, fault: str) -> None:
    await bought(desk)
    desk.broker.faults = [fault]
    await desk.hear(exit_requested((await desk.trade()).id))
    await desk.settle()
    await desk.fills(desk.broker.match())
    assert (await desk.trade()).status == "closed"
    assert await desk.agrees()
    assert desk.broker.base == 0


@pytest.mark.parametrize("fault", ["lost", "dropped"])
async def test_lost_answer_to_an_amendment_leaves_one_stop_at_the_new_price(desk: Desk, fault: str) -> None:
    await bought(desk)
    desk.broker.faults = [fault]
    await desk.sql("UPDATE stops SET price = 99, version = 2")
    await desk.hear(stop_moved(await desk.trade(), "98.01", "99"))
    await desk.settle()
    assert [order.trigger_price for order in desk.broker.resting()] == [D("99")]


async def test_refused_amendment_is_replaced_by_a_new_stop(desk: Desk) -> None:
    await bought(desk)
    desk.broker.faults = ["refused"]
    await desk.sql("UPDATE stops SET price = 99, version = 2")
    await desk.hear(stop_moved(await desk.trade(), "98.01", "99"))
    await desk.settle()
    (stop,) = desk.broker.resting()
    assert (stop.trigger_price, stop.quantity) == (D("99"), (await desk.trade()).held)
    assert (await desk.trade()).status == "open"


async def test_refused_stop_is_placed_again_and_after_three_times_the_trade_is_left(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    desk.broker.faults = ["refused", "refused"]
    said = await desk.fills(desk.broker.match())
    assert len(desk.broker.resting()) == 1
    assert [a.code for a in of_kind(said, "AlertRaised")] == ["stop_lost", "stop_lost"]  # type: ignore[attr-defined]
    (stop,) = desk.broker.resting()
    desk.broker.orders[stop.venue_order_id] = replace(stop, status="canceled")
    await desk.sql("UPDATE orders SET request = 'find' WHERE purpose = 'stop' AND state = 'open'")
    await desk.settle()
    await desk.fills(desk.broker.match())
    trade = await desk.trade()
    assert (trade.status, trade.exit_reason) == ("closed", "external")
    assert await desk.agrees()


async def test_exit_that_is_refused_is_tried_three_times_then_once_a_bar(desk: Desk) -> None:
    await bought(desk)
    trade_id = (await desk.trade()).id
    before = len(places(desk))
    desk.broker.faults = ["", *["refused"] * 4]
    await desk.hear(exit_requested(trade_id))
    await desk.settle()
    assert len(places(desk)) == before + 3
    await desk.hear(bars(6, timeframe="1m"))
    await desk.settle()
    assert len(places(desk)) == before + 4
    await desk.hear(bars(7, timeframe="1m"))
    await desk.settle()
    await desk.fills(desk.broker.match())
    assert (await desk.trade()).status == "closed"
    assert (await desk.trade()).exit_attempt == 5
    assert await desk.agrees()


async def test_fills_that_nobody_reported_are_fetched_when_the_order_is_found_closed(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    desk.broker.match()
    await desk.hear(bars(1, timeframe="1m"))
    desk.broker.pass_time(60)
    await desk.hear(bars(2, timeframe="1m"))
    await desk.settle()
    assert (await desk.trade()).status == "open"
    assert await desk.agrees()
