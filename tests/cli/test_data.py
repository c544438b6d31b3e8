"""`parley data import`, `list`, `remove` and `download` as a person types them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtester.data.store import CandleStore
from cli.data import app
from shared.errors import ConfigError
from tests.backtester.data.candles import BTC, changed, market, write_csv
from tests.cli.test_commands import ROOT, parley
from tests.shared.broker.venue import Venue

PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "LTC/USD", "XMR/USD", "XRP/USD")


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """A seeded market of six pairs, whose clock hardly moves."""
    started = Venue(
        tmp_path / "venue.db", "--market", "seeded", "--symbols", ",".join(PAIRS), "--speed", "0.01", "--history", "0"
    )
    yield started
    started.kill()


def data(tmp_path: Path, *arguments: str, **environment: str) -> str:
    """What a command says on standard output, in this process: starting another takes seconds."""
    done = CliRunner().invoke(app, arguments, env={"DATA_DIR": str(tmp_path / "desks"), **environment})
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(tmp_path: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(data(tmp_path, "list", "--json"))
    return found


def test_import_then_list(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", market(10))
    assert data(tmp_path, "import", f"{BTC}={file}", f"ETH/USD={file}").splitlines() == [
        f"{file}: {pair} 1m, 10 bars, 10 new, 0 replaced, 0 gaps in all that is stored" for pair in (BTC, "ETH/USD")
    ]
    first, second = rows(tmp_path)
    assert (second["symbol"], first["venue"], first["symbol"], first["timeframe"]) == ("ETH/USD", "file", BTC, "1m")
    assert (first["first"], first["last"]) == ("2022-01-01T00:00:00Z", "2022-01-01T00:09:00Z")
    assert (first["bars"], first["gaps"], first["missing"]) == (10, 0, 0)
    shown = data(tmp_path, "list")
    assert all(word in shown for word in ("venue", "gaps", "size", "2022-01-01 00:09", "ETH/USD", "0.0 MB"))


def test_import_by_options(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", market(1))
    options = ("--symbol", "SOL/EUR", "--timeframe", "1d", "--venue", "mine")
    data(tmp_path, "import", str(file), *options)
    (row,) = rows(tmp_path)
    assert (row["venue"], row["symbol"], row["timeframe"], row["bars"]) == ("mine", "SOL/EUR", "1d", 1)


def test_steps_are_imported_and_listed(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", market(10))
    steps = ("--tick", "0.000000000000001", "--lot", "0.001", "--min-quantity", "2", "--min-cost", "0.5")
    data(tmp_path, "import", f"{BTC}={file}", *steps)
    data(tmp_path, "import", f"ETH/USD={file}")
    given, unknown = rows(tmp_path)
    fields = ("tick", "lot", "min_quantity", "min_cost")
    assert [given[name] for name in fields] == ["0.000000000000001", "0.001", "2", "0.5"]
    assert [unknown[name] for name in fields] == [None] * 4
    shown = data(tmp_path, "list")
    assert "tick" in shown
    assert "0.000000000000001" in shown


def test_prices_ten_times_off_want_force(tmp_path: Path) -> None:
    data(tmp_path, "import", f"{BTC}={write_csv(tmp_path / 'a.csv', market(10))}")
    other = write_csv(tmp_path / "b.csv", changed(market(3, first=20), 1, high=2000.0, open=1500.0, close=1500.0))
    data(tmp_path, "import", f"{BTC}={other}")
    far = write_csv(tmp_path / "c.csv", changed(market(1, first=30), 0, high=2000.0, open=1500.0, close=1500.0))
    asked = ("import", f"{BTC}={far}", "--timeframe", "1m")
    refused = parley(tmp_path, "data", *asked)
    assert refused.returncode == 2
    assert "c.csv: prices near 1500, but near 10" in refused.stderr
    assert "1 new" in data(tmp_path, *asked, "--force")


def test_remove_asks_first_and_takes_what_was_named(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", market(10))
    for pair, venue in ((BTC, "file"), (BTC, "mine"), ("ETH/USD", "file")):
        data(tmp_path, "import", f"{pair}={file}", "--venue", venue)
    env = {"DATA_DIR": str(tmp_path / "desks")}
    refused = CliRunner().invoke(app, ["remove", "btc/usd"], env=env, input="n\n")
    assert (refused.exit_code, len(rows(tmp_path))) == (1, 3)
    assert "Delete BTC/USD 1m from file, BTC/USD 1m from mine?" in refused.output
    assert data(tmp_path, "remove", "btc/usd", "--venue", "mine", "--yes") == "BTC/USD 1m from mine removed\n"
    wrong = CliRunner().invoke(app, ["remove", BTC, "--timeframe", "1h", "--yes"], env=env)
    assert isinstance(wrong.exception, ConfigError)
    assert [(row["symbol"], row["venue"]) for row in rows(tmp_path)] == [(BTC, "file"), ("ETH/USD", "file")]
    CliRunner().invoke(app, ["remove", BTC], env=env, input="y\n")
    assert [row["symbol"] for row in rows(tmp_path)] == ["ETH/USD"]


def test_a_conflict_wants_replace(tmp_path: Path) -> None:
    data(tmp_path, "import", f"{BTC}={write_csv(tmp_path / 'a.csv', market(10))}")
    other = str(write_csv(tmp_path / "b.csv", changed(market(10), 4, volume=2.5)))
    refused = parley(tmp_path, "data", "import", f"{BTC}={other}")
    assert refused.returncode == 2
    assert f"{other}, line 6, 2022-01-01 00:04: volume 2.5 (stored " in refused.stderr
    assert "1 replaced" in data(tmp_path, "import", f"{BTC}={other}", "--replace")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "BTC/USD=none.csv"), "none.csv: cannot be read"),
        (("import", "none.csv"), "none.csv: of which pair? Give SYMBOL=FILE, such as BTC/USD=none.csv"),
        (("import", "BTC/USD=none.csv", "--tick", "1,5"), "--tick 1,5: give a number above zero"),
        (("remove", "BTC/USD"), "BTC/USD: nothing like it is stored; `parley data list`"),
        (("import", "none.csv", "--timeframe", "7m"), "--timeframe 7m: choose one of 1m"),
        (("import", "ETH/USD=none.csv", "--symbol", "BTC/USD"), "--symbol says BTC/USD"),
        (("download", "--since", "2024-01-02", "--until", "2024-01-01"), "--until 2024-01-01 00:00:00: is not after"),
        (("download", "--since", "2024-01-01", "--venue", "krakken"), "ccxt knows no such venue"),
        (("download", "--since", "2024-01-01", "--timeframe", "2h"), "--timeframe 2h: choose one of 1m"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_is_one_line_with_the_fix_and_status_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = parley(tmp_path, "data", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_download_from_the_simulator(tmp_path: Path, venue: Venue) -> None:
    asked = ("download", "--symbols", "BTC/USD,ETH/USD", "--timeframe", "1h", "--since", "2024-01-01")
    at_speed = {"VENUE_URL": venue.url, "PLAYBACK_SPEED": "60"}
    assert "its API keeps only the last 720 bars of a timeframe" in data(tmp_path, *asked, **at_speed)
    stored = rows(tmp_path)
    assert [(row["venue"], row["symbol"], row["timeframe"]) for row in stored] == [
        ("kraken", "BTC/USD", "1h"),
        ("kraken", "ETH/USD", "1h"),
    ]
    assert all(isinstance(row["bars"], int) and row["bars"] >= 700 for row in stored)
    assert "BTC/USD 1h: 0 bars came, 0 new" in data(tmp_path, *asked, **at_speed)
    assert rows(tmp_path) == stored


def test_ctrl_c_keeps_what_came(tmp_path: Path, venue: Venue) -> None:
    asked = ("download", "--symbols", ",".join(PAIRS), "--timeframe", "1h", "--since", "2024-01-01")
    running = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "data", *asked],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path / "desks"), "VENUE_URL": venue.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # whoever runs the tests in the background ignores Ctrl-C, and so would the child
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    store = CandleStore(tmp_path / "desks")
    deadline = time.monotonic() + 60
    while not store.path("kraken", PAIRS[1], "1h").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "stopped; what came is stored" in said
    assert f"kraken is asked at {venue.url} (VENUE_URL)" in said
    assert "Traceback" not in said
    kept = store.listing()
    assert 2 <= len(kept) < len(PAIRS)
    assert all(held.bars >= 700 for held in kept)
    data(tmp_path, *asked, VENUE_URL=venue.url, PLAYBACK_SPEED="60")
    assert len(store.listing()) == len(PAIRS)


def test_help_imports_nothing_that_takes_long() -> None:
    slow = {"ccxt", "pyarrow", "numba", "optuna", "bokeh", "talib"}
    listed = f"import sys, cli.main; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", listed], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
