"""What closed bars and opens do to open trades and to the account: raised stops, exits that are asked for."""

from backtester.vector.state import COUNCIL, DRAWDOWN, LONG, NO_EXIT, STOP, TARGET, TIME, Records, Tape, Terms
from shared.broker.fills import bid_of
from shared.risk.stops import (
    STOP_HIT,
    TARGET_HIT,
    StopState,
    breached,
    check_bar,
    drawdown_exceeded,
    raise_stop,
    time_is_up,
)


def guard_trades(tape: Tape, terms: Terms, held: Records, row: int) -> None:
    """What the closed bars, and then the opens, mean to the open trades."""
    for symbol in range(len(held)):
        if row > 0:
            guard_closed(tape, terms, held, row, symbol)
        guard_tick(tape.time[row], terms, held, symbol)


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
