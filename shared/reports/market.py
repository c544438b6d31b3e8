"""Candles as people ask for them."""

from datetime import datetime

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
