"""Fills and what they do to cash, to the trade of a symbol, and to the list of closed trades."""

import numpy as np

from backtester.vector.state import LONG, NO_EXIT, STOP, Ints, Records, Tape, Terms
from shared.broker.fills import BUY, NOT_FILLED, SELL, bid_of, market_fill, stop_fill
from shared.portfolio.grid import cost, fee, notional
from shared.risk.stops import initial_stop, take_profit

DAY = 86_400_000_000
"""Microseconds."""


def marked(grids: Records, terms: Terms, held: Records, purse: Records) -> int:
    """Cash and all that is held, at the bid."""
    worth = int(purse[0].cash)
    for symbol in range(len(held)):
        worth += worth_of(grids, terms, held, symbol)
    return worth


def worth_of(grids: Records, terms: Terms, held: Records, symbol: int) -> int:
    """One trade at the bid."""
    if held[symbol].lots == 0:
        return 0
    bid = bid_of(held[symbol].last, terms.half_spread)
    return notional(bid, held[symbol].lots, grids[symbol].mul, grids[symbol].div)


def realised_on(purse: Records, now: int) -> int:
    """What the UTC day of `now` has realised so far."""
    return int(purse[0].realised) if purse[0].day == now // DAY else 0


def met(tape: Tape, terms: Terms, held: Records, row: int, symbol: int, side: int) -> int:
    """The price of a market order at the open, inside the bar's range where there is a bar."""
    return market_fill(
        side, held[symbol].last, terms.half_spread, tape.bars[row, symbol].low, tape.bars[row, symbol].high
    )


def bought(
    tape: Tape, grids: Records, terms: Terms, held: Records, purse: Records, row: int, symbol: int, lots: int
) -> None:
    """An entry's fill, with the stop and target that follow from it."""
    price = met(tape, terms, held, row, symbol, BUY)
    paid = cost(price, lots, grids[symbol].num, grids[symbol].den, grids[symbol].quantum)
    charged = fee(paid, terms.taker_fee, grids[symbol].quantum)
    purse[0].cash -= paid + charged
    atr = tape.bars[row - 1, symbol].atr
    stop = max(initial_stop(price, atr, terms.stop_atr, LONG), 1)
    held[symbol].lots, held[symbol].entry, held[symbol].entry_time = lots, price, tape.time[row]
    held[symbol].paid, held[symbol].fee, held[symbol].atr = paid, charged, atr
    held[symbol].stop, held[symbol].kind, held[symbol].high = stop, 0, price
    held[symbol].target = take_profit(price, stop, terms.take_profit_r, LONG)
    held[symbol].breached, held[symbol].leaving = 0, NO_EXIT


def walked(
    trades: Ints, tape: Tape, grids: Records, terms: Terms, held: Records, purse: Records, row: int, symbol: int
) -> Ints:
    """The resting stop on the bar's way from open over low and high to close."""
    fill = stop_fill(
        SELL, held[symbol].stop, tape.bars[row, symbol].open, tape.bars[row, symbol].low, tape.bars[row, symbol].high
    )
    if fill.point == NOT_FILLED:
        return trades
    at = tape.time[row] + fill.point * terms.base // 4
    return sold(trades, at, fill.price, STOP + held[symbol].kind, grids, terms, held, purse, symbol)


def sold(
    trades: Ints,
    at: int,
    price: int,
    reason: int,
    grids: Records,
    terms: Terms,
    held: Records,
    purse: Records,
    symbol: int,
) -> Ints:
    """An exit's fill: cash, the day's result, and the closed trade."""
    lots = held[symbol].lots
    proceeds = cost(price, lots, grids[symbol].num, grids[symbol].den, grids[symbol].quantum)
    charged = fee(proceeds, terms.taker_fee, grids[symbol].quantum)
    purse[0].cash += proceeds - charged
    fees = held[symbol].fee + charged
    if purse[0].day != at // DAY:
        purse[0].day, purse[0].realised = at // DAY, 0
    purse[0].realised += proceeds - held[symbol].paid - fees
    number = purse[0].closed
    if number == len(trades):
        grown = np.zeros((2 * number, trades.shape[1]), np.int64)
        grown[:number] = trades
        trades = grown
    trades[number, 0], trades[number, 1], trades[number, 2] = symbol, held[symbol].entry_time, at
    trades[number, 3], trades[number, 4], trades[number, 5] = lots, held[symbol].entry, price
    trades[number, 6], trades[number, 7] = held[symbol].paid, proceeds
    trades[number, 8], trades[number, 9] = fees, reason
    purse[0].closed = number + 1
    held[symbol].lots, held[symbol].leaving, held[symbol].breached = 0, NO_EXIT, 0
    return trades
