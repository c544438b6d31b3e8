"""`parley walkforward` as a person types it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from backtester.data.store import CandleStore
from cli.walkforward import walkforward
from shared.errors import ConfigError
from tests.backtester.data.candles import believed
from tests.backtester.sweep.searches import hours

COMMON = ("--timeframe", "1h", "--strategies", "momentum,swing", "--param", "swing.floor=0.1:0.6", "--trials", "4")
app = typer.Typer()
app.command()(walkforward)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """1,500 hours of BTC/USD, 62.5 days."""
    CandleStore(tmp_path).merge("file", "BTC/USD", believed(hours(1500), "1h"))
    return tmp_path


def said(data_dir: Path, *arguments: str) -> Result:
    environment = {"DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"}
    return CliRunner().invoke(app, [*COMMON, "--jobs", "1", *arguments], env=environment, catch_exceptions=False)


@pytest.mark.parametrize(("mode", "second"), [("anchored", "2022-01-01"), ("rolling", "2022-01-11")])
def test_a_walk_for_people_and_for_programs(data_dir: Path, mode: str, second: str) -> None:
    file = data_dir / "found.json"
    options = ("--train", "30d", "--test", "10d", "--mode", mode, "--objective", "total_return", "--json", str(file))
    done = said(data_dir, *options)
    assert done.exit_code == 0, done.output
    words = ("Windows", "Chosen parameters", "swing.floor", "Walk-forward efficiency", "stitched from 3 tests")
    assert all(word in done.stdout for word in (*words, "could be luck: probabilistic Sharpe ratio"))
    assert "window 3 of 3" in done.stderr
    assert "the same command, or one with more --trials, goes on from them" in done.stderr
    found = json.loads(file.read_text())
    assert found["mode"] == mode
    assert found["windows"][1]["train"].startswith(second)
    assert [window["test"][:10] for window in found["windows"]] == ["2022-01-31", "2022-02-10", "2022-02-20"]


def test_a_step_leaves_days_out(data_dir: Path) -> None:
    done = said(data_dir, "--train", "4w", "--test", "120h", "--step", "15d", "--json", "-")
    windows = json.loads(done.stdout)["windows"]
    assert [window["test"][:10] for window in windows] == ["2022-01-29", "2022-02-13"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--train", "30", "--test", "10d"), "--train 30: write a number and m, h, d or w, such as 90d"),
        (("--train", "30d", "--test", "0d"), "--test 0d: write a number"),
        (("--train", "30d", "--test", "90m"), "--test: must be a multiple of the timeframe, 1h"),
        (("--train", "30d", "--test", "10d", "--step", "5d"), "--step: shorter than --test"),
        (("--train", "90d", "--test", "10d"), "no window fits into the 62.5 days of candles"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_names_its_option(data_dir: Path, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        said(data_dir, *arguments)
    assert words in str(error.value)
