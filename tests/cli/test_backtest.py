"""`parley backtest` as a person types it."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from backtester.data.store import CandleStore
from backtester.runs.kept import Shelf
from cli.backtest import backtest
from shared.errors import ConfigError
from tests.backtester.data.candles import believed
from tests.backtester.event.markets import NOISE
from tests.backtester.event.test_replayed import told
from tests.backtester.sweep.searches import START, hours

app = typer.Typer()
app.command()(backtest)
COMMON = ("--timeframe", "1h", "--strategies", "momentum,swing")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """1,500 hours of ETH/USD, which is none of SYMBOLS."""
    CandleStore(tmp_path).merge("file", "ETH/USD", believed(hours(1500), "1h"))
    return tmp_path


def said(data_dir: Path, *arguments: str) -> Result:
    environment = {"DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"}
    done = CliRunner().invoke(app, arguments, env=environment)
    if isinstance(done.exception, ConfigError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def asked(data_dir: Path, *arguments: str) -> Any:
    return json.loads(said(data_dir, *arguments, "--json", "-").stdout)


def test_the_desk_itself_on_what_is_stored(data_dir: Path) -> None:
    shown = said(data_dir, *COMMON, "--report", str(data_dir / "page.html")).stdout
    [kept] = Shelf(data_dir).listing()
    assert kept["plan"]["engine"] == "event"
    assert kept["plan"]["symbols"] == ["ETH/USD"]
    assert kept["id"] in shown
    assert "could be luck" in shown.lower()
    assert kept["id"] in (data_dir / "page.html").read_text()


def test_a_repetition_gives_the_same_bits(data_dir: Path) -> None:
    first = asked(data_dir, *COMMON)
    again = said(data_dir, "--repeat", "last")
    assert f"{first['id']}: the same result, to the last bit" in again.stderr
    assert len(Shelf(data_dir).listing()) == 1


def test_a_repetition_that_gives_another_result_on_other_code_ends_with_status_1(data_dir: Path) -> None:
    said(data_dir, *COMMON)
    [kept] = Shelf(data_dir).listing()
    file = Shelf(data_dir).root / kept["id"] / "outcome.json"
    environment = {"DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"}
    for cash, words, status in ((kept["cash"], "gave the same result", 0), ("1", "gave another result", 1)):
        file.write_text(json.dumps(kept | {"code": "0.0.1+old", "cash": cash}))
        done = CliRunner().invoke(app, ["--repeat", kept["id"]], env=environment)
        assert words in done.stderr
        assert done.exit_code == status


def test_a_strategy_that_can_not_be_heard_is_said_and_the_others_play(data_dir: Path) -> None:
    done = said(data_dir, "--timeframe", "1h", "--strategies", "swing,news_driven", "--council", "none")
    assert "no news for news_driven: never heard in this run" in done.stderr
    assert len(Shelf(data_dir).listing()) == 1
    assert "never heard" not in said(data_dir, *COMMON, "--council", "none").stderr


def test_a_repetition_on_other_candles_is_refused(data_dir: Path) -> None:
    said(data_dir, *COMMON)
    store = CandleStore(data_dir)
    store.merge("file", "ETH/USD", believed(hours(1500, seed=2), "1h"), replace=True)
    with pytest.raises(ConfigError, match="the stored candles are not those that it ran on"):
        said(data_dir, "--repeat", "last")


def test_both_engines_say_the_same_where_both_can(data_dir: Path) -> None:
    alone = (*COMMON, "--council", "none", "--learning", "off")
    event, vector = (asked(data_dir, *alone, "--engine", engine) for engine in ("event", "vector"))
    assert event["trade_list"]
    assert event["result"] == vector["result"]
    assert event["trade_list"] == vector["trade_list"]


def test_what_can_not_be_kept_is_shown_all_the_same(data_dir: Path) -> None:
    (data_dir / "backtests").write_text("in the way")
    environment = {"DATA_DIR": str(data_dir), "SYMBOLS": "BTC/USD"}
    file = data_dir / "found.json"
    done = CliRunner().invoke(app, [*COMMON, "--council", "none", "--json", str(file)], env=environment)
    assert isinstance(done.exception, ConfigError)
    assert "backtests: File exists" in str(done.exception)
    assert "could be luck" in done.stdout.lower()
    assert json.loads(file.read_text())["trade_list"]


def test_other_recorded_answers_are_another_backtest(data_dir: Path) -> None:
    answers = data_dir / "answers.jsonl"
    replay = (*COMMON, "--council", f"replay:{answers}")
    answers.write_text(decided("HOLD"))
    first = asked(data_dir, *replay)
    answers.write_text(decided("BUY"))
    assert asked(data_dir, *replay)["id"] != first["id"]
    assert len(Shelf(data_dir).listing()) == 2


def decided(verdict: str) -> str:
    """A recorded answer on the close of the 800th hour."""
    answer = told(800 * 60, verdict, "ETH/USD")  # type: ignore[arg-type]
    return answer.model_copy(update={"timeframe": "1h"}).model_dump_json() + "\n"


def test_a_strategy_of_ones_own(data_dir: Path) -> None:
    found = asked(data_dir, "--timeframe", "1h", "--strategies", f"{NOISE}:0.5,swing:0.5", "--council", "none")
    assert found["trades"] > 10
    assert {name for trade in found["trade_list"] for name in trade["shares"]} == {NOISE, "swing"}


def test_bars_before_the_start_warm_strategies_up(data_dir: Path) -> None:
    begin = START + 700 * 3_600_000_000
    late = asked(data_dir, *COMMON, "--council", "none", "--from", "2022-01-30T04:00")
    assert late["plan"]["start"] == begin
    assert late["trade_list"][0]["entry_time"] < begin + 300 * 3_600_000_000
    assert all(trade["entry_time"] > begin for trade in late["trade_list"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--engine", "vector"), "--council rules: the vector engine knows none; use --engine event"),
        (("--engine", "vector", "--council", "none"), "--learning on: the vector engine"),
        (("--short",), "--short: the desk is long only"),
        (("--council", "replay:nowhere.jsonl"), "--council replay:nowhere.jsonl: cannot be read"),
        (("--council", "committee"), "council"),
        (("--from", "2031-01-01"), "in that range; stored: 2022-01-01"),
        (("--symbols", "DOGE/USD"), "--symbols DOGE/USD"),
        (("--strategies", "astrology"), "no strategy named 'astrology'"),
        (("--strategies", "nowhere.py:Mine"), "nowhere.py: there is no such file"),
        (("--repeat", "last"), "last: is no kept backtest"),
        (("--report", "/nowhere/page.html"), "--report: the folder of /nowhere/page.html does not exist"),
        (("--report", "/"), "--report /: is a folder; name a file in it"),
        (("--json", "/proc/version/x"), "--json: the folder of /proc/version/x does not exist"),
        (("--timeframe", "7m"), "--timeframe 7m"),
        (("--timeframe", "1d"), "62 bars of 1d are fewer than the warm-up of momentum 602, mean_reversion 602"),
        (("--strategies", "news_driven"), "nothing can be traded: no news for news_driven; name others with"),
        (("--repeat", "last", "--seed", "1", "--short"), "--short, --seed: a repetition has the options of the kept"),
    ],
)
def test_what_can_not_be_is_said(data_dir: Path, arguments: tuple[str, ...], told: str) -> None:
    alone = "--timeframe" in arguments or "--repeat" in arguments
    with pytest.raises(ConfigError) as error:
        said(data_dir, *arguments) if alone else said(data_dir, "--timeframe", "1h", *arguments)
    assert told in str(error.value)
