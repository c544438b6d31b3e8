"""What the compiled loop reads and keeps: a few arrays, and record arrays, of which Numba passes one pointer each.

T instants, S symbols in alphabetical order, K instants at whose close somebody has a verdict. Times are microseconds,
prices ticks, quantities lots, money units of 1e-10, fractions and rates 1e-9.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.risk.limits import REASONS as LIMITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Records = Any
"""A record array: one record a symbol, its fields by name."""

LONG = 1
SHORT = -1
NO_EXIT = -1
COLUMNS = ("symbol", "side", "entry_time", "exit_time", "lots", "entry", "exit", "paid", "proceeds", "fees", "reason")
"""Of a closed trade's row: `paid` was booked at the entry and `proceeds` at the exit, for a short the other way round
in cash; `reason` is a place in `REASONS`."""
REASONS = ("drawdown", "stop", "breakeven", "trailing", "target", "time", "council", "dust")
"""Why a trade was left, those that matter most first: of one instant's reasons the least place counts."""
DRAWDOWN, STOP, BREAKEVEN, TRAILING, TARGET, TIME, COUNCIL, DUST = range(8)

NO_STOP = len(LIMITS)
CANCELED = NO_STOP + 1
"""Refusals beside the limits' own codes: the executor's, where a stop would lie below zero, and the venue's, of an
entry that costs more than there is once it is filled."""

OPEN, HIGH, LOW, CLOSE = range(4)
"""Places in the first axis of `Tape.prices`."""
FAR = 2**62
"""A price or time that nothing reaches."""
NEVER = 2**62
"""`max_hold_bars` without a time stop."""
NO_BREAKEVEN = math.inf
"""`breakeven_atr` of a stop that stays where it is."""


def _record(ints: tuple[str, ...], floats: tuple[str, ...] = ()) -> np.dtype[Any]:
    return np.dtype([*((name, np.int64) for name in ints), *((name, np.float64) for name in floats)])


GRID = _record(("mul", "div", "num", "den", "quantum", "min_lots", "min_cost"))
"""A symbol's steps and minimums; see `shared.portfolio.grid.Grid`."""
HELD = _record(
    (
        *("lots", "side", "entry", "entry_time", "paid", "fee", "stop", "kind", "best", "target"),
        *("breached", "leaving", "until", "wanted", "bound", "gone"),
    ),
    ("atr",),
)
"""The open trade of a symbol, `lots` 0: none. `leaving` is a place in REASONS or NO_EXIT; `breached` is since when the
soft stop waits for the resting one, 0: it does not; from the instant `until` on its time is up. `wanted` are the lots
of an entry that waits for the open, negative for a short, `bound` the money that it holds back: also at the instant
`gone`, the one after the venue canceled it, since the desk hears of it when it asks then."""
PURSE = _record(("cash", "day", "realised", "halted", "closed", "row", "call", "unsold"))
"""The account: cash, the UTC day and what it has realised, whether buying is halted, trades closed so far; the next
instant, and the first verdict that does not lie before it; 1 + the symbol whose exit is too small for the venue."""


class Tape(NamedTuple):
    """`time` (T,) is when bars open, ascending. `prices` (4, S, T) by OPEN, HIGH, LOW, CLOSE.

    Where a symbol has no bar its HIGH is 0 and its LOW is FAR; OPEN and CLOSE are its last price, 0 before the first.
    `volume` (S, T) in lots, or (S, 0) where no cost depends on it. `calls` (K,) are the instants at whose close a
    symbol's score is beyond the entry's, with all `scores` (K, S), nan where no decision bar closes, and `atrs` (K, S)
    in ticks.
    """

    time: Ints
    prices: Ints
    volume: Ints
    calls: Ints
    scores: Floats
    atrs: Floats


class Terms(NamedTuple):
    """What the desk holds itself to, and what the venue charges.

    Times are microseconds; `first_decision` is when the first decision bar ever opens. Off are: `stop_atr` 0 (no stop,
    and no ATR needed), `take_profit_r` 0, `max_hold_bars` NEVER, `breakeven_atr` NO_BREAKEVEN, `max_drawdown` and
    `max_daily_loss` 10**9.
    """

    base: int
    decision: int
    first_decision: int
    grace: int
    ttl: int
    balance: int
    half_spread: int
    slippage: int
    impact: int
    taker_fee: int
    slack: int
    entry_score: float
    short: bool
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


def packed(terms: Terms) -> Records:
    """The same fields in a record: Numba passes one pointer instead of all of them."""
    floats = {name for name, kind in Terms.__annotations__.items() if kind is float}
    fields = [(name, np.float64 if name in floats else np.int64) for name in Terms._fields]
    return np.array([tuple(terms)], fields).view(np.recarray)[0]


class Books(NamedTuple):
    """What a run changes. `trades` (room, len(COLUMNS)), `refused` by code.

    `equity` (places,) is that at every `every`-th open, marked to what closing would bring; every 0: not kept.
    """

    held: Records
    purse: Records
    trades: Ints
    refused: Ints
    equity: Ints
    every: int


def opened_books(balance: int, symbols: int, instants: int, every: int = 1, room: int = 256) -> Books:
    """Nothing held, nothing traded yet."""
    held = np.zeros(symbols, HELD).view(np.recarray)
    held.leaving = NO_EXIT
    purse = np.zeros(1, PURSE).view(np.recarray)
    purse.cash = balance
    places = -(-instants // every) if every else 0
    trades = np.empty((room + symbols, len(COLUMNS)), np.int64)
    return Books(held, purse, trades, np.zeros(CANCELED + 1, np.int64), np.empty(places, np.int64), every)


def with_room(books: Books) -> Books:
    """The same with room for twice as many trades."""
    trades = np.empty((2 * len(books.trades), len(COLUMNS)), np.int64)
    trades[: len(books.trades)] = books.trades
    return books._replace(trades=trades)
