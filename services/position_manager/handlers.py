"""Prices, verdicts and instants in; raised stops, exits and halts out."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from services.position_manager.core import drawdown
from services.position_manager.core.guard import (
    NOTHING,
    Bar,
    HeldTrade,
    Judgement,
    judge_bar,
    judge_price,
    leaves_on_sell,
    may_be_repeated,
    rules_of,
)
from services.position_manager.core.seen import SeenBars
from services.position_manager.messages import exit_requested, halted, stop_moved
from services.position_manager.ports import Accounts, Books, Trades, Tx
from shared.config import Settings
from shared.portfolio.grid import Grid
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, CandleClosed, CandleRevised, TickerUpdated
from shared.schemas.trades import TradeClosed, TradeOpened

OPENING = timedelta(minutes=5)
"""How long after its verdict has expired an entry may still be filling."""


class Handlers:
    """One trade a symbol, and once an instant the whole account."""

    def __init__(self, trades: Trades, accounts: Accounts, settings: Settings) -> None:
        self._trades = trades
        self._accounts = accounts
        self._rules = rules_of(settings)
        self._base = settings.base_timeframe
        self._timeframe = settings.timeframe
        self._max_drawdown = settings.max_drawdown
        self._seen = SeenBars()
        self._bids: dict[str, Decimal] = {}

    async def on_candle_closed(self, candle: CandleClosed, tx: Tx) -> Sequence[Message]:
        """Only base bars guard trades: the others are made of them."""
        if candle.timeframe != self._base:
            return []
        late = self._seen.is_late(candle.symbol, candle.occurred_at, candle.message_id)
        return await self._guard(candle, tx, late=late)

    async def on_candle_revised(self, candle: CandleRevised, tx: Tx) -> Sequence[Message]:
        """A correction moves no stop; its extremes may show that one was reached."""
        return [] if candle.timeframe != self._base else await self._guard(candle, tx, late=True)

    async def _guard(self, candle: CandleClosed | CandleRevised, tx: Tx, *, late: bool) -> Sequence[Message]:
        def judge(trade: HeldTrade) -> Judgement:
            return judge_bar(trade, _bar(candle, self._trades.grid(trade.symbol)), self._rules, older=late)

        trade = await self._trades.remembered(candle.symbol, tx)
        uncertain = not trade.in_hand if trade else self._trades.may_open(candle.symbol, candle.occurred_at)
        if trade is None and not uncertain:
            return []
        if trade and not uncertain and judge(trade) == NOTHING and not may_be_repeated(trade, candle.occurred_at):
            return []
        trade = await self._trades.read(candle.symbol, tx)
        return await self._do(judge(trade), trade, candle, candle.close, tx) if trade else []

    async def on_ticker_updated(self, ticker: TickerUpdated, tx: Tx) -> Sequence[Message]:
        """The soft stop between two bars."""
        trade = await self._trades.remembered(ticker.symbol, tx)
        if trade is None:
            return []
        bid = self._trades.grid(ticker.symbol).to_ticks(ticker.bid, "ceil")
        judged = judge_price(trade, ticker.occurred_at, bid, self._rules)
        if judged == NOTHING and not (trade.breached_at and may_be_repeated(trade, ticker.occurred_at)):
            return []
        trade = await self._trades.read(ticker.symbol, tx)
        if trade is None:
            return []
        return await self._do(judge_price(trade, ticker.occurred_at, bid, self._rules), trade, ticker, ticker.bid, tx)

    async def on_council_decided(self, decision: CouncilDecided, tx: Tx) -> Sequence[Message]:
        """A SELL closes what is held, whatever its stops say."""
        if decision.verdict == "BUY":
            self._trades.expect(decision.symbol, decision.expires_at + OPENING)
        if decision.verdict != "SELL" or await self._trades.remembered(decision.symbol, tx) is None:
            return []
        trade = await self._trades.read(decision.symbol, tx)
        if trade is None or not leaves_on_sell(trade, decision.occurred_at):
            return []
        return [exit_requested(trade, "council", decision, decision.price, decision.reason)]

    async def on_trade_opened(self, opened: TradeOpened, tx: Tx) -> Sequence[Message]:
        """The row is there; it is read at the next price."""
        self._trades.forget(opened.symbol)
        return []

    async def on_trade_closed(self, closed: TradeClosed, tx: Tx) -> Sequence[Message]:
        """The next price finds nothing, or a new trade."""
        self._trades.forget(closed.symbol)
        return []

    async def _do(
        self, judged: Judgement, trade: HeldTrade, cause: Message, price: Decimal, tx: Tx
    ) -> Sequence[Message]:
        if judged.raised is not None:
            await self._trades.move_stop(trade, judged.raised, cause.occurred_at, tx)
            return [stop_moved(trade, judged.raised, cause, self._trades.grid(trade.symbol))]
        if judged.grace_from is not None:
            await self._trades.run_grace_from(trade, judged.grace_from, tx)
        return [] if judged.exit is None else [exit_requested(trade, judged.exit, cause, price)]

    async def on_bars_closed(self, bars: BarsClosed, tx: Tx) -> Sequence[Message]:
        """Equity at each close of TIMEFRAME; drawdown at every base bar."""
        if bars.timeframe not in (self._base, self._timeframe):
            return []
        self._bids |= {mark.symbol: mark.bid for mark in bars.marks}
        if bars.timeframe != self._timeframe and not await self._needs_care():
            return []
        books = await self._accounts.read(tx)
        equities = self._equities(books)
        lost = drawdown.beyond(equities, self._max_drawdown)
        said = [] if lost is None else await self._halt(lost, bars, tx)
        if said or bars.timeframe == self._timeframe:
            await self._accounts.keep(equities, bars.occurred_at, tx)
        return said if lost is None else [*said, *self._exits(books, bars)]

    async def _needs_care(self) -> bool:
        # halted counts too: a halt may be in the database while its messages are not out, and the transaction has them
        books = await self._accounts.glance()
        return books.halted or drawdown.beyond(self._equities(books), self._max_drawdown) is not None

    def _equities(self, books: Books) -> list[drawdown.Equity]:
        return [drawdown.equity_of(standing, self._bids) for standing in books.standings]

    async def _halt(self, lost: drawdown.Equity, bars: BarsClosed, tx: Tx) -> Sequence[Message]:
        reason = drawdown.in_words(lost, self._max_drawdown)
        first = await self._accounts.halt(lost.account, reason, bars.occurred_at, tx)
        return halted(reason, bars) if first else []

    def _exits(self, books: Books, bars: BarsClosed) -> Sequence[Message]:
        held = [holding for standing in books.standings for holding in standing.holdings if holding.in_hand]
        return [exit_requested(of, "drawdown", bars, self._bids.get(of.symbol)) for of in held]


def _bar(candle: CandleClosed | CandleRevised, grid: Grid) -> Bar:
    # rounded so that comparing ticks says the same as comparing the prices
    low, high, close = grid.to_ticks(candle.low, "ceil"), grid.to_ticks(candle.high, "floor"), candle.close
    return Bar(candle.open_time, candle.occurred_at, low, high, grid.to_ticks(close, "ceil"))
