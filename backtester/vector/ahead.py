"""The next instant at which anything may change, so that the loop need not stop at those between.

Each bound is on the safe side: an instant too many costs a step that does nothing, one too few would be a wrong
trade. A property test holds the loop with and without it to the same trades, equity and refusals.
"""

import math
from typing import NamedTuple

from backtester.vector.books import price_at, touched, worth_of
from backtester.vector.guards import raised
from backtester.vector.state import FAR, HIGH, LOW, NO_EXIT, OPEN, Books, Ints, Records, Tape, Terms
from shared.broker.fills import SPREAD_UNIT
from shared.portfolio.exact import FRACTION, NEAR_MAX, mul_div_floor
from shared.portfolio.grid import notional
from shared.risk.stops import INITIAL, StopState

MARGIN = 2
"""Ticks that a bound is moved to the safe side of a float's rounding."""


class Bounds(NamedTuple):
    """A bar whose low is above `below` and whose high is under `above` does nothing to a trade."""

    below: int
    above: int


def next_event(tape: Tape, grids: Records, terms: Terms, books: Books, row: int) -> int:
    """From `row` on, the first instant whose step may do more than mark the books; T where there is none."""
    call = books.purse[0].call
    event = int(tape.calls[call]) + 1 if call < len(tape.calls) else len(tape.time)
    if event <= row:
        return row
    net, gross = int(books.purse[0].cash), 0
    for symbol in range(len(books.held)):
        if books.held[symbol].lots > 0:
            worth = worth_of(grids, terms, books.held, symbol, price_at(tape, row, symbol))
            net, gross = net + worth, gross + abs(worth)
    slack = net - terms.balance + mul_div_floor(terms.balance, terms.max_drawdown, FRACTION)
    if slack < 0 and books.purse[0].halted == 0:
        return row
    share = slack / max(gross, 1)
    for symbol in range(len(books.held)):
        if books.held[symbol].lots > 0:
            lots, price = books.held[symbol].lots, price_at(tape, row, symbol)
            may_lose = may_lose_ticks(grids[symbol], terms.half_spread / SPREAD_UNIT, lots, price, share)
            event = disturbed(tape, terms, books, row, symbol, may_lose, event)
    return event


def may_lose_ticks(grid: Records, half_spread: float, lots: int, price: int, share: float) -> int:
    """How far a price may go against a trade before it has lost `share` of its worth; 0 where that is used up.

    A tick's worth is `lots * mul / div`; the spread and the rounding of both prices and both worths are taken off.
    """
    unit = float(grid.div) / (float(lots) * float(grid.mul))
    worth = price * (1.0 - half_spread) - 1.0 - unit
    return max(0, math.floor((share * worth - 1.0 - unit) / (1.0 + half_spread)) - MARGIN)


def disturbed(tape: Tape, terms: Terms, books: Books, row: int, symbol: int, may_lose: int, event: int) -> int:
    """The first instant, before `event`, at which a trade may do something."""
    trade = books.held[symbol]
    if trade.breached > 0 or trade.leaving != NO_EXIT or trade.until <= row:
        return row
    event = min(event, trade.until)
    price = price_at(tape, row, symbol)
    bounds = bounds_of(terms, books.held, symbol, price, may_lose)
    if price <= bounds.below or price >= bounds.above:
        return row
    if bounds.below <= 0 and bounds.above >= FAR:
        return event
    for bar in range(max(row - 1, 0), event):
        low, high = tape.prices[LOW, symbol, bar], tape.prices[HIGH, symbol, bar]
        if low <= bounds.below or high >= bounds.above:
            against = low <= bounds.below if trade.side > 0 else high >= bounds.above
            return max(row, bar if against else bar + 1)
    return event


def bounds_of(terms: Terms, held: Records, symbol: int, price: int, may_lose: int) -> Bounds:
    """Between the stop (or too great a loss) and the target (or a better stop)."""
    trade = held[symbol]
    gain = raises_at(terms, held, symbol)
    if trade.side > 0:
        least = SPREAD_UNIT / (SPREAD_UNIT - terms.half_spread)
        near = int((trade.stop + 1) * least) + MARGIN if trade.stop > 0 else 0
        return Bounds(max(near, price - may_lose), min(gain, trade.target) if trade.target > 0 else gain)
    near = int((trade.stop - 1) * (SPREAD_UNIT / (SPREAD_UNIT + terms.half_spread))) - MARGIN
    return Bounds(max(gain, trade.target), min(near, price + may_lose))


def raises_at(terms: Terms, held: Records, symbol: int) -> int:
    """The best price from which on the stop moves; one that every bar reaches where it does so anyway."""
    trade = held[symbol]
    if terms.stop_atr <= 0:
        return int(trade.side * FAR)
    old = StopState(trade.stop, trade.kind, trade.best)
    new = raised(terms, held, symbol, old, trade.best)
    if new.stop != old.stop or new.kind != old.kind:
        return int(-trade.side * FAR)
    start, reach = trade.entry, terms.breakeven_atr * trade.atr
    if trade.kind != INITIAL:
        start, reach = trade.stop, terms.trailing_atr * trade.atr + max(1.0, terms.trailing_step_atr * trade.atr)
    if reach > 1e15:
        return int(trade.side * FAR)
    return int(start + trade.side * (math.floor(reach) - MARGIN))


def mark_between(tape: Tape, grids: Records, terms: Terms, books: Books, row: int, event: int) -> None:
    """Equity from `row` up to the event, where nothing but prices changes."""
    if books.every == 0:
        return
    first = -(-row // books.every)
    last = -(-event // books.every)
    equity = books.equity[first:last]
    for place in range(len(equity)):
        equity[place] = books.purse[0].cash
    for symbol in range(len(books.held)):
        if books.held[symbol].lots > 0:
            opens = tape.prices[OPEN, symbol, first * books.every : event : books.every]
            add_worth(opens, terms.half_spread, grids[symbol], books.held[symbol], equity)


def add_worth(opens: Ints, half_spread: int, grid: Records, trade: Records, equity: Ints) -> None:
    """`books.worth_of` at many opens; where a tick is a whole number of money units, by one multiplication."""
    side, lots, mul, div = trade.side, trade.lots, grid.mul, grid.div
    whole = NEAR_MAX / (float(lots) * mul) if div == 1 else 0.0
    if half_spread == 0 and highest(opens) < whole:
        for place in range(len(equity)):
            equity[place] += side * lots * mul * opens[place]
        return
    tick = lots * mul if whole > 1.0 else 0
    for place in range(len(equity)):
        touch = touched(opens[place], half_spread, side)
        equity[place] += side * (touch * tick if touch < whole else notional(touch, lots, mul, div))


def highest(opens: Ints) -> int:
    """Of these prices; 0 of none."""
    most = 0
    for place in range(len(opens)):
        most = max(most, opens[place])
    return most
