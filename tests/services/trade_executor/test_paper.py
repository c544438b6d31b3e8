"""The executor on our own paper broker: prices are heard on the streams, fills come back like any venue's."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from services.trade_executor.adapters.books import Books
from services.trade_executor.adapters.instants import Instants
from services.trade_executor.adapters.listener import AccountListener
from services.trade_executor.handlers import PaperHandlers
from shared.broker.paper_broker import PaperBroker, PaperTerms
from shared.db import Database
from shared.ids import derived_id
from shared.schemas.market import TickerUpdated
from tests.services.trade_executor.builders import ACCOUNT, BTC, RULES, D, at, bars, verdict
from tests.services.trade_executor.desk import Desk, desk_on
from tests.services.trade_executor.fakes import FakeBroker


def ticker(minute: float, bid: str, ask: str) -> TickerUpdated:
    return TickerUpdated(
        message_id=derived_id("TickerUpdated", at(minute), bid),
        occurred_at=at(minute),
        symbol=BTC,
        bid=D(bid),
        ask=D(ask),
        last=D(bid),
    )


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[PaperBroker]:
    terms = PaperTerms(tmp_path / "paper.sqlite3", "USD", Decimal(10_000), D("0.0026"), D("0.0016"), speed=0)
    paper = PaperBroker(terms, FakeBroker())
    yield paper
    await paper.close()


@pytest.fixture
async def desk(database: Database, broker: PaperBroker) -> AsyncIterator[Desk]:
    desk = await desk_on(database)
    desk.venue.broker = broker
    desk.handlers = PaperHandlers(Books(ACCOUNT), Instants(ACCOUNT, RULES.timeframe), RULES, broker)
    stop = asyncio.Event()
    listening = asyncio.create_task(AccountListener(desk.venue, desk.source, lambda: True, lambda: None).run(stop))
    yield desk
    stop.set()
    await listening


async def until(desk: Desk, status: str) -> None:
    """Fills arrive on a task of their own."""
    async with asyncio.timeout(10):
        while (await desk.trade()).status != status:
            await asyncio.sleep(0.01)
            await desk.settle()
    await desk.settle()


async def test_trade_on_paper_is_guarded_and_stopped_out_by_a_ticker(desk: Desk, broker: PaperBroker) -> None:
    await desk.hear(ticker(0, "99.99", "100.01"), bars(), verdict())
    await desk.settle()
    await until(desk, "open")
    (stop,) = await broker.open_orders()
    assert (stop.trigger_price, stop.quantity) == (D("98.01"), (await desk.trade()).held)
    await desk.hear(ticker(1, "98", "98.02"))
    await until(desk, "closed")
    trade, account = await desk.trade(), await desk.account()
    assert (trade.exit_reason, trade.exit_price) == ("stop", D("98"))
    assert account.cash == (await broker.balances())["USD"]
