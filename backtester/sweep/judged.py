"""The best of a search, and what it is worth after so many trials."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
import optuna

from backtester.metrics.luck import COULD_BE_LUCK, Evidence, Verdict, evidence, verdict
from backtester.runs.plan import Plan
from backtester.sweep.proposals import frozen
from backtester.sweep.record import Json
from backtester.sweep.space import DESK_ITSELF
from backtester.sweep.trial import Trial, Work


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """The highest objective, the earlier of equals; None where it is defined for none."""
    return max(
        (trial for trial in trials if trial.value is not None),
        key=lambda trial: (trial.value, -trial.number),
        default=None,
    )


@dataclass(frozen=True)
class Sweep:
    """A finished search, or what one that was broken off has made; `trials` in order of their numbers, at least one."""

    work: Work
    trials: Sequence[Trial]

    @cached_property
    def best(self) -> Trial | None:
        """The trial with the highest objective."""
        return best_of(self.trials)

    @property
    def plan(self) -> Plan | None:
        """The plan of the best."""
        return None if self.best is None else self.work.space.applied(self.work.plan, self.best.params)

    @cached_property
    def ranked(self) -> list[Trial]:
        """Best first, failures last."""
        return sorted(self.trials, key=lambda trial: (trial.value is None, -(trial.value or 0.0), trial.number))

    @cached_property
    def evidence(self) -> Evidence | None:
        """Of the best by daily returns, beside those of every trial made, failures included."""
        if self.best is None:
            return None
        every = np.column_stack([trial.returns for trial in self.trials])
        return evidence(self.best.returns, self.work.days.periods_per_year, seed=self.work.plan.seed, trials=every)

    @cached_property
    def verdict(self) -> Verdict:
        """The same in words."""
        if self.evidence is None:
            return Verdict(True, f"{COULD_BE_LUCK}: {self.work.objective} is defined for none of the trials")
        return verdict(self.evidence)

    @cached_property
    def importance(self) -> dict[str, float] | None:
        """Share of the objective's variance that each parameter explains (fANOVA, Hutter et al., ICML 2014).

        None without scikit-learn, and where there are fewer than two parameters or values to compare.
        """
        values = {trial.value for trial in self.trials if trial.value is not None}
        if find_spec("sklearn") is None or len(values) < 2 or len(self.work.space.knobs) < 2:
            return None
        study = optuna.create_study(direction="maximize")
        study.add_trials([frozen(trial, self.work.space) for trial in self.trials])
        seeded = optuna.importance.FanovaImportanceEvaluator(seed=self.work.plan.seed)
        return dict(optuna.importance.get_param_importances(study, evaluator=seeded))


def summary(sweep: Sweep) -> Json:
    """All of it but the returns, as JSON."""
    best = sweep.best
    return {
        "objective": sweep.work.objective,
        "trials_made": len(sweep.trials),
        "trials_failed": sum(trial.value is None for trial in sweep.trials),
        "best": None if best is None else as_json(best) | {"options": options(sweep.work, best)},
        "plan": None if sweep.plan is None else sweep.plan.model_dump(mode="json"),
        "evidence": None if sweep.evidence is None else asdict(sweep.evidence),
        "verdict": sweep.verdict.words,
        "could_be_luck": sweep.verdict.could_be_luck,
        "importance": sweep.importance,
        "candles": sweep.work.candles,
        "trials": [as_json(trial) for trial in sweep.trials],
    }


def as_json(trial: Trial) -> dict[str, Any]:
    """A trial without its returns."""
    return {name: value for name, value in asdict(trial).items() if name != "returns"}


def options(work: Work, trial: Trial) -> list[str]:
    """The options that give exactly the trial's strategies, and the settings it searched, to `parley backtest`."""
    plan = work.space.applied(work.plan, trial.params)
    sets = [f"--set {one.name}.{name}={value}" for one in plan.strategies for name, value in one.params.items()]
    desk = [f"--desk {knob.field}={plan.desk[knob.field]}" for knob in work.space.knobs if knob.owner == DESK_ITSELF]
    return [f"--strategies {','.join(f'{one.name}:{one.weight}' for one in plan.strategies)}", *sets, *desk]
