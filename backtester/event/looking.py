"""What strategies and the council look at, out of whole arrays and the account in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from backtester.event.account import Account
from backtester.event.guard_books import MemoryAccounts
from backtester.event.learnt import MemoryPast
from services.council.case import Case, Facts, Portfolio, Sentiment
from services.position_manager.core.drawdown import Equity, Standing, equity_of
from services.signal_generator.core import View, microseconds, normalised
from shared.indicators.computed import Indicators
from shared.indicators.snapshot import technicals_at
from shared.schemas.council import CouncilDecided
from shared.schemas.market import CandleClosed
from shared.schemas.signals import SignalGenerated, Technicals
from shared.strategies.market import Market
from shared.timeframes import from_microseconds, to_microseconds


@dataclass(slots=True)
class Scored:
    """A symbol's decision bars with every strategy's scores, shape (n,) each."""

    market: Market
    scores: Mapping[str, NDArray[np.float64]]
    indicators: Indicators

    def bar(self, open_time: int) -> int:
        """The position of the bar that opens then."""
        return int(np.searchsorted(self.market.open_time, open_time))


class ArraySight:
    """Scores computed for all bars at once. Reasons are left out: nobody reads half a million of them.

    `full`: every technical, for a council; else only ATR, which sizes and stops need.
    """

    def __init__(self, scored: Mapping[str, Scored], past: MemoryPast, *, full: bool) -> None:
        self._scored = scored
        self._past = past
        self._full = full

    async def of(self, tx: object, candle: CandleClosed) -> View:
        seen = self._scored[candle.symbol]
        bar = seen.bar(microseconds(candle))
        scores = {name: float(values[bar]) for name, values in seen.scores.items()}
        weights = normalised(self._past.weights("strategies", candle.occurred_at))
        return View(scores, weights, {}, self._technicals(seen.indicators, bar))

    async def keep(self, tx: object, generated: SignalGenerated) -> None:
        pass

    def forget(self, symbol: str) -> None:
        pass

    def _technicals(self, indicators: Indicators, bar: int) -> Technicals:
        if self._full:
            return technicals_at(indicators, bar)
        atr = float(indicators.atr[bar])
        return Technicals(close=float(indicators.close[bar]), atr14=float(f"{atr:.10g}") if atr == atr else None)


class MemoryRecords:
    """The council's facts. `instants` are all times at which decision bars end, ascending, in microseconds.

    Where nothing was held at one of them, no equity point was made: the account was its cash.
    """

    def __init__(
        self, account: Account, accounts: MemoryAccounts, past: MemoryPast, instants: NDArray[np.int64]
    ) -> None:
        self._account = account
        self._accounts = accounts
        self._past = past
        self._instants = instants

    async def facts(self, tx: object, signal: SignalGenerated) -> Facts:
        at = signal.occurred_at
        case = Case(signal, self._portfolio(signal.symbol, at), Sentiment())
        return Facts(case, self._past.weights("members", at))

    async def keep(self, tx: object, decided: CouncilDecided) -> None:
        pass

    def _portfolio(self, symbol: str, at: datetime) -> Portfolio:
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        entered = self._entered_before(at)
        equity = self._equity_before(at)
        return Portfolio(
            equity=None if equity is None else equity.equity,
            drawdown=None if equity is None else equity.drawdown,
            day_pnl=self._account.result_since(day, at),
            open_trades=len(entered),
            held_since=min((time for of, time in entered if of == symbol), default=None),
        )

    def _entered_before(self, at: datetime) -> list[tuple[str, datetime]]:
        """Symbol and entry of every trade that was open just before a time."""
        trades = [book.trade for book in self._account.open_trades()]
        for trade in reversed(self._account.closed):
            if trade.exit_time is None or trade.exit_time < at:
                break
            trades.append(trade)
        return [(t.symbol, t.entry_time) for t in trades if t.entry_time is not None and t.entry_time < at]

    def _equity_before(self, at: datetime) -> Equity | None:
        place = int(np.searchsorted(self._instants, to_microseconds(at))) - 1
        if place < 0:
            return None
        before = from_microseconds(int(self._instants[place]))
        for time, equity in reversed(self._accounts.points):
            if time <= before:
                if time == before:
                    return equity
                break
        account = self._account
        return equity_of(Standing(account.name, account.initial_balance, account.cash, ()), {})
