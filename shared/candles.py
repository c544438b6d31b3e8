"""The store of closed bars: bulk upserts, windows for strategies, ranges for the API, gaps."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, Protocol

import numpy as np
from asyncpg import PostgresConnectionError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Retryable
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import duration, to_microseconds

COLUMNS = ("symbol", "timeframe", "open_time", "open", "high", "low", "close", "volume")
COPY_FROM = 500
"""Rows from which COPY beats a single statement (benchmarks/candles.py)."""


class CandleLike(Protocol):
    """What can be stored: a CandleClosed, a Bar, a row. Prices may be Decimal or float."""

    @property
    def symbol(self) -> str: ...
    @property
    def timeframe(self) -> Timeframe: ...
    @property
    def open_time(self) -> datetime: ...
    @property
    def open(self) -> Any: ...
    @property
    def high(self) -> Any: ...
    @property
    def low(self) -> Any: ...
    @property
    def close(self) -> Any: ...
    @property
    def volume(self) -> Any: ...


class Stored(NamedTuple):
    """A bar as the database has it."""

    symbol: str
    timeframe: Timeframe
    open_time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class Change(NamedTuple):
    """A bar that an upsert changed: `new`, or other values than were stored."""

    symbol: str
    timeframe: Timeframe
    open_time: datetime
    new: bool


class Gap(NamedTuple):
    """Missing bars: the open of the first one, and of the first one that is there again."""

    start: datetime
    end: datetime


_ROW = attrgetter(*COLUMNS)
_KEY = itemgetter(0, 1, 2)

_ON_CONFLICT = """
    on conflict (symbol, timeframe, open_time) do update
    set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume
    where (candles.open, candles.high, candles.low, candles.close, candles.volume)
        is distinct from (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
    returning symbol, timeframe, open_time, xmax = 0 as new
"""
_UNNEST = f"""
    insert into candles ({", ".join(COLUMNS)})
    select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::float8[], $5::float8[], $6::float8[],
                         $7::float8[], $8::float8[])
    {_ON_CONFLICT}
"""
_MERGE = f"""
    with merged as (
        insert into candles ({", ".join(COLUMNS)}) select {", ".join(COLUMNS)} from incoming_candles
        {_ON_CONFLICT}
    )
    select array_agg(symbol), array_agg(timeframe), array_agg(open_time), array_agg(new) from merged
"""
# four arrays cost a third of what as many rows do
_INCOMING = "create temporary table if not exists incoming_candles (like candles) on commit drop"


async def upsert(connection: AsyncConnection, candles: Iterable[CandleLike]) -> list[Change]:
    """Insert or overwrite, and return what that changed; of bars given twice the last one counts."""
    rows = _last_of_each(list(map(_ROW, candles)))
    if not rows:
        return []
    changed = await (_merge(connection, rows) if len(rows) >= COPY_FROM else _insert(connection, rows))
    return list(map(Change._make, changed))


def _last_of_each(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    keys = list(map(_KEY, rows))
    return rows if len(set(keys)) == len(rows) else list(dict(zip(keys, rows, strict=True)).values())


async def _insert(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
    return (await connection.exec_driver_sql(_UNNEST, tuple(map(list, zip(*rows, strict=True))))).all()


async def _merge(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
    await connection.exec_driver_sql(_INCOMING)
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        await driver.copy_records_to_table("incoming_candles", records=rows, columns=COLUMNS)
    except PostgresConnectionError as error:
        raise Retryable(f"the database is gone: {error}") from None
    columns = (await connection.exec_driver_sql(_MERGE)).one()
    await connection.exec_driver_sql("truncate incoming_candles")
    return zip(*(column or () for column in columns), strict=True)


async def window(connection: AsyncConnection, symbol: str, timeframe: Timeframe, until: datetime, count: int) -> Market:
    """The last `count` bars that had closed by `until`, oldest first; fewer where there are no more."""
    statement = """
        select open_time, open, high, low, close, volume from candles
        where symbol = $1 and timeframe = $2 and open_time <= $3 order by open_time desc limit $4
    """
    rows = (await connection.exec_driver_sql(statement, (symbol, timeframe, until - duration(timeframe), count))).all()
    return _market(rows[::-1])


def _market(rows: Sequence[Any]) -> Market:
    times, *prices = zip(*rows, strict=True) if rows else ((),) * 6
    opens = np.fromiter(map(to_microseconds, times), np.int64, len(times))
    return Market(opens, *(np.array(column, np.float64) for column in prices))


async def between(
    connection: AsyncConnection, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int = 100_000
) -> list[Stored]:
    """Bars that open from `start` (included) to `end` (excluded), oldest first, at most `limit`."""
    statement = """
        select symbol, timeframe, open_time, open, high, low, close, volume from candles
        where symbol = $1 and timeframe = $2 and open_time >= $3 and open_time < $4 order by open_time limit $5
    """
    rows = await connection.exec_driver_sql(statement, (symbol, timeframe, start, end, limit))
    return list(map(Stored._make, rows))


async def gaps(
    connection: AsyncConnection, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
) -> list[Gap]:
    """Stretches without a bar between `start` and `end`, oldest first. Both must be times at which bars open."""
    statement = """
        with bounded as (
            select $3::timestamptz - $5::interval as open_time
            union all
            select open_time from candles
            where symbol = $1 and timeframe = $2 and open_time >= $3 and open_time < $4
            union all
            select $4::timestamptz
        ), pairs as (
            select open_time + $5::interval as gap_start, lead(open_time) over (order by open_time) as gap_end
            from bounded
        )
        select gap_start, gap_end from pairs where gap_end > gap_start order by gap_start
    """
    rows = await connection.exec_driver_sql(statement, (symbol, timeframe, start, end, duration(timeframe)))
    return list(map(Gap._make, rows))


async def latest(connection: AsyncConnection, timeframe: Timeframe) -> dict[str, datetime]:
    """The open of the newest bar of each symbol."""
    statement = "select symbol, max(open_time) as opened from candles where timeframe = $1 group by symbol"
    rows = await connection.exec_driver_sql(statement, (timeframe,))
    newest: dict[str, datetime] = {row.symbol: row.opened for row in rows}
    return newest
