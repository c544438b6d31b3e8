"""Plays bars through the whole desk in one process: signals, council, limits, orders, stops, learning.

Between bars at which a service has something to do, the clock jumps (backtester/event/interest.py).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.compiled import compiled
from backtester.event import interest
from backtester.event.account import Account
from backtester.event.broker import Charges, LockstepBroker
from backtester.event.desk import Desk
from backtester.event.executor_books import MemoryBooks, MemoryInstants
from backtester.event.guard_books import MemoryAccounts, MemoryTrades
from backtester.event.learnt import MemoryPast
from backtester.event.looking import ArraySight, MemoryRecords, Scored
from backtester.event.replayed import ReplayedCouncil, matches, recorded_council
from backtester.event.tape import Tape
from backtester.runs.plan import Plan
from backtester.runs.run import Played, Progress, unheard
from backtester.runs.trade import OpenTrade, Trade
from backtester.vector.arrays import ensemble, resampled, ticks_of
from backtester.vector.engine import MONEY
from services.council.handlers import Handlers as Council
from services.council.main import members, rules
from services.learning_engine.handlers import Handlers as Learning
from services.learning_engine.main import guardrails
from services.position_manager.core.guard import rules_of as guard_rules
from services.position_manager.handlers import Handlers as Guard
from services.signal_generator.core import normalised
from services.signal_generator.handlers import Handlers as Signals
from services.trade_executor.core.entries import Venue
from services.trade_executor.core.orders import is_live
from services.trade_executor.handlers import Handlers as Executor
from services.trade_executor.handlers import Rules
from services.trade_executor.main import rules_of
from shared.broker.base import Instrument
from shared.broker.fills import SPREAD_UNIT, bid_of
from shared.config import Settings
from shared.errors import ConfigError
from shared.indicators.computed import indicators_of
from shared.portfolio.grid import Grid, from_money, to_fraction, to_money
from shared.seed import EQUAL, MEMBERS
from shared.strategies.market import PRICES, Market
from shared.strategies.scoring import scored
from shared.timeframes import from_microseconds, length, to_microseconds


def played_by_event(
    plan: Plan,
    markets: Mapping[str, Market],
    instruments: Mapping[str, Instrument],
    *,
    progress: Progress = unheard,
    every_bar: bool = False,
) -> Played:
    """The plan on these base bars. `every_bar` visits those too at which nothing can happen."""
    try:
        return asyncio.run(Playing(plan, markets, instruments).play(every_bar, progress))
    except OverflowError as error:
        raise ConfigError(f"the account has outgrown 900 million {plan.quote}: begin with less (--balance)") from error


@dataclass(slots=True)
class Wakes:
    """Where decisions may do something: (S, T) about a symbol that is held, and about any; the rows of the latter."""

    held: NDArray[np.bool_]
    loud: NDArray[np.bool_]
    rows: NDArray[np.intp]


class Playing:
    """One run of a plan."""

    def __init__(self, plan: Plan, markets: Mapping[str, Market], instruments: Mapping[str, Instrument]) -> None:
        self._plan, self._settings = plan, plan.settings
        self._grids = {s: Grid.of_quote(instruments[s].tick, instruments[s].lot, plan.quote) for s in sorted(markets)}
        decisions = {s: resampled(markets[s], plan.timeframe, plan.base_timeframe) for s in self._grids}
        played = {symbol: market.since(plan.start) for symbol, market in markets.items()}
        ticks = {s: {name: ticks_of(getattr(played[s], name), self._grids[s]) for name in PRICES} for s in played}
        self._tape = Tape(played, decisions, ticks, self._grids, plan.base_timeframe, plan.timeframe)
        strategies = {choice.name: choice.built() for choice in plan.strategies}
        self._scored = {
            symbol: Scored(
                market, {name: scored(one, market) for name, one in strategies.items()}, indicators_of(market)
            )
            for symbol, market in decisions.items()
        }
        self._recorded = None if plan.answers is None else recorded_council(plan.answers)
        self.replayed = (
            None
            if plan.answers is None or self._recorded is None
            else matches(plan.answers, self._recorded, plan.timeframe, self._tape.decided())
        )
        self._past = MemoryPast(plan.weights, dict.fromkeys(MEMBERS, EQUAL), plan.base_timeframe)
        self._account = Account(self._settings.desk, self._settings.initial_balance, _venues(instruments, self._grids))
        self._half_spread = int(plan.costs.half_spread * SPREAD_UNIT)
        costs = plan.costs
        self._slips = to_fraction(costs.slippage), to_fraction(costs.impact)
        charges = Charges(to_fraction(costs.taker_fee), self._half_spread, *self._slips)
        self._broker = LockstepBroker(instruments, self._grids, self._settings.initial_balance, charges)
        self._trades = MemoryTrades(self._account)
        self._desk = self._assembled()
        self._next_row = compiled(interest.next_row)
        self._watch = _watch(self._settings, self._half_spread)
        self._known: tuple[int, Any] = -1, None

    async def play(self, every_bar: bool, progress: Progress) -> Played:
        """All bars, first to last."""
        row, size = 0, len(self._tape)
        wakes, weighed = self._wakes(0), 0
        while row < size:
            await self._open(row)
            row += 1
            progress(row, size)
            if every_bar or not self._is_steady():
                continue
            if (adjusted := self._past.adjustments) != weighed:
                wakes, weighed = self._wakes(row), adjusted
            row = self._jump(row, wakes)
            if self._is_over():
                self._refuse_the_rest(row, wakes)
                break
        return self._result()

    def _assembled(self) -> Desk:
        settings, account, past = self._settings, self._account, self._past
        accounts = MemoryAccounts(account)
        full = self._plan.council == "rules"
        records = MemoryRecords(account, accounts, past, self._tape.instants)
        voting = Council(members(settings), rules(settings), records)
        executor = Executor(MemoryBooks(account), MemoryInstants(account), self._limited())
        services = {
            "learning_engine": Learning(
                guardrails(settings), settings.base_timeframe, past, moves=settings.learning == "on"
            ),
            "position_manager": Guard(self._trades, accounts, settings),
            "signal_generator": Signals(
                settings.timeframe, settings.decision_ttl, ArraySight(self._scored, past, full=full), settings.symbols
            ),
            "council": voting if self._recorded is None else ReplayedCouncil(self._recorded),
            "trade_executor": executor,
        }
        return Desk(services, executor, account, self._broker, settings)

    def _limited(self) -> Rules:
        """The desk's limits; a buy must have the money to slip."""
        limited = rules_of(self._settings)
        return replace(limited, limits=replace(limited.limits, slack=limited.limits.slack + sum(self._slips)))

    async def _open(self, row: int) -> None:
        """The bars of a row: what has closed before, then their open, then their way to the close."""
        bars = self._tape.bars_at(row)
        self._broker.print_open(int(self._tape.time[row]), self._tape.last_at(row))
        if row:
            touches = {symbol: self._broker.touch(symbol) for symbol in self._grids}
            for instant in self._tape.messages(row, touches, sorted(self._account.standing)):
                await self._desk.hear(instant)
            await self._desk.settle()
        self._desk.tell(self._broker.match(bars))
        await self._desk.settle()
        self._desk.tell(self._broker.walk(bars, self._tape.step))
        await self._desk.settle()

    def _is_steady(self) -> bool:
        """Whether every open trade only waits for its stop, with nothing on its way."""
        for book in self._account.open_trades():
            live = [order for order in book.orders.values() if is_live(order)]
            resting = len(live) == 1 and live[0].purpose == "stop" and live[0].state == "open"
            if book.trade.status != "open" or not resting or live[0].request or book.stop is None:
                return False
            if book.stop.breached_at is not None or live[0].trigger_price != book.stop.price:
                return False
        return True

    def _is_over(self) -> bool:
        """Whether no trade can come any more, and each verdict that would buy is one more refusal."""
        return self._account.halted and not self._account.standing and self._plan.council == "none"

    def _refuse_the_rest(self, row: int, wakes: Wakes) -> None:
        count = int(np.count_nonzero(wakes.loud[:, row:]))
        refusals = self._account.refusals
        if count:
            refusals["halted"] = refusals.get("halted", 0) + count

    def _jump(self, row: int, wakes: Wakes) -> int:
        """The next row at which somebody has something to do."""
        place = int(np.searchsorted(wakes.rows, row))
        bound = int(wakes.rows[place]) if place < len(wakes.rows) else len(self._tape)
        held = self._held()
        if not len(held) or row >= bound:
            return max(row, bound)
        tape, cash = self._tape, to_money(self._account.cash, "floor")
        prices = (tape.bars["open"], tape.bars["low"], tape.bars["high"], tape.last)
        return int(self._next_row(row, bound, tape.time, *prices, wakes.held, held, cash, self._watch))

    def _held(self) -> Any:
        """The open trades as the compiled search knows them."""
        if self._known[0] != self._account.version:
            self._known = self._account.version, self._described()
        return self._known[1]

    def _described(self) -> Any:
        found = []
        for symbol in sorted(self._account.standing):
            trade, grid = self._trades.held(symbol), self._grids[symbol]
            if trade is None:
                continue
            lots, since = self._broker.lots[symbol], to_microseconds(trade.entry_time)
            levels = (trade.stop, trade.kind, trade.high_water, trade.target, grid.mul, grid.div)
            atr = trade.atr if trade.atr is not None else np.nan
            found.append((self._tape.symbols.index(symbol), lots, trade.entry, since, *levels, atr))
        return np.array(found, interest.HELD).view(np.recarray)

    def _wakes(self, row: int) -> Wakes:
        """Where decisions may do something, with the weights as they are from a row on."""
        settings, tape = self._settings, self._tape
        at = from_microseconds(int(tape.time[min(row, len(tape) - 1)]))
        weights = normalised(self._past.weights("strategies", at))
        held, loud = np.zeros(tape.last.shape, np.bool_), np.zeros(tape.last.shape, np.bool_)
        for place, symbol in enumerate(tape.symbols):
            score, rows = ensemble(self._scored[symbol].scores, weights), tape.rows_of(symbol)
            inside = rows < len(tape)
            loud[place, rows[inside & (score >= settings.entry_score)]] = True
            if self._plan.council == "none":
                held[place, rows[inside & (score <= -settings.entry_score)]] = True
            else:
                # every member looks at the account's newest equity point, so that each of them has to be made
                held[:, rows[inside]] = True
        if self._recorded is not None:
            bought = [to_microseconds(told.occurred_at) for told in self._recorded.values() if told.verdict == "BUY"]
            rows = np.searchsorted(tape.time, bought)
            loud[:, rows[rows < len(tape)]] = True
        return Wakes(held, loud, np.flatnonzero(loud.any(axis=0)))

    def _result(self) -> Played:
        tape, account = self._tape, self._account
        sold = [trade for trade in account.closed if trade.exit_price is not None]
        trades = sorted(map(_trade, sold), key=lambda trade: (trade.exit_time, trade.symbol))
        lots = self._broker.lots.items()
        return Played(
            time=np.append(tape.time, tape.time[-1] + tape.step),
            equity=self._equity() / MONEY,
            trades=tuple(trades),
            cash=account.cash,
            held={symbol: self._grids[symbol].from_lots(held) for symbol, held in lots if held},
            refusals=dict(account.refusals),
            open_trades=tuple(self._open_trade(book.trade) for book in account.open_trades() if book.trade.held),
        )

    def _open_trade(self, row: Any) -> OpenTrade:
        """What a trade holds that was entered, at the last close."""
        grid, at = self._grids[row.symbol], self._tape.symbols.index(row.symbol)
        touch = bid_of(int(self._tape.closes[at]), self._half_spread)
        lots = grid.to_lots(row.held)
        paid = grid.cost(grid.to_ticks(row.entry_price), lots)
        return OpenTrade(
            symbol=row.symbol,
            entry_time=to_microseconds(row.entry_time),
            quantity=row.held,
            entry_price=row.entry_price,
            fees=row.fees,
            price=grid.from_ticks(touch),
            pnl=from_money(grid.notional(touch, lots) - paid) - row.fees,
        )

    def _equity(self) -> NDArray[np.int64]:
        """At every open, and at the last close."""
        tape, fills = self._tape, self._broker.fills
        last = np.concatenate([tape.last, tape.closes[:, None]], axis=1)
        rows = np.searchsorted(tape.time, [fill.time for fill in fills], side="right")
        of = np.array([tape.symbols.index(fill.symbol) for fill in fills], np.int64)
        lots = np.array([fill.lots for fill in fills], np.int64)
        paid = np.array([fill.cash for fill in fills], np.int64)
        steps = np.array([(grid.mul, grid.div) for _, grid in sorted(self._grids.items())], np.int64)
        equity = np.full(last.shape[1], to_money(self._settings.initial_balance))
        nothing = np.zeros(len(last), np.int64)
        fills_seen = (rows.astype(np.int64), of, lots, paid)
        compiled(interest.mark)(equity, last, *fills_seen, steps, nothing, self._half_spread)
        return equity


def _venues(instruments: Mapping[str, Instrument], grids: Mapping[str, Grid]) -> dict[str, Venue]:
    return {
        symbol: Venue(grid, instruments[symbol].min_quantity, instruments[symbol].min_cost)
        for symbol, grid in grids.items()
    }


def _watch(settings: Settings, half_spread: int) -> Any:
    guard, watch = guard_rules(settings), np.zeros(1, interest.WATCH).view(np.recarray)[0]
    watch.base, watch.decision = length(settings.base_timeframe), length(settings.timeframe)
    watch.half_spread = half_spread
    watch.balance = to_money(settings.initial_balance)
    watch.max_drawdown = to_fraction(settings.max_drawdown)
    watch.max_hold_bars = guard.max_hold_bars
    watch.breakeven_atr = guard.breakeven_atr
    watch.trailing_atr, watch.trailing_step_atr = guard.trailing_atr, guard.trailing_step_atr
    return watch


def _trade(row: Any) -> Trade:
    """Of a row that is closed, and of which something was sold: every column is set."""
    return Trade(
        symbol=row.symbol,
        entry_time=to_microseconds(row.entry_time),
        exit_time=to_microseconds(row.exit_time),
        quantity=row.quantity,
        entry_price=row.entry_price,
        exit_price=row.exit_price,
        fees=row.fees,
        pnl=row.pnl,
        exit_reason=str(row.exit_reason),
        shares={part["strategy"]: part["share"] for part in row.contributions},
    )
