"""Candles as people ask for them, and what is known of their symbols."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Asset, Candle
from shared.reports.rows import CandleRow
from shared.reports.select import between, columns, equals, fetch


async def candles(
    connection: AsyncConnection,
    symbol: str,
    timeframe: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 500,
) -> list[CandleRow]:
    """The newest `limit` bars that opened in [start, end), oldest first."""
    query = (
        select(*columns(Candle, CandleRow))
        .where(*equals((Candle.symbol, symbol), (Candle.timeframe, timeframe)), *between(Candle.open_time, start, end))
        .order_by(Candle.open_time.desc())
        .limit(limit)
    )
    return (await fetch(connection, query, CandleRow))[::-1]


async def is_known(connection: AsyncConnection, symbol: str) -> bool:
    """Whether the symbol is among the desk's assets."""
    return bool((await connection.execute(select(Asset.symbol).where(Asset.symbol == symbol))).first())


async def price_ticks(connection: AsyncConnection) -> dict[str, Decimal]:
    """The smallest step of each symbol's price, of those whose venue has been asked for it."""
    query = select(Asset.symbol, Asset.price_tick).where(Asset.price_tick.is_not(None))
    return {row.symbol: row.price_tick for row in await connection.execute(query)}
