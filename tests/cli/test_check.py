"""`parley check` as a person types it."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from backtester.data.store import CandleStore
from cli.check import check
from shared.errors import ConfigError
from tests.backtester.data.candles import believed, market

CHEATS = Path(__file__).resolve().parents[1] / "backtester" / "check" / "cheats.py"
app = typer.Typer()
app.command()(check)


def asked(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"DATA_DIR": str(tmp_path), "TIMEFRAME": "15m"})


def answers(done: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_an_honest_strategy_passes_every_question(tmp_path: Path) -> None:
    done = asked(tmp_path, f"{CHEATS}:Honest")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].endswith("cheats.py:Honest on a market drawn from seed 1, as no candles are stored, 6000 bars")
    assert [line.split(":")[0] for line in lines[1:6]] == [
        "PASS look-ahead",
        "PASS warm-up",
        "PASS values",
        "PASS repeatable",
        "PASS explanation",
    ]
    assert "Other bars came after each of 5999 bars (29 runs)" in lines[6]


def test_a_cheat_fails_with_its_first_bar_named(tmp_path: Path) -> None:
    done = asked(tmp_path, f"{CHEATS}:ReadsNext", "--set", "rare=5000", "--set", "since=777")
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert line.startswith("FAIL look-ahead: bar 777 (2024-01-09 02:15): the value changed when the bars after it")
    (answer,) = answers(asked(tmp_path, f"{CHEATS}:ReadsNext", "--set", "rare=5000", "--set", "since=777", "--json"))
    (finding,) = answer["findings"]
    assert (answer["passed"], answer["replaced"]) == (False, 5999)
    assert (finding["kind"], finding["index"], finding["open_time"]) == ("look-ahead", 777, "2024-01-09T02:15:00+00:00")
    assert {abs(finding["found"])} == {0.9}


def test_what_a_class_keeps_is_caught_on_the_first_market_and_on_the_second(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    for symbol, seed in (("BTC/USD", 1), ("ETH/USD", 2)):
        store.merge("file", symbol, believed(market(400, seed=seed)))
    done = asked(tmp_path, f"{CHEATS}:FitsOnce", "--timeframe", "1m")
    assert done.exit_code == 1
    said = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert [line.partition(" (")[0] for line in said] == 2 * ["FAIL look-ahead: bar 8", "FAIL repeatable: bar 8"]
    assert "a process just started gives another value than this one" not in said[1]
    assert "a process just started gives another value than this one" in said[3]
    assert "histories scored in processes just started." in done.stdout


def test_a_short_warm_up_fails_with_the_least_that_does(tmp_path: Path) -> None:
    done = asked(tmp_path, f"{CHEATS}:Remembers", "--set", "lag=25")
    assert done.exit_code == 1
    assert "FAIL warm-up: bar 25 (2024-01-01 06:15): the value with 9 bars of past is not" in done.stdout
    assert "The least warm-up that does here is 26, it says 9" in done.stdout
    assert "PASS look-ahead" in done.stdout


def test_real_bars_of_every_stored_pair_are_asked(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    for symbol, seed in (("BTC/USD", 1), ("ETH/USD", 2)):
        store.merge("file", symbol, believed(market(3000, seed=seed)))
    found = answers(asked(tmp_path, f"{CHEATS}:Honest", "--timeframe", "5m", "--cuts", "100", "--json"))
    assert [(one["market"], one["bars"], one["passed"]) for one in found] == [
        ("BTC/USD 5m from file", 600, True),
        ("ETH/USD 5m from file", 600, True),
    ]
    assert [one["replaced"] for one in found] == [103, 103]
    part = ("--symbols", "eth/usd", "--timeframe", "1m", "--from", "2022-01-02")
    only = answers(asked(tmp_path, f"{CHEATS}:Honest", *part, "--json"))
    assert [(one["market"], one["bars"]) for one in only] == [("ETH/USD 1m from file", 1560)]


def test_a_registered_strategy_passes_and_silence_is_said(tmp_path: Path) -> None:
    done = asked(tmp_path, "news_driven", "--cuts", "50", "--set", "neutral_within=1", "--set", "compared_bars=3")
    assert done.exit_code == 0
    assert "It never spoke on these bars: only its silence was checked." in done.stdout
    loud = asked(tmp_path, "news_driven", "--cuts", "50")
    assert "It never spoke" not in loud.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "no strategy named 'nothing'"),
        ((f"{CHEATS}:Nobody",), "has no strategy 'Nobody'; there are Accumulates,"),
        (("momentum", "--timeframe", "7m"), "--timeframe 7m: choose one of 1m"),
        (("momentum", "--symbols", "BTC/USD"), "no candles of BTC/USD are stored that make 15m"),
        (("momentum", "--from", "2024-01-02", "--to", "2024-01-01"), "is not after --from"),
        (("momentum", "--set", "rsi_low=99"), "rsi_low 99 must be below rsi_high 70"),
    ],
)
def test_a_mistake_names_the_flag_and_the_fix(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = asked(tmp_path, *arguments)
    assert isinstance(done.exception, ConfigError)
    assert said in str(done.exception)
