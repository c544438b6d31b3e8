"""What closed trades earned, and how much of the account and of the time these and the open ones used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, NamedTuple

import numpy as np

from backtester.metrics.deviation import Floats
from backtester.metrics.series import DAY, EquityCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """One position from flat to flat, for statistics: floats; the exact integers stay with the engine's books.

    `side` is +1 long, -1 short; times in microseconds since the epoch, UTC, a fill at a bar's open having the time of
    that open; prices average over fills; `pnl` in quote currency after `fees`; `shares` each strategy's part in the
    signal that opened it. ValueError: a number out of range, an exit before the entry.
    """

    symbol: str
    side: Literal[1, -1]
    quantity: float
    entry_time: int
    exit_time: int
    entry_price: float
    exit_price: float
    fees: float
    pnl: float
    exit_reason: str
    shares: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.side not in (1, -1):
            raise ValueError(f"side is {self.side}, expected 1 or -1")
        if self.exit_time < self.entry_time:
            raise ValueError("exit_time is before entry_time")
        for name in ("quantity", "entry_price", "exit_price"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be finite and positive")
        if not (isfinite(self.fees) and isfinite(self.pnl)):
            raise ValueError("fees and pnl must be finite")

    @property
    def cost(self) -> float:
        """Notional of the entry, without fees."""
        return self.quantity * self.entry_price

    @property
    def proceeds(self) -> float:
        """Notional of the exit, without fees."""
        return self.quantity * self.exit_price


class OpenPosition(NamedTuple):
    """An entry without an exit: held to the curve's end. `cost` its notional and `fees` what it paid, in quote."""

    entry_time: int
    cost: float
    fees: float


Trades = Sequence[ClosedTrade]
Open = Sequence[OpenPosition]


def money(trades: Trades) -> Floats:
    """What each trade earned after fees, in quote currency, shape (n,)."""
    return _column(trade.pnl for trade in trades)


def fractions(trades: Trades) -> Floats:
    """What each trade earned after fees on its own entry notional, shape (n,)."""
    return _column(trade.pnl / trade.cost for trade in trades)


def average_hold(trades: Trades) -> float | None:
    """Mean days from entry to exit; None without trades."""
    return sum(trade.exit_time - trade.entry_time for trade in trades) / len(trades) / DAY if trades else None


def fees(trades: Trades, still_open: Open = ()) -> float:
    """All that was paid in fees, in quote currency: both sides of closed trades, the entries of open ones."""
    return sum(trade.fees for trade in trades) + sum(left.fees for left in still_open)


def turnover(trades: Trades, curve: EquityCurve, still_open: Open = ()) -> float | None:
    """Notional bought and sold in a year over mean equity: both sides, so a round trip of all equity counts 2.

    What is still open was only entered. Source: pyfolio's get_turnover over portfolio value, a year instead of a day.
    The SEC's (Form N-1A, item 13) takes the lesser of the two sides. None for a single value, or where mean equity is
    not above zero.
    """
    mean = float(curve.equity.mean())
    if len(curve) < 2 or mean <= 0:
        return None
    moved = sum(trade.cost + trade.proceeds for trade in trades) + sum(left.cost for left in still_open)
    return moved / mean / curve.years


def time_in_market(
    trades: Trades, curve: EquityCurve, still_open: Open = (), *, through_exit_bar: bool = False
) -> float | None:
    """Share of the curve's periods during which any position was held, were it only a moment; None without periods.

    A period at whose beginning the last position left does not count; with `through_exit_bar` it does, as
    backtesting.py has it: a trade of one bar then counts two.
    """
    if len(curve) < 2:
        return None
    alike = np.ones(len(trades) + len(still_open))
    held = _held(trades, curve, still_open, alike, through_exit_bar=through_exit_bar)
    return float((held > 0.5).mean())


def average_exposure(trades: Trades, curve: EquityCurve, still_open: Open = ()) -> float | None:
    """Mean over the curve's periods of gross notional, shorts added to longs, over equity as the period begins.

    Gross exposure as in pyfolio's create_position_tear_sheet, but positions count at their entry prices, as no prices
    in between are known here. None without periods, and for a ruined account: a share of nothing is not defined.
    """
    if len(curve) < 2 or curve.ruined:
        return None
    costs = [*(trade.cost for trade in trades), *(left.cost for left in still_open)]
    held = _held(trades, curve, still_open, _column(costs))
    return float((np.maximum(held, 0.0) / curve.equity[:-1]).mean())


def _held(
    trades: Trades, curve: EquityCurve, still_open: Open, weights: Floats, *, through_exit_bar: bool = False
) -> Floats:
    """Sum of the weights of what is held in each period, shape (n - 1,); `weights` of closed, then of open ones."""
    times = [*(trade.entry_time for trade in trades), *(left.entry_time for left in still_open)]
    entries = np.array(times, np.int64)
    exits = np.array([trade.exit_time for trade in trades], np.int64)
    changes = np.zeros(len(curve))
    np.add.at(changes, np.searchsorted(curve.time[1:], entries, side="right"), weights)
    beyond = np.searchsorted(curve.time[:-1], exits, side="right" if through_exit_bar else "left")
    np.subtract.at(changes, beyond, weights[: len(exits)])
    return np.cumsum(changes[:-1])


def _column(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)
