"""Fills that are heard, and the account held against our books."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.trade_executor.adapters.claims import Claims
from services.trade_executor.adapters.listener import AccountListener, Reconciler
from shared.broker.base import BrokerUnavailable, Execution
from shared.db import Database
from shared.schemas.base import Message
from tests.services.trade_executor.builders import ACCOUNT, D, bars, verdict
from tests.services.trade_executor.desk import Desk, desk_on
from tests.services.trade_executor.fakes import FakeBroker, of_kind


@pytest.fixture
async def desk(database: Database) -> Desk:
    desk = await desk_on(database)
    await desk.hear(bars(), verdict())
    await desk.settle()
    return desk


def reconciler(desk: Desk) -> Reconciler:
    return Reconciler(Claims(desk.database, ACCOUNT), desk.venue, 30.0, lambda: True)


async def heard(desk: Desk) -> list[Message]:
    """What was published: reports go to the books, alerts are given back."""
    messages = desk.source.take()
    await desk.hear(*[m for m in messages if m.kind != "AlertRaised"])
    await desk.settle()
    return of_kind(messages, "AlertRaised")


async def test_fills_missed_while_nobody_listened_are_found_at_the_start(desk: Desk) -> None:
    desk.broker.match()
    await reconciler(desk).compare(trusting_nothing=True)
    await heard(desk)
    assert (await desk.trade()).status == "open"
    assert await desk.agrees()


async def test_difference_counts_only_when_it_is_there_twice(desk: Desk) -> None:
    desk.broker.match()
    comparing = reconciler(desk)
    await comparing.compare(trusting_nothing=False)
    assert desk.source.published == []
    await comparing.compare(trusting_nothing=False)
    await heard(desk)
    assert (await desk.trade()).status == "open"


async def test_stop_canceled_from_outside_is_placed_again(desk: Desk) -> None:
    await desk.fills(desk.broker.match())
    (stop,) = desk.broker.resting()
    desk.broker.orders[stop.venue_order_id] = replace(stop, status="canceled")
    await reconciler(desk).compare(trusting_nothing=True)
    await heard(desk)
    (again,) = desk.broker.resting()
    assert (again.quantity, again.trigger_price) == (stop.quantity, stop.trigger_price)
    assert again.client_order_id != stop.client_order_id


async def test_stop_lowered_from_outside_is_raised_again(desk: Desk) -> None:
    await desk.fills(desk.broker.match())
    (stop,) = desk.broker.resting()
    desk.broker.orders[stop.venue_order_id] = replace(stop, trigger_price=D("50"))
    await reconciler(desk).compare(trusting_nothing=True)
    await heard(desk)
    assert [order.trigger_price for order in desk.broker.resting()] == [stop.trigger_price]


async def test_order_that_is_not_ours_is_said_once(desk: Desk) -> None:
    theirs = desk.broker.orders["V1"]
    desk.broker.orders["V9"] = replace(theirs, venue_order_id="V9", client_order_id="somebody-elses")
    comparing = reconciler(desk)
    for _ in range(2):
        await comparing.compare(trusting_nothing=True)
    assert [alert.code for alert in desk.source.published] == ["foreign_order"]  # type: ignore[attr-defined]


async def test_order_of_ours_whose_answer_is_not_booked_yet_is_no_strangers(desk: Desk) -> None:
    await desk.sql("UPDATE orders SET venue_order_id = NULL, request = NULL")
    await reconciler(desk).compare(trusting_nothing=False)
    assert of_kind(desk.source.published, "AlertRaised") == []


async def test_balance_that_differs_twice_is_said_with_both_amounts(desk: Desk) -> None:
    desk.broker.cash -= D("3")
    comparing = reconciler(desk)
    await comparing.compare(trusting_nothing=True)
    assert desk.source.published == []
    for _ in range(2):
        await comparing.compare(trusting_nothing=True)
    (alert,) = desk.source.published
    assert "9997" in alert.text  # type: ignore[attr-defined]
    assert comparing.differences == ("USD: 10000 in our books, 9997 at the venue",)


async def test_books_that_agree_say_nothing(desk: Desk) -> None:
    await desk.fills(desk.broker.match())
    comparing = reconciler(desk)
    for _ in range(3):
        await comparing.compare(trusting_nothing=True)
    assert desk.source.published == []
    assert comparing.differences == ()


class Interrupted(FakeBroker):
    """Loses the connection after each fill."""

    async def executions(self) -> AsyncIterator[Execution]:
        for fills in list(self.fills.values()):
            yield fills[0]
        raise BrokerUnavailable("the socket is gone")


async def test_listener_has_the_books_compared_after_each_interruption(desk: Desk) -> None:
    broker = Interrupted(orders=desk.broker.orders)
    broker.match()
    desk.venue.broker = broker
    lost, stop = asyncio.Event(), asyncio.Event()
    listener = AccountListener(desk.venue, desk.source, lambda: True, lost.set)
    running = asyncio.create_task(listener.run(stop))
    await asyncio.wait_for(lost.wait(), 5)
    stop.set()
    await running
    assert [message.kind for message in desk.source.published] == ["ExecutionReported"]
    assert listener.trouble == "the socket is gone"


async def test_listener_ends_at_the_stop_while_nothing_happens(desk: Desk) -> None:
    class Silent(FakeBroker):
        async def executions(self) -> AsyncIterator[Execution]:
            await asyncio.Event().wait()
            yield  # type: ignore[misc]

    desk.venue.broker = Silent()
    stop = asyncio.Event()
    running = asyncio.create_task(AccountListener(desk.venue, desk.source, lambda: True, stop.set).run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(running, 5)
