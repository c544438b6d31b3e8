"""Ends instants: gaps first, then the store, then the stream, one instant after the other.

Start-up is recovery: what was published is known from the source's cursor, what was stored from the database, and what
happened meanwhile from the venue.
"""

import asyncio
import time as wall
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from services.market_data import announcing
from services.market_data.adapters.store import Store
from services.market_data.adapters.venue import CANDLES_AT_ONCE, RestVenue
from services.market_data.alerts import Alerts
from services.market_data.core.bars import Bar, Named
from services.market_data.core.checks import BadData
from services.market_data.core.instants import Progress, rebuilt
from services.market_data.market import Market, bar_of
from services.market_data.sockets import Sockets
from shared.errors import Retryable
from shared.redis_streams.source import Newer, Source
from shared.schemas.base import Timeframe
from shared.schemas.market import CandleClosed
from shared.timeframes import SECOND, above, bar_open, from_microseconds, length

log = structlog.get_logger()

LOOK_EVERY = 0.25
INSTANTS = "instants"


@dataclass
class Closer:
    """The one loop that publishes. `speed` is the venue's seconds per wall second, 0 in lock-step."""

    market: Market
    sockets: Sockets
    venue: RestVenue
    store: Store
    source: Source
    alerts: Alerts
    decision: Timeframe
    speed: float
    progress: Progress | None = None
    recovered: asyncio.Event = field(default_factory=asyncio.Event)
    deaf: set[str] = field(default_factory=set)
    _filled: dict[str, dict[int, Bar]] = field(default_factory=dict)
    _asked_time: float = 0.0
    _published: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Recover, then end every instant as it comes. Retryable where the world outside fails: run again."""
        self.progress = await self.recover()
        self.recovered.set()
        while not stop.is_set():
            await self.turn()
            if not await self._news():
                await self._require_memory_of_redis()

    async def recover(self) -> Progress:
        """Where the last run ended, its bars and those that closed meanwhile."""
        await self._leave_unknown_out()
        await self.store.save_instruments(await self.venue.instruments(self.market.symbols))
        now = await self.venue.time()
        self.market.synchronise(now, self.speed)
        base = self.market.base
        cursor = await self.source.cursor(f"BarsClosed:{base}", INSTANTS)
        time = bar_open(base, now) if cursor is None else cursor
        self._filled = {}
        self._published = False
        known_from: dict[str, int] = {}
        bars: list[Named] = []
        for symbol in self.market.symbols:
            known_from[symbol] = await self._history(symbol, time)
            since = min(bar_open(timeframe, time) for timeframe in above(base))
            stored = await self.store.bars(symbol, base, since, time)
            bars += [Named(symbol, base, bar) for bar in stored]
            unpublished = await self.store.bars(symbol, base, time, bar_open(base, now))
            self._filled[symbol] = {bar.open_time: bar for bar in unpublished}
            self.market.lost(symbol)
        return rebuilt(base, time, known_from, bars)

    async def _leave_unknown_out(self) -> None:
        """An open trade in what the venue does not trade any more must not stop the others."""
        for symbol in await self.venue.unknown(sorted(self.market.leftovers)) if self.market.leftovers else []:
            self.market.forget(symbol)
            text = f"{symbol} has an open trade, but the venue does not trade it: nobody can close it"
            self.alerts.say("critical", "trade_without_market", self.market.clock(), text)

    async def turn(self) -> None:
        """End what is due and publish what is waiting."""
        await self._ask_for_the_time()
        horizon = self.market.time.horizon(wall.monotonic())
        # in lock-step not before every symbol has shown the same time, lest one ticker overtakes the candles
        waiting = self.market.take() if self.speed or horizon >= self.market.time.latest else []
        progress = self._progressed()
        due = progress.due(horizon)
        if due:
            # once a turn: of a catch-up, only the last instant is sure to move the cursor
            await self._require_memory_of_redis()
            await self._fill_gaps(progress.time, horizon)
        for time in due:
            await self._end(time, tick=time == due[-1], also=waiting if time == due[-1] else [])
        if waiting and not due:
            await self.source.publish_newer_many(waiting)
        await self.alerts.flush()

    async def _end(self, time: int, tick: bool, also: list[Newer]) -> None:
        ended, progress = self._progressed().after(time, self._closed_at(time))
        messages = announcing.instant(ended, self.market.quotes, tick, self.market.leftovers)
        await self.store.save([item.message for item in messages if isinstance(item.message, CandleClosed)])
        if messages or also:
            await self.source.publish_newer_many([*messages, *also])
        self.progress = progress
        self._published = self._published or tick

    def _progressed(self) -> Progress:
        assert self.progress is not None
        return self.progress

    def _closed_at(self, time: int) -> dict[str, Bar]:
        """The base bars that closed at `time`: as the socket had them, or as they were filled in."""
        opened = time - length(self.market.base)
        found = {symbol: self._bar(symbol, opened) for symbol in self.market.symbols}
        return {symbol: bar for symbol, bar in found.items() if bar is not None}

    def _bar(self, symbol: str, opened: int) -> Bar | None:
        filled = self._filled.get(symbol, {})
        if opened in filled:
            return filled[opened]
        if opened < self.market.whole_from.get(symbol, opened + 1):
            return None
        try:
            return bar_of(self.sockets.bars(symbol), opened, self.market.base)
        except BadData as error:
            self.alerts.dropped(symbol, error, opened + length(self.market.base))
            return None

    async def _fill_gaps(self, since: int, until: int) -> None:
        """Ask the venue for the bars between that no socket has shown whole.

        One connection carries every symbol in order: whoever is silent while others are heard had no trades. Where
        nobody is heard any more, nothing that the sockets have shown is known to be whole.
        """
        silent = self.market.time.heard < until
        self._hear_again(until)
        for symbol in self.market.symbols:
            self._filled[symbol] = {
                opened: bar for opened, bar in self._filled.get(symbol, {}).items() if opened >= since
            }
            doubted = silent or self.market.is_suspect(symbol, until)
            whole_from = None if doubted else self.market.whole_from.get(symbol)
            missing_until = until if whole_from is None else min(until, whole_from)
            if missing_until > since:
                await self._fill(symbol, since, missing_until)

    async def _fill(self, symbol: str, since: int, until: int) -> None:
        bars = await self.venue.candles(symbol, self.market.base, since, until)
        self._filled[symbol].update({bar.open_time: bar for bar in bars})
        count = (until - since) // length(self.market.base)
        log.info("gap filled", symbol=symbol, bars=len(bars), of=count, since=str(from_microseconds(since)))
        if bars and count > CANDLES_AT_ONCE and bars[0].open_time > since:
            await self._bridge(symbol, since, bars[0].open_time)
        self._judge(symbol, bars, until)

    def _judge(self, symbol: str, bars: list[Bar], until: int) -> None:
        """Whether the socket is deaf: the venue has trades in bars that an open subscription never showed."""
        if not self.market.is_suspect(symbol, until - length(self.market.base)):
            return  # an update of the very last bar may still be on its way
        missed = [bar for bar in bars if bar.volume and bar.open_time > self.market.shown[symbol]]
        if missed:
            self.deaf.add(symbol)
            text = f"{symbol}: tickers come, candles since {from_microseconds(missed[0].open_time)} do not"
            self.alerts.say("warning", "candles_stale", until, text)
            self.market.lost(symbol)
            self.sockets.reconnect(f"{symbol} has no candles")

    def _hear_again(self, until: int) -> None:
        for symbol in sorted(self.deaf & self.market.whole_from.keys()):
            self.deaf.discard(symbol)
            self.alerts.say("info", "candles_recovered", until, f"{symbol}: candles come again")

    async def _bridge(self, symbol: str, since: int, until: int) -> None:
        """The venue keeps no base bars of a gap this old: at least the decision bars, for the windows."""
        progress = self._progressed()
        self.progress = Progress(progress.base, progress.time, {**progress.known_from, symbol: until}, progress.forming)
        text = f"{symbol}: no {progress.base} bars from {from_microseconds(since)} to {from_microseconds(until)}"
        self.alerts.say("warning", "candles_lost", until, text)
        await self._save_history(symbol, self.decision, bar_open(self.decision, since), until)

    async def _history(self, symbol: str, until: int) -> int:
        """Since when every base bar is known; fetches what the venue keeps when there is nothing yet."""
        base = self.market.base
        if await self.store.first(symbol, base) is None:
            for timeframe in dict.fromkeys((base, self.decision)):
                since = max(0, bar_open(timeframe, until) - CANDLES_AT_ONCE * length(timeframe))
                await self._save_history(symbol, timeframe, since, until)
        first = await self.store.first(symbol, base)
        return until if first is None else min(first, until)

    async def _save_history(self, symbol: str, timeframe: Timeframe, since: int, until: int) -> None:
        bars = await self.venue.candles(symbol, timeframe, since, until)
        await self.store.save_bars(Named(symbol, timeframe, bar) for bar in bars)
        log.info("history stored", symbol=symbol, timeframe=timeframe, bars=len(bars))

    async def _ask_for_the_time(self) -> None:
        """Where every symbol is silent, the venue itself must say that a bar is over: our estimate is no proof."""
        if not self.speed:
            return
        next_instant = self._progressed().time + length(self.market.base)
        overdue = self.market.clock() > next_instant + 2 * SECOND and self.market.time.latest < next_instant
        if overdue and wall.monotonic() - self._asked_time > 1:
            self._asked_time = wall.monotonic()
            self.market.synchronise(await self.venue.time(), self.speed)

    async def _require_memory_of_redis(self) -> None:
        """Retryable, and thereby recovery, where Redis has forgotten instants that we know it had."""
        cursor = await self.source.cursor(f"BarsClosed:{self.market.base}", INSTANTS)
        if self._published and (cursor or 0) < self._progressed().time:
            raise Retryable("Redis has lost its last instants: publishing them again")

    async def _news(self) -> bool:
        """Wait for news, but not for long; whether there were any."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await self.market.news.wait()
        news = self.market.news.is_set()
        self.market.news.clear()
        return news
