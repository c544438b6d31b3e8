"""`parley backtests` as a person types it."""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from backtester.data.steps import Steps
from backtester.data.store import CandleStore
from backtester.report.headline import brief
from backtester.runs.kept import Shelf, summary
from backtester.runs.outcome import Outcome
from backtester.runs.trade import OpenTrade
from cli.backtest_views import LATEST_TRADES, summary_view, trades_view
from cli.backtests import COLUMNS, EXPENDABLE, _line, _shown, app
from cli.output import fitting
from shared.errors import ConfigError
from tests.backtester.data.candles import believed
from tests.backtester.report.outcomes import BTC, markets, outcome, plan

MARKETS = markets(bars=400)
Backtests = Callable[..., str]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def backtests(shelf: Shelf) -> Backtests:
    """What a command says on standard output; `expected` is its exit status, `typed` what the person answers."""

    def run(*arguments: str, expected: int = 0, typed: str = "") -> str:
        done = CliRunner().invoke(app, arguments, input=typed, env={"DATA_DIR": str(shelf.data_dir)})
        if isinstance(done.exception, ConfigError):
            raise done.exception
        assert done.exit_code == expected, done.output
        return done.stdout

    return run


def kept(shelf: Shelf, made: Outcome, hour: int = 0) -> str:
    """The id; `hour` is when it was made, as files remember it."""
    place = shelf.keep(made)
    os.utime(place / "outcome.json", (hour * 3600, hour * 3600))
    return made.id


def drawn(view: Any, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(view)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_list_is_newest_first_in_every_form(shelf: Shelf, backtests: Backtests) -> None:
    old, new = (kept(shelf, outcome(MARKETS, given=plan(seed=seed)), hour=seed) for seed in (1, 2))
    table = backtests("list")
    assert table.index(new) < table.index(old)
    assert all(word in table for word in ("BTC/USD", "momentum, swing", "vector", "too short to judge", "return"))
    rows = json.loads(backtests("list", "--json"))
    assert [row["id"] for row in rows] == [new, old]
    assert (rows[0]["begin"], rows[0]["end"]) == ("2022-01-01T00:00:00Z", "2022-01-17T16:00:00Z")
    assert rows[0]["trades"] == 10
    assert [row["id"] for row in csv.DictReader(io.StringIO(backtests("list", "--csv")))] == [new, old]


def test_an_empty_shelf_says_so(backtests: Backtests) -> None:
    assert "nothing yet" in backtests("list")
    with pytest.raises(ConfigError, match="last: is no kept backtest; `parley backtests list` shows"):
        backtests("show")


def test_show_finds_the_newest_an_id_and_its_beginning(shelf: Shelf, backtests: Backtests) -> None:
    old, new = (kept(shelf, outcome(MARKETS, given=plan(seed=seed)), hour=seed) for seed in (1, 2))
    assert new in backtests("show")
    assert old in backtests("show", old)
    assert old in backtests("show", old[:6])
    with pytest.raises(ConfigError, match="zz: is no kept backtest"):
        backtests("show", "zz")


def test_a_beginning_of_several_is_not_guessed(shelf: Shelf, backtests: Backtests) -> None:
    ids = [kept(shelf, outcome(MARKETS, [], given=plan(seed=seed))) for seed in range(17)]
    several = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    with pytest.raises(ConfigError, match=rf"{several}: fits {several}\w+, {several}"):
        backtests("show", several)


def test_show_as_json_is_what_was_kept_and_has_the_trades_if_asked(shelf: Shelf, backtests: Backtests) -> None:
    made = outcome(MARKETS)
    place = shelf.keep(made)
    shown = json.loads(backtests("show", "--json"))
    assert shown == json.loads((place / "outcome.json").read_text())
    trades = json.loads(backtests("show", "--json", "--trades"))["trade_list"]
    assert len(trades) == len(made.trades)
    assert trades[0]["pnl"] == str(made.trades[0].pnl.normalize())


@pytest.mark.parametrize("width", [80, 160])
def test_the_summary_fits_and_has_what_matters(width: int) -> None:
    text = drawn(summary_view(outcome(MARKETS, refusals={"cash": 7})), width)
    assert max(map(len, text.splitlines())) <= width
    for words in (
        "BTC/USD at 4h: momentum, swing",
        "Too short to judge",
        "Sharpe",
        "buy and hold",
        "10 trades",
        "cash 7",
    ):
        assert words in text


def test_the_summary_shows_what_is_still_open() -> None:
    left = OpenTrade(
        symbol=BTC,
        entry_time=1_641_000_000_000_000,
        quantity=Decimal("0.5"),
        entry_price=Decimal("101.25"),
        fees=Decimal("0.13"),
        price=Decimal("99.75"),
        pnl=Decimal("-0.88"),
    )
    held = outcome(MARKETS, held={BTC: Decimal("0.5")}, open_trades=(left,))
    text = " ".join(drawn(summary_view(held), 160).split())
    for words in ("2022-01-01 01:20", "101.25", "99.75", "-0.88", "1 position (0.5 BTC/USD)", "in no figure about"):
        assert words in text
    assert "10 trades" in text


def test_the_summary_of_a_flat_run() -> None:
    text = drawn(summary_view(outcome(MARKETS, [], equity=np.full(401, 10_000.0))), 80)
    assert "No trade was closed." in text
    assert "not defined" in text


def test_the_trades_say_what_they_leave_out() -> None:
    many = outcome(MARKETS, [*outcome(MARKETS).trades * 6])
    table = trades_view(many)
    assert table.row_count == LATEST_TRADES
    assert str(table.caption).startswith("The latest 50 of 60;")
    assert trades_view(outcome(MARKETS)).row_count == 10


def test_show_writes_the_report_with_the_candles_that_were_played(
    shelf: Shelf, backtests: Backtests, tmp_path: Path
) -> None:
    CandleStore(shelf.data_dir).merge("file", BTC, believed(MARKETS[BTC], "1h"))
    shelf.keep(outcome(MARKETS))
    backtests("show", "--report", str(tmp_path / "a.html"))
    assert "Price and trades of BTC/USD" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize("stored", [{}, markets(bars=300)])
def test_other_candles_are_not_drawn_as_if_they_had_been_played(
    shelf: Shelf, backtests: Backtests, tmp_path: Path, stored: Mapping[str, Any]
) -> None:
    for symbol, bars in stored.items():
        CandleStore(shelf.data_dir).merge("file", symbol, believed(bars, "1h"))
    shelf.keep(outcome(MARKETS))
    backtests("show", "--report", str(tmp_path / "a.html"))
    text = (tmp_path / "a.html").read_text()
    assert "Without a chart" in text
    assert "Price and trades of BTC/USD" not in text


def test_compare_names_what_differs_and_whether_it_could_be_luck(shelf: Shelf, backtests: Backtests) -> None:
    base = outcome(MARKETS)
    steady = base.equity * np.exp(np.arange(401) / 24 * 0.001)
    better = outcome(MARKETS, given=plan(timeframe="1d"), equity=steady)
    one, other = (kept(shelf, made, hour) for hour, made in enumerate((base, better)))
    text = backtests("compare", one, other)
    for words in (
        "Sharpe",
        "timeframe",
        "4h",
        "1d",
        "candles: the same",
        "code: the same",
        f"{other} less {one}: +0.0",
    ):
        assert words in text
    assert "hard to explain by luck" in text
    assert "seed" not in text
    told = json.loads(backtests("compare", one, other, "--json"))
    assert told["differs"] == {"timeframe": {one: "4h", other: "1d"}}
    assert (told["same_candles"], told["same_code"]) == (True, True)
    assert told["daily_difference_to_first"][other]["interval"]["low"] > 0
    assert [row["id"] for row in told["backtests"]] == [one, other]


def test_compare_says_when_candles_or_code_are_others(shelf: Shelf, backtests: Backtests) -> None:
    one = kept(shelf, outcome(MARKETS), 1)
    other = kept(shelf, outcome(markets(bars=401), code="0.1.0+aaaaaaaaaaaa"), 2)
    text = backtests("compare", one, other)
    assert "candles: not the same" in text
    assert "code: not the same" in text
    assert "The plans are the same." in text
    assert "could be luck" in text


def test_compare_wants_two_different_ones(shelf: Shelf, backtests: Backtests) -> None:
    only = kept(shelf, outcome(MARKETS))
    with pytest.raises(ConfigError, match="compare: name two different backtests"):
        backtests("compare", only, "last")


def test_remove_asks_and_takes_only_what_was_named(shelf: Shelf, backtests: Backtests) -> None:
    one, other = (kept(shelf, outcome(MARKETS, given=plan(seed=seed))) for seed in (1, 2))
    backtests("remove", one, typed="n\n", expected=1)
    assert len(shelf.listing()) == 2
    assert f"{one} removed" in backtests("remove", one, typed="y\n")
    assert [row["id"] for row in shelf.listing()] == [other]
    with pytest.raises(ConfigError, match="is no kept backtest"):
        backtests("remove", other, one, "--yes")
    assert [row["id"] for row in shelf.listing()] == [other]
    backtests("remove", "last", other, "--yes")
    assert shelf.listing() == []


def test_remove_takes_what_can_not_be_read(shelf: Shelf, backtests: Backtests) -> None:
    only = kept(shelf, outcome(MARKETS))
    (shelf.root / only / "outcome.json").write_text("{")
    with pytest.raises(ConfigError, match=f"`parley backtests remove {only}`"):
        backtests("show")
    backtests("remove", only, "--yes")
    assert backtests("list", "--json").strip() == "[]"


def test_the_period_begins_where_the_plan_does_and_the_verdict_is_brief(shelf: Shelf, backtests: Backtests) -> None:
    late = int(MARKETS[BTC].open_time[100])
    kept(shelf, outcome(MARKETS, given=plan(start=late)))
    assert "2022-01-05 to 2022-01-17" in backtests("list")
    assert json.loads(backtests("list", "--json"))[0]["begin"] == "2022-01-05T04:00:00Z"
    assert brief("lost, and luck does not explain it: annual Sharpe ratio") == "lost"


def test_a_narrow_list_loses_its_verdicts_first() -> None:
    rows = [_line(summary(outcome(MARKETS)))]
    titles = [str(one.header) for one in fitting("", rows, COLUMNS, _shown, "", 80, EXPENDABLE).columns]
    assert "verdict" not in titles
    assert {"id", "symbols", "bars", "engine", "trades", "return", "drawdown"} <= set(titles)


def test_compare_prints_dates_and_compares_the_overlap(shelf: Shelf, backtests: Backtests) -> None:
    CandleStore(shelf.data_dir).merge("file", BTC, believed(MARKETS[BTC], "1h"))
    late = int(MARKETS[BTC].open_time[100])
    one = kept(shelf, outcome(MARKETS), 1)
    other = kept(shelf, outcome({BTC: MARKETS[BTC].since(late)}, given=plan(start=late)), 2)
    text = backtests("compare", one, other)
    assert "candles: the same where they overlap, 2022-01-05 04:00 to 2022-01-17 15:00" in text
    assert "2022-01-05 04:00" in text.partition("What differs")[2].partition("candles:")[0]
    assert str(late) not in text


def test_the_summary_says_since_when_nothing_was_bought() -> None:
    fallen = np.r_[10_000.0, np.full(400, 8_000.0)]
    made = outcome(MARKETS, [], equity=fallen, given=plan(engine="event", council="rules"))
    lines = drawn(summary_view(made), 160).splitlines()
    assert any(line.startswith("No entries since 2022-01-01 01:00: the council vetoes") for line in lines)


def test_exits_are_named_as_the_report_names_them() -> None:
    trades = [replace(one, exit_reason="council") for one in outcome(MARKETS).trades]
    text = drawn(summary_view(outcome(MARKETS, trades)), 160) + drawn(trades_view(outcome(MARKETS, trades)), 160)
    assert "signal" in text
    assert "council" not in text
    even = [replace(one, exit_reason="breakeven") for one in trades]
    assert "fees not covered" in drawn(summary_view(outcome(MARKETS, even)), 160)


def test_a_tick_that_was_learnt_is_said() -> None:
    learnt = plan().model_copy(update={"steps": {BTC: Steps(tick=Decimal("0.01"))}, "learnt": (BTC,)})
    text = " ".join(drawn(summary_view(outcome(MARKETS, given=learnt)), 160).split())
    assert "Tick learnt from the prices, as nobody said it: BTC/USD 0.01." in text
    assert "Tick learnt" not in drawn(summary_view(outcome(MARKETS)), 160)
