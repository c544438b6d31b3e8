"""What a walk shows: the stitched equity, how much of the training survived, and how steady the choices were."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import mean, pstdev
from typing import NamedTuple

import numpy as np

from backtester.metrics.luck import Evidence, Verdict, evidence, verdict
from backtester.metrics.performance import Performance, performance
from backtester.metrics.series import YEAR, EquityCurve
from backtester.runs.plan import Parameter
from backtester.sweep.judged import as_json
from backtester.sweep.objective import daily_returns
from backtester.sweep.record import Json
from backtester.sweep.space import Knob
from backtester.walkforward.walk import Leg, Walk
from shared.timeframes import from_microseconds


class Stability(NamedTuple):
    """What was chosen for a parameter, window by window.

    `spread` is the standard deviation over the width of the searched range: 0 where it was always the same, 0.29
    (the root of 1/12) where it might have been drawn. Of a choice it is the share of windows that did not choose the
    most frequent value. None where nothing was chosen.
    """

    name: str
    values: tuple[Parameter, ...]
    spread: float | None


@dataclass(frozen=True)
class Findings:
    """Of at least one leg."""

    walk: Walk
    legs: Sequence[Leg]

    @cached_property
    def curve(self) -> EquityCurve:
        """The tests' equity, one after the other."""
        times, equities = [self.legs[0].curve.time], [self.legs[0].curve.equity]
        for leg in self.legs[1:]:
            new = leg.curve.time > times[-1][-1]
            times.append(leg.curve.time[new])
            equities.append(leg.curve.equity[new])
        return EquityCurve(np.concatenate(times), np.concatenate(equities))

    @cached_property
    def performance(self) -> Performance:
        """Of the stitched tests."""
        trades = [trade.for_statistics() for leg in self.legs for trade in leg.trades]
        return performance(self.curve, trades)

    @cached_property
    def evidence(self) -> Evidence:
        """Of the tests' daily returns; nothing was chosen by them, so they count as one trial."""
        return evidence(daily_returns(self.curve), self.curve.daily().periods_per_year, seed=self.walk.plan.seed)

    @cached_property
    def verdict(self) -> Verdict:
        """The same in words."""
        return verdict(self.evidence)

    @cached_property
    def efficiency(self) -> float | None:
        """Walk-forward efficiency: annualised return of the tests over that of the trainings that chose them.

        Source: Pardo, "The Evaluation and Optimization of Trading Strategies", 2nd ed., 2008, ch. 11, who wants more
        than 0.5. Returns are annualised without compounding, as his profits are, and each training and each test counts
        alike. None where the trainings earned nothing: a ratio to that says nothing.
        """
        pairs = [(_inside(leg), _outside(leg)) for leg in self.legs if leg.chosen is not None]
        known = [(inside, outside) for inside, outside in pairs if inside is not None and outside is not None]
        if not known or (earned := mean(inside for inside, _ in known)) <= 0:
            return None
        return mean(outside for _, outside in known) / earned

    @cached_property
    def stability(self) -> list[Stability]:
        """Of every parameter that was searched."""
        chosen = [leg.chosen.params for leg in self.legs if leg.chosen is not None]
        return [_stability(knob, tuple(params[knob.name] for params in chosen)) for knob in self.walk.space.knobs]


def summary(found: Findings) -> Json:
    """All of it but the curve, as JSON; times in UTC."""
    return {
        "objective": found.walk.objective,
        "plan": found.walk.plan.model_dump(mode="json"),
        "windows": [_window(leg) for leg in found.legs],
        "final_equity": float(found.curve.equity[-1]),
        "out_of_sample": asdict(found.performance),
        "efficiency": found.efficiency,
        "stability": [one._asdict() for one in found.stability],
        "evidence": asdict(found.evidence),
        "verdict": found.verdict.words,
        "could_be_luck": found.verdict.could_be_luck,
    }


def _inside(leg: Leg) -> float | None:
    total = None if leg.chosen is None else leg.chosen.figures["total_return"]
    return None if total is None else total * YEAR / (leg.window.test - leg.window.train)


def _outside(leg: Leg) -> float | None:
    total = leg.performance.total_return
    return None if total is None else total * YEAR / (leg.window.end - leg.window.test)


def _stability(knob: Knob, values: tuple[Parameter, ...]) -> Stability:
    if not values:
        return Stability(knob.name, values, None)
    if knob.width is None:
        return Stability(knob.name, values, 1.0 - max(map(values.count, values)) / len(values))
    return Stability(knob.name, values, pstdev([float(value) for value in values]) / knob.width)


def _window(leg: Leg) -> Json:
    train, test, end = (from_microseconds(time).isoformat() for time in leg.window[1:])
    return {
        "number": leg.window.number,
        "train": train,
        "test": test,
        "end": end,
        "trials_made": leg.trials,
        "chosen": None if leg.chosen is None else as_json(leg.chosen),
        "in_sample_return_a_year": _inside(leg),
        "out_of_sample_return_a_year": _outside(leg),
        "trades": len(leg.trades),
        "out_of_sample": asdict(leg.performance),
    }
