"""One trial: played, judged, and what is kept of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from threading import Lock

import numpy as np

from backtester.data.store import fingerprint
from backtester.metrics.deviation import Floats
from backtester.metrics.performance import LEAST_DAYS, performance
from backtester.metrics.series import DAY, YEAR, EquityCurve
from backtester.runs.outcome import still_open
from backtester.runs.plan import Parameter, Plan
from backtester.sweep.names import ObjectiveName
from backtester.sweep.objective import daily_returns, value_of
from backtester.sweep.space import Space
from backtester.sweep.stage import Run, Stage
from shared.errors import ConfigError
from shared.strategies.market import Market
from shared.timeframes import length


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`value` is the objective's, None with the `reason` where the trial failed; `figures` are those of Performance.

    `returns` by day, shape (D,), the same days for all trials of a search; 0 where it could not be played.
    """

    number: int
    params: Mapping[str, Parameter]
    value: float | None
    reason: str = ""
    trades: int = 0
    figures: Mapping[str, float | None] = field(default_factory=dict)
    returns: Floats


@dataclass(frozen=True)
class Work:
    """All that a trial needs but its values; `markets` are base bars by symbol, those before the start warm up.

    `trials` is how many will be made, `min_trades` how many trades a trial needs to count as a success.
    """

    plan: Plan
    markets: Mapping[str, Market]
    space: Space
    objective: ObjectiveName
    trials: int
    min_trades: int = 0

    @cached_property
    def candles(self) -> dict[str, str]:
        """Fingerprints by symbol."""
        return {symbol: fingerprint(market) for symbol, market in sorted(self.markets.items())}

    @cached_property
    def days(self) -> EquityCurve:
        """Daily equity of a run that stands still: the days that every trial has, shape (D + 1,)."""
        played = [market.since(self.plan.start).open_time for market in self.markets.values()]
        time = np.unique(np.concatenate(played))
        time = np.append(time, time[-1] + length(self.plan.base_timeframe))
        return EquityCurve(time, np.ones(len(time))).daily()

    @cached_property
    def token(self) -> str:
        """The same for the same stage."""
        known = (self.plan.model_dump_json(), repr(self.candles))
        return sha256("\n".join(known).encode()).hexdigest()


def tried(work: Work, number: int, params: Mapping[str, Parameter]) -> Trial:
    """The trial, made in whatever process this is. ConfigError where not even the plan itself can be played."""
    stage = _stage_of(work)
    try:
        plan = work.space.applied(work.plan, params)
    except ConfigError as error:
        return Trial(number=number, params=params, value=None, reason=str(error), returns=np.zeros(len(work.days) - 1))
    return _judged(work, number, params, stage.played(plan))


def _judged(work: Work, number: int, params: Mapping[str, Parameter], run: Run) -> Trial:
    trades = [trade.for_statistics() for trade in run.trades]
    figures, returns = performance(run.curve, trades, still_open(run.open_trades)), daily_returns(run.curve)
    value, reason = value_of(work.objective, figures, returns, work.trials), ""
    if len(trades) < work.min_trades:
        value, reason = None, f"{len(trades)} trades, fewer than --min-trades {work.min_trades}"
    elif value is None:
        reason = f"{work.objective} is not defined after {len(trades)} trades"
        if run.curve.years * YEAR < (least := LEAST_DAYS.get(work.objective, 0)) * DAY:
            reason = f"{work.objective} is not defined in less than {least} days"
    return Trial(
        number=number,
        params=params,
        value=value,
        reason=reason,
        trades=len(trades),
        figures=asdict(figures),
        returns=returns,
    )


_stages: dict[str, Stage] = {}
_preparing = Lock()


def _stage_of(work: Work) -> Stage:
    """The latest stage is kept: the trials that come to this process mostly belong to it."""
    with _preparing:
        if work.token not in _stages:
            _stages.clear()
            _stages[work.token] = Stage(work.plan, work.markets)
        return _stages[work.token]
