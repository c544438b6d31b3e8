"""Options become a plan, and mistakes are named by their option."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from backtester.data.store import CandleStore
from backtester.runs.plan import DESK, Plan
from backtester.sweep.judged import options
from cli.plan_options import DESK_ITSELF, FAST, PlanOptions, Usual, plan_of, takes_plan
from shared.config import load_settings
from shared.errors import ConfigError
from tests.backtester.data.candles import believed, market
from tests.backtester.sweep.searches import search, work


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    """BTC/USD of file in 1m and 5m, ETH/USD in 5m."""
    found = CandleStore(tmp_path)
    found.merge("file", "BTC/USD", believed(market(20)))
    for symbol in ("BTC/USD", "ETH/USD"):
        found.merge("file", symbol, believed(market(20, minutes=5), "5m"))
    return found


def planned(store: CandleStore, *arguments: str, usual: Usual = FAST) -> Plan:
    """The plan that a command with these arguments gets."""
    plans: list[Plan] = []
    app = typer.Typer()

    @app.command()
    @takes_plan(usual)
    def command(asked: PlanOptions, times: Annotated[int, typer.Option("--times")] = 1) -> None:
        """Own options stand beside those of the plan."""
        settings = load_settings(data_dir=store.data_dir, symbols="BTC/USD", timeframe="15m")
        plans.extend([plan_of(asked, settings, store)] * times)

    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return plans[-1]


def test_what_is_taken_when_nothing_is_said(store: CandleStore) -> None:
    plan = planned(store)
    assert (plan.venue, plan.symbols, plan.timeframe, plan.base_timeframe) == ("file", ("BTC/USD",), "15m", "1m")
    assert [choice.name for choice in plan.strategies] == ["momentum", "mean_reversion", "breakout", "swing"]
    assert (plan.start, plan.end, plan.short, plan.seed) == (None, None, False, 1)
    assert set(plan.desk) == set(DESK)


@pytest.mark.parametrize("usual", [FAST, DESK_ITSELF])
def test_every_command_has_its_own_engine_by_default(store: CandleStore, usual: Usual) -> None:
    plan = planned(store, usual=usual)
    assert (plan.engine, plan.council, plan.learning) == usual
    named = planned(store, "--engine", "event", "--council", "replay:x", "--learning", "on", usual=usual)
    assert (named.engine, named.council, named.learning) == ("event", "replay:x", "on")


def test_everything_said(store: CandleStore) -> None:
    plan = planned(
        store,
        *("--symbols", "btc/usd, ETH/USD", "--timeframe", "1h", "--venue", "file", "--times", "2"),
        *("--from", "2022-01-01", "--to", "2022-01-01 01:30", "--short", "--seed", "7", "--balance", "500.5"),
        *("--costs", "taker=0.001,maker=0.0005", "--costs", "half_spread=0.0002,slippage=0.1,impact=0.2,min_cost=5"),
        *("--desk", "entry_score=0.4", "--desk", "DECISION_TTL=PT60S", "--set", "swing.floor=0.2"),
        *("--strategies", "momentum:0.75,swing:0.25"),
    )
    assert (plan.symbols, plan.base_timeframe) == (("BTC/USD", "ETH/USD"), "5m")
    assert (plan.start, plan.end) == (1_640_995_200_000_000, 1_641_000_600_000_000)
    assert (plan.short, plan.seed, plan.desk["initial_balance"]) == (True, 7, "500.5")
    fees = ("0.001", "0.0005", "0.0002", "0.1", "0.2", "5")
    assert tuple(plan.costs.model_dump().values()) == tuple(map(Decimal, fees))
    assert (plan.desk["entry_score"], plan.desk["decision_ttl"]) == ("0.4", "PT1M")
    assert [(one.name, one.weight, one.params) for one in plan.strategies] == [
        ("momentum", 0.75, {}),
        ("swing", 0.25, {"floor": 0.2}),
    ]


@pytest.mark.parametrize("text", ["2022-01-01T01:30:00Z", "2022-01-01T03:30+02:00", "2022-01-01 01:30"])
def test_times_are_read_as_parley_prints_them(store: CandleStore, text: str) -> None:
    assert planned(store, "--from", text).start == 1_641_000_600_000_000


def test_base_bars_can_be_named(store: CandleStore) -> None:
    assert planned(store, "--base-timeframe", "5m").base_timeframe == "5m"


def test_weights_above_one_are_shares(store: CandleStore) -> None:
    assert planned(store, "--strategies", "momentum:3,swing:1").weights == {"momentum": 0.75, "swing": 0.25}


def test_params_have_the_types_of_their_fields(store: CandleStore) -> None:
    (choice,) = planned(store, "--strategies", "momentum", "--set", "momentum.adx_above=30").strategies
    assert repr(choice.params) == "{'adx_above': 30.0}"


def test_the_options_of_a_sweeps_best_give_its_plan(store: CandleStore, tmp_path: Path) -> None:
    task = work(3, ("swing.floor=0.1:0.6", "desk.stop_atr=1:3", "desk.max_hold_bars=5:50"), weights=True)
    for trial in search(task, tmp_path):
        arguments = [part for option in options(task, trial) for part in option.split(" ")]
        given, wanted = planned(store, *arguments), task.space.applied(task.plan, trial.params)
        assert (given.strategies, given.desk) == (wanted.strategies, wanted.desk)


def test_parameters_of_ones_own_strategy(store: CandleStore, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "class Mine:\n    name, warmup = 'mine', 1\n    def __init__(self, fast=5): self.fast = fast\n"
        "    def score(self, market): return market.close * 0\n    def explain(self, market): return ''\n"
    )
    (choice,) = planned(store, "--strategies", f"{file}:Mine", "--set", f"{file}:Mine.fast=7").strategies
    assert choice.params == {"fast": 7}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--symbols", "SOL/USD"), "--symbols SOL/USD: file has no candles of it; stored: BTC/USD, ETH/USD"),
        (("--symbols", " , "), "--symbols: is empty"),
        (("--symbols", "ETH/USD", "--timeframe", "1m"), "--timeframe 1m: no stored timeframe of all symbols fits"),
        (("--timeframe", "7m"), "--timeframe 7m: choose one of"),
        (("--base-timeframe", "7m"), "--base-timeframe 7m: choose one of"),
        (("--timeframe", "1m", "--base-timeframe", "5m"), "timeframe 1m is no multiple of the stored 5m"),
        (("--strategies", "momentun"), "no strategy named 'momentun'; there are momentum"),
        (("--strategies", "swing,swing"), "--strategies swing,swing: one stands twice"),
        (("--strategies", "swing:1,momentum"), "give every strategy a weight, or none"),
        (("--strategies", "swing:0"), "--strategies swing:0: a weight is a number above 0"),
        (("--strategies", "swing:nan"), "a weight is a number above 0"),
        (("--set", "momentum.adx_above"), "--set momentum.adx_above: write STRATEGY.PARAM=VALUE"),
        (("--set", "news_driven.floor=1"), "news_driven is not among the strategies (momentum, "),
        (
            ("--set", "momentum.adx=1"),
            "--set momentum.adx=1: momentum has no parameter adx; there are rsi_low, rsi_high, adx_above",
        ),
        (
            ("--set", "momentum.adx_above=101"),
            "strategy momentum: adx_above: Input should be less than or equal to 100",
        ),
        (("--costs", "fee=1"), "--costs fee=1: write NAME=VALUE, NAME out of taker, maker, half_spread"),
        (("--costs", "taker=x"), "--costs taker=x: x is no number"),
        (("--costs", "taker=inf"), "--costs taker=inf: inf is no number"),
        (("--costs", "taker=1.5"), "--costs taker=1.5: a fraction of the price, from 0 to below 1"),
        (("--desk", "symbols=BTC/USD"), "--desk symbols=BTC/USD: write NAME=VALUE, NAME out of initial_balance"),
        (("--desk", "entry_score"), "--desk entry_score: write NAME=VALUE"),
        (("--desk", "entry_score=2"), "--desk entry_score=2: Input should be less than or equal to 1"),
        (("--balance", "0"), "--balance 0: Input should be greater than 0"),
        (("--from", "2022-01-02", "--to", "2022-01-01"), "the end is not after the start"),
        (("--council", "maybe"), "--council maybe: choose rules, none, or replay:FILE"),
        (("--council", "replay:"), "--council replay:: choose rules, none, or replay:FILE"),
        (("--costs", "min_cost=-1"), "--costs min_cost=-1: an amount in the quote currency, 0 or more"),
        (("--base-timeframe", "1h", "--timeframe", "4h"), "--base-timeframe 1h: file has no such candles of BTC/USD"),
        (("--venue", "kraken"), "--symbols BTC/USD: kraken has no candles of it; stored: nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_names_its_option(store: CandleStore, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        planned(store, *arguments)
    assert said in str(error.value)


def test_whose_candles_must_be_clear(store: CandleStore, tmp_path: Path) -> None:
    store.merge("kraken", "BTC/USD", believed(market(3)))
    with pytest.raises(ConfigError, match="--venue: there are candles of file, kraken; say whose"):
        planned(store)
    assert planned(store, "--venue", "kraken").venue == "kraken"
    with pytest.raises(ConfigError, match="no candles are stored"):
        planned(CandleStore(tmp_path / "empty"))


@dataclass(frozen=True, kw_only=True)
class Few:
    """Options that several commands share."""

    times: Annotated[int, typer.Option("--times", help="how often")] = 3


@dataclass(frozen=True, kw_only=True)
class Once(Few):
    """The same with another default."""

    times: Annotated[int, typer.Option("--times", help="once is enough")] = 1


@pytest.mark.parametrize(("kind", "usual", "words"), [(Few, 3, "how often"), (Once, 1, "once is enough")])
def test_other_shared_options_come_as_one_value(kind: type[Few], usual: int, words: str) -> None:
    app, heard = typer.Typer(), []

    @app.command()
    @takes_plan(FAST, few=kind)
    def command(asked: PlanOptions, few: Few, own: Annotated[str, typer.Option("--own")] = "x") -> None:
        heard.append((asked.seed, few.times, own))

    CliRunner().invoke(app, [], catch_exceptions=False)
    CliRunner().invoke(app, ["--times", "7", "--own", "y", "--seed", "2"], catch_exceptions=False)
    assert heard == [(1, usual, "x"), (2, 7, "y")]
    said: Any = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    assert words in said
    assert "--few" not in said


def test_a_command_without_the_plans_options_keeps_its_own_help() -> None:
    app = typer.Typer()

    @app.command()
    @takes_plan(FAST)
    def command(asked: PlanOptions, out: Annotated[str, typer.Option("--out", help="where to")] = "") -> None:
        """What it does."""
        del asked, out

    said: Any = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    assert all(word in said for word in ("What it does.", "--out", "where to", "--symbols", "--desk", "--costs"))
    assert "--asked" not in said
