"""`parley drift` on a real database: a desk that traded almost what its backtest trades."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from backtester.drift.replay import period
from backtester.drift.split import LiveTrade
from backtester.runs.kept import COLUMNS
from backtester.runs.run import run
from backtester.runs.trade import Trade
from cli.drift import drift
from shared import models
from shared.db import Database
from shared.errors import ConfigError
from shared.timeframes import MINUTE, from_microseconds, to_microseconds
from tests.backtester.drift.desk import ENVIRONMENT, SINCE, UNTIL, refusal, settings, write_market, write_trades

app = typer.Typer()
app.command()(drift)


def asked(tmp_path: Path, database_url: str, *arguments: str) -> Result:
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "REDIS_URL": "redis://unused"}
    given = ("--since", f"{SINCE:%Y-%m-%dT%H:%M:%S}", "--until", f"{UNTIL:%Y-%m-%dT%H:%M:%S}", "--engine", "vector")
    return CliRunner().invoke(app, [*given, *arguments], env=ENVIRONMENT | environment)


def answer(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _made(database_url: str) -> list[Trade]:
    """The market into the database, and what the backtest makes of it."""
    database = Database(database_url)
    async with database.transaction() as connection:
        await write_market(connection)
        known = await period(connection, settings(), SINCE, UNTIL, "vector")
    await database.close()
    return [trade for trade in run(known.plan, known.markets).trades if trade.entry_time >= to_microseconds(SINCE)]


async def _traded(database_url: str, trades: list[LiveTrade], refused_at: int | None = None) -> None:
    database = Database(database_url)
    async with database.transaction() as connection:
        await write_trades(connection, trades)
        if refused_at is not None:
            denied = refusal(from_microseconds(refused_at), "max_positions", "5 of 5 trades are open")
            await connection.execute(insert(models.Refusal).values(denied))
    await database.close()


def same(trade: Trade, **values: Any) -> LiveTrade:
    """The desk made the very same trade."""
    known = {name: getattr(trade, name) for name in COLUMNS}
    return LiveTrade(**(known | {"decided_at": trade.entry_time} | values))


@pytest.fixture
def made(database_url: str) -> list[Trade]:
    found = asyncio.run(_made(database_url))
    assert len(found) >= 4
    return found


@pytest.mark.parametrize("engine", ["vector", "event"])
def test_a_desk_that_trades_as_its_backtest_has_no_drift(
    tmp_path: Path, database_url: str, made: list[Trade], engine: str
) -> None:
    asyncio.run(_traded(database_url, [same(trade) for trade in made]))
    found = answer(asked(tmp_path, database_url, "--json", "--engine", engine))
    assert (len(found["pairs"]), found["missing"], found["extra"]) == (len(made), [], [])
    assert set(found["by_cause"].values()) == {"0"}
    assert found["difference"] == "0"
    assert "No trade did worse" in asked(tmp_path, database_url).stdout


def test_what_differs_is_split_and_the_worst_is_named(tmp_path: Path, database_url: str, made: list[Trade]) -> None:
    first, second, third, *others = made
    dearer = same(first, fees=first.fees + 1000, pnl=first.pnl - 1000)
    later = same(second, entry_time=second.entry_time + MINUTE)
    extra = same(others[-1], symbol="ETH/USD")
    ours = [dearer, later, *map(same, others), extra]
    asyncio.run(_traded(database_url, ours, refused_at=third.entry_time))

    found = answer(asked(tmp_path, database_url, "--json"))
    worst = found["pairs"][0]
    assert worst["difference"] == worst["parts"]["fee"] == "-1000"
    delayed = next(pair for pair in found["pairs"] if pair["desk"]["entry_time"] == later.entry_time)
    assert delayed["difference"] == "0"
    assert Decimal(delayed["parts"]["delay"]) == -Decimal(delayed["parts"]["entry"]) != 0
    (missing,) = found["missing"]
    assert missing["why"] == "refused (max_positions): 5 of 5 trades are open"
    assert Decimal(missing["difference"]) == -third.pnl
    assert [one["trade"]["symbol"] for one in found["extra"]] == ["ETH/USD"]
    sums = {cause: Decimal(value) for cause, value in found["by_cause"].items()}
    exact = sum(trade.pnl for trade in ours) - sum(trade.pnl for trade in made)
    assert sum(sums.values()) == Decimal(found["difference"]) == exact
    assert found["worst"].startswith("Worst: BTC/USD of ")

    shown = asked(tmp_path, database_url)
    assert shown.exit_code == 0
    assert "-1,000.00" in shown.stdout
    assert "most of it by fee" in shown.stdout
    assert f"{len(made) - 1} trades of both, 1 missing, 1 extra" in shown.stdout
    rows = [line for line in shown.stdout.splitlines() if "BTC/USD" in line or "ETH/USD" in line]
    assert "-1,000.00" in rows[0]


def test_a_row_adds_up_and_tells_what_the_ledger_cannot_explain(
    tmp_path: Path, database_url: str, made: list[Trade]
) -> None:
    first, second, *others = made
    wrong = same(first, pnl=first.pnl - 7, fees=first.fees + 2)
    averaged = same(second, pnl=second.pnl + Decimal("0.000000000001"))
    asyncio.run(_traded(database_url, [wrong, averaged, *map(same, others)]))
    shown = asked(tmp_path, database_url).stdout
    headings = next(line for line in shown.splitlines() if "difference" in line and "entered" in line)
    assert [word for word in headings.split() if word.isalpha()] == [
        *("symbol", "entered", "backtest", "desk", "difference", "fee", "rounding", "unexplained", "what")
    ]
    row = next(line for line in shown.splitlines() if "BTC/USD" in line)
    assert row.index("-7.00") < row.index("-2.00") < row.index("-5.00")
    assert f"{from_microseconds(first.entry_time):%Y-%m-%d %H:%M}" in row
    assert "most of it unexplained" in shown


def test_trades_outside_the_period_do_not_count(tmp_path: Path, database_url: str, made: list[Trade]) -> None:
    asyncio.run(_traded(database_url, [same(trade) for trade in made]))
    cut = from_microseconds(made[1].entry_time + MINUTE)
    found = answer(asked(tmp_path, database_url, "--json", "--since", f"{cut:%Y-%m-%dT%H:%M:%S}"))
    assert {pair["desk"]["entry_time"] for pair in found["pairs"]} <= {trade.entry_time for trade in made[2:]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--until", "2020-01-01"), "--until 2020-01-01 00:00: is not after --since"),
        (("--since", "2031-01-01", "--until", "2031-02-01"), "the desk has no 1m candles of BTC/USD from then on"),
    ],
)
def test_a_mistake_names_the_flag_and_the_fix(
    tmp_path: Path, database_url: str, arguments: tuple[str, ...], said: str
) -> None:
    asyncio.run(_made(database_url))
    done = asked(tmp_path, database_url, *arguments)
    assert isinstance(done.exception, ConfigError)
    assert said in str(done.exception)
