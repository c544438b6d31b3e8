"""Markets prepared once, on which a plan is played many times with other parameters, weights and settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from backtester.metrics.deviation import Floats
from backtester.metrics.series import EquityCurve
from backtester.runs.instruments import instrument_of
from backtester.runs.plan import Parameter, Plan, StrategyChoice
from backtester.runs.run import run as run_plan
from backtester.runs.trade import OpenTrade, Trade
from backtester.vector.arrays import resampled, scored, tape_of
from backtester.vector.engine import MONEY, charged, grid_of, run, steps_of, terms_of
from backtester.vector.state import Terms
from shared.broker.fills import SPREAD_UNIT
from shared.strategies import scoring
from shared.strategies.base import Strategy
from shared.strategies.market import Market
from shared.timeframes import length

KEPT_BYTES = 128 * 1024**2
"""Scores that a process remembers."""


class Run(NamedTuple):
    """Equity at every open of a base bar and the last close, from the time on from which it may trade."""

    curve: EquityCurve
    trades: tuple[Trade, ...]
    open_trades: tuple[OpenTrade, ...]


class Stage:
    """`markets` are base bars by symbol; before the plan's start they only warm strategies up.

    The vector engine's result is that of `backtester.runs.run.run`, but the scores of a strategy whose parameters were
    seen before are not computed again.
    """

    def __init__(self, plan: Plan, markets: Mapping[str, Market]) -> None:
        self._plan, self._markets = plan, markets
        self._played = {symbol: market.since(plan.start) for symbol, market in markets.items()}
        self._base = plan.base_timeframe
        self._terms = _terms(plan)
        self._instruments = {symbol: instrument_of(symbol, market, plan) for symbol, market in markets.items()}
        self._grids = {symbol: grid_of(instrument, symbol) for symbol, instrument in self._instruments.items()}
        self._decisions = {symbol: resampled(market, plan.timeframe, self._base) for symbol, market in markets.items()}
        bars = sum(map(len, self._decisions.values()))
        self._scores = lru_cache(maxsize=max(2 * len(plan.strategies), KEPT_BYTES // (8 * max(bars, 1))))(self._score)

    def played(self, plan: Plan) -> Run:
        """The same plan with other parameters, weights or settings of the desk."""
        if plan.engine == "event":
            outcome = run_plan(plan, self._markets)
            return Run(outcome.curve, outcome.trades, outcome.open_trades)
        terms = self._terms if plan.desk == self._plan.desk else _terms(plan)
        strategies: dict[str, Strategy] = {choice.name: self._remembered(choice) for choice in plan.strategies}
        scores = {symbol: scored(bars, strategies, plan.weights) for symbol, bars in self._decisions.items()}
        tape = tape_of(
            *(self._played, self._decisions, scores, self._grids),
            *(self._base, plan.timeframe, terms.entry_score),
            with_atr=terms.stop_atr > 0,
            with_volume=terms.impact > 0,
        )
        result = run(tape, steps_of(self._instruments, self._grids), terms, self._grids)
        time = np.append(result.time, result.time[-1] + length(self._base))
        curve = EquityCurve(time, np.append(result.equity, result.worth) / MONEY)
        return Run(curve, result.trades, result.open_trades)

    def _remembered(self, choice: StrategyChoice) -> "_Remembered":
        params = tuple(sorted(choice.params.items()))
        by_symbol = self._scores(choice.name, params)
        return _Remembered(choice.built(), {id(self._decisions[symbol]): array for symbol, array in by_symbol.items()})

    def _score(self, name: str, params: tuple[tuple[str, Parameter], ...]) -> dict[str, Floats]:
        strategy = StrategyChoice(name=name, params=dict(params), weight=1).built()
        return {symbol: _frozen(scoring.scored(strategy, bars)) for symbol, bars in self._decisions.items()}


def _terms(plan: Plan) -> Terms:
    half_spread = int(plan.costs.half_spread * SPREAD_UNIT)
    return charged(terms_of(plan.settings, half_spread), plan.costs, plan.short)


def _frozen(score: Floats) -> Floats:
    score.flags.writeable = False
    return score


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A strategy whose scores of these markets are known."""

    strategy: Strategy
    scores: Mapping[int, Floats]

    @property
    def name(self) -> str:
        return self.strategy.name

    @property
    def description(self) -> str:
        return self.strategy.description

    @property
    def warmup(self) -> int:
        return self.strategy.warmup

    def score(self, market: Market) -> Floats:
        return self.scores[id(market)]

    def explain(self, market: Market) -> str:
        return self.strategy.explain(market)
