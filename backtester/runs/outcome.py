"""What a backtest gave, with all that is needed to show, compare and repeat it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.luck import Evidence, Verdict, evidence, verdict
from backtester.metrics.performance import Performance, performance
from backtester.metrics.series import EquityCurve
from backtester.metrics.trades import OpenPosition
from backtester.runs.plan import Plan
from backtester.runs.trade import OpenTrade, Trade
from shared.errors import ConfigError
from shared.ids import canonical
from shared.portfolio.grid import MONEY_DECIMALS
from shared.timeframes import bar_open, length


@dataclass(frozen=True, slots=True)
class Candles:
    """What was played of a symbol: open of the first and the last bar (microseconds), and what identifies them all."""

    fingerprint: str
    bars: int
    first: int
    last: int


def still_open(trades: Iterable[OpenTrade]) -> list[OpenPosition]:
    """Open trades for statistics."""
    return [OpenPosition(left.entry_time, float(left.quantity * left.entry_price), float(left.fees)) for left in trades]


@dataclass(frozen=True)
class Outcome:
    """`code` identifies the sources, `candles` the data by symbol.

    `time` (n,) in microseconds and `equity` (n,) in quote currency: every open of a base bar and the last close, with
    all that is held marked to the bid; `hold` (n,) is the account that bought equal shares of every symbol, each at its
    first open, and held them. `cash` and `held` (quantity by symbol, shorts negative) are what is left at the end,
    `open_trades` the same as trades, by symbol. `refusals` counts entries that were not allowed, by reason.
    """

    plan: Plan
    code: str
    candles: Mapping[str, Candles]
    time: NDArray[np.int64]
    equity: NDArray[np.float64]
    hold: NDArray[np.float64]
    trades: tuple[Trade, ...]
    cash: Decimal
    held: Mapping[str, Decimal]
    refusals: Mapping[str, int]
    seconds: float
    open_trades: tuple[OpenTrade, ...] = ()

    @cached_property
    def id(self) -> str:
        """Ten hex digits of plan, candles and code: the same for a repetition, and another for anything else."""
        known = [self.plan.model_dump_json(), self.code, *(self.candles[s].fingerprint for s in sorted(self.candles))]
        return sha256("\n".join(known).encode()).hexdigest()[:10]

    @cached_property
    def result(self) -> str:
        """sha256 of trades, those still open too, equity and cash: equal for equal results, to the last bit."""
        digest = sha256(self.equity.astype("<f8").tobytes())
        for trade in self.trades:
            amounts = (trade.quantity, trade.entry_price, trade.exit_price, trade.fees, trade.pnl)
            plain = (trade.symbol, trade.side, trade.entry_time, trade.exit_time, trade.exit_reason)
            digest.update(repr((*plain, *map(canonical, amounts))).encode())
        for left in self.open_trades:
            amounts = (left.quantity, left.entry_price, left.fees, left.price, left.pnl)
            digest.update(repr((left.symbol, left.side, left.entry_time, *map(canonical, amounts))).encode())
        digest.update(canonical(self.cash).encode())
        return digest.hexdigest()

    @property
    def unrealised(self) -> Decimal:
        """What is held at the end is worth beyond what it cost, entry fees included: no closed trade's result."""
        balance = self.plan.settings.initial_balance
        closed = sum((trade.pnl for trade in self.trades), Decimal())
        return round(Decimal(repr(float(self.equity[-1]))) - balance - closed, MONEY_DECIMALS)

    @cached_property
    def curve(self) -> EquityCurve:
        """The equity curve for statistics."""
        return EquityCurve(self.time, self.equity)

    @cached_property
    def performance(self) -> Performance:
        """Every figure of the run, of all of its time, though strategies may still have been warming up.

        What other runs of the same candles, the trials of a sweep and buying and holding are set beside it must be of
        the same time, and a strategy that needs longer to begin must not be measured over a shorter and calmer time.
        `scored_from` says where to begin a run that is without it.
        """
        return performance(self.curve, [trade.for_statistics() for trade in self.trades], still_open(self.open_trades))

    @cached_property
    def benchmark(self) -> Performance:
        """The figures of buying and holding the same symbols; it closes no trades and pays no fees.

        Its exposure is all of its worth but the shares of symbols that are not listed yet.
        """
        first, share = int(self.time[0]), float(self.hold[0]) / len(self.candles)
        bought = [OpenPosition(max(first, candles.first), share, 0.0) for candles in self.candles.values()]
        waiting = share * sum((self.time[:-1] < position.entry_time) for position in bought)
        exposed = float((1.0 - waiting / self.hold[:-1]).mean())
        return replace(performance(EquityCurve(self.time, self.hold), [], bought), average_exposure=exposed)

    @cached_property
    def scored_from(self) -> int | None:
        """The first instant, in microseconds, at which any strategy can have a score; `time[0]` at the earliest.

        The close of the candle that ends the shortest warm-up of the symbol that begins first, counted from the first
        candle that was looked at; gaps make it later. It may lie beyond the end. None where the file of a strategy of a
        person's own is not there any more.
        """
        try:
            bars = min(choice.built().warmup for choice in self.plan.strategies)
        except ConfigError:
            return None
        bar = length(self.plan.timeframe)
        begin = bar_open(self.plan.timeframe, min(candles.first for candles in self.candles.values()) + bar - 1)
        return max(int(self.time[0]), begin + bars * bar)

    @cached_property
    def evidence(self) -> Evidence:
        """Whether it could be luck, judged by daily returns."""
        daily = self.curve.daily()
        return evidence(daily.returns, daily.periods_per_year, seed=self.plan.seed)

    @cached_property
    def verdict(self) -> Verdict:
        """The same in words."""
        return verdict(self.evidence)
