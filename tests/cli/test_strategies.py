"""`parley strategies`, and the page that tells how to write one."""

import json
import re
import shlex
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from shared.errors import ConfigError
from shared.strategies.registry import REGISTRY
from shared.timeframes import from_microseconds
from tests.backtester.sweep.searches import hours
from tests.cli.test_commands import ROOT

PAGE = (ROOT / "docs" / "strategies.md").read_text()
MINE = "class Mine:\n    name, warmup = 'mine', 3\n    def __init__(self, fast=5, kind='a'): self.fast = fast\n"
OFFERS = "    def score(self, market): return market.close * 0\n    def explain(self, market): return ''\n"


def said(*arguments: str, **environment: str) -> Result:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", **environment})
    if isinstance(done.exception, ConfigError):
        raise done.exception
    assert done.exit_code == 0, (arguments, done.output, done.exception)
    return done


def test_every_strategy_is_listed_with_its_warm_up() -> None:
    shown = said("strategies").stdout
    rows: list[Any] = json.loads(said("strategies", "--json").stdout)
    assert [row["name"] for row in rows] == list(REGISTRY)
    for row in rows:
        assert row["name"] in shown
        assert str(row["warmup"]) in shown
    assert {row["name"] for row in rows if row["needs_news"]} == {"news_driven"}


def test_one_is_shown_with_its_parameters_and_bounds() -> None:
    told = json.loads(said("strategies", "momentum", "--json").stdout)
    assert [one["name"] for one in told["parameters"]] == list(REGISTRY["momentum"].Params.model_fields)
    assert {"name": "bullish_full", "type": "number", "default": 0.7, "bounds": "> 0.55 and <= 1"} in told["parameters"]
    shown = said("strategies", "momentum").stdout
    assert all(words in shown for words in ("Warm-up: 602 bars", "adx_above", "25.0", ">= 0 and <= 100"))


def test_one_of_ones_own_without_declared_parameters(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE + OFFERS)
    told = json.loads(said("strategies", f"{file}:Mine", "--json").stdout)
    assert told["warmup"] == 3
    assert [(one["name"], one["type"], one["default"]) for one in told["parameters"]] == [
        ("fast", "int", 5),
        ("kind", "str", "a"),
    ]


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no strategy named 'astrology'; there are momentum"):
        said("strategies", "astrology")


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [strategy] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    Path("cross.py").write_text(strategy)
    _write_candles(Path("candles.csv"))
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 9
    told = {line: said(*shlex.split(line)[1:], DATA_DIR="data", SYMBOLS="BTC/USD", COLUMNS="120") for line in commands}
    by_name = {line.split()[1]: done for line, done in told.items()}
    assert "PASS" in by_name["check"].stdout.upper()
    assert "combinations" not in by_name["sweep"].stdout
    assert "Walk-forward efficiency" in by_name["walkforward"].stdout
    assert "Price and trades of BTC/USD" in Path("cross.html").read_text()


def _write_candles(file: Path) -> None:
    market = hours(1500)
    times = [from_microseconds(time).astimezone(UTC).isoformat() for time in market.open_time.tolist()]
    columns = (times, market.open, market.high, market.low, market.close, market.volume)
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
