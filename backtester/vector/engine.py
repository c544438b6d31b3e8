"""Runs the compiled loop over markets, on the desk's own settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np

from backtester.compiled import compiled
from backtester.runs.plan import Costs, Plan
from backtester.runs.run import Played, Progress, unheard
from backtester.runs.trade import OpenTrade, Trade
from backtester.vector import loop
from backtester.vector.arrays import tape_of
from backtester.vector.books import marked, price_at, touched
from backtester.vector.state import (
    GRID,
    NEVER,
    REASONS,
    Books,
    Ints,
    Records,
    Tape,
    Terms,
    opened_books,
    packed,
    with_room,
)
from backtester.vector.voices import Voices, credited, voices_of
from services.position_manager.core.guard import rules_of
from services.trade_executor.core.entries import ENTRY_SLACK
from shared.broker.base import Instrument
from shared.broker.fills import SPREAD_UNIT
from shared.config import Settings
from shared.errors import ConfigError
from shared.portfolio.grid import Grid, from_money, to_fraction, to_money
from shared.risk.limits import REASONS as LIMITS
from shared.strategies.market import Market
from shared.timeframes import first_open, from_microseconds, length

REFUSALS = (*LIMITS, "no_stop", "canceled")
"""By code."""
LONGEST = 10**7
"""Bars of a time stop that can be counted in microseconds; one beyond is none."""
MONEY = 1e10
"""Money units of one of the quote currency."""


@dataclass(frozen=True)
class Result:
    """`rows` are the closed trades by `state.COLUMNS`, and `trades` the same for people.

    `equity` in money units at every open of `time`, marked to what closing would bring; empty where it was not asked
    for, and `worth` at the last close. `cash` and `held` (lots by symbol, shorts negative) at the end; refusals by
    their code.
    """

    grids: Mapping[str, Grid]
    rows: Ints
    time: Ints
    equity: Ints
    cash: Decimal
    held: Mapping[str, int]
    worth: int
    refused: Ints
    open_trades: tuple[OpenTrade, ...]

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """In the order in which they closed."""
        symbols = sorted(self.grids)
        return tuple(_trade(row, symbols[row[0]], self.grids[symbols[row[0]]]) for row in self.rows.tolist())


def played_by_vector(
    plan: Plan,
    markets: Mapping[str, Market],
    instruments: Mapping[str, Instrument],
    *,
    progress: Progress = unheard,
) -> Played:
    """The plan on these base bars."""
    strategies = {choice.name: choice.built() for choice in plan.strategies}
    terms = charged(terms_of(plan.settings, int(plan.costs.half_spread * SPREAD_UNIT)), plan.costs, plan.short)
    voices = voices_of(markets, strategies, plan.base_timeframe, plan.timeframe)
    result = simulated_on(markets, instruments, voices, plan.weights, plan.settings, terms, plan.start)
    return Played(
        time=np.append(result.time, result.time[-1] + length(plan.base_timeframe)),
        equity=np.append(result.equity, result.worth) / MONEY,
        trades=credited(result.trades, voices, plan.weights, plan.timeframe),
        cash=result.cash,
        held={symbol: result.grids[symbol].from_lots(lots) for symbol, lots in result.held.items()},
        refusals={REFUSALS[code]: int(count) for code, count in enumerate(result.refused) if count},
        open_trades=result.open_trades,
    )


def simulated_on(
    markets: Mapping[str, Market],
    instruments: Mapping[str, Instrument],
    voices: Mapping[str, Voices],
    weights: Mapping[str, float],
    settings: Settings,
    terms: Terms,
    start: int | None = None,
) -> Result:
    """A backtest of these base bars without council and learning; those before `start` are only looked back at."""
    symbols = sorted(markets)
    grids = {symbol: grid_of(instruments[symbol], symbol) for symbol in symbols}
    base, decision = settings.base_timeframe, settings.timeframe
    decisions = {symbol: voices[symbol].bars for symbol in symbols}
    scores = {symbol: voices[symbol].together(weights) for symbol in symbols}
    played = {symbol: market.since(start) for symbol, market in markets.items()}
    tape = tape_of(
        *(played, decisions, scores, grids, base, decision, terms.entry_score),
        with_atr=terms.stop_atr > 0,
        with_volume=terms.impact > 0,
    )
    return run(tape, steps_of(instruments, grids), terms, grids)


def run(
    tape: Tape, steps: Records, terms: Terms, grids: Mapping[str, Grid], *, pure: bool = False, skip: bool = True
) -> Result:
    """The loop on prepared arrays; `pure` runs it uncompiled, and without `skip` it stops at every instant."""
    simulate, given = (loop.simulate, terms) if pure else (compiled(loop.simulate), packed(terms))
    books = opened_books(terms.balance, len(grids), len(tape.time))
    while not simulate(tape, steps, given, books, skip):
        require_sold(books, sorted(grids), tape)
        books = with_room(books)
    held = {symbol: int(trade.lots * trade.side) for symbol, trade in zip(sorted(grids), books.held, strict=True)}
    return Result(
        grids=grids,
        rows=books.trades[: books.purse[0].closed],
        time=tape.time,
        equity=books.equity,
        cash=from_money(int(books.purse[0].cash)),
        held={symbol: lots for symbol, lots in held.items() if lots},
        worth=marked(tape, steps, terms, books, len(tape.time)).equity,
        refused=books.refused,
        open_trades=tuple(
            _open_trade(
                trade, symbol, grids[symbol], touched(price_at(tape, len(tape.time), at), terms.half_spread, trade.side)
            )
            for at, (symbol, trade) in enumerate(zip(sorted(grids), books.held, strict=True))
            if trade.lots
        ),
    )


def require_sold(books: Books, symbols: Sequence[str], tape: Tape) -> None:
    """ConfigError where an exit was too small for the venue: the rest would have to be kept beside further trades."""
    purse = books.purse[0]
    if purse.unsold:
        time = from_microseconds(int(tape.time[purse.row - 1]))
        raise ConfigError(
            f"{symbols[purse.unsold - 1]}: what is to be sold at {time:%Y-%m-%d %H:%M} is worth less than the venue's "
            f"least order, which the vector engine has no rule for; use --engine event, or --costs min_cost=0"
        )


def grid_of(instrument: Instrument, symbol: str) -> Grid:
    """The symbol's steps."""
    return Grid.of_quote(instrument.tick, instrument.lot, symbol.split("/")[1])


def steps_of(instruments: Mapping[str, Instrument], grids: Mapping[str, Grid]) -> Records:
    """Every grid as arrays, by symbol."""
    rows = [
        (
            *(grid.mul, grid.div, grid.num, grid.den, grid.quantum),
            grid.to_lots(instruments[symbol].min_quantity, "ceil"),
            to_money(instruments[symbol].min_cost, "ceil"),
        )
        for symbol, grid in sorted(grids.items())
    ]
    return np.array(rows, GRID).view(np.recarray)


def terms_of(settings: Settings, half_spread: int) -> Terms:
    """The slice of the settings that the loop knows; `half_spread` in 1e-6."""
    guard = rules_of(settings)
    return Terms(
        base=length(settings.base_timeframe),
        decision=length(settings.timeframe),
        first_decision=first_open(settings.timeframe),
        grace=guard.soft_stop_grace // timedelta(microseconds=1),
        ttl=settings.decision_ttl // timedelta(microseconds=1),
        balance=to_money(settings.initial_balance),
        half_spread=half_spread,
        slippage=0,
        impact=0,
        taker_fee=to_fraction(settings.taker_fee),
        slack=ENTRY_SLACK,
        entry_score=settings.entry_score,
        short=False,
        max_positions=settings.max_positions,
        max_daily_loss=to_fraction(settings.max_daily_loss),
        max_drawdown=to_fraction(settings.max_drawdown),
        risk_per_trade=to_fraction(settings.risk_per_trade),
        max_position=to_fraction(settings.max_position),
        max_exposure=to_fraction(settings.max_exposure),
        stop_atr=float(settings.stop_atr),
        take_profit_r=float(settings.take_profit_r),
        breakeven_atr=guard.breakeven_atr,
        trailing_atr=guard.trailing_atr,
        trailing_step_atr=guard.trailing_step_atr,
        max_hold_bars=guard.max_hold_bars if guard.max_hold_bars < LONGEST else NEVER,
    )


def charged(terms: Terms, costs: Costs, short: bool) -> Terms:
    """With slippage, which a buy must have the money for, and with shorts or without."""
    slippage, impact = to_fraction(costs.slippage), to_fraction(costs.impact)
    return terms._replace(slippage=slippage, impact=impact, slack=terms.slack + slippage + impact, short=short)


def _trade(row: Sequence[int], symbol: str, grid: Grid) -> Trade:
    _, side, entered, left, lots, entry, exit_, paid, proceeds, fees, reason = row
    return Trade(
        symbol=symbol,
        side=1 if side > 0 else -1,
        entry_time=entered,
        exit_time=left,
        quantity=grid.from_lots(lots),
        entry_price=grid.from_ticks(entry),
        exit_price=grid.from_ticks(exit_),
        fees=from_money(fees),
        pnl=from_money(side * (proceeds - paid) - fees),
        exit_reason=REASONS[reason],
    )


def _open_trade(held: Records, symbol: str, grid: Grid, touch: int) -> OpenTrade:
    side, lots = int(held.side), int(held.lots)
    gained = side * (grid.notional(touch, lots) - int(held.paid)) - int(held.fee)
    return OpenTrade(
        symbol=symbol,
        side=1 if side > 0 else -1,
        entry_time=int(held.entry_time),
        quantity=grid.from_lots(lots),
        entry_price=grid.from_ticks(int(held.entry)),
        fees=from_money(int(held.fee)),
        price=grid.from_ticks(int(touch)),
        pnl=from_money(gained),
    )
