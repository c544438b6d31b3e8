"""The limit: the same rules by hand, in one Numba loop without books, in floats.

Lots are floored as the desk floors them; what the venue rounds to its quote decimals is left out, so that equity agrees
to rounding only.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.backtest.cases import FEE, LOT, POSITION, STEPS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CASH = 10_000.0
BARS = 14
"""Of the ATR."""


@numba.njit(nogil=True, cache=True)
def crossover(opened: Floats, close: Floats, fast: int, slow: int) -> tuple[int, float]:
    """Closed trades and the final equity at the last close."""
    fast_sum, slow_sum, above, wanted, trades = 0, 0, 0, 0, 0
    cash, held = CASH, 0.0
    for bar in range(len(close)):
        if wanted > 0 and held == 0.0:
            held = math.floor(cash * POSITION / opened[bar] / LOT) * LOT
            cash -= held * opened[bar] * (1.0 + FEE)
        elif wanted < 0 and held > 0.0:
            cash += held * opened[bar] * (1.0 - FEE)
            held, trades = 0.0, trades + 1
        wanted = 0
        ticks = math.floor(close[bar] * STEPS + 0.5)
        fast_sum, slow_sum = fast_sum + ticks, slow_sum + ticks
        if bar >= fast:
            fast_sum -= math.floor(close[bar - fast] * STEPS + 0.5)
        if bar >= slow:
            slow_sum -= math.floor(close[bar - slow] * STEPS + 0.5)
        difference = fast_sum * slow - slow_sum * fast
        if bar >= slow - 1 and difference != 0:
            now = 1 if difference > 0 else -1
            wanted = now if now == -above else 0
            above = now
    return trades, cash + held * close[-1]


@numba.njit(nogil=True, cache=True)
def guarded(
    opened: Floats, high: Floats, low: Floats, close: Floats, signal: Floats, atr: Floats, rules: Floats
) -> tuple[int, float]:
    """The same with a stop: `rules` are its distance, where breakeven begins, the trailing distance and its step."""
    trades, cash, held, wanted = 0, CASH, 0.0, 0.0
    entry, stop, best, kind, width = 0, 0, 0, 0, 0.0
    for bar in range(len(close)):
        if held > 0.0:
            top = max(best, math.floor(high[bar - 1] * STEPS + 0.5))
            behind = math.floor(top - rules[2] * width)
            if kind == 0 and top - entry > rules[1] * width:
                stop, kind, best = max(stop, entry), 1, top
            elif kind > 0 and behind > stop and behind - stop >= rules[3] * width:
                stop, kind, best = behind, 2, top
        if wanted > 0.0 and held == 0.0:
            held = math.floor(cash * POSITION / opened[bar] / LOT) * LOT
            cash -= held * opened[bar] * (1.0 + FEE)
            entry = math.floor(opened[bar] * STEPS + 0.5)
            width = atr[bar - 1]
            stop, best, kind = math.floor(entry - rules[0] * width), entry, 0
        elif wanted < 0.0 and held > 0.0:
            cash += held * opened[bar] * (1.0 - FEE)
            held, trades = 0.0, trades + 1
        if held > 0.0 and math.floor(low[bar] * STEPS + 0.5) <= stop:
            cash += held * min(opened[bar], stop / STEPS) * (1.0 - FEE)
            held, trades = 0.0, trades + 1
        wanted = signal[bar]
    return trades, cash + held * close[-1]


@numba.njit(nogil=True, cache=True)
def shared_cash(opened: Floats, close: Floats, signal: Floats, position: float) -> tuple[int, float]:
    """Many symbols, arrays (S, T), one account; entries of an instant are sized on its equity at the open."""
    symbols, bars = close.shape
    held, cash, trades = np.zeros(symbols), CASH, 0
    for bar in range(1, bars):
        equity = cash
        for symbol in range(symbols):
            equity += held[symbol] * opened[symbol, bar]
        for symbol in range(symbols):
            price, wanted = opened[symbol, bar], signal[symbol, bar - 1]
            if wanted > 0.0 and held[symbol] == 0.0:
                held[symbol] = math.floor(equity * position / price / LOT) * LOT
                cash -= held[symbol] * price * (1.0 + FEE)
            elif wanted < 0.0 and held[symbol] > 0.0:
                cash += held[symbol] * price * (1.0 - FEE)
                held[symbol], trades = 0.0, trades + 1
    for symbol in range(symbols):
        cash += held[symbol] * close[symbol, -1]
    return trades, cash


@numba.njit(nogil=True, cache=True)
def swept(opened: Floats, close: Floats, pairs: Ints, trades: Ints, equity: Floats) -> None:
    """`crossover` of many pairs (P, 2)."""
    for place in range(len(pairs)):
        trades[place], equity[place] = crossover(opened, close, pairs[place, 0], pairs[place, 1])
