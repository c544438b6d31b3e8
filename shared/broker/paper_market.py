"""What the paper broker knows of a symbol's market, and which prices an order meets there. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from shared.broker import fills
from shared.broker.paper_store import PaperOrder
from shared.portfolio.grid import Grid
from shared.schemas.market import BookUpdated, CandleClosed, Level, TickerUpdated

BOOK_IS_FRESH = timedelta(seconds=2)
QUOTE_IS_FRESH = timedelta(seconds=30)
Piece = tuple[Decimal, Decimal]
"""Price and quantity of one part of a fill."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The touch and the last trade at `time`; the levels where a book of about that time is known."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    time: datetime
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    book_time: datetime | None = None

    @property
    def as_of(self) -> datetime:
        """When the market was last heard: a book is as good a proof of the price as a ticker."""
        return self.time if self.book_time is None else max(self.time, self.book_time)

    def levels(self, buys: bool) -> Sequence[Level]:
        """The side of a fresh book that a market order meets; empty where the book is unknown or old."""
        if self.book_time is None or self.time - self.book_time > BOOK_IS_FRESH:
            return ()
        return self.asks if buys else self.bids


def with_ticker(quote: Quote | None, ticker: TickerUpdated) -> Quote:
    """The quote after a ticker; an older one changes nothing."""
    if quote is None:
        return Quote(ticker.bid, ticker.ask, ticker.last, ticker.occurred_at)
    if ticker.occurred_at < quote.time:
        return quote
    return replace(quote, bid=ticker.bid, ask=ticker.ask, last=ticker.last, time=ticker.occurred_at)


def with_book(quote: Quote | None, book: BookUpdated) -> Quote | None:
    """The quote after a book; without a ticker there is no last trade, and so no quote."""
    if quote is None or not book.bids or not book.asks:
        return quote
    if quote.book_time is not None and book.occurred_at < quote.book_time:
        return quote
    return replace(quote, bids=book.bids, asks=book.asks, book_time=book.occurred_at)


def takes_book(order: PaperOrder, quote: Quote) -> bool:
    """Whether the order waits for a new book: the levels of the one we know it has already met."""
    waits = order.order_type == "market" or (order.order_type == "stop-loss" and order.filled > 0)
    return waits and bool(quote.levels(order.side == "buy"))


def at_once(order: PaperOrder, quote: Quote) -> list[Piece]:
    """What an order meets at this quote: a market order and a triggered stop all of it, a limit up to its price."""
    buys = order.side == "buy"
    if order.order_type == "stop-loss" and not _triggered(order, quote):
        return []
    bound = order.limit_price if order.order_type == "limit" else None
    pieces: list[Piece] = []
    left = order.remaining
    touch = Level(price=quote.ask if buys else quote.bid, quantity=left)
    for level in quote.levels(buys) or (touch,):
        if left <= 0 or (bound is not None and (level.price > bound if buys else level.price < bound)):
            break
        taken = min(left, level.quantity)
        pieces.append((level.price, taken))
        left -= taken
    return pieces


def reached_by_bar(order: PaperOrder, candle: CandleClosed, grid: Grid) -> Piece | None:
    """Where a closed bar met a resting order that was there before it opened (`shared.broker.fills`)."""
    if order.since > candle.open_time:
        return None
    side = fills.BUY if order.side == "buy" else fills.SELL
    bar = [grid.to_ticks(price, "floor") for price in (candle.open, candle.low, candle.high)]
    if order.order_type == "stop-loss" and order.trigger_price is not None:
        fill = fills.stop_fill(side, grid.to_ticks(order.trigger_price), *bar)
    elif order.order_type == "limit" and order.limit_price is not None:
        fill = fills.limit_fill(side, grid.to_ticks(order.limit_price), *bar)
    else:
        return None
    return None if fill.point == fills.NOT_FILLED else (grid.from_ticks(fill.price), order.remaining)


def _triggered(order: PaperOrder, quote: Quote) -> bool:
    if order.trigger_price is None:
        return False
    if order.filled > 0:
        # What a book could not fill of a triggered stop goes on as a market order, wherever the price is now.
        return True
    return quote.last >= order.trigger_price if order.side == "buy" else quote.last <= order.trigger_price
