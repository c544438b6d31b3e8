"""What closed bars and opens do to open trades and to the account: raised stops, exits that are asked for."""

from backtester.vector.books import price_at, touched
from backtester.vector.state import (
    COUNCIL,
    DRAWDOWN,
    DUST,
    HIGH,
    LOW,
    NEVER,
    NO_EXIT,
    STOP,
    TARGET,
    TIME,
    Books,
    Records,
    Tape,
    Terms,
)
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


def guard_bars(tape: Tape, terms: Terms, held: Records, row: int) -> None:
    """What the bars that have just closed mean to the open trades."""
    for symbol in range(len(held)):
        if row > 0 and held[symbol].lots > 0:
            guard_closed(tape, terms, held, row, symbol)


def guard_ticks(tape: Tape, terms: Terms, held: Records, row: int) -> None:
    """What the opens mean to them."""
    for symbol in range(len(held)):
        if held[symbol].lots > 0:
            guard_tick(tape, terms, held, row, symbol)


def guard_closed(tape: Tape, terms: Terms, held: Records, row: int, symbol: int) -> None:
    """What the bar that has just closed does to a trade: the soft stop, stop, target, time, then a higher stop."""
    low, high = tape.prices[LOW, symbol, row - 1], tape.prices[HIGH, symbol, row - 1]
    if high == 0 or held[symbol].leaving != NO_EXIT:
        return
    closed_at = tape.time[row - 1] + terms.base
    if held[symbol].breached > 0:
        leave_after_grace(terms, held, symbol, closed_at)
        return
    hit = check_bar(held[symbol].stop, held[symbol].target, low, high, low, held[symbol].side).code
    if hit == STOP_HIT:
        held[symbol].breached = closed_at
    elif hit == TARGET_HIT:
        held[symbol].leaving = TARGET
    elif terms.max_hold_bars != NEVER and time_is_up(
        (closed_at - held[symbol].entry_time) // terms.decision, terms.max_hold_bars
    ):
        held[symbol].leaving = TIME
    elif terms.stop_atr > 0:
        raise_by(terms, held, symbol, high if held[symbol].side > 0 else low)


def leave_after_grace(terms: Terms, held: Records, symbol: int, now: int) -> None:
    """The soft stop, where the resting one has had its time."""
    if now > held[symbol].breached and now >= held[symbol].breached + terms.grace:
        held[symbol].leaving = STOP + held[symbol].kind


def raise_by(terms: Terms, held: Records, symbol: int, best: int) -> None:
    """The better stop that a closed bar's best price earns; the price itself is kept only where the stop moved."""
    old = StopState(held[symbol].stop, held[symbol].kind, held[symbol].best)
    new = raised(terms, held, symbol, old, best)
    if new.stop != old.stop or new.kind != old.kind:
        held[symbol].stop, held[symbol].kind, held[symbol].best = new.stop, new.kind, new.high_water


def raised(terms: Terms, held: Records, symbol: int, old: StopState, best: int) -> StopState:
    """The stop after a bar's best price, by the desk's multiples."""
    multiples = (terms.breakeven_atr, terms.trailing_atr, terms.trailing_step_atr)
    return raise_stop(held[symbol].entry, old, best, held[symbol].atr, *multiples, held[symbol].side)


def guard_tick(tape: Tape, terms: Terms, held: Records, row: int, symbol: int) -> None:
    """The soft stop at the newest price; the symbol itself need not have a bar here."""
    if held[symbol].leaving != NO_EXIT or tape.time[row] <= held[symbol].entry_time:
        return
    if held[symbol].breached > 0:
        leave_after_grace(terms, held, symbol, tape.time[row])
        return
    side = held[symbol].side
    if breached(held[symbol].stop, touched(price_at(tape, row, symbol), terms.half_spread, side), side):
        held[symbol].breached = tape.time[row]


def guard_account(terms: Terms, books: Books, equity: int) -> None:
    """Too much lost: close everything, buy nothing more."""
    if not drawdown_exceeded(equity, terms.balance, terms.max_drawdown):
        return
    books.purse[0].halted = 1
    for symbol in range(len(books.held)):
        if books.held[symbol].lots > 0 and books.held[symbol].leaving != DUST:
            books.held[symbol].leaving = DRAWDOWN


def sell_verdicts(tape: Tape, terms: Terms, held: Records, closed_at: int, call: int) -> None:
    """A SELL closes what was held before its bar closed, a BUY a short."""
    for symbol in range(len(held)):
        if held[symbol].lots == 0 or held[symbol].leaving != NO_EXIT:
            continue
        against = -held[symbol].side * tape.scores[call, symbol]
        if against >= terms.entry_score and held[symbol].entry_time < closed_at:
            held[symbol].leaving = COUNCIL
