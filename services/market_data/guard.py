"""Checks the candles against the venue's REST on the quarter hours, and says when a feed goes stale."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from services.market_data import announcing
from services.market_data.adapters.store import Store
from services.market_data.adapters.venue import RestVenue
from services.market_data.alerts import Alerts
from services.market_data.closer import Closer
from services.market_data.core.bars import Bar, Named, aggregate
from services.market_data.market import Market
from services.market_data.sockets import Sockets
from shared.redis_streams.source import Source
from shared.schemas.base import Timeframe
from shared.timeframes import MINUTE, above, bar_open, length

log = structlog.get_logger()

QUARTER = 15 * MINUTE
LOOKBACK = 2
"""Bars checked again of the quarter before: the venue may have corrected them late."""
STALE_AFTER = 60.0


@dataclass
class Guard:
    """`speed` 1: on the wall's quarter hours; otherwise on the venue's."""

    market: Market
    sockets: Sockets
    closer: Closer
    venue: RestVenue
    store: Store
    source: Source
    alerts: Alerts
    speed: float
    stale: set[str] = field(default_factory=set)
    checked_until: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Check and watch until `stop`."""
        if self.speed != 1:
            await self._on_venue_time(stop)
            return
        scheduler: Any = AsyncIOScheduler(timezone="UTC")  # type: ignore[no-untyped-call]
        scheduler.add_job(self._due.set, "cron", minute="*/15", second=5)
        scheduler.start()
        try:
            await self._on_wall_time(stop)
        finally:
            scheduler.shutdown(wait=False)

    def __post_init__(self) -> None:
        self._due = asyncio.Event()

    async def _on_wall_time(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._due.wait()
            await self.look_for_silence()
            if self._due.is_set() and self.closer.progress is not None:
                self._due.clear()
                await self.check(self.closer.progress.time)

    async def _on_venue_time(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(0.05)
            if self.speed:
                await self.look_for_silence()
            progress = self.closer.progress
            if progress is not None and progress.time - self.checked_until >= QUARTER:
                await self.check(progress.time)

    async def look_for_silence(self) -> None:
        """Say once that a symbol is silent, and once that it is back."""
        for symbol in self.market.symbols:
            age = self.sockets.age(symbol)
            if age is None:
                continue
            if age > STALE_AFTER and symbol not in self.stale:
                self.stale.add(symbol)
                self.alerts.say("warning", "feed_stale", self.market.clock(), f"{symbol}: no message for {age:.0f} s")
                self.sockets.reconnect(f"{symbol} is silent")
            elif age <= STALE_AFTER and symbol in self.stale:
                self.stale.discard(symbol)
                self.alerts.say("info", "feed_recovered", self.market.clock(), f"{symbol}: messages come again")

    async def check(self, until: int) -> None:
        """Compare the bars that closed since the last check with the venue's, and mend what differs."""
        base = self.market.base
        since = max(0, max(self.checked_until, until - QUARTER) - LOOKBACK * length(base))
        for symbol in self.market.symbols:
            await self._check_symbol(symbol, since, until)
        self.checked_until = until

    async def _check_symbol(self, symbol: str, since: int, until: int) -> None:
        base = self.market.base
        theirs = await self.venue.candles(symbol, base, since, until)
        ours = {bar.open_time: bar for bar in await self.store.bars(symbol, base, since, until)}
        differing = [bar for bar in theirs if not _same(ours.get(bar.open_time), bar)]
        if differing:
            log.warning("candles differ from the venue's", symbol=symbol, bars=len(differing), missing=len(theirs))
            await self._revise(symbol, differing, until)

    async def _revise(self, symbol: str, bars: list[Bar], until: int) -> None:
        await self._publish([Named(symbol, self.market.base, bar) for bar in bars])
        for timeframe in above(self.market.base):
            opens = sorted({bar_open(timeframe, bar.open_time) for bar in bars})
            await self._publish(
                [
                    Named(symbol, timeframe, aggregate(opened, parts))
                    for opened in opens
                    if opened + length(timeframe) <= until and (parts := await self._parts(symbol, timeframe, opened))
                ]
            )

    async def _parts(self, symbol: str, timeframe: Timeframe, opened: int) -> list[Bar]:
        known_from = self.closer.progress.known_from[symbol] if self.closer.progress else opened + 1
        if known_from > opened:
            return []
        return await self.store.bars(symbol, self.market.base, opened, opened + length(timeframe))

    async def _publish(self, named: list[Named]) -> None:
        """Those that changed something in the store."""
        changed = {change[:3] for change in await self.store.save_bars(named)}
        for candle in map(announcing.revised, named):
            if (candle.symbol, candle.timeframe, candle.open_time) in changed:
                await self.source.publish_unseen(candle)


def _same(ours: Bar | None, theirs: Bar) -> bool:
    """As stored: to a double's precision."""
    return ours is not None and [float(value) for value in ours] == [float(value) for value in theirs]
