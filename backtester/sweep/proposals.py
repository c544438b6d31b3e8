"""Which values are tried next: a function of the space, the seed and the trials of earlier batches, of nothing else.

So the same search makes the same trials whatever the number of processes, and whether it was broken off or not.
"""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from backtester.runs.plan import Parameter
from backtester.sweep.names import SamplerName
from backtester.sweep.space import Space, plain
from backtester.sweep.trial import Trial
from shared.errors import ConfigError

Params = dict[str, Parameter]
BATCH = 16
"""Trials asked for together; fixed, because each batch learns from those before."""
LARGEST_GRID = 1_000_000

optuna.logging.set_verbosity(optuna.logging.WARNING)


def proposed(space: Space, sampler: SamplerName, seed: int, batch: int, history: Sequence[FrozenTrial]) -> list[Params]:
    """The values of a batch's trials, given those of the batches before in order of their numbers.

    BATCH of them, or what is left of a grid. ConfigError for a grid without steps or beyond LARGEST_GRID.
    """
    if sampler == "grid":
        return _from_grid(space, seed, batch)
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        study = optuna.create_study(direction="maximize", sampler=_sampler(sampler, seed, batch))
        study.add_trials(history)
        return [_asked(study, space) for _ in range(BATCH)]


def frozen(trial: Trial, space: Space, user_attrs: Mapping[str, object] | None = None) -> FrozenTrial:
    """The trial as Optuna keeps it."""
    return create_trial(
        state=TrialState.FAIL if trial.value is None else TrialState.COMPLETE,
        value=trial.value,
        params=dict(trial.params),
        distributions=space.distributions,
        user_attrs=dict(user_attrs or {}),
    )


def grid_size(space: Space) -> int:
    """Combinations of a grid. ConfigError as `proposed`."""
    size = math.prod(len(knob.grid) for knob in space.knobs)
    if size > LARGEST_GRID:
        raise ConfigError(f"--sampler grid: {size:,} combinations; use wider steps, or --sampler tpe")
    return size


def _from_grid(space: Space, seed: int, batch: int) -> list[Params]:
    """In an order that is drawn, so that a grid cut short has no corner left out."""
    size, values = grid_size(space), [knob.grid for knob in space.knobs]
    order = np.random.default_rng(seed).permutation(size)[batch * BATCH : (batch + 1) * BATCH]
    places = np.unravel_index(order, [len(choices) for choices in values])
    return [
        {knob.name: choices[at[row]] for knob, choices, at in zip(space.knobs, values, places, strict=True)}
        for row in range(len(order))
    ]


def _sampler(name: SamplerName, seed: int, batch: int) -> BaseSampler:
    own = int(np.random.SeedSequence([seed, batch]).generate_state(1)[0])
    if name == "random":
        return RandomSampler(own)
    return TPESampler(seed=own, n_startup_trials=BATCH, multivariate=True, constant_liar=True)


def _asked(study: optuna.Study, space: Space) -> Params:
    trial = study.ask()
    return {knob.name: _suggested(trial, knob.name, knob.values) for knob in space.knobs}


def _suggested(trial: optuna.Trial, name: str, values: BaseDistribution) -> Parameter:
    suggested: Parameter | None
    match values:
        case FloatDistribution():
            suggested = trial.suggest_float(name, values.low, values.high, step=values.step)
            suggested = suggested if values.step is None else plain(suggested)
        case IntDistribution():
            suggested = trial.suggest_int(name, values.low, values.high, step=values.step)
        case CategoricalDistribution():
            suggested = trial.suggest_categorical(name, values.choices)
        case _:
            raise TypeError(f"{name}: {values} is no range and no choice")
    assert suggested is not None  # None is no choice of ours
    return suggested
