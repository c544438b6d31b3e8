"""The same search makes the same trials, however it is run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from backtester.sweep.crew import Crew
from backtester.sweep.judged import best_of
from backtester.sweep.names import Backend, SamplerName
from backtester.sweep.proposals import BATCH
from backtester.sweep.trial import Trial
from shared.errors import ConfigError
from tests.backtester.sweep.searches import RANGES, made, plan, search, work


class StoppedByHandError(Exception):
    """Somebody lost patience."""


def stop_after(count: int) -> object:
    def told(done: Mapping[int, Trial]) -> None:
        if len(done) == count:
            raise StoppedByHandError

    return told


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
@pytest.mark.parametrize(("backend", "jobs"), [("threading", 3), ("loky", 2)])
def test_jobs_and_backends_change_nothing(tmp_path: Path, sampler: SamplerName, backend: Backend, jobs: int) -> None:
    task = work(BATCH + 4, ["swing.floor=0.1:0.6:0.1", "momentum.adx_above=10,20,30,40"])
    alone = search(task, tmp_path / "alone", sampler)
    together = search(task, tmp_path / "together", sampler, Crew(backend, jobs))
    assert made(alone) == made(together)
    assert len(alone) == BATCH + 4


@pytest.mark.parametrize("after", [1, 5, BATCH, BATCH + 3])
def test_broken_off_it_goes_on_to_the_same_end(tmp_path: Path, after: int) -> None:
    task = work(BATCH + 8)
    whole = search(task, tmp_path / "whole")
    with pytest.raises(StoppedByHandError):
        search(task, tmp_path / "parts", told=stop_after(after))  # type: ignore[arg-type]
    fresh: list[int] = []
    parts = search(task, tmp_path / "parts", told=lambda done: fresh.append(len(done)))
    assert made(parts) == made(whole)
    assert fresh == list(range(after, BATCH + 9))


def test_more_trials_later_are_those_of_one_long_search(tmp_path: Path) -> None:
    search(work(BATCH + 3), tmp_path / "grown")
    assert made(search(work(BATCH * 2), tmp_path / "grown")) == made(search(work(BATCH * 2), tmp_path / "long"))
    assert len(search(work(5), tmp_path / "grown")) == 5


def test_a_trial_whose_returns_are_lost_is_made_again(tmp_path: Path) -> None:
    whole = search(work(6), tmp_path)
    (folder,) = (tmp_path / "sweeps").glob("*.returns")
    (folder / "000003.npy").unlink()
    fresh: list[int] = []
    assert made(search(work(6), tmp_path, told=lambda done: fresh.append(len(done)))) == made(whole)
    assert fresh == [5, 6]


def test_another_seed_makes_other_trials(tmp_path: Path) -> None:
    one, other = (search(work(4, plan=plan(seed=seed)), tmp_path) for seed in (1, 2))
    assert [trial.params for trial in one] != [trial.params for trial in other]


def test_trials_learn_from_earlier_batches(tmp_path: Path) -> None:
    tpe = search(work(3 * BATCH), tmp_path)
    drawn = search(work(3 * BATCH), tmp_path, "random")
    later = [np.mean([trial.value or 0.0 for trial in trials[BATCH:]]) for trials in (tpe, drawn)]
    assert later[0] > later[1]


def test_no_batch_repeats_another(tmp_path: Path) -> None:
    drawn = search(work(2 * BATCH, ["momentum.adx_above=10:40"]), tmp_path, "random")
    assert len({trial.params["momentum.adx_above"] for trial in drawn}) == 2 * BATCH


def test_a_grid_is_tried_whole_and_once(tmp_path: Path) -> None:
    ranges = ["swing.floor=0.1:0.5:0.1", "momentum.adx_above=int:10:40:10"]
    trials = search(work(100, ranges), tmp_path, "grid")
    assert len({tuple(trial.params.values()) for trial in trials}) == len(trials) == 20


def test_a_grid_needs_steps_and_an_end(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--sampler grid: swing.floor is a range without steps"):
        search(work(4, RANGES), tmp_path, "grid")
    with pytest.raises(ConfigError, match=r"--sampler grid: 100,020,001 combinations"):
        search(work(4, [f"{name}=0:1:0.0001" for name in ("swing.floor", "momentum.floor")]), tmp_path, "grid")


def test_failures_are_trials_too(tmp_path: Path) -> None:
    task = work(BATCH, ["momentum.rsi_low=40:99"], objective="sqn", min_trades=15)
    trials = search(task, tmp_path)
    impossible = [trial for trial in trials if "must be below rsi_high" in trial.reason]
    too_few = [trial for trial in trials if "fewer than --min-trades 15" in trial.reason]
    assert impossible
    assert too_few
    assert all(trial.value is None for trial in (*impossible, *too_few))
    assert len({trial.returns.shape for trial in trials}) == 1
    assert not impossible[0].returns.any()
    assert search(task, tmp_path)[impossible[0].number].reason == impossible[0].reason


def test_an_objective_that_is_not_defined_fails_with_its_reason(tmp_path: Path) -> None:
    (trial,) = search(work(1, count=650, objective="sqn"), tmp_path)
    assert (trial.value, trial.reason) == (None, "sqn is not defined after 0 trades")
    assert best_of([trial]) is None


def test_what_can_not_be_played_is_refused_before_anybody_works(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--council rules"):
        search(work(4, plan=plan(council="rules")), tmp_path, crew=Crew("loky", 2))
