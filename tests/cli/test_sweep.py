"""`parley sweep` as a person types it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import typer
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from typer.testing import CliRunner, Result

from backtester.data.store import CandleStore
from cli.sweep import sweep
from shared.errors import ConfigError
from tests.backtester.data.candles import believed
from tests.backtester.sweep.searches import hours
from tests.cli.test_commands import ROOT

COMMON = ("--timeframe", "1h", "--strategies", "momentum,swing", "--param", "swing.floor=0.1:0.6")
app = typer.Typer()
app.command()(sweep)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """1,500 hours of BTC/USD."""
    CandleStore(tmp_path).merge("file", "BTC/USD", believed(hours(1500), "1h"))
    return tmp_path


def said(data_dir: Path, *arguments: str) -> Result:
    environment = {"DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"}
    return CliRunner().invoke(app, [*COMMON, "--jobs", "1", *arguments], env=environment, catch_exceptions=False)


def told(data_dir: Path, *arguments: str) -> Any:
    done = said(data_dir, *arguments, "--json", "-")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_sweep_for_people(data_dir: Path) -> None:
    done = said(data_dir, "--trials", "8", "--weights", "--objective", "total_return", "--top", "3")
    assert done.exit_code == 0
    words = ("Best of 8 trials", "swing.weight", "for a backtest: --strategies momentum:", "deflated Sharpe ratio")
    assert all(word in done.stdout for word in (*words, "probability of overfitting", "could be luck: Sharpe ratio"))
    assert "8/8" in done.stderr
    assert "best total_return" in done.stderr


def test_the_same_command_goes_on(data_dir: Path) -> None:
    first, again = told(data_dir, "--trials", "4"), told(data_dir, "--trials", "6")
    assert again["trials"][:4] == first["trials"]
    assert (first["trials_made"], again["trials_made"], again["study"]) == (4, 6, first["study"])
    assert Path(first["study"]).parent == data_dir / "sweeps"


def test_settings_of_the_desk_are_searched_beside_parameters(data_dir: Path) -> None:
    found = told(data_dir, "--trials", "3", "--objective", "total_return", "--param", "desk.stop_atr=1:3:0.5")
    tried = {trial["params"]["desk.stop_atr"] for trial in found["trials"]}
    assert tried <= {1.0, 1.5, 2.0, 2.5, 3.0}
    best = found["best"]
    assert f"--desk stop_atr={best['params']['desk.stop_atr']:g}" in best["options"]
    assert float(found["plan"]["desk"]["stop_atr"]) == best["params"]["desk.stop_atr"]


def test_json_in_a_file(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    said(data_dir, "--trials", "2", "--json", str(file))
    assert json.loads(file.read_text())["trials_made"] == 2


def test_failed_trials_are_counted_and_said(data_dir: Path) -> None:
    done = said(data_dir, "--trials", "3", "--min-trades", "1000")
    assert "3 of 3 trials failed, the first of them:" in done.stdout
    assert "could be luck: sharpe is defined for none of the trials" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--param", "momentum.adx_above=1:101"), "adx_above 101.0 is not allowed"),
        (("--sampler", "grid"), "--sampler grid: swing.floor is a range without steps"),
        (("--engine", "vector", "--council", "rules"), "--council rules: the vector engine knows none"),
        (("--json", "/nowhere/there/x.json"), "--json: the folder of /nowhere/there/x.json does not exist"),
        (("--param", "desk.breakeven=1:2"), "--param desk.breakeven=1:2: the desk has no numeric setting breakeven"),
        (("--json", "/"), "--json /: is a folder"),
        (("--study", "/nowhere/there/x.log"), "--study: the folder of /nowhere/there/x.log does not exist"),
        (("--timeframe", "1d"), "62 bars of 1d are fewer than the warm-up of momentum 602, swing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_names_its_option(data_dir: Path, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        said(data_dir, "--trials", "3", *arguments)
    assert words in str(error.value)


def test_a_cluster_that_is_not_there_is_said_before_the_first_trial(data_dir: Path) -> None:
    with pytest.raises(ConfigError, match="--backend dask: needs --scheduler"):
        said(data_dir, "--trials", "3", "--backend", "dask")
    assert not (data_dir / "sweeps").exists()


def test_a_part_of_a_grid_says_so(data_dir: Path) -> None:
    options = ("--sampler", "grid", "--param", "momentum.adx_above=20,25,30")
    done = CliRunner().invoke(
        app,
        ["--timeframe", "1h", "--strategies", "momentum,swing", "--jobs", "1", *options, "--trials", "2"],
        env={"DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"},
        catch_exceptions=False,
    )
    assert "Best of 2 of 3 combinations" in done.stdout


def test_parameters_that_do_not_fit_beside_the_figures_have_lines_of_their_own(data_dir: Path) -> None:
    many = ("adx_above=10:40", "bullish_full=0.6:0.9", "confidence_min=50:70", "chased_percent=3:8", "rsi_low=40:55")
    options = [part for text in many for part in ("--param", f"momentum.{text}")]
    shown = said(data_dir, *options, "--trials", "2").stdout
    line = r"^trial \d: swing\.floor [\d.]+, momentum\.adx_above [\d.]+, .*momentum\.rsi_low [\d.]+$"
    assert len(re.findall(line, shown, re.MULTILINE)) == 2


def test_another_plan_in_a_named_study(data_dir: Path) -> None:
    study = ("--study", str(data_dir / "mine.log"), "--trials", "2")
    told(data_dir, *study)
    with pytest.raises(ConfigError, match=r"mine\.log was begun with another search: plan\.seed was 1, now 2"):
        told(data_dir, *study, "--seed", "2")


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_ctrl_c_keeps_every_finished_trial(data_dir: Path, backend: str) -> None:
    study = data_dir / "mine.log"
    options = ("--param", "momentum.adx_above=10:40", "--trials", "2000", "--study", str(study), "--backend", backend)
    command = [sys.executable, "-m", "cli.main", "sweep"]
    running = subprocess.Popen(
        [*command, *COMMON, *options, "--jobs", "2"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # whoever runs the tests in the background ignores Ctrl-C, and so would the child
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 90
    while _kept(study) < 20 and running.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    _, errors = running.communicate(timeout=30)
    assert "stopped; every finished trial is kept" in errors
    assert "Traceback" not in errors
    assert "parley: stopped" in errors
    assert running.returncode == 130
    kept = _kept(study)
    assert 20 <= kept < 2000
    opened = optuna.load_study(study_name="mine", storage=JournalStorage(JournalFileBackend(str(study))))
    assert kept - len(opened.trials) in (0, 1)  # returns are written before their trial counts


def _kept(study: Path) -> int:
    return len(list(study.with_suffix(".returns").glob("*.npy")))
