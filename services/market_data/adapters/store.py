"""Bars and instruments in the database."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from services.market_data.adapters.venue import Instrument
from services.market_data.announcing import closed
from services.market_data.core.bars import Bar, Named
from shared import candles
from shared.candles import CandleLike, Change, Stored
from shared.db import Database
from shared.models import Asset, Trade
from shared.schemas.base import Timeframe
from shared.timeframes import from_microseconds, length, to_microseconds


class Store:
    """What is saved is on the disk before it is announced: nobody would ask the venue for a bar twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, rows: Sequence[CandleLike]) -> list[Change]:
        """Upsert, all or nothing; what that changed."""
        if not rows:
            return []
        if len(rows) < candles.COPY_FROM:
            async with self._database.single() as connection:
                return await candles.upsert(connection, rows)
        async with self._database.transaction() as connection:
            return await candles.upsert(connection, rows)

    async def save_bars(self, bars: Iterable[Named]) -> list[Change]:
        """The same for bars that are not announced."""
        return await self.save([closed(named) for named in bars])

    async def bars(self, symbol: str, timeframe: Timeframe, since: int, until: int) -> list[Bar]:
        """Stored bars that open from `since` on and have closed by `until`, oldest first."""
        last = until - length(timeframe) + 1
        async with self._database.transaction() as connection:
            rows = await candles.between(
                connection, symbol, timeframe, from_microseconds(since), from_microseconds(last)
            )
        return [_bar(row) for row in rows]

    async def first(self, symbol: str, timeframe: Timeframe) -> int | None:
        """The open of the oldest bar."""
        statement = text("select min(open_time) from candles where symbol = :symbol and timeframe = :timeframe")
        async with self._database.transaction() as connection:
            found = await connection.scalar(statement, {"symbol": symbol, "timeframe": timeframe})
        return None if found is None else to_microseconds(found)

    async def symbols_of_open_trades(self, account: str) -> list[str]:
        """What an account still holds, or is about to; sorted."""
        statement = select(Trade.symbol).where(Trade.account == account, Trade.status != "closed")
        async with self._database.transaction() as connection:
            return sorted(set((await connection.execute(statement)).scalars()))

    async def save_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Insert assets that are missing and bring the venue's precision up to date; the rest is the users'."""
        async with self._database.transaction() as connection:
            for found in instruments:
                facts = {
                    "price_tick": found.price_tick,
                    "lot_step": found.lot_step,
                    "min_quantity": found.min_quantity,
                    "min_cost": found.min_cost,
                }
                row = {"symbol": found.symbol, "base": found.base, "quote": found.quote, "name": found.base}
                statement = insert(Asset).values(**row, is_active=True, **facts)
                await connection.execute(statement.on_conflict_do_update(index_elements=["symbol"], set_=facts))


def _bar(row: Stored) -> Bar:
    # the shortest text of a double is what the venue had sent
    return Bar(to_microseconds(row.open_time), *(Decimal(repr(value)) for value in row[3:]))
