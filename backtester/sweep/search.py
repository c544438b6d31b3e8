"""Makes the trials, batch after batch, and keeps each as it comes."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import joblib
from optuna.trial import FrozenTrial

from backtester.sweep.crew import Crew, Play
from backtester.sweep.names import SamplerName
from backtester.sweep.proposals import BATCH, frozen, grid_size, proposed
from backtester.sweep.record import Record
from backtester.sweep.space import Space
from backtester.sweep.trial import Trial, Work, tried

attempt: Any = joblib.delayed(tried)  # type: ignore[no-untyped-call]

Told = Callable[[Mapping[int, Trial]], None]
"""Hears of all trials so far, by number: at first of those that the record has, then whenever one is added."""


def total(trials: int, sampler: SamplerName, space: Space) -> int:
    """Trials that will be made: a grid has no more than its combinations. ConfigError as `grid_size`."""
    return min(trials, grid_size(space)) if sampler == "grid" else trials


def searched(work: Work, sampler: SamplerName, record: Record, crew: Crew, told: Told) -> list[Trial]:
    """All trials, in order of their numbers; those that the record has already are not made again.

    ConfigError where the plan can't be played. Broken off, every finished trial is in the record.
    The first trial is made in this process: what can't be played is refused here, and the loop is compiled once, not by
    every worker at the same time.
    """
    count = total(work.trials, sampler, work.space)
    done = {number: trial for number, trial in record.trials().items() if number < count}
    history: list[FrozenTrial] = []

    def keep(trial: Trial) -> None:
        record.keep(trial)
        done[trial.number] = trial
        told(done)

    told(done)
    with ExitStack() as held:
        play: Play | None = None
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            missing = [number for number in numbers if number not in done]
            if missing:
                params = proposed(work.space, sampler, work.plan.seed, first // BATCH, history)
                if play is None:
                    pilot = missing.pop(0)
                    keep(tried(work, pilot, params[pilot - first]))
                    play = held.enter_context(crew.ready(work))
                for trial in play(attempt(work, number, params[number - first]) for number in missing):
                    keep(trial)
            history += [frozen(done[number], work.space) for number in numbers]
    return [done[number] for number in range(count)]
