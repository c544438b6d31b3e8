"""What the compiled loop reads and keeps: record arrays, of which Numba passes one pointer each.

T instants, S symbols in alphabetical order. Times are microseconds, prices ticks, quantities lots, money units of
1e-10, fractions and rates 1e-9.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Records = Any
"""A record array: one record a symbol (or bar), its fields by name."""

LONG = 1
NO_EXIT = -1
COLUMNS = ("symbol", "entry_time", "exit_time", "lots", "entry", "exit", "paid", "proceeds", "fees", "reason")
"""Of a closed trade's row; `reason` is a place in `REASONS`."""
REASONS = ("drawdown", "stop", "breakeven", "trailing", "target", "time", "council")
"""Why a trade was left, those that matter most first: of one instant's reasons the least place counts."""
DRAWDOWN, STOP, BREAKEVEN, TRAILING, TARGET, TIME, COUNCIL = range(7)


def _record(ints: tuple[str, ...], floats: tuple[str, ...] = ()) -> np.dtype[Any]:
    return np.dtype([*((name, np.int64) for name in ints), *((name, np.float64) for name in floats)])


BAR = _record(("open", "high", "low", "close"), ("score", "atr"))
"""`open` 0 where a symbol has no bar. `score` and `atr` (ticks) are those of the decision bar that closes with this
base bar; nan where none does."""
GRID = _record(("mul", "div", "num", "den", "quantum", "min_lots", "min_cost"))
"""A symbol's steps and minimums; see `shared.portfolio.grid.Grid`."""
HELD = _record(
    (
        *("lots", "entry", "entry_time", "paid", "fee", "stop", "kind", "high", "target"),
        *("breached", "leaving", "last"),
    ),
    ("atr",),
)
"""The open trade of a symbol, `lots` 0: none. `leaving` is a place in REASONS or NO_EXIT; `breached` is since when the
soft stop waits for the resting one, 0: it does not; `last` is the last price printed."""
PURSE = _record(("cash", "day", "realised", "halted", "closed"))
"""The account: cash, the UTC day and what it has realised, whether buying is halted, trades closed so far."""


class Tape(NamedTuple):
    """`time` (T,) is when bars open, ascending; `bars` (T, S) of BAR."""

    time: Ints
    bars: Records


class Terms(NamedTuple):
    """What the desk holds itself to, and what the venue charges."""

    base: int
    decision: int
    grace: int
    balance: int
    half_spread: int
    taker_fee: int
    slack: int
    entry_score: float
    max_positions: int
    max_daily_loss: int
    max_drawdown: int
    risk_per_trade: int
    max_position: int
    max_exposure: int
    stop_atr: float
    take_profit_r: float
    breakeven_atr: float
    trailing_atr: float
    trailing_step_atr: float
    max_hold_bars: int


def nothing_held(symbols: int) -> Records:
    """HELD (S,) at the beginning."""
    held = np.zeros(symbols, HELD).view(np.recarray)
    held.leaving = NO_EXIT
    return held


def opened_purse(balance: int) -> Records:
    """PURSE (1,) at the beginning."""
    purse = np.zeros(1, PURSE).view(np.recarray)
    purse.cash = balance
    return purse
