"""What a person types, and what the desk says when it is wrong."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = "time,open,high,low,close,volume\n1640995200,100,101,99,100,1\n1640995260,100,101,99,100,1\n"


def parley(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path / "desks"), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_and_help(tmp_path: Path) -> None:
    assert parley(tmp_path, "--version").stdout.startswith("parley ")
    assert "demo" in parley(tmp_path, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("demo", "--speed", "fast"), "--speed fast"),
        (("demo", "--speed", "601"), "up to 600"),
        (("demo", "--timeframe", "7m"), "--timeframe 7m: choose one of 1m"),
        (("demo", "--scale", "council=none"), "--scale council=none"),
        (("demo", "--scale", "bank=2"), "SERVICE out of all, market_data"),
        (("demo", "--data", "missing.csv"), "missing.csv"),
        (("demo", "--report", "/nowhere/at/all.json"), "--report"),
        (("demo", "--bars", "3"), "add --speed max"),
        (("demo", "--symbols", "FOO"), "FOO is no pair"),
        (("demo", "--symbols", "BTC/USD,ETH/EUR"), "mixes the quotes EUR, USD"),
        (("demo", "--desk", "../other"), "--desk ../other"),
        (("run", "bank"), "there is no service 'bank'"),
        (("run", "council"), "DATABASE_URL and REDIS_URL"),
        (("status",), "no desk under"),
        (("close",), "parley close BTC/USD"),
        (("close", "--all", "BTC/USD"), "give either, not both"),
        (("reset", "--desk", "nosuch", "--yes"), "there is no desk 'nosuch'"),
        (("reset", "--desk", "..", "--yes"), "--desk .."),
        (("logs", "council"), "no desk under"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_is_one_line_with_the_fix_and_status_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = parley(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "starting" not in done.stderr
    assert not list((tmp_path / "desks").glob("*"))


def test_live_trading_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = parley(tmp_path, "up", TRADING_MODE="live")
    assert done.returncode == 2
    assert "TRADING_MODE=live is refused" in done.stderr
    assert not (tmp_path / "desks").exists()


def test_a_folder_that_is_no_desk_is_not_emptied(tmp_path: Path) -> None:
    mine = tmp_path / "desks" / "letters" / "to-my-mother.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("Dear mother")
    done = parley(tmp_path, "reset", "--desk", "letters", "--yes")
    assert done.returncode == 2
    assert mine.exists()


def test_several_desks_and_none_asked_for_says_which_is_shown(tmp_path: Path) -> None:
    for name, at in (("demo", 2), ("old", 1)):
        log = tmp_path / "desks" / name / "logs" / "council-0.log"
        log.parent.mkdir(parents=True)
        log.write_text(f"of {name}\n")
        settings = tmp_path / "desks" / name / "settings.json"
        settings.write_text("{}")
        os.utime(settings, (at, at))
    done = parley(tmp_path, "logs", "council")
    assert done.stdout == "of demo\n"
    assert "desk 'demo', which was started last" in done.stderr
    assert "old" in done.stderr
    asked = parley(tmp_path, "logs", "council", "--desk", "old")
    assert (asked.stdout, asked.stderr) == ("of old\n", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("open,high,low,close,volume\n1,1,1,1,1\n", "time"),
        (GOOD + "1640995260,100,101,99,100,1\n", "line 4"),
        (GOOD + "1640995320,100,99,101,100,1\n", "line 4"),
        (GOOD + "1640995320,-5,101,99,100,1\n", "line 4"),
        (GOOD + "1640995320,nan,101,99,100,1\n", "line 4"),
        (GOOD + "yesterday,100,101,99,100,1\n", "line 4"),
    ],
    ids=["empty", "no time", "twice", "high below low", "negative", "nan", "no date"],
)
def test_a_broken_file_is_named_by_row_and_field(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "candles.csv"
    file.write_text(text)
    done = parley(tmp_path, "demo", "--data", f"BTC/USD={file}", "--speed", "max")
    assert done.returncode == 2
    assert said in done.stderr
    assert str(file) in done.stderr


def test_mixed_quotes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "candles.csv"
    file.write_text(GOOD)
    done = parley(tmp_path, "demo", "--data", f"BTC/USD={file}", "--data", f"ETH/BTC={file}", "--speed", "max")
    assert done.returncode == 2
    assert "quote" in done.stderr


def test_a_taken_port_is_said_in_plain_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = parley(tmp_path, "demo", API_PORT=str(port))
    assert done.returncode == 2
    assert f"port {port} for the API is taken" in done.stderr


def test_config_tells_source_and_masks_secrets(tmp_path: Path) -> None:
    done = parley(tmp_path, "config", "--json", KRAKEN_API_KEY="very-secret", MAX_POSITIONS="3")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["MAX_POSITIONS"]["value"] == "3"
    assert rows["MAX_POSITIONS"]["source"] == "environment"
    assert rows["MAX_DRAWDOWN"]["source"] == "default"
    assert rows["KRAKEN_API_KEY"]["value"] == "********"
    assert "very-secret" not in done.stdout


def test_doctor_names_a_wrong_setting_and_its_fix(tmp_path: Path) -> None:
    done = parley(tmp_path, "doctor", "--json", SYMBOLS="BTC/USD,ETH/EUR")
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert findings["settings"]["outcome"] == "problem"
    assert "mixed quotes" in findings["settings"]["text"]


def test_doctor_finds_an_unreachable_database(tmp_path: Path) -> None:
    done = parley(tmp_path, "doctor", "--json", DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x")
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert findings["database"]["outcome"] == "problem"
    assert "secret" not in done.stdout
