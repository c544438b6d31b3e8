"""What a result rests on is all written down."""

import shlex
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from backtester.data.steps import Steps
from backtester.data.store import CandleStore
from backtester.report import assumptions, headline
from backtester.report.repeat import command
from backtester.runs.instruments import with_steps
from backtester.runs.plan import DESK, Costs, desk_of
from cli.plan_options import DESK_ITSELF, PlanOptions, plan_of, takes_plan
from shared.config import load_settings
from tests.backtester.data.candles import believed
from tests.backtester.report.outcomes import BTC, markets, outcome, plan

MARKETS = markets(bars=100)


def test_every_cost_is_listed_as_a_share() -> None:
    rows = {row[0].text: row[1].text for row in assumptions.costs(plan(costs={"slippage": "0.0005"})).rows}
    listed = {name.replace("_", " ") for name in Costs.model_fields} - {"min cost"}
    assert set(rows) == listed
    assert (rows["taker fee"], rows["slippage"], rows["impact"]) == ("0.26%", "0.05%", "0%")


def test_every_deciding_setting_is_listed_and_explained() -> None:
    rows = assumptions.desk(plan()).rows
    assert [row[0].text for row in rows] == [name.upper() for name in DESK]
    assert all(row[1].text and row[2].text for row in rows)


def test_steps_are_those_that_the_engines_use() -> None:
    (row,) = assumptions.instruments(outcome(MARKETS), MARKETS).rows
    assert [cell.text for cell in row] == [BTC, "0.01", "0.00000001", "0.00000001", "0.5 USD", "prices"]
    told = outcome(MARKETS, given=plan().model_copy(update={"steps": {BTC: Steps(tick=Decimal("0.005"))}}))
    (row,) = assumptions.instruments(told, MARKETS).rows
    assert (row[1].text, row[-1].text) == ("0.005", "stored steps")


def test_gaps_are_counted_and_the_longest_named() -> None:
    bars = MARKETS[BTC]
    keep = np.ones(100, np.bool_)
    keep[[10, 20, 21, 30, 40, 41, 42]] = False
    holed = {BTC: replace(bars, **{name: getattr(bars, name)[keep] for name in bars.__slots__ if name != "sentiment"})}
    (row,) = assumptions.data(outcome(holed, []), holed).rows
    longest = "2022-01-02 16:00, 3 bars; 2022-01-01 20:00, 2 bars; 2022-01-01 10:00, 1 bar"
    assert row[4].text == f"4 gaps, 7 bars missing; the longest: {longest}"
    assert assumptions.data(outcome(MARKETS, []), MARKETS).rows[0][4].text == "none"
    assert assumptions.data(outcome(MARKETS, []), {}).rows[0][4].text == "not known"


@pytest.mark.parametrize(
    ("council", "said"), [("none", "No council"), ("rules", "rule-based"), ("replay:a.json", "from a.json")]
)
def test_who_decided(council: str, said: str) -> None:
    assert said in assumptions.council(plan(council=council, engine="event"))


def test_the_command_is_safe_to_paste() -> None:
    given = plan(("BTC/USD", "ETH/USD"), start=1_640_995_200_000_000, council="replay:a; rm -rf ~", engine="event")
    assert shlex.split(command(given)) == [
        *("parley", "backtest", "--venue", "file", "--symbols", "BTC/USD,ETH/USD", "--timeframe", "4h"),
        *("--base-timeframe", "1h", "--strategies", "momentum,swing", "--from", "2022-01-01T00:00:00"),
        *("--engine", "event", "--council", "replay:a; rm -rf ~", "--learning", "off", "--seed", "1"),
    ]


RICH = {
    "strategies": [
        {"name": "momentum", "weight": 0.7, "params": {"adx_above": 31.5}},
        {"name": "breakout", "weight": 0.3, "params": {}},
    ],
    "start": 1_640_995_200_000_000,
    "end": 1_643_673_600_000_000,
    "costs": {"taker_fee": "0.001", "maker_fee": "0", "slippage": "0.00015", "min_cost": "10"},
    "desk": desk_of(load_settings(initial_balance=5000, entry_score=0.4, decision_ttl=timedelta(minutes=3))),
    "short": True,
    "seed": 7,
}


@pytest.mark.parametrize("values", [{}, RICH])
def test_the_command_gives_the_plan_again(values: dict[str, object], tmp_path: Path) -> None:
    """As the command line itself reads it."""
    CandleStore(tmp_path).merge("file", "BTC/USD", believed(MARKETS["BTC/USD"], "1h"))
    wanted, read = plan(**values), []
    app = typer.Typer()

    @app.command()
    @takes_plan(DESK_ITSELF)
    def backtest(asked: PlanOptions) -> None:
        read.append(plan_of(asked, load_settings(), CandleStore(tmp_path)))

    done = CliRunner().invoke(app, shlex.split(command(wanted))[2:])
    assert done.exit_code == 0, done.output
    assert read == [with_steps(wanted, CandleStore(tmp_path))]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (11_000.0, "It earned 10.00%; buying"),
        (9_000.0, "It lost 10.00%; buying"),
        (10_000.0, "It earned nothing; buying"),
    ],
)
def test_the_result_stands_beside_buying_and_holding(last: float, said: str) -> None:
    made = outcome(MARKETS, [], equity=np.linspace(10_000, last, 101), hold=np.linspace(10_000, 9_500, 101))
    assert headline.compared(made).startswith(said)
    assert headline.compared(made).endswith("and holding lost 5.00%.")
