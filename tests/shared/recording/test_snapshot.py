"""Rows come back to the last digit, in another database."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import models
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.ids import derived_id
from shared.models import Base
from shared.recording.snapshot import BOOKS, FACTS, late_rows, restore, rows_of, without_candles
from shared.seed import seed
from tests.builders import BTC, NINE, TRADE, at
from tests.conftest import TEMPLATE

LONG = Decimal("12345678901234567890.123456789012345678901")
WRITTEN = ("weights", "candles", *FACTS, *BOOKS)


async def fill(connection: AsyncConnection) -> None:
    """A row in every kind of column."""
    await seed(connection)
    trade = {"id": TRADE, "account": "desk", "symbol": BTC, "timeframe": "5m", "decision_id": TRADE, "status": "open"}
    trade |= {"order_id": "o", "decided_at": at(0.000001), "quantity": LONG, "held": LONG, "score": 0.1 + 0.2}
    await connection.execute(insert(models.Trade).values(**trade, contributions=[{"share": 1e-7}], votes=[]))
    account = {"name": "desk", "currency": "USD", "initial_balance": LONG, "cash": -LONG}
    await connection.execute(insert(models.Account).values(**account))
    await connection.execute(insert(models.Audit).values(who="me", action="x", subject="y", details={"a": None}))
    await connection.execute(insert(models.Article).values(**article()))
    await connection.execute(insert(models.SentimentLog).values(**score(0)))
    bars = [bar(minute) for minute in range(0, 50, 5)] + [bar(45, "1m"), bar(46, "1m"), bar(0, "1h")]
    await connection.execute(insert(models.Candle), bars)


def article() -> dict[str, Any]:
    named = {"source": "s", "url": "u", "title": "t", "body": "b"}
    return {"id": derived_id("Article", "u"), "published_at": None, "first_seen_at": NINE, **named}


def score(minute: float) -> dict[str, Any]:
    said = {"symbol": BTC, "source": "s", "scorer": "f", "score": 0.3, "probability": 0.7}
    return {"id": derived_id("Score", at(minute)), "article_id": article()["id"], "known_at": at(minute), **said}


def bar(minute: float, timeframe: str = "5m") -> dict[str, Any]:
    prices = {"open": 0.1, "high": 0.30000000000000004, "low": 5e-324, "close": 1e22, "volume": 1.7976931348623157e308}
    return {"symbol": BTC, "timeframe": timeframe, "open_time": at(minute), **prices}


async def content(database: Database, table: str) -> list[tuple[Any, ...]]:
    async with database.transaction() as connection:
        columns = [c for c in Base.metadata.tables[table].columns if c.name != "article_id" and c.identity is None]
        return sorted(tuple(row) for row in await connection.execute(select(*columns)))


async def read(database: Database, *, from_start: bool) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    async with database.transaction() as connection:
        async for table, part in rows_of(connection, "5m", "1m", from_start=from_start):
            rows.setdefault(table, []).extend(part)
    return rows


async def elsewhere(server: EmbeddedPostgres, name: str) -> Database:
    server.query('drop database if exists :"name" with (force)', name=name)
    server.query('create database :"name" template :"template"', name=name, template=TEMPLATE)
    return Database(server.url(name))


async def test_every_row_comes_back_exactly(database: Database, postgres_server: EmbeddedPostgres) -> None:
    async with database.transaction() as connection:
        await fill(connection)
    rows = await read(database, from_start=False)
    other = await elsewhere(postgres_server, "restored")
    async with other.transaction() as connection:
        await restore(connection, rows)
    for table in set(WRITTEN) - {"candles"}:
        assert await content(other, table) == await content(database, table), table
    kept = [row for row in await content(database, "candles") if row[1] == "5m" or row[2] == at(46)]
    assert await content(other, "candles") == kept, "bars that are scored, and the newest of those that arrive"
    await other.close()


async def test_from_the_start_the_books_are_empty_and_learnt_weights_are_not_there(database: Database) -> None:
    learnt = {"scope": "members", "name": "sentiment", "effective_from": NINE}
    moved = {"before": 0.2, "after": 0.3, "trades": 1, "reason": "r", "trade_id": TRADE, "id": TRADE}
    async with database.transaction() as connection:
        await fill(connection)
        await connection.execute(insert(models.Weight).values(**learnt, weight=0.3, reason="learnt"))
        await connection.execute(insert(models.LearningAdjustment).values(**learnt, **moved))
    rows = await read(database, from_start=True)
    assert not rows.keys() & set(BOOKS)
    assert {json.loads(row)["reason"] for row in rows["weights"]} == {"seeded"}


async def test_what_was_learnt_late_stands(database: Database, postgres_server: EmbeddedPostgres) -> None:
    async with database.transaction() as connection:
        await seed(connection)
        rows = await read(database, from_start=False)
        await connection.execute(text("update assets set price_tick = 0.1 where symbol = 'BTC/USD'"))
        await connection.execute(insert(models.Article).values(**article()))
        await connection.execute(insert(models.SentimentLog).values(**score(3)))
    rows, late = await read(database, from_start=False), {}
    early = {name: [row for row in part if '"BTC/USD"' not in row] for name, part in rows.items()}
    early["assets"].append(json.dumps({"symbol": BTC, "base": "BTC", "quote": "USD", "name": "", "is_active": True}))
    async with database.transaction() as connection:
        async for table, part in late_rows(connection):
            late[table] = part
    other = await elsewhere(postgres_server, "late")
    async with other.transaction() as connection:
        await restore(connection, early, late)
        tick = select(models.Asset.price_tick).where(models.Asset.symbol == BTC)
        assert (await connection.execute(tick)).scalar_one() == Decimal("0.1")
    assert await content(other, "sentiment_logs") == await content(database, "sentiment_logs")
    await other.close()


def test_candles_that_are_still_to_be_announced_are_left_out() -> None:
    def row(time: str) -> str:
        return json.dumps({"symbol": BTC, "timeframe": "5m", "open_time": time})

    rows = [row("2026-01-05T09:00:00+00:00"), row("2026-01-05T09:05:00+00:00")]
    announced = [(BTC, "5m", "2026-01-05T09:05:00Z"), (BTC, "1m", "2026-01-05T09:00:00Z")]
    assert without_candles(rows, announced) == rows[:1]
    assert datetime.fromisoformat("2026-01-05T09:05:00Z") == at(5)
