"""What a backtest gave, with all that is needed to show, compare and repeat it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.luck import Evidence, Verdict, evidence, verdict
from backtester.metrics.performance import Performance, performance
from backtester.metrics.series import DAY, YEAR, EquityCurve
from backtester.runs.plan import Plan
from backtester.runs.trade import OpenTrade, Trade
from shared.ids import canonical
from shared.portfolio.grid import MONEY_DECIMALS


@dataclass(frozen=True, slots=True)
class Candles:
    """What was played of a symbol: open of the first and the last bar (microseconds), and what identifies them all."""

    fingerprint: str
    bars: int
    first: int
    last: int


@dataclass(frozen=True)
class Outcome:
    """`code` identifies the sources, `candles` the data by symbol.

    `time` (n,) in microseconds and `equity` (n,) in quote currency: every open of a base bar and the last close, with
    all that is held marked to the bid; `hold` (n,) is the account that bought equal shares of every symbol and held
    them. `cash` and `held` (quantity by symbol, shorts negative) are what is left at the end, `open_trades` the same as
    trades, by symbol: no figure counts them but those of equity. `refusals` counts entries that were not allowed, by
    reason.
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
        """Every figure of the run."""
        trades = [trade.for_statistics() for trade in self.trades]
        return performance(self.curve, trades, self.plan.base_timeframe)

    @cached_property
    def benchmark(self) -> Performance:
        """The figures of buying and holding the same symbols; it makes no trades."""
        held = performance(EquityCurve(self.time, self.hold), [], self.plan.base_timeframe)
        return replace(held, exposure=1.0, turnover=None)

    @cached_property
    def evidence(self) -> Evidence:
        """Whether it could be luck, judged by daily returns."""
        return evidence(self.curve.daily().returns, YEAR / DAY, seed=self.plan.seed)

    @cached_property
    def verdict(self) -> Verdict:
        """The same in words."""
        return verdict(self.evidence)
