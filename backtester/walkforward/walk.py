"""Optimises on each training window, and plays the best on the test window after it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backtester.metrics.performance import Performance, performance
from backtester.metrics.series import EquityCurve
from backtester.runs.plan import Plan
from backtester.runs.run import run
from backtester.runs.trade import Trade
from backtester.sweep.crew import Crew
from backtester.sweep.judged import best_of
from backtester.sweep.names import ObjectiveName, SamplerName
from backtester.sweep.record import Place, identity, opened, short_id
from backtester.sweep.search import searched
from backtester.sweep.space import Space
from backtester.sweep.trial import Trial, Work
from backtester.walkforward.settling import settled
from backtester.walkforward.windows import Window, cut
from shared.strategies.market import Market
from shared.timeframes import length

Told = Callable[[Window, Mapping[int, Trial]], None]
"""Hears of the window and of its trials so far, by number."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What is walked: the plan's base bars by symbol, and how each training window is searched."""

    plan: Plan
    markets: Mapping[str, Market]
    space: Space
    objective: ObjectiveName
    sampler: SamplerName
    trials: int
    min_trades: int = 0

    @property
    def range(self) -> tuple[int, int]:
        """From the first bar's open to the last one's close."""
        first = min(int(market.open_time[0]) for market in self.markets.values())
        last = max(int(market.open_time[-1]) for market in self.markets.values())
        return first, last + length(self.plan.base_timeframe)

    def training(self, window: Window) -> Work:
        """The search in a window; it holds no bar of the test or after."""
        return Work(
            plan=self.plan.model_copy(update={"start": window.train, "end": window.test}),
            markets=cut(self.markets, self.plan, window.train, window.test),
            space=self.space,
            objective=self.objective,
            trials=self.trials,
            min_trades=self.min_trades,
        )


@dataclass(frozen=True, slots=True)
class Leg:
    """A window's outcome: what was chosen, its figures in training (by name), and what it did in the test.

    Where no trial had a defined objective nothing is chosen, and the test is sat out in cash.
    """

    window: Window
    trials: int
    chosen: Trial | None
    curve: EquityCurve
    trades: tuple[Trade, ...]
    performance: Performance


def walked(walk: Walk, windows: list[Window], folder: Path, crew: Crew, told: Told) -> Iterator[Leg]:
    """Leg by leg; each begins with the cash that the one before ended with. It ends early when nothing is left.

    What is open at a window's end is sold there, as the next plan may not want it, at a price and fees (`settled`),
    so that no position is ever left for nothing. Searches are kept in
    `folder`, named by all that decides them: a walk that was broken off goes on, and a longer one begins with them.
    ConfigError names what can't be played.
    """
    balance = walk.plan.settings.initial_balance
    for window in windows:
        trials = _searched(walk, window, folder, crew, told)
        chosen = best_of(trials)
        test = _tested(walk, window, chosen, balance)
        figures = performance(test.curve, [trade.for_statistics() for trade in test.trades])
        yield Leg(window, len(trials), chosen, test.curve, test.trades, figures)
        balance += sum((trade.pnl for trade in test.trades), Decimal())
        if balance <= 0:
            return


def _searched(walk: Walk, window: Window, folder: Path, crew: Crew, told: Told) -> list[Trial]:
    work = walk.training(window)
    known = identity(work, walk.sampler)
    with opened(Place(short_id(known), folder), work, known) as record:
        return searched(work, walk.sampler, record, crew, lambda done: told(window, done))


class _Test(NamedTuple):
    curve: EquityCurve
    trades: tuple[Trade, ...]


def _tested(walk: Walk, window: Window, chosen: Trial | None, balance: Decimal) -> _Test:
    own = {"start": window.test, "end": window.end, "desk": {**walk.plan.desk, "initial_balance": f"{balance:f}"}}
    plan = walk.plan.model_copy(update=own)
    markets = cut(walk.markets, walk.plan, window.test, window.end)
    if chosen is None:
        return _Test(_in_cash(plan, window, markets, balance), ())
    outcome = run(walk.space.applied(plan, chosen.params), markets)
    trades = (*outcome.trades, *settled(outcome, markets))
    equity = outcome.equity.copy()
    equity[-1] = balance + sum((trade.pnl for trade in trades), Decimal())
    return _Test(EquityCurve(outcome.time, equity), trades)


def _in_cash(plan: Plan, window: Window, markets: Mapping[str, Market], balance: Decimal) -> EquityCurve:
    time = np.unique(np.concatenate([market.open_time for market in markets.values()]))
    time = np.append(time, time[-1] + length(plan.base_timeframe))
    time = time[time >= window.test]
    return EquityCurve(time, np.full(len(time), float(balance)))
