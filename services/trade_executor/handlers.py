"""What each message means to the executor. Effects go through the transaction; nobody talks to the venue here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.trade_executor.core import orders
from services.trade_executor.core.entries import Limits, decide, denied, denied_late
from services.trade_executor.core.progress import Terms, progress, request_exit
from services.trade_executor.core.said import alert
from services.trade_executor.core.trade_book import TradeBook
from services.trade_executor.ports import Books, Connection, Instant, Instants, Watched
from shared.errors import Retryable, Unprocessable
from shared.ids import canonical
from shared.schemas.base import Message, Timeframe
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, BookUpdated, CandleClosed, TickerUpdated
from shared.schemas.orders import ExecutionReported, ExitRequested, OrderDenied, OrderReported
from shared.schemas.system import TradingHalted, TradingPaused
from shared.schemas.trades import StopMoved
from shared.timeframes import duration

LOOK_BACK = timedelta(days=2)
"""How far back the clock looks for instants that were not decided; at start it looks at all."""


class PaperFeed(Protocol):
    """A broker of our own that fills orders on the prices we hear."""

    def on_ticker(self, ticker: TickerUpdated) -> None:
        """The touch."""
        ...

    def on_book(self, book: BookUpdated) -> None:
        """The depth."""
        ...

    def on_candle(self, candle: CandleClosed) -> None:
        """A closed bar."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide: when, how much, where the stop lies."""

    timeframe: str
    base_timeframe: Timeframe
    decision_ttl: timedelta
    take_profit_r: float
    limits: Limits
    lockstep: bool = False

    @property
    def patience(self) -> timedelta:
        """How long an instant waits for a verdict: less than a decision lives, or those in time would expire too."""
        return min(duration(self.base_timeframe), self.decision_ttl / 2)


class Handlers:
    """`changed` says that there may be work for the sender once the transaction is committed.

    `now` is a time that has passed for sure: until the clock is heard, the age of decisions is held against it.
    """

    def __init__(self, books: Books, instants: Instants, rules: Rules, now: datetime | None = None) -> None:
        self._books = books
        self._instants = instants
        self._rules = rules
        self._now = now
        self._last_tick: datetime | None = None
        self._looked_at_all = False
        self._decided = False
        self._idle = False
        self.changed = False

    def committed(self) -> None:
        """All that was handled so far is in the books."""
        self.changed = self._decided = False

    async def on_council_decided(self, verdict: CouncilDecided, tx: Connection) -> Sequence[Message]:
        if verdict.timeframe != self._rules.timeframe:
            return []
        kept = await self._instants.keep(tx, verdict)
        self._idle = False
        if kept.complete is not None:
            return await self._decide(tx, kept.complete)
        return [] if kept.in_time else await self._too_late(tx, verdict)

    async def on_bars_closed(self, bars: BarsClosed, tx: Connection) -> Sequence[Message]:
        self._now = bars.occurred_at if self._now is None else max(self._now, bars.occurred_at)
        said: list[Message] = []
        if bars.timeframe == self._rules.timeframe:
            self._idle = False
            if await self._instants.end(tx, bars):
                said += await self._decide(tx, await self._instants.instant(tx, bars.occurred_at))
        if bars.timeframe == self._rules.base_timeframe and not self._idle:
            said += await self._tick(tx, bars)
        return said

    async def on_exit_requested(self, request: ExitRequested, tx: Connection) -> Sequence[Message]:
        async with self._books.changing(tx, request.trade_id) as book:
            if book is None:
                raise Unprocessable(f"exit of trade {request.trade_id}, which is not in the books")
            request_exit(book, request)
            return await self._progress(tx, book, request)

    async def on_order_reported(self, reported: OrderReported, tx: Connection) -> Sequence[Message]:
        found = await self._books.of_order(tx, reported.client_order_id)
        if found is None:
            text = f"the venue reports {reported.client_order_id} ({reported.status}), which is no order of ours"
            return [alert("critical", "unknown_order", text, reported.client_order_id, reported)]
        async with self._books.changing(tx, found[0]) as book:
            book = _there(book, found[0])
            order = book.orders[reported.client_order_id]
            was_known, withheld = order.venue_order_id is not None, orders.was_withheld(order, reported)
            book.report(reported)
            if not was_known and order.venue_order_id and await self._books.has_orphans(tx, order.venue_order_id):
                orders.look_up(order)
            late = reported.occurred_at - (order.created_at + self._rules.decision_ttl)
            if withheld and late > timedelta(0):
                book.messages.append(await self._denied_late(tx, book, reported, late))
            return await self._progress(tx, book, reported)

    async def on_execution_reported(self, reported: ExecutionReported, tx: Connection) -> Sequence[Message]:
        found = await self._books.of_order(tx, reported.client_order_id, reported.venue_order_id)
        if found is None:
            await self._books.keep_orphan(tx, reported)
            amount = f"{canonical(reported.quantity)} {reported.symbol}"
            text = f"a fill of {amount} belongs to no order of ours: {reported.execution_id}"
            return [alert("critical", "unknown_execution", text, reported.execution_id, reported)]
        async with self._books.changing(tx, found[0]) as book:
            book = _there(book, found[0])
            if not book.execution(book.orders[found[1]], reported):
                return []
            return await self._progress(tx, book, reported)

    async def on_stop_moved(self, moved: StopMoved, tx: Connection) -> Sequence[Message]:
        """The row has the newest price already; the resting order follows it, upwards only."""
        async with self._books.changing(tx, moved.trade_id) as book:
            if book is None:
                raise Unprocessable(f"the stop of trade {moved.trade_id} moved, which is not in the books")
            if book.stop is not None:
                book.trade.stop_loss_price = book.stop.price
            return await self._progress(tx, book, moved)

    async def on_trading_paused(self, paused: TradingPaused, tx: Connection) -> Sequence[Message]:
        return await self._withdraw_entries(tx, paused)

    async def on_trading_halted(self, halted: TradingHalted, tx: Connection) -> Sequence[Message]:
        return await self._withdraw_entries(tx, halted)

    async def _decide(self, tx: Connection, instant: Instant) -> list[Message]:
        self._decided = True
        now = instant.time if self._now is None else max(self._now, instant.time)
        wanted = {verdict.symbol for verdict in instant.verdicts if verdict.verdict == "BUY"}
        if not wanted:
            await self._instants.decided(tx, instant.time, now, [])
            return []
        desk = await self._instants.desk(tx, now)
        venues = await self._books.venues(tx, wanted | {trade.symbol for trade in desk.standing})
        outcomes = decide(instant.verdicts, desk, instant.marks, venues, self._rules.limits)
        await self._instants.decided(tx, instant.time, now, outcomes)
        self.changed = True
        return [outcome for outcome in outcomes if isinstance(outcome, Message)]

    async def _too_late(self, tx: Connection, verdict: CouncilDecided) -> Sequence[Message]:
        if verdict.verdict != "BUY":
            return []
        denial = denied(verdict, "expired", "its instant has been decided already")
        await self._instants.refuse(tx, [denial])
        return [denial]

    async def _denied_late(
        self, tx: Connection, book: TradeBook, reported: OrderReported, late: timedelta
    ) -> OrderDenied:
        denial = denied_late(book.trade, reported, late)
        await self._instants.refuse(tx, [denial])
        return denial

    async def _tick(self, tx: Connection, bars: BarsClosed) -> list[Message]:
        watched = await self._watched(tx, bars.occurred_at)
        self._idle = not (watched.more or watched.overdue or watched.stuck)
        said: list[Message] = []
        for time in watched.overdue:
            said += await self._decide(tx, await self._instants.instant(tx, time))
        for trade_id in dict.fromkeys(watched.slow + watched.stuck):
            said += await self._look_after(tx, trade_id, bars)
        return said

    async def _watched(self, tx: Connection, now: datetime) -> Watched:
        since = now - LOOK_BACK if self._looked_at_all else datetime.min.replace(tzinfo=now.tzinfo)
        watched = await self._instants.watch(tx, now, self._due(now), now - self._rules.decision_ttl, since)
        # What was decided since the last commit is undecided again if this transaction is rolled back.
        if not watched.overdue and not self._decided:
            self._looked_at_all = True
        return watched

    def _due(self, now: datetime) -> datetime:
        """Up to when instants have waited long enough for their verdicts.

        In lock-step a gap in the data makes the clock jump while they are being argued about: they have until the tick
        after it.
        """
        due, last = now - self._rules.patience, self._last_tick
        self._last_tick = now
        if self._rules.lockstep:
            due = min(due, (last or now) - timedelta(microseconds=1))
        return due

    async def _look_after(self, tx: Connection, trade_id: UUID, bars: BarsClosed) -> Sequence[Message]:
        """A market order that has not filled in a bar may be gone: only the venue knows."""
        async with self._books.changing(tx, trade_id) as book:
            book = _there(book, trade_id)
            for order in book.orders.values():
                if order.order_type == "market" or order.filled > 0:
                    orders.look_up(order)
            return await self._progress(tx, book, bars)

    async def _withdraw_entries(self, tx: Connection, cause: TradingPaused | TradingHalted) -> list[Message]:
        said: list[Message] = []
        for trade_id in await self._books.unsent_entries(tx):
            async with self._books.changing(tx, trade_id) as book:
                book = _there(book, trade_id)
                entry = book.live("entry")
                if entry is not None and entry.state == "intended":
                    book.withdraw(entry, cause.reason or cause.kind, cause)
                said += await self._progress(tx, book, cause)
        return said

    async def _progress(self, tx: Connection, book: TradeBook, cause: Message) -> list[Message]:
        symbol = book.trade.symbol
        venue = (await self._books.venues(tx, {symbol})).get(symbol)
        if venue is None:
            raise Retryable(f"the price and lot steps of {symbol} are not in the assets table")
        limits = self._rules.limits
        terms = Terms(venue.grid, venue.min_quantity, venue.min_cost, limits.stop_atr, self._rules.take_profit_r)
        progress(book, terms, cause)
        self._idle, self.changed = False, True
        return book.messages


class PaperHandlers(Handlers):
    """The same, with a broker of our own that must hear the prices. No price touches the database."""

    def __init__(
        self, books: Books, instants: Instants, rules: Rules, feed: PaperFeed, now: datetime | None = None
    ) -> None:
        super().__init__(books, instants, rules, now)
        self._feed = feed

    async def on_ticker_updated(self, ticker: TickerUpdated, _tx: Connection) -> Sequence[Message]:
        self._feed.on_ticker(ticker)
        return []

    async def on_book_updated(self, book: BookUpdated, _tx: Connection) -> Sequence[Message]:
        self._feed.on_book(book)
        return []

    async def on_candle_closed(self, candle: CandleClosed, _tx: Connection) -> Sequence[Message]:
        self._feed.on_candle(candle)
        return []


def _there(book: TradeBook | None, trade_id: UUID) -> TradeBook:
    if book is None:
        raise Retryable(f"trade {trade_id} of an order is not there")
    return book
