"""One long trade in a seeded market, from the open after its proposal to its exit, guarded base bar by base bar.

Nothing about trading is written here a second time: fills are `shared.broker.fills`, first stop, target and size are
`shared.risk`, the books `shared.portfolio`, and every closed bar is judged by the position manager's own `judge_bar`.
Prices are ticks, money is in units of 1e-10 of the quote currency, fractions and rates are in 1e-9.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from benchmarks.seeded_market import History
from services.exchange_simulator.series import Bar
from services.position_manager.core import guard
from services.position_manager.core.guard import rules_of
from services.trade_executor.core.entries import ENTRY_SLACK
from shared.broker import fills
from shared.config import Settings
from shared.ids import derived_id
from shared.portfolio import ledger
from shared.portfolio.grid import to_fraction, to_money
from shared.risk import sizing, stops
from shared.schemas.orders import ExitReason
from shared.timeframes import duration, from_microseconds, length

HALF_SPREAD = 100
"""Units of 1e-6, so 1 bp: what the simulator quotes unless told otherwise."""
BASE = length("1m")
"""Microseconds of the simulator's own bars."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a trade is held to: how it is guarded, its stop in ATR, its target in stop distances, its size, its fee."""

    rules: guard.Rules
    stop_atr: float
    take_profit_r: float
    equity: int
    risk_per_trade: int
    max_position: int
    max_exposure: int
    taker_fee: int


@dataclass(frozen=True, slots=True)
class Exit:
    """The base bar in which a trade was left (its position), the time and price of the fill, and why."""

    position: int
    time: datetime
    price: int
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Ended:
    """A trade that is over. `paid` is the entry without fees, `fees` are those of both sides, `pnl` is after them."""

    trade_id: UUID
    lots: int
    entry: int
    entry_time: datetime
    exit: Exit
    paid: int
    fees: int
    pnl: int


def terms_of(settings: Settings) -> Terms:
    """The desk's own limits. Every trade is sized on the initial balance: an early loss shrinks no later one."""
    return Terms(
        rules=rules_of(settings),
        stop_atr=float(settings.stop_atr),
        take_profit_r=float(settings.take_profit_r),
        equity=to_money(settings.initial_balance),
        risk_per_trade=to_fraction(settings.risk_per_trade),
        max_position=to_fraction(settings.max_position),
        max_exposure=to_fraction(settings.max_exposure),
        taker_fee=to_fraction(settings.taker_fee),
    )


def traded(past: History, terms: Terms, bar: int) -> Ended | None:
    """The trade proposed at the close of bar number `bar`; None where the market ends before the trade does."""
    start = past.next_open(bar)
    if start >= len(past.base):
        return None
    held = _entered(past, terms, bar, past.base[start])
    left = _left(past, terms.rules, held, start)
    return None if left is None else _booked(past, terms, held, left, _lots(past, terms, bar))


def _entered(past: History, terms: Terms, bar: int, first: Bar) -> guard.HeldTrade:
    """Bought at the first base bar's open. ATR is the proposal's, fixed for the life of the trade."""
    entry = fills.market_fill(fills.BUY, first.open, HALF_SPREAD, first.low, first.high)
    atr, at = float(past.atr[bar]), from_microseconds(first.time)
    stop = stops.initial_stop(entry, atr, terms.stop_atr, ledger.LONG)
    return guard.HeldTrade(
        trade_id=derived_id("Trade", past.symbol, at),
        symbol=past.symbol,
        bar_length=duration(past.timeframe),
        in_hand=True,
        entry=entry,
        entry_time=at,
        target=stops.take_profit(entry, stop, terms.take_profit_r, ledger.LONG),
        atr=atr,
        stop=stop,
        kind=stops.INITIAL,
        version=1,
        previous=None,
        effective_from=at,
        high_water=entry,
        breached_at=None,
    )


def _left(past: History, rules: guard.Rules, held: guard.HeldTrade, start: int) -> Exit | None:
    """Each bar first reaches for the stop that rests at the venue; what is left is judged at its close."""
    for position in range(start, len(past.base)):
        bar = past.base[position]
        if (stopped := _stopped(held, bar, position)) is not None:
            return stopped
        judged = guard.judge_bar(held, _closed(bar), rules)
        if judged.exit is not None:
            return _sold(past, position + 1, judged.exit)
        if judged.raised is not None:
            held = _raised(held, judged.raised, _closed(bar).close_time)
    return None


def _stopped(held: guard.HeldTrade, bar: Bar, position: int) -> Exit | None:
    fill = fills.stop_fill(fills.SELL, held.stop, bar.open, bar.low, bar.high)
    if fill.point == fills.NOT_FILLED:
        return None
    at = bar.time + fill.point * BASE // 4
    return Exit(position, from_microseconds(at), fill.price, guard.STOP_KINDS[held.kind])


def _sold(past: History, position: int, reason: ExitReason) -> Exit | None:
    """An exit asked for at a close is a market order at the next open."""
    if position >= len(past.base):
        return None
    bar = past.base[position]
    price = fills.market_fill(fills.SELL, bar.open, HALF_SPREAD, bar.low, bar.high)
    return Exit(position, from_microseconds(bar.time), price, reason)


def _raised(held: guard.HeldTrade, new: stops.StopState, at: datetime) -> guard.HeldTrade:
    """The stop as the position manager's row would have it, valid from the next bar on."""
    return replace(
        held,
        stop=new.stop,
        kind=new.kind,
        high_water=new.high_water,
        previous=held.stop,
        effective_from=at,
        version=held.version + 1,
    )


def _closed(bar: Bar) -> guard.Bar:
    return guard.Bar(from_microseconds(bar.time), from_microseconds(bar.time + BASE), bar.low, bar.high, bar.close)


def _lots(past: History, terms: Terms, bar: int) -> int:
    """The size, decided at the proposal's close as the executor does; no other trade takes room."""
    price = fills.ask_of(int(past.bars.close[bar]), HALF_SPREAD)
    stop = stops.initial_stop(price, float(past.atr[bar]), terms.stop_atr, ledger.LONG)
    shares = (terms.risk_per_trade, terms.max_position, terms.max_exposure, terms.taker_fee, ENTRY_SLACK)
    grid = past.grid
    return sizing.size_entry(price, stop, terms.equity, terms.equity, 0, *shares, grid.mul, grid.div).lots


def _booked(past: History, terms: Terms, held: guard.HeldTrade, left: Exit, lots: int) -> Ended:
    grid = past.grid
    paid, proceeds = grid.cost(held.entry, lots), grid.cost(left.price, lots)
    entry_fee, exit_fee = grid.fee(paid, terms.taker_fee), grid.fee(proceeds, terms.taker_fee)
    position = ledger.increased(ledger.flat(ledger.LONG), held.entry, lots, paid, entry_fee)
    _, pnl = ledger.reduced(position, lots, proceeds, exit_fee)
    return Ended(held.trade_id, lots, held.entry, held.entry_time, left, paid, entry_fee + exit_fee, pnl)
