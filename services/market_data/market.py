"""What the sockets have shown of the market so far; the memory that watchers fill and the closer empties."""

import asyncio
import time as wall
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.market_data import announcing
from services.market_data.alerts import Alerts
from services.market_data.core import checks
from services.market_data.core.bars import Bar
from services.market_data.core.checks import BadData
from services.market_data.core.venue_time import VenueTime
from shared.redis_streams.source import Newer
from shared.schemas.base import Timeframe
from shared.timeframes import SECOND, bar_open, length, to_microseconds

TICKER_EVERY = SECOND // 4
BOOK_EVERY = SECOND


@dataclass
class Market:
    """By symbol: quotes, tickers and books to publish, from where on the socket has shown every bar whole (and the
    newest it has `shown`).

    `leftovers` are those of `symbols` that are watched only because of an open trade.

    In lock-step only tickers printed with an open are published, and only tickers tell the time: what is
    published must not depend on the order in which tasks wake.
    """

    base: Timeframe
    symbols: tuple[str, ...]
    lockstep: bool
    time: VenueTime
    alerts: Alerts
    leftovers: frozenset[str] = frozenset()
    news: asyncio.Event = field(default_factory=asyncio.Event)
    quotes: dict[str, announcing.Touch] = field(default_factory=dict)
    whole_from: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    _tickers: dict[str, Newer] = field(default_factory=dict)
    _books: dict[str, Newer] = field(default_factory=dict)
    _published: dict[tuple[str, str], int] = field(default_factory=dict)
    _estimate: tuple[int, float, float] | None = None

    def synchronise(self, venue: int, speed: float) -> None:
        """The venue's clock is at `venue` now and runs `speed` times as fast as the wall's (0: only when told)."""
        self._estimate = (venue, wall.monotonic(), speed) if speed else None
        self.time.passed(venue, wall.monotonic())

    def clock(self) -> int:
        """The venue's clock as far as it is known, or by our estimate."""
        if self._estimate is None:
            return self.time.latest
        venue, at, speed = self._estimate
        return max(self.time.latest, venue + int((wall.monotonic() - at) * speed * SECOND))

    def lost(self, symbol: str) -> None:
        """The candle socket is gone: bars from now on are not whole until it is back."""
        self.whole_from.pop(symbol, None)
        self.shown.pop(symbol, None)

    def forget(self, symbol: str) -> None:
        """Watch it no more; before anything of it was heard."""
        self.symbols = tuple(other for other in self.symbols if other != symbol)
        self.leftovers -= {symbol}
        self.time.forget(symbol)

    def is_suspect(self, symbol: str, until: int) -> bool:
        """Whether nothing of the last bar before `until` was shown, though a ticker says that there was a market.

        In lock-step a symbol without a bar is normal, and what is asked must not depend on who wakes first.
        """
        shown = self.shown.get(symbol)
        if self.lockstep or shown is None:
            return False
        step = length(self.base)
        return until - shown >= 2 * step and self.time.seen(symbol) >= shown + step

    def on_ticker(self, symbol: str, ticker: dict[str, Any]) -> None:
        """A ticker arrived: a quote, and the venue's time."""
        try:
            time = _timestamp(ticker) or self.clock()
            self._trust(time, f"{symbol} ticker")
            touch = checks.touch(ticker["bid"], ticker["ask"])
            last = checks.price(ticker["last"], "last")
        except BadData as error:
            self.alerts.dropped(symbol, error, self.clock())
        else:
            self.quotes[symbol] = touch
            self._offer_ticker(symbol, time, touch, last)
            self.time.saw(symbol, time, wall.monotonic())
        self.news.set()

    def on_bar(self, symbol: str, opened: int) -> None:
        """The bar that opens then is the newest that was updated: the venue's clock has passed its open."""
        try:
            self._trust(opened, f"{symbol} candle")
        except BadData as error:
            self.alerts.dropped(symbol, error, self.clock())
            return
        self.whole_from.setdefault(symbol, opened)
        self.shown[symbol] = max(opened, self.shown.get(symbol, opened))
        if not self.lockstep:
            self.time.saw(symbol, opened, wall.monotonic())
            self.news.set()

    def on_book(self, symbol: str, book: dict[str, Any]) -> None:
        """A book arrived."""
        time = (book["timestamp"] or 0) * 1000 or self.clock()
        if time - self._published.get(("book", symbol), 0) < BOOK_EVERY:
            return
        try:
            self._trust(time, f"{symbol} book")
            bids, asks = _levels(book["bids"]), _levels(book["asks"])
            if bids and asks:
                checks.touch(bids[0][0], asks[0][0])
                if bids[0][0] == asks[0][0]:
                    raise BadData("book_crossed", f"bid and ask are both {bids[0][0]}")
        except BadData as error:
            self.alerts.dropped(symbol, error, self.clock())
            return
        self._published["book", symbol] = time
        self._books[symbol] = announcing.book(symbol, time, bids, asks)
        self.news.set()

    def take(self) -> list[Newer]:
        """Tickers and books to publish now, symbol by symbol."""
        taken = [self._tickers[symbol] for symbol in sorted(self._tickers)]
        taken += [self._books[symbol] for symbol in sorted(self._books)]
        self._tickers.clear()
        self._books.clear()
        return taken

    def _offer_ticker(self, symbol: str, time: int, touch: announcing.Touch, last: Decimal) -> None:
        last_time = self._published.get(("ticker", symbol), -TICKER_EVERY)
        if time - last_time < TICKER_EVERY or (self.lockstep and bar_open(self.base, time) != time):
            return
        self._published["ticker", symbol] = time
        self._tickers[symbol] = announcing.ticker(symbol, time, touch, last)

    def _trust(self, time: int, what: str) -> None:
        """Raises BadData for a time ahead of our estimate of the venue's clock by more than a bar.

        In lock-step the next open may be any time ahead; but nothing there looks at a bar before its time has come.
        """
        if self._estimate is not None:
            speed = max(1.0, self._estimate[2])
            checks.not_in_future(time, self.clock(), int(length(self.base) * speed), what)


def bar_of(cache: dict[int, list[Any]] | None, opened: int, timeframe: Timeframe) -> Bar | None:
    """The bar that opens then, of ccxt's cache by milliseconds. Raises BadData."""
    row = (cache or {}).get(opened // 1000)
    return None if row is None else checks.bar(row, timeframe)


def _timestamp(ticker: dict[str, Any]) -> int | None:
    text = ticker["info"].get("timestamp")
    return None if text is None else to_microseconds(datetime.fromisoformat(text))


def _levels(side: Iterable[Any]) -> list[announcing.Touch]:
    return [(checks.price(level[0], "level"), checks.price(level[1], "quantity")) for level in list(side)[:10]]
