"""Which verdicts of an instant become orders, and of how many lots: the executor's order, limits and sizes."""

import math
from typing import NamedTuple

from backtester.vector.books import Marks, price_at, realised_on
from backtester.vector.state import NO_STOP, Books, Floats, Records, Tape, Terms
from shared.broker.fills import ask_of, bid_of
from shared.portfolio.grid import notional, notional_up
from shared.risk.limits import (
    ALLOWED,
    EXPIRED,
    EntryFacts,
    EntryLimits,
    SizeFacts,
    entry_refusal,
    size_refusal,
)
from shared.risk.sizing import reservation, size_entry
from shared.risk.stops import initial_stop


class Room(NamedTuple):
    """What the trades that stand have left: how many they are, their worth, and the money that is free.

    A short's proceeds are not free, nor is as much again, so that it binds what a long of its size would.
    """

    standing: int
    exposed: int
    free: int


def buy_verdicts(
    tape: Tape, grids: Records, terms: Terms, books: Books, row: int, closed_at: int, call: int, marks: Marks
) -> None:
    """Entries of one instant, the strongest conviction first, each on what those before it have left."""
    held = books.held
    room = Room(marks.standing, marks.gross, marks.equity - marks.gross)  # what exits will bring in is not there yet
    for symbol in range(len(held)):
        if held[symbol].gone == row:
            room = without(room, held[symbol].bound)
    symbol, strength = next_best(tape.scores[call], terms, held, -1, math.inf)
    while symbol >= 0:
        side = 1 if tape.scores[call, symbol] > 0 else -1
        facts = facts_of(tape, terms, books, row, closed_at, call, symbol, side, marks.equity, room.standing)
        lots, code = sized(facts, side, grids[symbol], terms, room)
        if code != ALLOWED:
            books.refused[code] += 1
        else:
            held[symbol].wanted = side * lots
            spent = notional_up(facts.price, lots, grids[symbol].mul, grids[symbol].div)
            bound = reservation(spent, terms.taker_fee, terms.slack)
            held[symbol].bound = bound
            room = without(room, bound)
        symbol, strength = next_best(tape.scores[call], terms, held, symbol, strength)


def without(room: Room, bound: int) -> Room:
    """What one more entry leaves."""
    return Room(room.standing + 1, room.exposed + bound, room.free - bound)


def next_best(scores: Floats, terms: Terms, held: Records, last: int, strength: float) -> tuple[int, float]:
    """Whose turn it is after `last` with its `strength`: the strongest left, of equals the first; -1: nobody's."""
    best, most = -1, 0.0
    for symbol in range(len(scores)):
        own = conviction(scores[symbol], terms, held, symbol)
        before = own > strength or (own == strength and symbol <= last)
        if own >= terms.entry_score and not before and own > most:
            best, most = symbol, own
    return best, most


def conviction(score: float, terms: Terms, held: Records, symbol: int) -> float:
    """How strongly a score asks for an entry; 0 where it only closes what is held on the other side."""
    if held[symbol].lots > 0 and held[symbol].side * score < 0:
        return 0.0
    return abs(score) if terms.short != 0 else score


def facts_of(
    tape: Tape,
    terms: Terms,
    books: Books,
    row: int,
    now: int,
    call: int,
    symbol: int,
    side: int,
    equity: int,
    standing: int,
) -> EntryFacts:
    """What is true of a symbol as its decision bar has closed; nobody pauses, and what is late is said by `expire`."""
    price = price_at(tape, row, symbol)
    if price > 0:
        price = ask_of(price, terms.half_spread) if side > 0 else bid_of(price, terms.half_spread)
    return EntryFacts(
        True,
        side * tape.scores[call, symbol],
        now,
        now,
        False,
        books.purse[0].halted == 1,
        books.held[symbol].lots > 0 or books.held[symbol].gone == row,
        standing,
        price,
        tape.atrs[call, symbol] if terms.stop_atr > 0 else 1.0,
        equity,
        terms.balance,
        realised_on(books.purse, now),
    )


def sized(facts: EntryFacts, side: int, grid: Records, terms: Terms, room: Room) -> tuple[int, int]:
    """Lots and ALLOWED, or 0 and the code of the refusal. Without a stop, all of the notional is what is risked."""
    limits = EntryLimits(terms.entry_score, terms.max_positions, terms.max_daily_loss, terms.max_drawdown)
    code = entry_refusal(facts, limits)
    if code != ALLOWED:
        return 0, code
    stop = 0
    if terms.stop_atr > 0:
        stop = initial_stop(facts.price, facts.atr, terms.stop_atr, side)
        if stop <= 0:
            return 0, NO_STOP
    shares = (terms.risk_per_trade, terms.max_position, terms.max_exposure, terms.taker_fee, terms.slack)
    size = size_entry(facts.price, stop, facts.equity, room.free, room.exposed, *shares, grid.mul, grid.div)
    spent = notional_up(facts.price, size.lots, grid.mul, grid.div)
    at_stop = notional(stop, size.lots, grid.mul, grid.div) if stop > 0 else spent
    least = (grid.min_lots, grid.min_cost)
    facts_of_size = SizeFacts(size.lots, size.bound, spent, *least, room.exposed, room.free, at_stop)
    return size.lots, size_refusal(facts_of_size)


def expire(tape: Tape, terms: Terms, books: Books, row: int, closed_at: int) -> None:
    """After a gap the venue's clock is past what a decision lives: the sender withholds its entry."""
    if tape.time[row] <= closed_at + terms.ttl:
        return
    for symbol in range(len(books.held)):
        if books.held[symbol].wanted != 0:
            books.held[symbol].wanted = 0
            books.refused[EXPIRED] += 1
