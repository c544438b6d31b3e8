"""The limit: the same rules by hand, indicators included, in one Numba loop without books, in floats.

Lots are floored as the desk floors them; what the venue rounds to its quote decimals is left out, so that equity agrees
to rounding only. The ATR is the desk's formula as a recursion, not rounded to the ten digits that live messages carry.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.backtest.cases import FEE, LOT, POSITION

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CASH = 10_000.0
SPAN = 27
"""Of the ATR of 14 bars, as an exponential average."""
MEMORY = 10 * SPAN
"""Bars that it remembers."""


@numba.njit(nogil=True, cache=True)
def crossover(opened: Floats, close: Floats, steps: float, fast: int, slow: int) -> tuple[int, float]:
    """Closed trades and the final equity at the last close; `steps` are the ticks in one unit of price."""
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
        ticks = math.floor(close[bar] * steps + 0.5)
        fast_sum, slow_sum = fast_sum + ticks, slow_sum + ticks
        if bar >= fast:
            fast_sum -= math.floor(close[bar - fast] * steps + 0.5)
        if bar >= slow:
            slow_sum -= math.floor(close[bar - slow] * steps + 0.5)
        difference = fast_sum * slow - slow_sum * fast
        if bar >= slow - 1 and difference != 0:
            now = 1 if difference > 0 else -1
            wanted = now if now == -above else 0
            above = now
    return trades, cash + held * close[-1]


@numba.njit(nogil=True, cache=True)
def guarded(  # noqa: C901 (a limit has to be one loop: calls in it cost a third)
    opened: Floats, high: Floats, low: Floats, close: Floats, steps: float, fast: int, slow: int, rules: Floats
) -> tuple[int, float]:
    """The same with a stop: `rules` are its distance, where breakeven begins, the trailing distance and its step."""
    trades, cash, held, wanted = 0, CASH, 0.0, 0
    fast_sum, slow_sum, above = 0, 0, 0
    entry, stop, best, kind, width, atr = 0, 0, 0, 0, 0.0, 0.0
    decay = 1.0 - 2.0 / (SPAN + 1.0)
    first = steps * (1.0 - decay) / (1.0 - decay**MEMORY)
    last = first * decay**MEMORY
    for bar in range(len(close)):
        if held > 0.0:
            top = max(best, math.floor(high[bar - 1] * steps + 0.5))
            behind = math.floor(top - rules[2] * width)
            if kind == 0 and top - entry > rules[1] * width:
                stop, kind, best = max(stop, entry), 1, top
            elif kind > 0 and behind > stop and behind - stop >= rules[3] * width:
                stop, kind, best = behind, 2, top
        if wanted > 0 and held == 0.0 and bar > MEMORY:
            held = math.floor(cash * POSITION / opened[bar] / LOT) * LOT
            cash -= held * opened[bar] * (1.0 + FEE)
            entry = math.floor(opened[bar] * steps + 0.5)
            width = math.floor(atr * 1e6 + 0.5) / 1e6
            stop, best, kind = math.floor(entry - rules[0] * width), entry, 0
        elif wanted < 0 and held > 0.0:
            cash += held * opened[bar] * (1.0 - FEE)
            held, trades = 0.0, trades + 1
        if held > 0.0 and math.floor(low[bar] * steps + 0.5) <= stop:
            cash += held * min(opened[bar], stop / steps) * (1.0 - FEE)
            held, trades = 0.0, trades + 1
        wanted = 0
        ticks = math.floor(close[bar] * steps + 0.5)
        fast_sum, slow_sum = fast_sum + ticks, slow_sum + ticks
        if bar >= fast:
            fast_sum -= math.floor(close[bar - fast] * steps + 0.5)
        if bar >= slow:
            slow_sum -= math.floor(close[bar - slow] * steps + 0.5)
        difference = fast_sum * slow - slow_sum * fast
        if bar >= slow - 1 and difference != 0:
            now = 1 if difference > 0 else -1
            wanted = now if now == -above else 0
            above = now
        if bar > 0:
            atr = decay * atr + first * ranged(high, low, close, bar)
        if bar > MEMORY:
            atr -= last * ranged(high, low, close, bar - MEMORY)
    return trades, cash + held * close[-1]


@numba.njit(nogil=True, cache=True, inline="always")
def ranged(high: Floats, low: Floats, close: Floats, bar: int) -> float:
    """The true range."""
    return float(max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1]))


@numba.njit(nogil=True, cache=True)
def put_crossings(close: Floats, steps: float, fast: int, slow: int, signal: NDArray[np.int8]) -> None:
    """1 and -1 where the averages of one symbol cross."""
    fast_sum, slow_sum, above = 0, 0, 0
    for bar in range(len(close)):
        ticks = math.floor(close[bar] * steps + 0.5)
        fast_sum, slow_sum = fast_sum + ticks, slow_sum + ticks
        if bar >= fast:
            fast_sum -= math.floor(close[bar - fast] * steps + 0.5)
        if bar >= slow:
            slow_sum -= math.floor(close[bar - slow] * steps + 0.5)
        difference = fast_sum * slow - slow_sum * fast
        if bar >= slow - 1 and difference != 0:
            now = 1 if difference > 0 else -1
            signal[bar] = now if now == -above else 0
            above = now


@numba.njit(nogil=True, cache=True)
def shared_cash(
    opened: Floats, close: Floats, steps: float, fast: int, slow: int, position: float
) -> tuple[int, float]:
    """Many symbols, arrays (S, T), one account; entries of an instant are sized on its equity at the open."""
    symbols, bars = close.shape
    signal = np.zeros((symbols, bars), np.int8)
    for symbol in range(symbols):
        put_crossings(close[symbol], steps, fast, slow, signal[symbol])
    held, cash, trades = np.zeros(symbols), CASH, 0
    for bar in range(1, bars):
        equity = cash
        for symbol in range(symbols):
            equity += held[symbol] * opened[symbol, bar]
        for symbol in range(symbols):
            price, wanted = opened[symbol, bar], signal[symbol, bar - 1]
            if wanted > 0 and held[symbol] == 0.0:
                held[symbol] = math.floor(equity * position / price / LOT) * LOT
                cash -= held[symbol] * price * (1.0 + FEE)
            elif wanted < 0 and held[symbol] > 0.0:
                cash += held[symbol] * price * (1.0 - FEE)
                held[symbol], trades = 0.0, trades + 1
    for symbol in range(symbols):
        cash += held[symbol] * close[symbol, -1]
    return trades, cash


@numba.njit(nogil=True, cache=True)
def swept(opened: Floats, close: Floats, steps: float, pairs: Ints, trades: Ints, equity: Floats) -> None:
    """`crossover` of many pairs (P, 2)."""
    for place in range(len(pairs)):
        trades[place], equity[place] = crossover(opened, close, steps, pairs[place, 0], pairs[place, 1])
