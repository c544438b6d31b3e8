"""One instant after the other, the way the desk goes through lock-step playback.

At an open the bars before it have closed: stops are raised and exits asked for, verdicts decided, then market orders
fill at the open (sells first, then by symbol), then the bar walks open, low, high, close through the resting stops.
Everything that decides is the function the live services call. Runs as plain Python too, only slower.
"""

import numpy as np

from backtester.vector.books import bought, marked, met, sold, walked
from backtester.vector.entries import buy_verdicts
from backtester.vector.guards import guard_account, guard_trades, sell_verdicts
from backtester.vector.state import NO_EXIT, Ints, Records, Tape, Terms
from shared.broker.fills import SELL


def simulate(tape: Tape, grids: Records, terms: Terms, held: Records, purse: Records) -> tuple[Ints, Ints, Ints]:
    """Closed trades (rows of COLUMNS), equity at each open (T,), and how often each refusal was given (its code)."""
    instants, symbols = tape.bars.shape
    trades = np.zeros((64, 10), np.int64)
    equity = np.zeros(instants, np.int64)
    refused = np.zeros(16, np.int64)
    wanted = np.zeros(symbols, np.int64)
    for row in range(instants):
        print_opens(tape, held, row)
        guard_trades(tape, terms, held, row)
        equity[row] = marked(grids, terms, held, purse)
        guard_account(terms, held, purse, equity[row])
        wanted[:] = 0
        if row > 0:
            sell_verdicts(tape, terms, held, row)
            buy_verdicts(tape, grids, terms, held, purse, row, equity[row], wanted, refused)
        trades = fill_market_orders(trades, tape, grids, terms, held, purse, row, wanted)
        trades = walk(trades, tape, grids, terms, held, purse, row)
    return trades[: purse[0].closed], equity, refused


def print_opens(tape: Tape, held: Records, row: int) -> None:
    """The first price of each bar; a symbol without a bar stays where it was."""
    for symbol in range(len(held)):
        if tape.bars[row, symbol].open > 0:
            held[symbol].last = tape.bars[row, symbol].open


def fill_market_orders(
    trades: Ints, tape: Tape, grids: Records, terms: Terms, held: Records, purse: Records, row: int, wanted: Ints
) -> Ints:
    """At the open: sells first, then by symbol."""
    for symbol in range(len(wanted)):
        if held[symbol].leaving != NO_EXIT and held[symbol].lots > 0:
            price = met(tape, terms, held, row, symbol, SELL)
            trades = sold(trades, tape.time[row], price, held[symbol].leaving, grids, terms, held, purse, symbol)
    for symbol in range(len(wanted)):
        if wanted[symbol] > 0:
            bought(tape, grids, terms, held, purse, row, symbol, wanted[symbol])
    return trades


def walk(trades: Ints, tape: Tape, grids: Records, terms: Terms, held: Records, purse: Records, row: int) -> Ints:
    """Every bar's way from its open to its close."""
    for symbol in range(len(held)):
        if tape.bars[row, symbol].open > 0:
            if held[symbol].lots > 0:
                trades = walked(trades, tape, grids, terms, held, purse, row, symbol)
            held[symbol].last = tape.bars[row, symbol].close
    return trades
