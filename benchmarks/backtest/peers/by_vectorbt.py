# mypy: ignore-errors
"""The cases as a user of vectorbt writes them."""

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from rules import BREAKEVEN_ATR, CASH, FEE, LOT, POSITION, SHARED_POSITION, STEP_ATR, STOP_ATR, TRAILING_ATR
from vectorbt.portfolio.nb import order_nb, order_nothing_nb

Arrays = dict[str, Any]
AT_ONCE = 20
"""Columns of a sweep in memory together."""


def played(kind: str, arrays: Arrays) -> tuple[int, float]:
    """Closed trades and the final equity (of a sweep, their sums)."""
    if kind == "sweep":
        return _vectorbt_sweep(arrays)
    if kind == "guarded":
        return _vectorbt_guarded(arrays)
    close = pd.DataFrame(arrays["close"].T)
    fast, slow = vbt.MA.run(close, 10), vbt.MA.run(close, 30)
    fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    share = SHARED_POSITION if kind == "shared" else POSITION
    return _orders(close, pd.DataFrame(arrays["open"].T), arrays["signal"].T, share, kind == "shared")


def _orders(close: Any, opened: Any, signal: Any, share: float, together: bool) -> tuple[int, float]:
    late = np.vstack([np.zeros((1, signal.shape[1])), signal[:-1]])
    held = vbt.Portfolio.from_orders(
        close,
        size=np.where(late > 0, share, np.where(late < 0, 0.0, np.nan)),
        size_type="targetpercent",
        price=opened,
        val_price=opened,
        fees=FEE,
        size_granularity=LOT,
        init_cash=CASH,
        freq="1min",
        **({"cash_sharing": True, "group_by": True, "call_seq": "auto"} if together else {}),
    )
    return int(held.trades.closed.count().sum()), float(np.sum(held.final_value()))


def _vectorbt_sweep(arrays: Arrays) -> tuple[int, float]:
    prices = pd.Series(arrays["close"][0])
    opened = pd.Series(arrays["open"][0])
    pairs, trades, equity = arrays["pairs"], 0, 0.0
    for first in range(0, len(pairs), AT_ONCE):
        some = pairs[first : first + AT_ONCE]
        fast = vbt.MA.run(prices, some[:, 0].tolist(), short_name="fast")
        slow = vbt.MA.run(prices, some[:, 1].tolist(), short_name="slow")
        fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        close = pd.concat([prices] * len(some), axis=1, keys=range(len(some)))
        found = _orders(
            close, opened.to_numpy()[:, None], arrays["signals"][first : first + AT_ONCE].T, POSITION, False
        )
        trades, equity = trades + found[0], equity + found[1]
    return trades, equity


def _vectorbt_guarded(arrays: Arrays) -> tuple[int, float]:
    close = pd.Series(arrays["close"][0])
    fast, slow = vbt.MA.run(close, 10), vbt.MA.run(close, 30)
    fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    rows = [arrays[name][0] for name in ("signal", "open", "high", "low", "atr")]
    held = vbt.Portfolio.from_order_func(
        close,
        _orders_of_bar,
        *rows,
        np.array([0.0, 0.0, 0.0, 0.0, 0.0, float(arrays["steps"])]),
        init_cash=CASH,
        freq="1min",
        flexible=True,
        max_orders=len(close),
    )
    return int(held.trades.closed.count()), float(held.final_value())


@njit
def _raised(state: Any, high: float) -> None:
    top = max(state[2], np.floor(high * state[5] + 0.5))
    behind = np.floor(top - TRAILING_ATR * state[4])
    if state[3] == 0.0 and top - state[0] > BREAKEVEN_ATR * state[4]:
        state[1], state[2], state[3] = max(state[1], state[0]), top, 1.0
    elif state[3] > 0.0 and behind > state[1] and behind - state[1] >= STEP_ATR * state[4]:
        state[1], state[2], state[3] = behind, top, 2.0


@njit
def _orders_of_bar(c: Any, signal: Any, opened: Any, high: Any, low: Any, atr: Any, state: Any) -> Any:
    """The rules of the stop; `state` is entry, stop, best, kind, ATR, ticks in a unit."""
    bar, held = c.i, c.last_position[c.from_col]
    wanted = signal[bar - 1] if bar > 0 and c.call_idx == 0 else 0.0
    if c.call_idx == 0 and held > 0.0:
        _raised(state, high[bar - 1])
    if wanted > 0.0 and held == 0.0:
        state[0], state[4], state[3] = np.floor(opened[bar] * state[5] + 0.5), atr[bar - 1], 0.0
        state[1], state[2] = np.floor(state[0] - STOP_ATR * state[4]), state[0]
        lots = np.floor(c.last_cash[c.from_col] * POSITION / opened[bar] / LOT)
        return c.from_col, order_nb(size=lots * LOT, price=opened[bar], fees=FEE)
    if wanted < 0.0 and held > 0.0:
        return c.from_col, order_nb(size=-held, price=opened[bar], fees=FEE)
    if held > 0.0 and np.floor(low[bar] * state[5] + 0.5) <= state[1]:
        return c.from_col, order_nb(size=-held, price=min(opened[bar], state[1] / state[5]), fees=FEE)
    return -1, order_nothing_nb()
