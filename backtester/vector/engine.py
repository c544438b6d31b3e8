"""Runs the compiled loop over markets, on the desk's own settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from backtester.compiled import compiled
from backtester.runs.plan import Plan
from backtester.runs.run import Played
from backtester.runs.trade import Trade
from backtester.vector import loop
from backtester.vector.arrays import resampled, scored, tape_of
from backtester.vector.books import marked
from backtester.vector.state import GRID, REASONS, Ints, Records, Tape, Terms, nothing_held, opened_purse
from services.position_manager.handlers import rules_of
from services.trade_executor.core.entries import ENTRY_SLACK
from shared.broker.base import Instrument
from shared.broker.fills import SPREAD_UNIT
from shared.config import Settings
from shared.errors import ConfigError
from shared.portfolio.grid import Grid, from_money, to_fraction, to_money
from shared.risk.limits import REASONS as LIMITS
from shared.strategies.base import Strategy
from shared.strategies.market import Market
from shared.timeframes import length

MONEY = 1e10
"""Money units of one of the quote currency."""


@dataclass(frozen=True, slots=True)
class Result:
    """`equity` in money units at each open of `time`, marked to the bid; `cash` and `held` (lots by symbol) at the end;
    refusals by their code.
    """

    trades: tuple[Trade, ...]
    time: Ints
    equity: Ints
    cash: Decimal
    held: Mapping[str, int]
    worth: int
    refused: Ints


def played_by_vector(plan: Plan, markets: Mapping[str, Market], instruments: Mapping[str, Instrument]) -> Played:
    """The plan on these base bars. ConfigError names what this engine can't express."""
    if plan.council != "none":
        raise ConfigError(f"--council {plan.council}: the vector engine knows none; use --engine event")
    strategies = {choice.name: choice.built() for choice in plan.strategies}
    half_spread = int(plan.costs.half_spread * SPREAD_UNIT)
    result = simulated(markets, instruments, strategies, plan.weights, plan.settings, half_spread)
    grids = {symbol: grid_of(instruments[symbol], symbol) for symbol in markets}
    return Played(
        time=np.append(result.time, result.time[-1] + length(plan.base_timeframe)),
        equity=np.append(result.equity, result.worth) / MONEY,
        trades=result.trades,
        cash=result.cash,
        held={symbol: grids[symbol].from_lots(lots) for symbol, lots in result.held.items()},
        refusals={(*LIMITS, "no_stop")[code]: int(count) for code, count in enumerate(result.refused) if count},
    )


def simulated(
    markets: Mapping[str, Market],
    instruments: Mapping[str, Instrument],
    strategies: Mapping[str, Strategy],
    weights: Mapping[str, float],
    settings: Settings,
    half_spread: int,
) -> Result:
    """A backtest of these base bars with COUNCIL=none and LEARNING=off. ConfigError names what it can't express."""
    _require_expressible(settings)
    symbols = sorted(markets)
    grids = {symbol: grid_of(instruments[symbol], symbol) for symbol in symbols}
    base, decision = settings.base_timeframe, settings.timeframe
    decisions = {symbol: resampled(markets[symbol], decision, base) for symbol in symbols}
    scores = {symbol: scored(decisions[symbol], strategies, weights) for symbol in symbols}
    tape = tape_of(markets, decisions, scores, grids, base, decision, settings.entry_score)
    return run(tape, steps_of(instruments, grids), terms_of(settings, half_spread), grids)


def run(tape: Tape, steps: Records, terms: Terms, grids: Mapping[str, Grid], pure: bool = False) -> Result:
    """The loop on prepared arrays; `pure` runs it uncompiled."""
    purse = opened_purse(terms.balance)
    simulate = loop.simulate if pure else compiled_loop()
    held = nothing_held(len(grids))
    trades, equity, refused = simulate(tape, steps, terms, held, purse)
    symbols = sorted(grids)
    closed = tuple(_trade(row, symbols[row[0]], grids[symbols[row[0]]]) for row in trades)
    left = {symbol: int(record.lots) for symbol, record in zip(symbols, held, strict=True) if record.lots}
    worth = marked(steps, terms, held, purse)
    return Result(closed, tape.time, equity, from_money(int(purse[0].cash)), left, worth, refused)


@cache
def compiled_loop() -> Callable[..., Any]:
    """The loop and all that it calls, compiled at the first use."""
    return compiled(loop.simulate)


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
        grace=guard.soft_stop_grace // timedelta(microseconds=1),
        balance=to_money(settings.initial_balance),
        half_spread=half_spread,
        taker_fee=to_fraction(settings.taker_fee),
        slack=ENTRY_SLACK,
        entry_score=settings.entry_score,
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
        max_hold_bars=guard.max_hold_bars,
    )


def _require_expressible(settings: Settings) -> None:
    if settings.council != "none":
        raise ConfigError(f"--council {settings.council}: the vector engine knows none; use --engine event")
    if settings.learning != "off":
        raise ConfigError("--learning on: the vector engine keeps the weights as they are; use --engine event")


def _trade(row: Ints, symbol: str, grid: Grid) -> Trade:
    _, entered, left, lots, entry, exit_, paid, proceeds, fees, reason = (int(value) for value in row)
    return Trade(
        symbol=symbol,
        entry_time=entered,
        exit_time=left,
        quantity=grid.from_lots(lots),
        entry_price=grid.from_ticks(entry),
        exit_price=grid.from_ticks(exit_),
        fees=from_money(fees),
        pnl=from_money(proceeds - paid - fees),
        exit_reason=REASONS[reason],
    )
