"""Which verdicts of an instant become orders, and of how many lots: the executor's order, limits and sizes."""

import numpy as np

from backtester.vector.books import realised_on
from backtester.vector.state import LONG, Ints, Records, Tape, Terms
from shared.broker.fills import ask_of
from shared.portfolio.grid import notional, notional_up
from shared.risk.limits import ALLOWED, REASONS, EntryFacts, EntryLimits, SizeFacts, entry_refusal, size_refusal
from shared.risk.sizing import reservation, size_entry
from shared.risk.stops import initial_stop

NO_STOP = len(REASONS)
"""The refusal of an entry whose stop would lie below zero: the executor says it beside the limits' own codes."""


def buy_verdicts(
    tape: Tape,
    grids: Records,
    terms: Terms,
    held: Records,
    purse: Records,
    row: int,
    equity: int,
    wanted: Ints,
    refused: Ints,
) -> None:
    """Entries of one instant, the greatest score first, each on what those before it have left."""
    bars = tape.bars[row - 1]
    reserved, exposed, standing = 0, equity - purse[0].cash, 0
    for symbol in range(len(bars)):
        standing += held[symbol].lots > 0
    done = np.zeros(len(bars), np.int64)
    while True:
        symbol = best_of(bars, done, terms.entry_score)
        if symbol < 0:
            return
        done[symbol] = 1
        facts = facts_of(tape, terms, held, purse, row, symbol, equity, standing)
        lots, code = sized(facts, grids[symbol], terms, purse[0].cash - reserved, exposed)
        if code != ALLOWED:
            refused[code] += 1
            continue
        wanted[symbol] = lots
        spent = notional_up(facts.price, lots, grids[symbol].mul, grids[symbol].div)
        held_back = reservation(spent, terms.taker_fee, terms.slack)
        reserved, exposed, standing = reserved + held_back, exposed + held_back, standing + 1


def best_of(bars: Records, done: Ints, least: float) -> int:
    """The symbol with the greatest score that is not done; of equals the first. -1 where none is left."""
    best = -1
    for symbol in range(len(bars)):
        if done[symbol] == 0 and bars[symbol].score >= least and (best < 0 or bars[symbol].score > bars[best].score):
            best = symbol
    return best


def facts_of(
    tape: Tape, terms: Terms, held: Records, purse: Records, row: int, symbol: int, equity: int, standing: int
) -> EntryFacts:
    """What is true of a symbol as its decision bar has closed; a verdict is never late here, nobody pauses."""
    now = tape.time[row - 1] + terms.base
    return EntryFacts(
        True,
        tape.bars[row - 1, symbol].score,
        now,
        now,
        False,
        purse[0].halted == 1,
        held[symbol].lots > 0,
        standing,
        ask_of(held[symbol].last, terms.half_spread),
        tape.bars[row - 1, symbol].atr,
        equity,
        terms.balance,
        realised_on(purse, now),
    )


def sized(facts: EntryFacts, grid: Records, terms: Terms, free: int, exposed: int) -> tuple[int, int]:
    """Lots and ALLOWED, or 0 and the code of the refusal."""
    limits = EntryLimits(terms.entry_score, terms.max_positions, terms.max_daily_loss, terms.max_drawdown)
    code = entry_refusal(facts, limits)
    if code != ALLOWED:
        return 0, code
    stop = initial_stop(facts.price, facts.atr, terms.stop_atr, LONG)
    if stop <= 0:
        return 0, NO_STOP
    shares = (terms.risk_per_trade, terms.max_position, terms.max_exposure, terms.taker_fee, terms.slack)
    size = size_entry(facts.price, stop, facts.equity, free, exposed, *shares, grid.mul, grid.div)
    spent = notional_up(facts.price, size.lots, grid.mul, grid.div)
    at_stop = notional(stop, size.lots, grid.mul, grid.div)
    least = (grid.min_lots, grid.min_cost)
    return size.lots, size_refusal(SizeFacts(size.lots, size.bound, spent, *least, exposed, free, at_stop))
