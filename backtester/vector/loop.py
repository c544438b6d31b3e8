"""One instant after the other, the way the desk goes through lock-step playback.

At an open the bars before it have closed: stops are raised and exits asked for, verdicts decided, then market orders
fill at the open (sells first, then by symbol), then the bar walks open, low, high, close through the resting stops.
Everything that decides is the function the live services call. Runs as plain Python too, only slower.
"""

import numpy as np

from backtester.vector.state import (
    COUNCIL,
    DRAWDOWN,
    NO_EXIT,
    STOP,
    TARGET,
    TIME,
    Ints,
    Records,
    Tape,
    Terms,
)
from shared.broker.fills import NOT_FILLED, ask_of, bid_of, market_fill, stop_fill
from shared.portfolio.grid import cost, fee, notional, notional_up
from shared.risk.limits import ALLOWED, EntryFacts, EntryLimits, SizeFacts, entry_refusal, size_refusal
from shared.risk.sizing import reservation, size_entry
from shared.risk.stops import (
    STOP_HIT,
    TARGET_HIT,
    StopState,
    breached,
    check_bar,
    drawdown_exceeded,
    initial_stop,
    raise_stop,
    take_profit,
    time_is_up,
)

LONG = 1
SELL = -1
BUY = 1
DAY = 86_400_000_000


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


def guard_trades(tape: Tape, terms: Terms, held: Records, row: int) -> None:
    """What the closed bars, and then the opens, mean to the open trades."""
    for symbol in range(len(held)):
        if row > 0:
            guard_closed(tape, terms, held, row, symbol)
        guard_tick(tape.time[row], terms, held, symbol)


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


def guard_closed(tape: Tape, terms: Terms, held: Records, row: int, symbol: int) -> None:
    """What the bar that has just closed does to a trade: the soft stop, stop, target, time, then a higher stop."""
    if held[symbol].lots == 0 or tape.bars[row - 1, symbol].open == 0 or held[symbol].leaving != NO_EXIT:
        return
    closed_at = tape.time[row - 1] + terms.base
    low, high = tape.bars[row - 1, symbol].low, tape.bars[row - 1, symbol].high
    if held[symbol].breached > 0:
        if closed_at > held[symbol].breached and closed_at >= held[symbol].breached + terms.grace:
            held[symbol].leaving = STOP + held[symbol].kind
        return
    hit = check_bar(held[symbol].stop, held[symbol].target, low, high, low, LONG).code
    if hit == STOP_HIT:
        held[symbol].breached = closed_at
    elif hit == TARGET_HIT:
        held[symbol].leaving = TARGET
    elif time_is_up((closed_at - held[symbol].entry_time) // terms.decision, terms.max_hold_bars):
        held[symbol].leaving = TIME
    else:
        raise_by(terms, held, symbol, high)


def raise_by(terms: Terms, held: Records, symbol: int, high: int) -> None:
    """The higher stop that a closed bar's high earns; the high itself is kept only where the stop moved."""
    old = StopState(held[symbol].stop, held[symbol].kind, held[symbol].high)
    new = raise_stop(
        held[symbol].entry,
        old,
        high,
        held[symbol].atr,
        terms.breakeven_atr,
        terms.trailing_atr,
        terms.trailing_step_atr,
        LONG,
    )
    if new.stop != old.stop or new.kind != old.kind:
        held[symbol].stop, held[symbol].kind, held[symbol].high = new.stop, new.kind, new.high_water


def guard_tick(time: int, terms: Terms, held: Records, symbol: int) -> None:
    """The soft stop at the price of the open."""
    if held[symbol].lots == 0 or held[symbol].leaving != NO_EXIT or time <= held[symbol].entry_time:
        return
    bid = bid_of(held[symbol].last, terms.half_spread)
    if held[symbol].breached == 0 and breached(held[symbol].stop, bid, LONG):
        held[symbol].breached = time


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


def guard_account(terms: Terms, held: Records, purse: Records, equity: int) -> None:
    """Too much lost: close everything, buy nothing more."""
    if not drawdown_exceeded(equity, terms.balance, terms.max_drawdown):
        return
    purse[0].halted = 1
    for symbol in range(len(held)):
        if held[symbol].lots > 0:
            held[symbol].leaving = DRAWDOWN


def sell_verdicts(tape: Tape, terms: Terms, held: Records, row: int) -> None:
    """A SELL closes what was held before its bar closed."""
    decided_at = tape.time[row - 1] + terms.base
    for symbol in range(len(held)):
        if held[symbol].lots == 0 or held[symbol].leaving != NO_EXIT:
            continue
        if tape.bars[row - 1, symbol].score <= -terms.entry_score and held[symbol].entry_time < decided_at:
            held[symbol].leaving = COUNCIL


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
        price = ask_of(held[symbol].last, terms.half_spread)
        lots, code = sized(tape, grids, terms, held, purse, row, symbol, price, equity, reserved, exposed, standing)
        if code != ALLOWED:
            refused[code] += 1
            continue
        wanted[symbol] = lots
        held_back = reservation(
            notional_up(price, lots, grids[symbol].mul, grids[symbol].div), terms.taker_fee, terms.slack
        )
        reserved, exposed, standing = reserved + held_back, exposed + held_back, standing + 1


def best_of(bars: Records, done: Ints, least: float) -> int:
    """The symbol with the greatest score that is not done; of equals the first. -1 where none is left."""
    best = -1
    for symbol in range(len(bars)):
        if done[symbol] == 0 and bars[symbol].score >= least and (best < 0 or bars[symbol].score > bars[best].score):
            best = symbol
    return best


def sized(
    tape: Tape,
    grids: Records,
    terms: Terms,
    held: Records,
    purse: Records,
    row: int,
    symbol: int,
    price: int,
    equity: int,
    reserved: int,
    exposed: int,
    standing: int,
) -> tuple[int, int]:
    """Lots and ALLOWED, or 0 and the code of the refusal."""
    now = tape.time[row - 1] + terms.base
    atr = tape.bars[row - 1, symbol].atr
    facts = EntryFacts(
        True,
        tape.bars[row - 1, symbol].score,
        now,
        now,
        False,
        purse[0].halted == 1,
        held[symbol].lots > 0,
        standing,
        price,
        atr,
        equity,
        terms.balance,
        realised_on(purse, now),
    )
    limits = EntryLimits(terms.entry_score, terms.max_positions, terms.max_daily_loss, terms.max_drawdown)
    code = entry_refusal(facts, limits)
    if code != ALLOWED:
        return 0, code
    stop = initial_stop(price, atr, terms.stop_atr, LONG)
    if stop <= 0:
        return 0, 15
    free = purse[0].cash - reserved
    size = size_entry(
        price,
        stop,
        equity,
        free,
        exposed,
        terms.risk_per_trade,
        terms.max_position,
        terms.max_exposure,
        terms.taker_fee,
        terms.slack,
        grids[symbol].mul,
        grids[symbol].div,
    )
    mul, div = grids[symbol].mul, grids[symbol].div
    at_stop = notional(stop, size.lots, mul, div)
    spent = notional_up(price, size.lots, mul, div)
    least = (grids[symbol].min_lots, grids[symbol].min_cost)
    return size.lots, size_refusal(SizeFacts(size.lots, size.bound, spent, least[0], least[1], exposed, free, at_stop))


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
