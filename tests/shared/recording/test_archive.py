"""A past stretch begins where nothing was held, with the books of that moment."""

import json
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert

from shared import models
from shared.config import load_settings
from shared.db import Database
from shared.errors import ConfigError
from shared.recording.archive import past
from shared.recording.file import Recording
from shared.schemas.base import Message
from shared.seed import seed
from shared.topology import BY_MESSAGE
from tests.builders import BTC, TRADE, at, bars_closed, candle, signal

SETTINGS = load_settings(timeframe="5m", base_timeframe="5m", _env_file=None)
BARS = range(0, 60, 5)


async def fill(database: Database, exit_minute: float | None) -> None:
    """Bars from nine to ten, and a trade that was decided at 9:20: bought for 100 and a fee of 1, sold for 106."""
    async with database.transaction() as connection:
        await seed(connection)
        account = {"name": "desk", "currency": "USD", "initial_balance": 1000}
        cash = 1000 - 101 + (105 if exit_minute else 0)
        await connection.execute(insert(models.Account).values(**account, cash=cash))
        trade = {"id": TRADE, "account": "desk", "symbol": BTC, "timeframe": "5m", "decision_id": TRADE, "score": 0}
        trade |= {"order_id": "o", "decided_at": at(20), "contributions": [], "votes": []}
        trade |= {"status": "closed" if exit_minute else "open", "exit_time": at(exit_minute) if exit_minute else None}
        await connection.execute(insert(models.Trade).values(**trade))
        await connection.execute(insert(models.Order).values(**order()))
        await connection.execute(insert(models.Fill).values(**execution("buy", 20, "100")))
        if exit_minute:
            await connection.execute(insert(models.Fill).values(**execution("sell", exit_minute, "106")))
        for minute in BARS:
            for place, message in enumerate((candle(minute=minute), bars_closed(minute), signal(minute))):
                await connection.execute(insert(models.Event).values(**event(message, f"{1000 + minute}-{place}")))


def order() -> dict[str, object]:
    usual = {"account": "desk", "symbol": BTC, "purpose": "entry", "side": "buy", "order_type": "market"}
    times = {"created_at": at(20), "updated_at": at(20)}
    return {"client_order_id": "o", "trade_id": TRADE, "quantity": 1, "state": "filled", **usual, **times}


def execution(side: str, minute: float, cost: str) -> dict[str, object]:
    money = {"quantity": 1, "price": Decimal(cost), "cost": Decimal(cost), "fee": 1, "liquidity": "taker"}
    named = {"execution_id": side, "client_order_id": "o", "trade_id": TRADE, "symbol": BTC, "side": side}
    return {**named, "time": at(minute), **money}


def event(message: Message, entry: str) -> dict[str, object]:
    named = {"stream": BY_MESSAGE[type(message)].name, "partition": 0, "entry": entry, "kind": message.kind}
    body = message.model_dump(mode="json")
    return {
        "time": message.occurred_at,
        "message_id": message.message_id,
        "key": "k",
        "body": body,
        "trace": "",
        **named,
    }


async def stretch(database: Database, start: datetime, end: datetime) -> Recording:
    async with database.transaction() as connection:
        return await past(connection, SETTINGS, 8, start, end)


@pytest.mark.parametrize(("start", "begin"), [(12, 10), (22, 20), (30, 20), (35, 20), (41, 40)])
async def test_it_begins_at_the_last_bar_at_which_nothing_was_held(
    database: Database, start: float, begin: float
) -> None:
    await fill(database, exit_minute=33)
    found = await stretch(database, at(start), at(50))
    assert found.header["began"] == at(begin).isoformat()
    assert found.entries[0].kind == "CandleClosed"
    assert found.entries[0].message["occurred_at"] == f"{at(begin):%Y-%m-%dT%H:%M:%SZ}"


async def test_the_books_are_those_of_that_moment(database: Database) -> None:
    await fill(database, exit_minute=33)
    before, after = await stretch(database, at(20), at(50)), await stretch(database, at(41), at(50))
    assert [Decimal(str(json.loads(found.rows["accounts"][0])["cash"])) for found in (before, after)] == [1000, 1004]
    assert "trades" not in before.rows
    assert len(after.rows["trades"]) == len(after.rows["orders"]) == 1
    assert len(after.rows["fills"]) == 2


async def test_it_ends_with_all_that_came_of_its_last_bar(database: Database) -> None:
    await fill(database, exit_minute=33)
    found = await stretch(database, at(10), at(17))
    assert [entry.message["occurred_at"][11:16] for entry in found.entries] == ["09:10"] * 3 + ["09:15"] * 3
    assert found.at_rest


async def test_without_such_a_bar_it_is_refused(database: Database) -> None:
    with pytest.raises(ConfigError, match=r"--from .*: the archive has no bar before it at which nothing was held"):
        await stretch(database, at(30), at(50))


async def test_an_open_trade_is_held_to_this_day(database: Database) -> None:
    await fill(database, exit_minute=None)
    assert (await stretch(database, at(50), at(55))).header["began"] == at(20).isoformat()


async def test_an_end_before_the_beginning_is_refused(database: Database) -> None:
    await fill(database, exit_minute=33)
    with pytest.raises(ConfigError, match=r"--to .*: is before the replay begins"):
        await stretch(database, at(20), at(10))
