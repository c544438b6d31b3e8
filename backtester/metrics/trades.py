"""Closed trades: what each earned, and how much of the account and of the time they used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import numpy as np

from backtester.metrics.deviation import Floats
from backtester.metrics.series import DAY, EquityCurve
from shared.schemas.base import Timeframe
from shared.timeframes import length


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


Trades = Sequence[ClosedTrade]


def money(trades: Trades) -> Floats:
    """What each trade earned after fees, in quote currency, shape (n,)."""
    return _column(trade.pnl for trade in trades)


def fractions(trades: Trades) -> Floats:
    """What each trade earned after fees on its own entry notional, shape (n,)."""
    return _column(trade.pnl / trade.cost for trade in trades)


def average_hold(trades: Trades) -> float | None:
    """Mean days from entry to exit; None without trades."""
    return sum(trade.exit_time - trade.entry_time for trade in trades) / len(trades) / DAY if trades else None


def turnover(trades: Trades, curve: EquityCurve) -> float | None:
    """Notional bought and sold in a year over mean equity: both sides, so a round trip of all equity counts 2.

    Source: pyfolio's get_turnover over portfolio value, a year instead of a day. The SEC's (Form N-1A, item 13) takes
    the lesser of the two sides. None for a single bar, or where mean equity is not above zero.
    """
    mean = float(curve.equity.mean())
    if len(curve) < 2 or mean <= 0:
        return None
    return sum(trade.cost + trade.proceeds for trade in trades) / mean / curve.years


def exposure(trades: Trades, curve: EquityCurve, timeframe: Timeframe, *, through_exit_bar: bool = False) -> float:
    """Share of bars during which any position was held.

    A bar at whose open the last position left does not count; with `through_exit_bar` it does, as
    backtesting.py has it: a trade of one bar then counts two.
    """
    opens = curve.time - length(timeframe)
    entries = np.array([trade.entry_time for trade in trades], np.int64)
    exits = np.array([trade.exit_time for trade in trades], np.int64)
    first = np.searchsorted(curve.time, entries, side="right")
    beyond = np.searchsorted(opens, exits, side="right" if through_exit_bar else "left")
    changes = np.zeros(len(curve) + 1, np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, beyond, -1)
    return float((np.cumsum(changes[:-1]) > 0).mean())


def _column(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)
