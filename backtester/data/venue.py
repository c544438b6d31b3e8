"""Candles of any venue that ccxt knows, page by page, asked again with patience where the network fails."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import ccxt.async_support as ccxt
from ccxt.base.decimal_to_precision import DECIMAL_PLACES, SIGNIFICANT_DIGITS
from ccxt.base.errors import BaseError, NetworkError

from backtester.data.fields import rows_of
from backtester.data.rows import VALUES, Rows
from backtester.data.steps import Steps
from shared.errors import ConfigError, Retryable
from shared.schemas.base import Timeframe

PAGE = 500
"""Bars asked for at once where ccxt does not know how many a venue gives."""
ATTEMPTS = 8
LONGEST_PAUSE = 30.0
T = TypeVar("T")


def pause_after(failures: int) -> float:
    """Seconds: doubling from half a second to half a minute, with jitter."""
    return min(LONGEST_PAUSE, 0.5 * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)


@asynccontextmanager
async def open_venue(name: str, url: str = "", *, rate_limit: bool = True) -> AsyncIterator["CandleVenue"]:
    """A venue by its ccxt name, at `url` instead of its own address where one is given. ConfigError: unknown."""
    if name not in ccxt.exchanges:
        raise ConfigError(f"--venue {name}: ccxt knows no such venue; kraken, binance, coinbase are some it knows")
    exchange = getattr(ccxt, name)({"enableRateLimit": rate_limit, "number": str})
    if url:
        exchange.urls["api"]["public"] = url.rstrip("/")
    try:
        yield CandleVenue(exchange)
    finally:
        await exchange.close()


@dataclass(slots=True)
class CandleVenue:
    """Retryable: the venue can't be reached, or refuses. `page_size` 0 asks for as many bars as ccxt says it gives."""

    exchange: Any
    page_size: int = 0

    @property
    def name(self) -> str:
        """As ccxt and the store call it."""
        return str(self.exchange.id)

    async def require(self, symbols: Iterable[str], timeframe: Timeframe) -> None:
        """ConfigError names what the venue does not trade, or bars it does not have."""
        await self._asked("markets", self.exchange.load_markets)
        if unknown := [symbol for symbol in symbols if symbol not in self.exchange.markets]:
            raise ConfigError(f"--symbols: {', '.join(unknown)} not traded at {self.name}; take them out")
        known = self.exchange.timeframes or {}
        if not self.exchange.has["fetchOHLCV"] or timeframe not in known:
            raise ConfigError(f"--timeframe {timeframe}: {self.name} has only {', '.join(known) or 'no candles'}")

    def steps(self, symbol: str) -> Steps:
        """What the venue says of a pair that was required; a tick of so many significant digits is none."""
        market = self.exchange.markets[symbol]
        precision, limits, mode = market["precision"], market["limits"], self.exchange.precisionMode
        return Steps(
            tick=_step(precision.get("price"), mode),
            lot=_step(precision.get("amount"), mode),
            min_quantity=_positive((limits.get("amount") or {}).get("min")),
            min_cost=_positive((limits.get("cost") or {}).get("min")),
        )

    async def time(self) -> int:
        """The venue's clock in microseconds; this machine's where it shows none."""
        if not self.exchange.has["fetchTime"]:
            return int(self.exchange.milliseconds()) * 1000
        return int(await self._asked("time", self.exchange.fetch_time)) * 1000

    async def page(self, symbol: str, timeframe: Timeframe, since: int) -> Rows:
        """The first bars that open from `since` (microseconds) on, as far as the venue keeps them."""
        limit = self.limit(symbol)
        answer = await self._asked(
            f"{symbol} {timeframe} candles",
            lambda: self.exchange.fetch_ohlcv(symbol, str(timeframe), since // 1000, limit),
        )
        return _rows(f"{self.name} {symbol} {timeframe}", answer)

    def limit(self, symbol: str) -> int:
        """Bars of one page."""
        return self.page_size or int(self.exchange.feature_value(symbol, "fetchOHLCV", "limit", PAGE) or PAGE)

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        attempt = 1
        while True:
            try:
                return await ask()
            except NetworkError as error:
                if attempt == ATTEMPTS:
                    raise Retryable(f"{self.name} gave no {what}: {_short(error)}; try again later") from None
            except BaseError as error:
                raise Retryable(f"{self.name} refused {what}: {_short(error)}") from None
            await asyncio.sleep(pause_after(attempt))
            attempt += 1


def _rows(source: str, answer: list[list[Any]]) -> Rows:
    texts = {name: [str(row[index]) for row in answer] for index, name in enumerate(("time", *VALUES))}
    return rows_of(source, "bar", [int(row[0]) * 1000 for row in answer], texts)


def _step(value: Any, mode: int) -> Decimal | None:
    if value is None or mode == SIGNIFICANT_DIGITS:
        return None
    return Decimal(1).scaleb(-int(value)) if mode == DECIMAL_PLACES else _positive(value)


def _positive(value: Any) -> Decimal | None:
    number = Decimal(str(value or 0))
    return number if number > 0 else None


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
