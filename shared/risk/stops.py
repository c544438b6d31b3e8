"""Where a stop lies and when it moves. Ticks are int64, ATR is float64 in ticks, side +1 long or -1 short.

Compiles unchanged under Numba. A stop's life: initial -> breakeven (once price has gone 2 ATR our way) -> trailing.
"""

import math
from typing import NamedTuple

from shared.portfolio.exact import mul_div_floor

INITIAL = 0
BREAKEVEN = 1
TRAILING = 2
KIND_NAMES = ("stop", "breakeven", "trailing")
"""The wire's name of each kind, by its number."""

NOTHING_HIT = 0
STOP_HIT = 1
TARGET_HIT = 2


class StopState(NamedTuple):
    """A stop and the best price since entry (`high_water`: the highest for a long, the lowest for a short)."""

    stop: int
    kind: int
    high_water: int


class BarHit(NamedTuple):
    """What a bar did to a trade, and the first price through it."""

    code: int
    price: int


def initial_stop(entry: int, atr: float, multiple: float, side: int) -> int:
    """`multiple` ATR away from the entry, rounded away from it. ValueError without a positive ATR: no ATR, no entry."""
    if not (atr > 0.0 and math.isfinite(atr)):
        raise ValueError("no ATR, no stop")
    if side > 0:
        return math.floor(entry - multiple * atr)
    return math.ceil(entry + multiple * atr)


def default_stop(entry: int, fraction: int, side: int) -> int:
    """`fraction` (1e-9) of the price away from the entry: for manual and adopted trades only."""
    return entry - side * mul_div_floor(entry, fraction, 1_000_000_000)


def take_profit(entry: int, stop: int, multiple: float, side: int) -> int:
    """`multiple` times the risked distance beyond the entry, rounded away from it."""
    distance = multiple * abs(entry - stop)
    return entry + side * math.ceil(distance)


def raise_stop(
    entry: int,
    state: StopState,
    best: int,
    atr: float,
    breakeven_atr: float,
    trailing_atr: float,
    step_atr: float,
    side: int,
) -> StopState:
    """The stop after a closed bar whose best price (high for a long) was `best`; never moved against the trade.

    Breakeven, at the entry, once the best price is strictly more than `breakeven_atr` ATR beyond it. From the next bar
    on, trailing: `trailing_atr` ATR behind the best price, when that gains at least `step_atr` ATR (it spares the venue
    an amendment for every tick).
    """
    high_water = max(state.high_water, best) if side > 0 else min(state.high_water, best)
    if state.kind == INITIAL:
        if side * (high_water - entry) > breakeven_atr * atr:
            return StopState(_better(state.stop, entry, side), BREAKEVEN, high_water)
        return StopState(state.stop, state.kind, high_water)
    behind = math.floor(high_water - trailing_atr * atr) if side > 0 else math.ceil(high_water + trailing_atr * atr)
    gain = side * (behind - state.stop)
    if gain > 0 and gain >= step_atr * atr:
        return StopState(behind, TRAILING, high_water)
    return StopState(state.stop, state.kind, high_water)


def check_bar(stop: int, target: int, low: int, high: int, open_: int, side: int) -> BarHit:
    """Which of stop and target (0: none) a bar reached, and at what price; where it reached both, the stop did first.

    A gap through either is the open's price; inside the bar the path is continuous.
    """
    if side > 0:
        if low <= stop:
            return BarHit(STOP_HIT, min(stop, open_))
        if target > 0 and high >= target:
            return BarHit(TARGET_HIT, max(target, open_))
    else:
        if high >= stop:
            return BarHit(STOP_HIT, max(stop, open_))
        if target > 0 and low <= target:
            return BarHit(TARGET_HIT, min(target, open_))
    return BarHit(NOTHING_HIT, 0)


def breached(stop: int, price: int, side: int) -> bool:
    """Whether a price has reached the stop."""
    return side * (price - stop) <= 0


def time_is_up(bars_held: int, max_hold_bars: int) -> bool:
    """Whether a trade has been held for the allowed number of bars."""
    return bars_held >= max_hold_bars


def drawdown_exceeded(equity: int, initial: int, limit: int) -> bool:
    """Whether the loss against the initial balance is strictly more than `limit` (1e-9); exactly the limit is not."""
    return initial - equity > mul_div_floor(initial, limit, 1_000_000_000)


def _better(stop: int, other: int, side: int) -> int:
    return max(stop, other) if side > 0 else min(stop, other)
