"""History from the venue into the candle store, as `parley data backfill` asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.market_data.adapters.store import Store
from services.market_data.adapters.venue import CANDLES_AT_ONCE, RestVenue, connect
from services.market_data.core.bars import Named
from shared import candles
from shared.candles import Gap
from shared.config import Settings
from shared.db import Database
from shared.schemas.base import Timeframe
from shared.timeframes import bar_open, from_microseconds, length, to_microseconds

Progress = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What one symbol's backfill fetched, what of it was new, and what is missing still."""

    symbol: str
    timeframe: Timeframe
    fetched: int
    changed: int
    gaps: tuple[Gap, ...]

    def __str__(self) -> str:
        missing = "".join(f"\n  missing {gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M}" for gap in self.gaps)
        return f"{self.symbol} {self.timeframe}: {self.fetched} fetched, {self.changed} new or changed{missing}"


async def backfill(
    settings: Settings, symbols: Sequence[str], timeframe: Timeframe, since: datetime, progress: Progress
) -> str:
    """Fetch closed bars that open from `since` on and store them; a second run fetches only what is missing.

    Pages forward where the venue keeps more than it gives at once. Returns a line for each symbol and each gap that
    is left (a market without trades, or history that the venue does not keep). Retryable: no answer; ConfigError: an
    unknown symbol.
    """
    exchange = connect(settings)
    venue, database = RestVenue(exchange), Database(settings.database_url.get_secret_value())
    try:
        await Store(database).save_instruments(await venue.instruments(tuple(symbols)))
        reports = [await _symbol(venue, database, symbol, timeframe, since, progress) for symbol in symbols]
    finally:
        await venue.close()
        await database.close()
    return "\n".join(map(str, reports))


async def _symbol(
    venue: RestVenue, database: Database, symbol: str, timeframe: Timeframe, since: datetime, progress: Progress
) -> Backfilled:
    store = Store(database)
    step = length(timeframe)
    start = bar_open(timeframe, to_microseconds(since) + step - 1)
    end = bar_open(timeframe, await venue.time())
    fetched = changed = 0
    for gap in await _gaps(database, symbol, timeframe, start, end):
        position, gap_end = to_microseconds(gap.start), to_microseconds(gap.end)
        while position < gap_end:
            bars = [bar for bar in await venue.candles(symbol, timeframe, position, end) if bar.open_time < gap_end]
            if not bars:
                break
            changed += len(await store.save_bars(Named(symbol, timeframe, bar) for bar in bars))
            fetched += len(bars)
            progress(f"{symbol} {timeframe}: {fetched} bars, up to {from_microseconds(bars[-1].open_time)}")
            if len(bars) < CANDLES_AT_ONCE // 2:
                break
            position = bars[-1].open_time + step
    return Backfilled(symbol, timeframe, fetched, changed, await _gaps(database, symbol, timeframe, start, end))


async def _gaps(database: Database, symbol: str, timeframe: Timeframe, start: int, end: int) -> tuple[Gap, ...]:
    if end <= start:
        return ()
    async with database.transaction() as connection:
        found = await candles.gaps(connection, symbol, timeframe, from_microseconds(start), from_microseconds(end))
    return tuple(found)
