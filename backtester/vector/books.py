"""Fills and what they do to cash, to the trade of a symbol, and to the list of closed trades."""

from typing import NamedTuple

from backtester.vector.state import (
    CANCELED,
    CLOSE,
    DUST,
    FAR,
    HIGH,
    LOW,
    NEVER,
    NO_EXIT,
    OPEN,
    STOP,
    Books,
    Ints,
    Records,
    Tape,
    Terms,
)
from shared.broker.fills import NOT_FILLED, ask_of, bid_of, market_fill, slip_rate, slipped, stop_fill
from shared.portfolio.grid import cost, fee, notional
from shared.risk.stops import initial_stop, take_profit

DAY = 86_400_000_000
"""Microseconds."""


class Marks(NamedTuple):
    """The account marked to what closing would bring, money units.

    `equity` is cash and all that is held, `gross` the worth of longs and of shorts together, `standing` how many.
    """

    equity: int
    gross: int
    standing: int


def marked(tape: Tape, grids: Records, terms: Terms, books: Books, row: int) -> Marks:
    """At an instant's open; from the end of the tape on, at the last close."""
    equity, gross, standing = int(books.purse[0].cash), 0, 0
    for symbol in range(len(books.held)):
        if books.held[symbol].lots > 0:
            worth = worth_of(grids, terms, books.held, symbol, price_at(tape, row, symbol))
            equity, gross, standing = equity + worth, gross + abs(worth), standing + 1
    return Marks(equity, gross, standing)


def price_at(tape: Tape, row: int, symbol: int) -> int:
    """What was printed last when the instant's bars open."""
    if row == len(tape.time):
        return int(tape.prices[CLOSE, symbol, row - 1])
    return int(tape.prices[OPEN, symbol, row])


def worth_of(grids: Records, terms: Terms, held: Records, symbol: int, price: int) -> int:
    """What closing a trade would bring: a long at the bid, a short owes the ask."""
    side = held[symbol].side
    touch = touched(price, terms.half_spread, side)
    return int(side * notional(touch, held[symbol].lots, grids[symbol].mul, grids[symbol].div))


def touched(price: int, half_spread: int, side: int) -> int:
    """The side of the market at which a trade is closed: the bid for a long, the ask for a short."""
    return bid_of(price, half_spread) if side > 0 else ask_of(price, half_spread)


def realised_on(purse: Records, now: int) -> int:
    """What the UTC day of `now` has realised so far."""
    return int(purse[0].realised) if purse[0].day == now // DAY else 0


def met(tape: Tape, terms: Terms, row: int, symbol: int, side: int, lots: int) -> int:
    """The price of a market order at the open, inside the bar's range where there is a bar."""
    high = tape.prices[HIGH, symbol, row]
    low = tape.prices[LOW, symbol, row] if high > 0 else 0
    touch = market_fill(side, tape.prices[OPEN, symbol, row], terms.half_spread, low, high)
    return slipped(side, touch, rate_of(tape, terms, row, symbol, lots), low, high)


def rate_of(tape: Tape, terms: Terms, row: int, symbol: int, lots: int) -> int:
    """How far an order of this size slips, in 1e-9."""
    volume = tape.volume[symbol, row] if terms.impact > 0 else 1
    return slip_rate(terms.slippage, terms.impact, lots, volume)


def decided_at(tape: Tape, terms: Terms, row: int) -> int:
    """When the decision bars closed that are decided as a row opens: after its last base bar there may be a gap."""
    opened = tape.time[row - 1]
    return int(opened - (opened - terms.first_decision) % terms.decision + terms.decision)


def left_at(tape: Tape, terms: Terms, row: int, point: int) -> int:
    """When a point of the bar's way is printed."""
    return int(tape.time[row] + point * terms.base // 4)


def bought(tape: Tape, grids: Records, terms: Terms, books: Books, row: int, symbol: int, call: int) -> None:
    """An entry's fill, a short's too, with the stop and target that follow from it; the venue lends no money."""
    held, purse = books.held, books.purse
    wanted = held[symbol].wanted
    side = 1 if wanted > 0 else -1
    lots = abs(wanted)
    price = met(tape, terms, row, symbol, side, lots)
    paid = cost(price, lots, grids[symbol].num, grids[symbol].den, grids[symbol].quantum)
    charged = fee(paid, terms.taker_fee, grids[symbol].quantum)
    if side > 0 and paid + charged > purse[0].cash:
        held[symbol].wanted, held[symbol].gone = 0, row + 1
        books.refused[CANCELED] += 1
        return
    purse[0].cash -= side * paid + charged
    held[symbol].wanted, held[symbol].lots, held[symbol].side = 0, lots, side
    held[symbol].entry, held[symbol].entry_time = price, tape.time[row]
    held[symbol].paid, held[symbol].fee, held[symbol].atr = paid, charged, tape.atrs[call, symbol]
    held[symbol].kind, held[symbol].best, held[symbol].breached, held[symbol].leaving = 0, price, 0, NO_EXIT
    held[symbol].stop = first_stop(price, tape.atrs[call, symbol], terms.stop_atr, side)
    held[symbol].target = first_target(price, held[symbol].stop, terms, side)
    held[symbol].until = time_is_up_at(tape.time, terms, row)
    if side > 0 and terms.stop_atr > 0 and is_dust(grids[symbol], lots, held[symbol].stop):
        held[symbol].leaving, held[symbol].stop = DUST, 0


def is_dust(grid: Records, lots: int, stop: int) -> bool:
    """Whether the venue lets no stop rest there for so little: the trade is left at the next open."""
    return bool(notional(stop, lots, grid.mul, grid.div) < grid.min_cost)


def first_stop(price: int, atr: float, multiple: float, side: int) -> int:
    """Where the first stop rests; out of reach where there is none."""
    if multiple <= 0:
        return 0 if side > 0 else FAR
    return max(initial_stop(price, atr, multiple, side), 1)


def first_target(price: int, stop: int, terms: Terms, side: int) -> int:
    """Where the trade is left with a gain; 0: nowhere."""
    if terms.stop_atr <= 0 or terms.take_profit_r <= 0:
        return 0
    return take_profit(price, stop, terms.take_profit_r, side)


def time_is_up_at(time: Ints, terms: Terms, row: int) -> int:
    """The first instant before whose open a bar has closed at which an entry of `row` has been held long enough."""
    if terms.max_hold_bars == NEVER:
        return FAR
    due = time[row] + terms.max_hold_bars * terms.decision - terms.base
    first, last = row, min(len(time), row + terms.max_hold_bars * (terms.decision // terms.base))
    while first < last:
        middle = (first + last) // 2
        if time[middle] < due:
            first = middle + 1
        else:
            last = middle
    return first + 1


def walked(tape: Tape, grids: Records, terms: Terms, books: Books, row: int, symbol: int) -> None:
    """The resting stop on the bar's way from open over low and high to close."""
    held = books.held
    low, high = tape.prices[LOW, symbol, row], tape.prices[HIGH, symbol, row]
    if high == 0:
        return
    side = -held[symbol].side
    fill = stop_fill(side, held[symbol].stop, tape.prices[OPEN, symbol, row], low, high)
    if fill.point == NOT_FILLED:
        return
    price = slipped(side, fill.price, rate_of(tape, terms, row, symbol, held[symbol].lots), low, high)
    sold(grids, terms, books, symbol, left_at(tape, terms, row, fill.point), price, STOP + held[symbol].kind)


def sold(grids: Records, terms: Terms, books: Books, symbol: int, at: int, price: int, reason: int) -> None:
    """An exit's fill, a short's too: cash, the day's result, and the closed trade."""
    held, purse = books.held, books.purse
    lots, side = held[symbol].lots, held[symbol].side
    proceeds = cost(price, lots, grids[symbol].num, grids[symbol].den, grids[symbol].quantum)
    charged = fee(proceeds, terms.taker_fee, grids[symbol].quantum)
    purse[0].cash += side * proceeds - charged
    fees = held[symbol].fee + charged
    if purse[0].day != at // DAY:
        purse[0].day, purse[0].realised = at // DAY, 0
    purse[0].realised += side * (proceeds - held[symbol].paid) - fees
    row = books.trades[purse[0].closed]
    row[0], row[1], row[2], row[3] = symbol, side, held[symbol].entry_time, at
    row[4], row[5], row[6] = lots, held[symbol].entry, price
    row[7], row[8], row[9], row[10] = held[symbol].paid, proceeds, fees, reason
    purse[0].closed += 1
    held[symbol].lots, held[symbol].leaving, held[symbol].breached = 0, NO_EXIT, 0
