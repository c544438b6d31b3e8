"""What is kept comes back to the last bit, and nothing of it is ever seen half."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.runs.kept import Shelf, plain_open, summary
from backtester.runs.outcome import Outcome
from backtester.runs.trade import OpenTrade, Trade
from shared.errors import ConfigError
from tests.backtester.report.outcomes import BTC, markets, outcome, plan
from tests.cli.test_commands import ROOT

MARKETS = markets(bars=60)
OPEN = OpenTrade(
    symbol=BTC,
    side=-1,
    entry_time=1_641_000_000_000_000,
    quantity=Decimal("0.00000001"),
    entry_price=Decimal("99.50"),
    fees=Decimal("0.0001"),
    price=Decimal("101"),
    pnl=Decimal("-0.0000000150"),
)
exact = st.decimals(min_value=-(10**12), max_value=10**12, places=10)
some = st.decimals(min_value=Decimal("1e-8"), max_value=10**9, places=8)
trades = st.builds(
    Trade,
    symbol=st.just(BTC),
    side=st.sampled_from((1, -1)),
    entry_time=st.integers(1_641_000_000_000_000, 1_641_100_000_000_000),
    exit_time=st.integers(1_641_100_000_000_000, 1_641_200_000_000_000),
    **dict.fromkeys(("quantity", "entry_price", "exit_price"), some),
    **dict.fromkeys(("fees", "pnl"), exact),
    exit_reason=st.text(st.characters(codec="utf-8"), max_size=5),
    shares=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.floats(0, 1), max_size=3),
)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def made(seed: int = 1, **values: Any) -> Outcome:
    return outcome(MARKETS, given=plan(seed=seed), **values)


def kept(shelf: Shelf, one: Outcome, hour: int = 0) -> str:
    """The id; `hour` is when it was made, as files remember it."""
    os.utime(shelf.keep(one) / "outcome.json", (hour * 3600, hour * 3600))
    return one.id


@settings(max_examples=20)
@given(
    found=st.lists(trades, max_size=4),
    equity=st.lists(st.floats(1, 1e9), min_size=61, max_size=61),
    cash=exact,
    open_trades=st.lists(st.builds(replace, st.just(OPEN), pnl=exact, quantity=some), max_size=2),
)
def test_an_outcome_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[Trade],
    equity: list[float],
    cash: Decimal,
    open_trades: list[OpenTrade],
) -> None:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    one = replace(
        made(held={BTC: Decimal("-1e-8")}, refusals={"cash": 2}),
        trades=tuple(found),
        equity=np.array(equity),
        cash=cash,
        open_trades=tuple(open_trades),
    )
    shelf.keep(one)
    back = shelf.load(one.id)
    for name in ("plan", "code", "candles", "trades", "cash", "held", "refusals", "seconds", "open_trades"):
        assert getattr(back, name) == getattr(one, name), name
    for name in ("time", "equity", "hold"):
        assert getattr(back, name).tobytes() == getattr(one, name).tobytes(), name
    assert (back.id, back.result) == (one.id, one.result)


def test_the_summary_says_what_is_open_and_no_closed_trade_counts_it(shelf: Shelf) -> None:
    one = made(open_trades=(OPEN,), held={BTC: Decimal("-1e-8")})
    told = json.loads((shelf.keep(one) / "outcome.json").read_text())
    assert told["open_trades"] == [plain_open(OPEN)]
    assert plain_open(OPEN)["pnl"] == "-0.000000015"
    assert told["trades"] == len(one.trades)
    without = summary(made())["performance"]
    differ = {name for name, value in told["performance"].items() if value != without[name]}
    assert differ == {"time_in_market", "average_exposure", "fees"}


def test_the_newest_an_id_and_the_beginning_of_one_are_found(shelf: Shelf) -> None:
    ids = [kept(shelf, made(seed), hour=seed) for seed in range(1, 4)]
    assert shelf.find("last")["id"] == ids[-1]
    assert [shelf.find(one)["id"] for one in ids] == ids
    assert shelf.load(ids[0][:6]).plan == plan(seed=1)
    assert [row["id"] for row in shelf.listing()] == ids[::-1]


def test_what_is_none_or_several_is_refused_by_name(shelf: Shelf) -> None:
    ids = [kept(shelf, made(seed, trades=[])) for seed in range(17)]
    several = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    fitting = ", ".join(sorted(one for one in ids if one[0] == several))
    with pytest.raises(ConfigError, match=f"{several}: fits {fitting}; `parley backtests list` shows"):
        shelf.find(several)
    with pytest.raises(ConfigError, match=f"{several}: fits {fitting}"):
        shelf.remove(several)
    for none in ("", "zz", "../" + ids[0]):
        with pytest.raises(ConfigError, match="is no kept backtest"):
            shelf.remove(none)
    assert len(shelf.listing()) == 17


def test_removed_is_gone_and_nothing_else(shelf: Shelf) -> None:
    one, other = (kept(shelf, made(seed)) for seed in (1, 2))
    assert shelf.remove(one[:7]) == one
    assert [row["id"] for row in shelf.listing()] == [other]
    assert not list(shelf.root.glob(f"*{one}*"))
    assert shelf.load(other).id == other


def test_the_same_again_is_kept_once_and_another_result_is_refused(shelf: Shelf) -> None:
    one = made()
    assert shelf.keep(one) == shelf.keep(made())
    with pytest.raises(ConfigError, match=f"backtest {one.id} gave another result before: {len(one.trades)} trades"):
        shelf.keep(replace(one, cash=one.cash + 1))
    assert shelf.load("last").cash == one.cash


ENDED = """
import os, sys
from pathlib import Path
from backtester.runs.kept import Shelf
from tests.backtester.runs.test_kept import made

class Ended(type(Path())):
    pass

setattr(Ended, sys.argv[2], lambda *_: os._exit(9))
Shelf(Ended(sys.argv[1])).keep(made())
"""


@pytest.mark.parametrize("at", ["write_text", "rename"])
def test_a_process_that_ends_between_two_files_leaves_no_half_run(shelf: Shelf, at: str) -> None:
    ended = subprocess.run([sys.executable, "-c", ENDED, str(shelf.data_dir), at], cwd=ROOT, check=False)
    assert ended.returncode == 9
    assert list(shelf.root.rglob("trades.parquet")), "it has ended too early to show anything"
    assert shelf.listing() == []
    with pytest.raises(ConfigError, match="last: is no kept backtest"):
        shelf.load("last")
    shelf.keep(made())
    assert shelf.load("last").result == made().result
    assert not list(shelf.root.glob("*.part"))


AT_ONCE = """
import sys
from pathlib import Path
from backtester.runs.kept import Shelf
from tests.backtester.runs.test_kept import made

runs = [made(seed) for seed in range(12)]
sys.stdin.read(1)
for one in runs:
    Shelf(Path(sys.argv[1])).keep(one)
"""


def test_two_processes_keep_the_same_at_once(shelf: Shelf) -> None:
    command = [sys.executable, "-c", AT_ONCE, str(shelf.data_dir)]
    both = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.close()
    assert [process.wait() for process in both] == [0, 0]
    assert {row["id"] for row in shelf.listing()} == {made(seed).id for seed in range(12)}


@pytest.mark.parametrize("damage", [b"", b"{", b'{"id": "x"}'])
def test_a_damaged_one_is_named_with_its_mending(shelf: Shelf, damage: bytes) -> None:
    one = kept(shelf, made())
    (shelf.root / one / "outcome.json").write_bytes(damage)
    with pytest.raises(
        ConfigError, match=f"backtest {one}: is damaged .*; run it again after `parley backtests remove"
    ):
        shelf.load(one)
    shelf.remove(one)
    shelf.keep(made())
    assert shelf.load("last").id == one


def test_an_id_that_was_written_by_hand_points_nowhere_else(shelf: Shelf) -> None:
    one = kept(shelf, made())
    file = shelf.root / one / "outcome.json"
    file.write_text(file.read_text().replace(f'"id": "{one}"', '"id": "../../elsewhere"'))
    assert shelf.find("last")["id"] == one
    assert shelf.remove("last") == one


def test_one_of_an_older_version_has_no_open_trades(shelf: Shelf) -> None:
    one = kept(shelf, made(held={BTC: Decimal(1)}))
    file = shelf.root / one / "outcome.json"
    known = json.loads(file.read_text())
    del known["open_trades"]
    file.write_text(json.dumps(known))
    assert shelf.load(one).open_trades == ()
