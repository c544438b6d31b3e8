"""The next bar at which any service has something to do, by the very functions that their handlers decide with.

Between two such bars every handler would look at its message and do nothing; the engine's `every_bar` plays them all,
and a test demands the same trades.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.broker.fills import NOT_FILLED, SELL, bid_of, stop_fill
from shared.portfolio.grid import notional
from shared.portfolio.ledger import LONG
from shared.risk.stops import StopState, breached, check_bar, drawdown_exceeded, raise_stop, time_is_up

Ints = NDArray[np.int64]

HELD = np.dtype(
    [(name, np.int64) for name in ("symbol", "lots", "entry", "since", "stop", "kind", "high", "target", "mul", "div")]
    + [("atr", np.float64)]
)
"""A trade that is held: `symbol` its row in the tape, `since` its entry in microseconds, `target` 0: none."""


WATCH = np.dtype(
    [(name, np.int64) for name in ("base", "decision", "half_spread", "balance", "max_drawdown", "max_hold_bars")]
    + [(name, np.float64) for name in ("breakeven_atr", "trailing_atr", "trailing_step_atr")]
)
"""What guards trades and the account; see `backtester.vector.state.Terms`."""


def next_row(
    row: int,
    bound: int,
    time: Ints,
    opens: Ints,
    lows: Ints,
    highs: Ints,
    last: Ints,
    wakes: NDArray[np.bool_],
    held: Any,
    cash: int,
    watch: Any,
) -> int:
    """The first row from `row` on that matters to these trades; `bound` where none before it does.

    Prices (S, T) in ticks, `held` and `watch` records; `wakes` (S, T): a decision about a held symbol may be a SELL.
    """
    for at in range(row, bound):
        equity = cash
        for one in held:
            s = one.symbol
            bid = bid_of(last[s, at], watch.half_spread)
            equity += notional(bid, one.lots, one.mul, one.div)
            if wakes[s, at] or breached(one.stop, bid, LONG):
                return at
            if opens[s, at] > 0 and is_stopped(one, opens[s, at], lows[s, at], highs[s, at]):
                return at
            before = at - 1
            if opens[s, before] > 0 and matters(
                one, time[before] + watch.base, lows[s, before], highs[s, before], watch
            ):
                return at
        if drawdown_exceeded(equity, watch.balance, watch.max_drawdown):
            return at
    return bound


def is_stopped(one: Any, open_: int, low: int, high: int) -> bool:
    """Whether the resting stop fills in a bar."""
    return stop_fill(SELL, one.stop, open_, low, high).point != NOT_FILLED


def matters(one: Any, closed_at: int, low: int, high: int, watch: Any) -> bool:
    """Whether a closed bar does anything to a trade."""
    if closed_at <= one.since:
        return False
    if check_bar(one.stop, one.target, low, high, low, LONG).code != 0:
        return True
    if time_is_up((closed_at - one.since) // watch.decision, watch.max_hold_bars):
        return True
    old = StopState(one.stop, one.kind, one.high)
    new = raise_stop(
        one.entry, old, high, one.atr, watch.breakeven_atr, watch.trailing_atr, watch.trailing_step_atr, LONG
    )
    return new.stop != old.stop or new.kind != old.kind


def mark(
    equity: Ints, last: Ints, rows: Ints, of: Ints, lots: Ints, paid: Ints, steps: Ints, held: Ints, half_spread: int
) -> None:
    """Fill `equity` (n,), which begins with the cash: cash and all that is held at the bid, at each column of `last`.

    `last` (S, n) in ticks, `held` (S,) the lots at the beginning. Fills in the order of time: `rows` the first column
    that sees one, `of` its symbol, `lots` and `paid` (cash) what it adds; `steps` (S, 2) each symbol's mul and div.
    """
    symbols, size = last.shape
    cash, fill = equity[0], 0
    for at in range(size):
        while fill < len(rows) and rows[fill] <= at:
            held[of[fill]] += lots[fill]
            cash += paid[fill]
            fill += 1
        worth = cash
        for s in range(symbols):
            if held[s] != 0:
                worth += notional(bid_of(last[s, at], half_spread), held[s], steps[s, 0], steps[s, 1])
        equity[at] = worth
