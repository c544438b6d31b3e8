"""A study belongs to one search, one process at a time, and can be read by Optuna."""

import multiprocessing
import os
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from backtester.sweep.record import Place, identity, opened
from backtester.sweep.trial import Work
from shared.errors import ConfigError
from tests.backtester.sweep.searches import made, plan, search, work

CODE = "0.1+0"


def place_at(tmp_path: Path) -> Place:
    return Place("mine", tmp_path)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (work(2, plan=plan(seed=7)), "plan.seed was 1, now 7"),
        (work(2, plan=plan(costs={"taker_fee": "0.001"})), "plan.costs.taker_fee was 0.0026, now 0.001"),
        (work(2, ["swing.floor=0.1:0.6", "momentum.adx_above=10:45:5"]), "high was 40.0, now 45.0"),
        (work(2, objective="sharpe"), "objective was total_return, now sharpe"),
        (work(2, min_trades=3), "min_trades was 0, now 3"),
        (work(2, count=1400), "candles.BTC/USD was"),
        (work(2, plan=plan(start=1_640_995_200_000_000)), "plan.start was None, now 1640995200000000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_search_in_the_same_study_is_refused_by_name(tmp_path: Path, other: Work, said: str) -> None:
    search(work(2), tmp_path, place=place_at(tmp_path))
    with pytest.raises(ConfigError) as error:
        search(other, tmp_path, place=place_at(tmp_path))
    assert said in str(error.value)
    assert "mine.log was begun with another search" in str(error.value)


def test_another_sampler_and_another_code_too(tmp_path: Path) -> None:
    search(work(2), tmp_path, place=place_at(tmp_path))
    with pytest.raises(ConfigError, match="sampler was tpe, now random"):
        search(work(2), tmp_path, "random", place=place_at(tmp_path))
    with (
        pytest.raises(ConfigError, match=r"code was .*, now 0\.1\+0"),
        opened(place_at(tmp_path), work(2), identity(work(2), "tpe") | {"code": CODE}),
    ):
        pass


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_a_line_that_was_cut_off_costs_no_trial_but_its_own(tmp_path: Path, cut: int) -> None:
    whole = made(search(work(4), tmp_path, place=place_at(tmp_path)))
    journal = place_at(tmp_path).journal
    os.truncate(journal, journal.stat().st_size - cut)
    for _ in range(2):
        assert made(search(work(4), tmp_path, place=place_at(tmp_path))) == whole
    assert len(opened_by_optuna(journal)) == 4


@pytest.mark.parametrize("line", [2, -1], ids=["middle", "last"])
def test_a_damaged_line_is_named_and_nothing_is_changed(tmp_path: Path, line: int) -> None:
    search(work(3), tmp_path, place=place_at(tmp_path))
    journal = place_at(tmp_path).journal
    lines = journal.read_bytes().splitlines(keepends=True)
    number = range(1, len(lines) + 1)[line]
    lines[line] = lines[line].replace(b":", b"\0", 2)
    journal.write_bytes(b"".join(lines))
    with pytest.raises(ConfigError, match=rf"--study .*mine\.log, line {number}: is damaged; put back a copy"):
        search(work(3), tmp_path, place=place_at(tmp_path))
    assert journal.read_bytes() == b"".join(lines)


def test_what_the_words_say_to_do_about_a_damaged_line_helps(tmp_path: Path) -> None:
    whole = made(search(work(3), tmp_path, place=place_at(tmp_path)))
    journal = place_at(tmp_path).journal
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))
    assert made(search(work(3), tmp_path, place=place_at(tmp_path))) == whole


def test_a_file_that_is_no_study_is_left_as_it_is(tmp_path: Path) -> None:
    journal = place_at(tmp_path).journal
    journal.write_text("my notes\nwithout an end")
    with pytest.raises(ConfigError, match="is no study"):
        search(work(2), tmp_path, place=place_at(tmp_path))
    assert journal.read_text() == "my notes\nwithout an end"


def opened_by_optuna(journal: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="mine", storage=JournalStorage(JournalFileBackend(str(journal)))).trials


def test_the_number_of_trials_is_free_but_where_the_objective_counts_it(tmp_path: Path) -> None:
    search(work(2), tmp_path, place=place_at(tmp_path))
    assert len(search(work(3), tmp_path, place=place_at(tmp_path))) == 3
    counted = Place("counted", tmp_path)
    search(work(2, objective="deflated"), tmp_path, place=counted)
    with pytest.raises(ConfigError, match="trials was 2, now 3"):
        search(work(3, objective="deflated"), tmp_path, place=counted)


def test_optuna_reads_it(tmp_path: Path) -> None:
    trials = search(work(5), tmp_path, place=place_at(tmp_path))
    study = optuna.load_study(
        study_name="mine", storage=JournalStorage(JournalFileBackend(str(place_at(tmp_path).journal)))
    )
    assert study.best_value == max(trial.value or 0.0 for trial in trials)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    place, task = place_at(tmp_path), work(2)
    with opened(place, task, identity(task, "tpe")):
        other = multiprocessing.get_context("spawn").Process(target=_search_there, args=(tmp_path,))
        other.start()
        other.join()
    assert other.exitcode == 2


def _search_there(folder: Path) -> None:
    try:
        search(work(2), folder, place=place_at(folder))
    except ConfigError as error:
        raise SystemExit(2 if "another process works on it" in str(error) else 1) from error


def test_a_file_that_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "mine.log").write_text("time,open,high\n1,2,3\n")
    with pytest.raises(ConfigError, match=r"--study .*mine\.log: is no study"):
        search(work(2), tmp_path, place=place_at(tmp_path))


@pytest.mark.parametrize(
    ("study", "name", "journal"),
    [
        (None, None, "data/sweeps/2f9bd1ab2b.log"),
        (None, "mine", "data/sweeps/mine.log"),
        ("there/x.log", None, "there/x.log"),
        ("there/x", None, "there/x.log"),
    ],
)
def test_where_a_study_lies(study: str | None, name: str | None, journal: str) -> None:
    assert Place.of(study, name, Path("data"), {"seed": 1}).journal.parts[:-1] == Path(journal).parts[:-1]
    if study or name:
        assert str(Place.of(study, name, Path("data"), {"seed": 1})) == journal


def test_other_databases_are_not_offered() -> None:
    with pytest.raises(ConfigError, match="--study: give a file, or postgresql://"):
        Place.of("mysql://secret@host/db", None, Path("data"), {})
