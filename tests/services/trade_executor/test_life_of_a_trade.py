"""A verdict becomes a trade, is guarded, and is left: handlers on PostgreSQL, a venue in memory."""

from dataclasses import replace

import pytest

from shared.db import Database
from shared.schemas.base import Message
from tests.services.trade_executor.builders import D, bars, exit_requested, mark, reported, stop_moved, verdict
from tests.services.trade_executor.desk import Desk, desk_on
from tests.services.trade_executor.fakes import of_kind


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_on(database)


async def opened(desk: Desk, price: str = "100.01") -> Desk:
    """With one trade, filled and guarded."""
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.fills(desk.broker.match(price))
    return desk


async def test_buy_becomes_a_guarded_trade(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    (entry,) = await desk.orders("entry")
    assert (entry.state, (await desk.trade()).status) == ("open", "opening")
    said = await desk.fills(desk.broker.match())
    trade = await desk.trade()
    (opened_message,) = of_kind(said, "TradeOpened")
    assert (trade.status, trade.entry_price, trade.held) == ("open", D("100.01"), entry.quantity)
    assert opened_message.stop_price == trade.stop_loss_price == D("98.01")  # type: ignore[attr-defined]
    assert trade.take_profit_price == D("106.01")
    (stop,) = desk.broker.resting()
    assert (stop.quantity, stop.trigger_price) == (trade.held, D("98.01"))
    assert await desk.agrees()
    assert (await desk.account()).reserved == 0


async def partly_bought(desk: Desk, quantity: str) -> None:
    """A trade whose entry got only so much, at a venue that takes nothing below 10 USD."""
    desk.broker.min_cost = D("10")
    await desk.sql("UPDATE assets SET min_cost = 10")
    await desk.hear(bars(), verdict())
    await desk.settle()
    desk.broker.fill("V1", quantity)
    desk.broker.orders["V1"] = replace(desk.broker.orders["V1"], status="canceled")
    await desk.sql("UPDATE orders SET request = 'find'")


async def test_what_is_too_little_for_a_stop_is_sold_at_once(desk: Desk) -> None:
    await partly_bought(desk, "0.101")  # 10.10 USD, and 9.90 at the stop
    said = await desk.settle()
    await desk.fills(desk.broker.match("99.99"))
    trade = await desk.trade()
    assert (trade.status, trade.held, trade.exit_reason) == ("closed", D("0"), "dust")
    assert of_kind(said, "AlertRaised") == []
    assert await desk.agrees()


async def test_what_has_become_too_little_to_sell_is_left_with_a_record(desk: Desk) -> None:
    await partly_bought(desk, "0.101")
    desk.broker.bid = D("90")
    await desk.settle()
    assert (await desk.trade()).status == "closing"
    fallen = (mark(bid="90", ask="90.1"),)
    said = await desk.hear(bars(6, marks=fallen, timeframe="1m"))
    trade = await desk.trade()
    assert (trade.status, trade.held) == ("closed", D("0.101"))
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["dust"]  # type: ignore[attr-defined]
    asked = len(desk.broker.requests)
    assert await desk.hear(bars(7, marks=fallen, timeframe="1m")) == []
    await desk.settle()
    assert len(desk.broker.requests) == asked


async def test_order_waits_for_the_end_of_its_instant(desk: Desk) -> None:
    await desk.hear(verdict())
    assert await desk.orders() == []
    await desk.hear(bars())
    assert len(await desk.orders()) == 1


async def test_size_risks_one_percent_between_ask_and_stop(desk: Desk) -> None:
    await desk.hear(bars(), verdict(atr="5"))
    (entry,) = await desk.orders()
    assert entry.quantity == D("10")  # 1 % of 10000 over 2 x 5
    assert entry.reserved == (await desk.account()).reserved > entry.quantity * D("100.01")


async def test_exit_cancels_the_stop_first_and_sells_what_is_held(desk: Desk) -> None:
    await opened(desk)
    await desk.hear(exit_requested((await desk.trade()).id))
    await desk.settle()
    assert [kind for kind, _ in desk.broker.requests if kind != "find"] == ["place", "place", "cancel", "place"]
    assert desk.broker.resting() == []
    said = await desk.fills(desk.broker.match("102"))
    trade = await desk.trade()
    (closed,) = of_kind(said, "TradeClosed")
    assert (trade.status, trade.exit_reason, trade.exit_price) == ("closed", "council", D("102"))
    assert trade.held == 0
    assert trade.pnl == closed.pnl == (await desk.account()).cash - 10000  # type: ignore[attr-defined]
    assert await desk.agrees()


async def test_stop_that_is_hit_closes_the_trade(desk: Desk) -> None:
    await opened(desk)
    said = await desk.fills(desk.broker.hit("98.01"))
    trade = await desk.trade()
    assert (trade.status, trade.exit_reason, trade.exit_price) == ("closed", "stop", D("98.01"))
    assert len(of_kind(said, "TradeClosed")) == 1
    assert await desk.orders("exit") == []
    assert await desk.agrees()


async def test_stop_hit_and_council_sell_at_once_sell_once(desk: Desk) -> None:
    await opened(desk)
    executions = desk.broker.hit("98.01")
    await desk.hear(exit_requested((await desk.trade()).id))
    await desk.settle()
    await desk.fills(executions)
    trade = await desk.trade()
    assert (trade.status, trade.exit_reason) == ("closed", "stop")
    assert await desk.orders("exit") == []
    assert desk.broker.base == 0
    assert await desk.agrees()


async def test_raised_stop_is_amended_upwards_only(desk: Desk) -> None:
    await opened(desk)
    trade = await desk.trade()
    await desk.sql("UPDATE stops SET price = 99.5, kind = 'trailing', version = 2")
    await desk.hear(stop_moved(trade, "98.01", "99.5"))
    await desk.settle()
    assert [order.trigger_price for order in desk.broker.resting()] == [D("99.5")]
    assert (await desk.trade()).stop_loss_price == D("99.5")
    await desk.sql("UPDATE stops SET price = 98.5")
    await desk.hear(stop_moved(trade, "98.01", "98.5", version=3))
    await desk.settle()
    assert [order.trigger_price for order in desk.broker.resting()] == [D("99.5")]
    await desk.fills(desk.broker.hit("99.5"))
    assert (await desk.trade()).exit_reason == "trailing"


async def test_stop_follows_each_part_of_the_fill(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.fills([desk.broker.fill("V1", "1")])
    assert [order.quantity for order in desk.broker.resting()] == [D("1")]
    assert (await desk.trade()).status == "opening"
    await desk.fills([desk.broker.fill("V1", price="100.03")])
    trade = await desk.trade()
    assert [order.quantity for order in desk.broker.resting()] == [trade.held]
    assert D("100.01") < (trade.entry_price or 0) < D("100.03")


async def test_exit_of_a_partly_filled_entry_cancels_the_rest(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.fills([desk.broker.fill("V1", "1")])
    await desk.hear(exit_requested((await desk.trade()).id, "drawdown", minute=1))
    said = await desk.settle()
    assert len(of_kind(said, "TradeOpened")) == 1
    await desk.fills(desk.broker.match("100"))
    trade = await desk.trade()
    assert (trade.status, trade.exit_reason, trade.quantity) == ("closed", "drawdown", D("1"))
    assert await desk.agrees()
    assert (await desk.account()).reserved == 0


async def test_exit_before_any_fill_takes_the_entry_back(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.hear(exit_requested((await desk.trade()).id, "manual", minute=1))
    said = await desk.settle()
    trade = await desk.trade()
    assert trade.status == "closed"
    assert trade.quantity == 0
    assert of_kind(said, "TradeClosed") == []
    assert (await desk.account()).reserved == 0


async def test_reason_of_equal_instants_is_the_weightiest(desk: Desk) -> None:
    await opened(desk)
    trade_id = (await desk.trade()).id
    wishes = [exit_requested(trade_id, reason, minute=5) for reason in ("council", "target", "time")]
    await desk.hear(*wishes, exit_requested(trade_id, "drawdown", minute=6))
    assert (await desk.trade()).exit_reason == "target"


async def test_fill_after_the_venue_had_called_the_entry_off_is_booked_and_sold(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    (entry,) = await desk.orders()
    await desk.hear(reported(entry.client_order_id, "canceled"))
    assert (await desk.trade()).status == "closed"
    said = await desk.fills(desk.broker.match())
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["late_fill"]  # type: ignore[attr-defined]
    await desk.fills(desk.broker.match("101"))
    assert ((await desk.trade()).status, desk.broker.base) == ("closed", D("0"))
    assert await desk.agrees()


async def late_fill_beside_a_new_trade(desk: Desk, quantity: str = "2") -> list[Message]:
    """The first entry is filled after it had been called off, and a second trade of the symbol has begun."""
    await desk.hear(bars(), verdict())
    await desk.settle()
    (entry,) = await desk.orders()
    await desk.hear(reported(entry.client_order_id, "canceled"))
    desk.broker.orders["V1"] = replace(desk.broker.orders["V1"], status="canceled")
    await desk.hear(bars(5), verdict(minute=5))
    desk.broker.pass_time(300)
    await desk.settle()
    return await desk.fills([desk.broker.fill("V1", quantity)])


async def test_late_fill_beside_a_new_trade_is_booked_and_sold_at_once(desk: Desk) -> None:
    said = await late_fill_beside_a_new_trade(desk)
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["late_fill"]  # type: ignore[attr-defined]
    old, new = await desk.trades()
    assert (old.status, old.held, new.status) == ("closed", D("2"), "opening")
    said = await desk.fills(desk.broker.match())
    assert of_kind(said, "AlertRaised") == []
    assert [message.trade_id for message in of_kind(said, "TradeClosed")] == [old.id]  # type: ignore[attr-defined]
    old, new = await desk.trades()
    assert (old.status, old.held, old.exit_reason, new.status) == ("closed", D("0"), "external", "open")
    assert old.pnl is not None
    assert old.pnl < 0
    assert [order.quantity for order in desk.broker.resting()] == [new.held]
    assert await desk.agrees()


async def test_late_dust_beside_a_new_trade_stays_with_a_record(desk: Desk) -> None:
    said = await late_fill_beside_a_new_trade(desk, "0.001")
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["late_fill", "dust"]  # type: ignore[attr-defined]
    old, new = await desk.trades()
    assert (old.status, old.held, new.status) == ("closed", D("0.001"), "opening")
    assert await desk.orders("exit") == []
    assert await desk.agrees()


async def test_sale_of_a_late_fill_that_is_refused_is_tried_again_at_each_bar(desk: Desk) -> None:
    await late_fill_beside_a_new_trade(desk)
    (exit_order,) = await desk.orders("exit")
    number = str(exit_order.venue_order_id)
    desk.broker.orders[number] = replace(desk.broker.orders[number], status="canceled")
    await desk.sql("UPDATE orders SET request = 'find' WHERE purpose = 'exit'")
    desk.broker.faults = ["refused", "refused"]
    await desk.settle()
    assert [order.state for order in await desk.orders("exit")].count("rejected") == 2
    desk.broker.pass_time(60)
    await desk.hear(bars(6, timeframe="1m"))
    await desk.settle()
    await desk.fills(desk.broker.match())
    old, _ = await desk.trades()
    assert (old.status, old.held) == ("closed", D("0"))
    assert await desk.agrees()


async def test_late_fill_of_a_trade_that_was_said_to_be_closed_is_not_said_again(desk: Desk) -> None:
    await opened(desk)
    await desk.fills(desk.broker.hit("98.01"))
    first = (await desk.trade()).pnl
    said = await desk.fills([desk.broker.fill("V1", "2")])
    said += await desk.fills(desk.broker.match("100"))
    assert of_kind(said, "TradeClosed") == []
    trade = await desk.trade()
    assert (trade.status, trade.held) == ("closed", D("0"))
    assert first is not None
    assert trade.pnl is not None
    assert trade.pnl < first
    assert await desk.agrees()


async def test_every_message_twice_changes_nothing_more(desk: Desk) -> None:
    await opened(desk)
    executions = [fill for fills in desk.broker.fills.values() for fill in fills]
    said = await desk.fills(executions)
    assert said == []
    assert len(await desk.booked()) == 1
    assert await desk.agrees()


async def test_dust_closes_with_a_record(desk: Desk) -> None:
    await desk.hear(bars(), verdict())
    await desk.settle()
    await desk.fills([desk.broker.fill("V1", "0.001")])
    await desk.broker.cancel("V1", "BTC/USD")
    await desk.sql("UPDATE orders SET request = 'find' WHERE purpose = 'entry'")
    said = await desk.settle()
    trade = await desk.trade()
    assert (trade.status, trade.exit_reason, trade.held) == ("closed", "dust", D("0.001"))
    assert [alert.code for alert in of_kind(said, "AlertRaised")] == ["dust"]  # type: ignore[attr-defined]
    assert await desk.agrees()
