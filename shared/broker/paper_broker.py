"""A broker of our own on real prices: the same contract as a venue, books in a file, fed with market messages.

Market orders and triggered stops fill at the touch, through the depth of the book where it is known (what a book does
not hold waits for the next one); what happened between two tickers is read from the closed bar. Fees, reservations,
minimums and rounding are the venue's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from shared.broker import paper_store
from shared.broker.base import (
    BrokerUnavailable,
    DeadlineElapsed,
    Execution,
    Instrument,
    InsufficientFunds,
    OrderRefused,
    OrderRequest,
    VenueOrder,
)
from shared.broker.fills import BUY, SELL, match_order
from shared.broker.paper_ledger import Liquidity, PaperLedger, as_new, check_grid, grid_of
from shared.broker.paper_market import (
    QUOTE_IS_FRESH,
    Piece,
    Quote,
    at_once,
    reached_by_bar,
    takes_book,
    with_book,
    with_ticker,
)
from shared.broker.paper_store import PaperOrder, PaperStore
from shared.errors import ConfigError
from shared.schemas.market import BookUpdated, CandleClosed, TickerUpdated

SNAPSHOT = 50
"""Executions repeated to a new listener, as Kraken does."""


class InstrumentSource(Protocol):
    """Whoever knows the grids of pairs: the venue whose prices we trade on."""

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """The account: `file` of its books, starting cash, fee rates as fractions; `speed` as in the settings."""

    file: Path
    currency: str
    initial_balance: Decimal
    taker_fee: Decimal
    maker_fee: Decimal
    speed: float = 1.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PaperBroker:
    """One paper account. Prices come through `on_ticker`, `on_book` and `on_candle`; without one, nothing fills.

    `wall` counts seconds; `utc` is the clock that real prices are compared with, so that a restarted broker that
    hears of the past first knows it for the past.
    """

    def __init__(
        self,
        terms: PaperTerms,
        source: InstrumentSource,
        wall: Callable[[], float] = time.monotonic,
        utc: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._terms = terms
        self._source = source
        self._wall = wall
        self._utc = utc
        self._store = PaperStore(terms.file)
        self._quotes: dict[str, Quote] = {}
        self._listeners: set[asyncio.Event] = set()
        self._anchor: tuple[datetime, float] | None = None
        self._told: datetime | None = None
        self._book = _opened_books(self._store, terms)
        self._ledger = PaperLedger(self._store, terms.taker_fee, terms.maker_fee)

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]:
        """The grid of each symbol; asked of the venue once, then remembered."""
        known = {symbol: self._store.instrument(symbol) for symbol in symbols}
        if missing := tuple(symbol for symbol, grid in known.items() if grid is None):
            found = await self._source.instruments(missing)
            with self._store.transaction():
                for grid in found.values():
                    self._store.keep_instrument(grid)
            known |= found
        return {symbol: grid for symbol, grid in known.items() if grid is not None}

    async def now(self) -> datetime:
        """The time of the latest price, and what has passed since; before the first, the wall clock. Never goes back.

        On real prices it is never behind the wall clock.
        """
        return self._now()

    async def place(self, order: OrderRequest, deadline: datetime) -> str:
        """Book the order, and fill it where the quote allows.

        BrokerUnavailable while there is no price, or for a market order only an old one.
        """
        instrument = (await self.instruments((order.symbol,)))[order.symbol]
        now = await self.now()
        if now > deadline:
            raise DeadlineElapsed(f"deadline elapsed: it was {deadline}, and now it is {now}")
        quote = self._quotes.get(order.symbol)
        if quote is None:
            raise BrokerUnavailable(f"no price of {order.symbol} yet")
        if order.order_type == "market" and not self._is_fresh(quote):
            raise BrokerUnavailable(f"the last price of {order.symbol} is of {quote.as_of}, and now it is {now}")
        with self._changing():
            wanted = as_new(order, now)
            self._ledger.check(wanted, instrument, quote)
            placed = self._store.add_order(wanted)
            self._ledger.book(placed, self._met(placed, quote), "taker", now)
        return paper_store.venue_order_id(self._book, placed.number)

    async def amend(self, venue_order_id: str, symbol: str, quantity: Decimal, trigger_price: Decimal) -> None:
        """Change a resting stop's quantity and trigger; it keeps its id."""
        instrument = (await self.instruments((symbol,)))[symbol]
        now = await self.now()
        with self._changing():
            order = self._open_order(venue_order_id)
            if order.order_type != "stop-loss" or quantity <= order.filled:
                raise OrderRefused(f"order {venue_order_id} cannot be amended to {quantity} at {trigger_price}")
            amended = replace(order, quantity=quantity, trigger_price=trigger_price, since=now)
            check_grid(amended, instrument)
            if amended.remaining > self._ledger.free(symbol.split("/")[0], order.number):
                raise InsufficientFunds(f"insufficient funds: amending to {quantity} needs more than is free")
            self._store.save_order(amended)
            if quote := self._quotes.get(symbol):
                self._ledger.book(amended, self._met(amended, quote), "taker", now)

    async def cancel(self, venue_order_id: str, symbol: str) -> None:
        """Cancel; OrderRefused where it is not open any more."""
        with self._changing():
            order = self._open_order(venue_order_id)
            self._store.save_order(replace(order, status="canceled", reason="canceled by the desk"))

    async def find(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        """The latest order with this client id."""
        order = self._store.order_of(client_order_id)
        return None if order is None else paper_store.view(order, self._book)

    async def open_orders(self) -> list[VenueOrder]:
        """Every open order, oldest first."""
        return [paper_store.view(order, self._book) for order in self._store.open_orders()]

    async def executions_of(self, venue_order_id: str, symbol: str) -> list[Execution]:
        """All fills of one order, oldest first."""
        return self._store.executions_of(paper_store.order_number(self._book, venue_order_id), self._book)

    async def balances(self) -> dict[str, Decimal]:
        """Total of each asset that is not zero, and of the currency."""
        held = self._store.balances()
        return {asset: total for asset, total in held.items() if total or asset == self._terms.currency}

    async def executions(self) -> AsyncIterator[Execution]:
        """Fills as they happen, after the last fifty."""
        cursor = max(0, self._store.last_execution() - SNAPSHOT)
        news = asyncio.Event()
        self._listeners.add(news)
        try:
            while True:
                news.clear()
                for number, execution in self._store.executions_after(cursor, self._book):
                    cursor = number
                    yield execution
                if cursor == self._store.last_execution():
                    await news.wait()
        finally:
            self._listeners.discard(news)

    async def close(self) -> None:
        """Close the file and the source of grids."""
        self._store.close()
        await self._source.close()

    def on_ticker(self, ticker: TickerUpdated) -> None:
        """A new touch: stops trigger on the last trade, limits and waiting market orders take what it offers."""
        self._tick(ticker.occurred_at)
        known = self._quotes.get(ticker.symbol)
        quote = self._quotes[ticker.symbol] = with_ticker(known, ticker)
        if quote is not known:
            waiting = [o for o in self._store.open_orders(ticker.symbol) if not takes_book(o, quote)]
            self._fill(waiting, quote)

    def on_book(self, book: BookUpdated) -> None:
        """A new depth."""
        self._tick(book.occurred_at)
        known = self._quotes.get(book.symbol)
        quote = with_book(known, book)
        if quote is not None and quote is not known:
            self._quotes[book.symbol] = quote
            self._fill(self._store.open_orders(book.symbol), quote)

    def on_candle(self, candle: CandleClosed) -> None:
        """What happened between tickers, to orders that rested during the whole bar."""
        self._tick(candle.occurred_at)
        orders = self._store.open_orders(candle.symbol)
        instrument = self._store.instrument(candle.symbol)
        if orders and instrument is not None:
            grid = grid_of(instrument)
            met = [(order, [piece]) for order in orders if (piece := reached_by_bar(order, candle, grid))]
            self._book_all(met, candle.occurred_at)

    def _fill(self, orders: Sequence[PaperOrder], quote: Quote) -> None:
        concerned = [order for order in orders if order.since <= quote.as_of]
        able = [order for order in concerned if order.order_type != "market" or self._is_fresh(quote)]
        self._book_all([(order, pieces) for order in able if (pieces := at_once(order, quote))], quote.time)

    def _met(self, order: PaperOrder, quote: Quote) -> list[Piece]:
        """What an order meets as it arrives; an old price has nothing to offer any more."""
        return at_once(order, quote) if self._is_fresh(quote) else []

    def _is_fresh(self, quote: Quote) -> bool:
        return self._now() - quote.as_of <= QUOTE_IS_FRESH * max(1.0, self._terms.speed)

    def _now(self) -> datetime:
        real = self._terms.speed == 1
        if self._anchor is None and not real:
            # a playback's time may lie anywhere: the wall clock stands in for it, and binds nobody
            return self._utc()
        known = [self._told] if self._told else []
        if real:
            known.append(self._utc())
        if self._anchor is not None:
            at, read_at = self._anchor
            known.append(at + timedelta(seconds=(self._wall() - read_at) * self._terms.speed))
        self._told = max(known)
        return self._told

    def _book_all(self, met: Sequence[tuple[PaperOrder, list[Piece]]], time: datetime) -> None:
        if met:
            with self._changing():
                for order, pieces in sorted(met, key=lambda pair: _match_order(pair[0])):
                    liquidity: Liquidity = "maker" if order.order_type == "limit" else "taker"
                    self._ledger.book(order, pieces, liquidity, time)

    def _open_order(self, venue_order_id: str) -> PaperOrder:
        order = self._store.order(paper_store.order_number(self._book, venue_order_id))
        if order is None or order.status != "open":
            raise OrderRefused(f"order {venue_order_id} is not open")
        return order

    def _tick(self, at: datetime) -> None:
        if self._anchor is None or at > self._anchor[0]:
            self._anchor = (at, self._wall())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._store.transaction():
            yield
        for listener in self._listeners:
            listener.set()


def _match_order(order: PaperOrder) -> tuple[int, str, str]:
    return match_order(BUY if order.side == "buy" else SELL, order.symbol, order.client_order_id)


def _opened_books(store: PaperStore, terms: PaperTerms) -> str:
    """The book's own name, made with the file; ConfigError where the file holds another currency."""
    with store.transaction():
        name, currency = store.fact("book"), store.fact("currency")
        if name is None:
            name = f"P{time.time_ns() // 1_000_000:X}"
            store.remember("book", name)
            store.remember("currency", terms.currency)
            store.add_to_balance(terms.currency, terms.initial_balance)
        elif currency != terms.currency:
            raise ConfigError(
                f"the paper account in {terms.file} is in {currency}, the symbols are quoted in {terms.currency}: "
                "trade pairs of that quote, or `parley reset` to start anew"
            )
    return name
