"""The venue through ccxt: addresses, clock, instruments and candles by REST."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import ccxt.pro
import structlog
from ccxt.base.errors import BaseError, NetworkError

from services.market_data.core import checks
from services.market_data.core.bars import Bar
from shared.config import Settings
from shared.errors import ConfigError, Retryable
from shared.schemas.base import Timeframe
from shared.timeframes import length

log = structlog.get_logger()
T = TypeVar("T")

CANDLES_AT_ONCE = 720
"""How many bars Kraken's REST keeps and returns of each timeframe."""
ATTEMPTS = 3
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Instrument:
    """A pair and its precision on the venue."""

    symbol: str
    base: str
    quote: str
    price_tick: Decimal
    lot_step: Decimal
    min_quantity: Decimal | None
    min_cost: Decimal | None


def connect(settings: Settings) -> Any:
    """A ccxt client. The rate limit is the venue's; a playback has a faster clock than its waits.

    Numbers arrive as floats, whose shortest text is what the venue sent: with `number = str` ccxt's order books raise
    inside its receive loop, which then never receives again.
    """
    exchange = getattr(ccxt.pro, settings.venue)({"enableRateLimit": settings.playback_speed == 1, "newUpdates": True})
    if settings.venue_url:
        _point_at(exchange, settings.venue_url.rstrip("/"))
    return exchange


def _point_at(exchange: Any, url: str) -> None:
    api = exchange.urls["api"]
    api["public"] = api["private"] = url
    socket = f"ws{url.removeprefix('http')}/v2"
    for name in api["ws"]:
        api["ws"][name] = socket


def pause_after(failures: int) -> float:
    """Seconds: doubling from a quarter of a second to a minute, with jitter so that not all come back at once."""
    return min(LONGEST_PAUSE, 0.25 * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1.0)


Dropped = Callable[[str, checks.BadData, int], object]
"""Told of a symbol's row that can't be, and of the end of the range that was asked for."""


def _log_dropped(symbol: str, error: checks.BadData, until: int) -> None:
    log.warning("candle dropped", symbol=symbol, code=error.code, error=str(error))


@dataclass(frozen=True, slots=True)
class Outage:
    """The venue fails us `since` then, `last` is the newest failure (wall clock), for `cause`."""

    since: datetime
    last: datetime
    cause: str

    @classmethod
    def after(cls, before: "Outage | None", error: Exception) -> "Outage":
        """The outage that goes on, or begins, with this error."""
        now = datetime.now(UTC)
        return cls(before.since if before else now, now, in_words(error))


class RestVenue:
    """What is asked of the venue, rather than watched. Retryable: it can't be reached, or makes no sense now.

    `outage` stands from the first failure to the next answer, also while a question is asked again and again.
    """

    def __init__(self, exchange: Any, dropped: Dropped = _log_dropped) -> None:
        self._exchange = exchange
        self._dropped = dropped
        self._asking = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self.outage: Outage | None = None

    async def time(self) -> int:
        """The venue's clock, microseconds since the epoch."""
        return int(await self._asked("time", self._exchange.fetch_time)) * 1000

    async def instruments(self, symbols: tuple[str, ...]) -> list[Instrument]:
        """The pairs' precision; ConfigError names those that the venue does not trade."""
        if unknown := await self.unknown(symbols):
            raise ConfigError(f"SYMBOLS: {', '.join(unknown)} not traded at {self._exchange.id}; take them out")
        return [_instrument(self._exchange.markets[symbol]) for symbol in symbols]

    async def unknown(self, symbols: Iterable[str]) -> list[str]:
        """Those that the venue does not trade."""
        await self._asked("markets", self._exchange.load_markets)
        return [symbol for symbol in symbols if symbol not in self._exchange.markets]

    async def candles(self, symbol: str, timeframe: Timeframe, since: int, until: int) -> list[Bar]:
        """Bars that open from `since` on and have closed by `until`, oldest first; at most what the venue keeps.

        A row that can't be is dropped and said; the others are as good as without it.
        """
        # Kraken's `since` excludes; ccxt hands it on as whole seconds
        rows = await self._asked(
            f"{symbol} {timeframe} candles",
            lambda: self._exchange.fetch_ohlcv(symbol, str(timeframe), since // 1000 - 1000, CANDLES_AT_ONCE),
        )
        bars = sorted(bar for row in rows if (bar := self._checked(symbol, row, timeframe, until)))
        return [bar for bar in bars if since <= bar.open_time and bar.open_time + length(timeframe) <= until]

    def _checked(self, symbol: str, row: Sequence[object], timeframe: Timeframe, until: int) -> Bar | None:
        try:
            return checks.bar(row, timeframe)
        except checks.BadData as error:
            self._dropped(symbol, error, until)
            return None

    async def close(self) -> None:
        """Give up every connection, once the last answer is there: a later question would open them again."""
        self._closed = True
        await self._idle.wait()
        await self._exchange.close()

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        self._asking += 1
        self._idle.clear()
        try:
            return await self._retried(what, ask)
        finally:
            self._asking -= 1
            if not self._asking:
                self._idle.set()

    async def _retried(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            if self._closed:
                raise Retryable("stopping: the venue is asked nothing more")
            try:
                answer = await ask()
                self.outage = None
                return answer
            except NetworkError as error:
                self.outage = Outage.after(self.outage, error)
                if attempt == ATTEMPTS:
                    raise Retryable(f"{self._exchange.id} gave no {what}: {_short(error)}") from None
                log.info("asking the venue again", what=what, attempt=attempt, error=_short(error))
                await asyncio.sleep(pause_after(attempt))
            except BaseError as error:
                self.outage = Outage.after(self.outage, error)
                raise Retryable(f"{self._exchange.id} refused {what}: {_short(error)}") from None
        raise AssertionError("unreachable")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def in_words(error: Exception) -> str:
    """The error and what lies under it: ccxt's own text names only the address."""
    under = error.__cause__
    return f"{_short(error)} ({str(under)[:200]})" if under and str(under) else _short(error)


def _instrument(market: dict[str, Any]) -> Instrument:
    limits, precision = market["limits"], market["precision"]
    return Instrument(
        symbol=market["symbol"],
        base=market["base"],
        quote=market["quote"],
        price_tick=Decimal(str(precision["price"])),
        lot_step=Decimal(str(precision["amount"])),
        min_quantity=_optional(limits["amount"]["min"]),
        min_cost=_optional(limits["cost"]["min"]),
    )


def _optional(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
