"""One instant after the other, the way the desk goes through lock-step playback.

At an open the bars before it have closed: stops are raised and exits asked for, verdicts decided, then market orders
fill at the open (sells first, then by symbol), then the bar walks open, low, high, close through the resting stops.
Everything that decides is the function the live services call. Runs as plain Python too, only slower.

Most instants change nothing. With `skip` the loop asks `ahead.next_event` for the next one that may, and goes there.
"""

from backtester.vector.ahead import mark_between, next_event
from backtester.vector.books import bought, decided_at, marked, met, price_at, sold, touched, walked
from backtester.vector.entries import buy_verdicts, expire
from backtester.vector.guards import guard_account, guard_bars, guard_ticks, sell_verdicts
from backtester.vector.state import NO_EXIT, Books, Records, Tape, Terms
from shared.portfolio.grid import cost


def simulate(tape: Tape, grids: Records, terms: Terms, books: Books, skip: bool) -> bool:
    """On from the instant `purse.row`. False where it stopped because `trades` is full, or something is `unsold`."""
    instants = len(tape.time)
    purse = books.purse
    row = purse[0].row
    while row < instants and purse[0].unsold == 0 and purse[0].closed + len(books.held) <= len(books.trades):
        if skip:
            event = next_event(tape, grids, terms, books, row)
            mark_between(tape, grids, terms, books, row, event)
            row = event
        if row < instants:
            step(tape, grids, terms, books, row)
            row += 1
    purse[0].row = row
    return bool(row >= instants and purse[0].unsold == 0)


def step(tape: Tape, grids: Records, terms: Terms, books: Books, row: int) -> None:
    """One instant, whatever happens at it."""
    guard_bars(tape, terms, books.held, row)
    call = called(tape, books.purse, row)
    closed_at = decided_at(tape, terms, row) if call >= 0 else tape.time[row]
    if closed_at == tape.time[row]:
        guard_ticks(tape, terms, books.held, row)
    marks = marked(tape, grids, terms, books, row)
    if books.every > 0 and row % books.every == 0:
        books.equity[row // books.every] = marks.equity
    guard_account(terms, books, marks.equity)
    if call >= 0:
        sell_verdicts(tape, terms, books.held, closed_at, call)
        if closed_at < tape.time[row]:  # after a gap the verdict came before the open
            guard_ticks(tape, terms, books.held, row)
        buy_verdicts(tape, grids, terms, books, row, closed_at, call, marks)
        expire(tape, terms, books, row, closed_at)
    fill_market_orders(tape, grids, terms, books, row, call)
    for symbol in range(len(books.held)):
        if books.held[symbol].lots > 0:
            walked(tape, grids, terms, books, row, symbol)


def called(tape: Tape, purse: Records, row: int) -> int:
    """Which of `calls` is the close of the instant before `row`; -1: none."""
    call = purse[0].call
    if call < len(tape.calls) and tape.calls[call] == row - 1:
        purse[0].call = call + 1
        return int(call)
    return -1


def fill_market_orders(tape: Tape, grids: Records, terms: Terms, books: Books, row: int, call: int) -> None:
    """At the open: sells first, then by symbol."""
    held = books.held
    for turn in range(2):
        side = 2 * turn - 1
        for symbol in range(len(held)):
            if held[symbol].wanted * side > 0:
                bought(tape, grids, terms, books, row, symbol, call)
            elif held[symbol].leaving != NO_EXIT and held[symbol].lots > 0 and held[symbol].side == -side:
                if is_too_little(tape, grids[symbol], terms, held[symbol].lots, row, symbol, side):
                    books.purse[0].unsold = 1 + symbol
                    return
                price = met(tape, terms, row, symbol, side, held[symbol].lots)
                sold(grids, terms, books, symbol, int(tape.time[row]), price, held[symbol].leaving)


def is_too_little(tape: Tape, grid: Records, terms: Terms, lots: int, row: int, symbol: int, side: int) -> bool:
    """Whether the venue refuses an order of that size at its touch."""
    touch = touched(price_at(tape, row, symbol), terms.half_spread, -side)
    return bool(cost(touch, lots, grid.num, grid.den, grid.quantum) < grid.min_cost)
