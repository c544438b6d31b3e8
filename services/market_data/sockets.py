"""One watcher for each symbol and channel, each with its own reconnect, backoff and health."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from ccxt.base.errors import BaseError, NetworkError

from services.market_data.adapters.venue import Outage, pause_after
from services.market_data.market import Market
from shared.schemas.base import Timeframe

log = structlog.get_logger()

BOOK_DEPTH = 10


@dataclass
class Socket:
    """The health of one subscription."""

    state: str = "connecting"
    reconnects: int = 0
    failures: int = 0
    last: float | None = None
    outage: Outage | None = None

    def heard(self) -> None:
        self.state, self.failures, self.last, self.outage = "open", 0, time.monotonic(), None

    def failed(self, error: Exception) -> None:
        self.reconnects += 1
        self.failures += 1
        self.outage = Outage.after(self.outage, error)
        self.state = f"down: {type(error).__name__}: {str(error)[:120]}"

    def report(self) -> dict[str, object]:
        age = None if self.last is None else round(time.monotonic() - self.last, 1)
        return {"state": self.state, "age": age, "reconnects": self.reconnects}


@dataclass
class Sockets:
    """Watches the venue through ccxt.pro and hands everything to the market."""

    exchange: Any
    market: Market
    timeframe: Timeframe
    books: bool
    health: dict[str, dict[str, Socket]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`. A watcher that breaks in a way nobody expected ends all, and crashes the service."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._watch(symbol, channel, once))
                for symbol in self.market.symbols
                for channel, once in self._channels(symbol).items()
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()

    def age(self, symbol: str) -> float | None:
        """Seconds since the last message of any channel of the symbol; None before the first."""
        heard = [socket.last for socket in self.health.get(symbol, {}).values() if socket.last is not None]
        return time.monotonic() - max(heard) if heard else None

    def outages(self) -> dict[str, Outage]:
        """The subscriptions that are down, as "BTC/USD candles"."""
        return {
            f"{symbol} {channel}": socket.outage
            for symbol, channels in self.health.items()
            for channel, socket in channels.items()
            if socket.outage
        }

    def quiet_for(self) -> float | None:
        """Seconds since the last message of any symbol; None before the first."""
        ages = [age for symbol in self.health if (age := self.age(symbol)) is not None]
        return min(ages, default=None)

    def reconnect(self, why: str) -> None:
        """Give the connection up; every watcher subscribes again."""
        for client in list(self.exchange.clients.values()):
            client.on_error(NetworkError(why))

    def report(self) -> Mapping[str, object]:
        """Each socket's state, by symbol and channel."""
        return {
            symbol: {channel: socket.report() for channel, socket in channels.items()}
            for symbol, channels in self.health.items()
        }

    def bars(self, symbol: str) -> dict[int, list[Any]] | None:
        """ccxt's cache of base bars, by open in milliseconds; it follows the order of the messages."""
        cache = self.exchange.ohlcvs.get(symbol, {}).get(self.timeframe)
        return None if cache is None else cache.hashmap

    def _channels(self, symbol: str) -> dict[str, Callable[[], Awaitable[None]]]:
        # candles first: whoever hears a ticker after that has been subscribed to the candles before
        channels: dict[str, Callable[[], Awaitable[None]]] = {
            "candles": lambda: self._candles(symbol),
            "ticker": lambda: self._ticker(symbol),
        }
        if self.books:
            channels["book"] = lambda: self._book(symbol)
        return channels

    async def _candles(self, symbol: str) -> None:
        updated = await self.exchange.watch_ohlcv(symbol, self.timeframe)
        if updated:
            self.market.on_bar(symbol, max(row[0] for row in updated) * 1000)

    async def _ticker(self, symbol: str) -> None:
        await self.exchange.watch_ticker(symbol)
        # a later one may have come while this task woke up
        self.market.on_ticker(symbol, self.exchange.tickers[symbol])

    async def _book(self, symbol: str) -> None:
        self.market.on_book(symbol, await self.exchange.watch_order_book(symbol, BOOK_DEPTH))

    async def _watch(self, symbol: str, channel: str, once: Callable[[], Awaitable[None]]) -> None:
        socket = self.health.setdefault(symbol, {}).setdefault(channel, Socket())
        while True:
            try:
                await once()
                socket.heard()
            except (BaseError, OSError) as error:
                await self._broke(symbol, channel, socket, error)

    async def _broke(self, symbol: str, channel: str, socket: Socket, error: Exception) -> None:
        if channel == "candles":
            self.market.lost(symbol)
        socket.failed(error)
        pause = pause_after(socket.failures)
        log.warning("socket lost", symbol=symbol, channel=channel, seconds=round(pause, 2), state=socket.state)
        with suppress(TimeoutError):
            await asyncio.sleep(pause)
