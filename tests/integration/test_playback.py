"""A small recorded market through the real processes in lock-step: the same trades again, at scale, under kills."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.demo import run_plan, with_data
from cli.desk import Desk
from cli.plan import Plan
from cli.report import faults
from cli.run import Run
from shared.config import load_settings
from tests.integration import market
from tests.integration.processes import parley

Report = dict[str, Any]

CONSUMERS = ("signal_generator", "council", "trade_executor", "position_manager", "learning_engine")
POINTS = ("before_database", "before_redis", "after_redis")
SETTINGS = {
    "MAX_POSITION": "0.7",
    "MAX_EXPOSURE": "1",
    "RISK_PER_TRADE": "0.02",
    "TAKE_PROFIT_R": "4",
    "COUNCIL_SELL_BELOW": "0.46",
}
"""Bolder than the defaults: two positions compete for the cash, and the council sells sooner."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return market.write(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def calm(data: list[str], tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of one undisturbed run."""
    return play(tmp_path_factory.mktemp("calm"), data)


def play(folder: Path, data: list[str], *more: str) -> Report:
    """One `parley demo`; it must end with status 0."""
    files = [part for argument in data for part in ("--data", argument)]
    report = folder / "report.json"
    pace = ("--speed", "max", "--history", str(market.HISTORY), "--report", str(report))
    done = parley("demo", *files, *pace, *more, settings={"DATA_DIR": str(folder / "desks"), **SETTINGS}, patience=280)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    found: Report = json.loads(report.read_text())
    return found


def sound(report: Report) -> None:
    """What must hold of every run."""
    assert faults(report) == []
    assert report["complete"]
    bars = 2 * market.PLAYED - len(market.GAP)
    assert report["candles"] == {"in_data": bars, "played": bars, "stored": bars}
    assert report["signals"] == bars
    assert sum(report["decisions"].values()) == bars
    assert report["ledger"] == report["venue"]
    assert {state for state in report["orders"]} <= {"filled", "canceled"}


def test_every_candle_is_accounted_for_and_the_books_agree(calm: Report) -> None:
    sound(calm)
    assert calm["restarts"] == 0


def test_the_market_shows_every_way_out_and_every_verdict(calm: Report) -> None:
    closed = [trade for trade in calm["trades"] if trade["status"] == "closed"]
    assert len(closed) >= 10
    assert {trade["symbol"] for trade in closed} == {"BTC/USD", "ETH/USD"}
    assert {"stop", "trailing", "target", "council"} <= calm["exits"].keys()
    assert calm["decisions"].keys() == {"BUY", "SELL", "HOLD"}
    assert calm["debates"]["vetoed"] > 0
    assert calm["streams"]["stops:moved"]["messages"] > 0


def test_both_symbols_are_held_at_once_and_share_the_cash(calm: Report) -> None:
    """The second entry of two that overlap is as large as the cash that is left."""
    overlapping = [
        (first, second)
        for first in calm["trades"]
        for second in calm["trades"]
        if first["symbol"] != second["symbol"]
        and first["entry_time"] <= second["entry_time"] < (first["exit_time"] or "9")
    ]
    spent = [value(first) + value(second) for first, second in overlapping]
    assert spent
    assert max(spent) > Decimal(9_000)
    assert max(spent) < Decimal(11_000)


def value(trade: Report) -> Decimal:
    """What was paid at the entry."""
    return Decimal(trade["entry_price"]) * Decimal(trade["quantity"])


def test_profits_fees_and_cash_add_up_to_the_last_unit(calm: Report) -> None:
    assert all(trade["status"] == "closed" for trade in calm["trades"])
    profit = sum((Decimal(trade["pnl"]) for trade in calm["trades"]), Decimal(0))
    assert Decimal(calm["ledger"]["cash"]["USD"]) == 10_000 + profit
    assert calm["ledger"]["positions"] == {}


def test_a_second_run_trades_the_same(calm: Report, data: list[str], tmp_path: Path) -> None:
    again = play(tmp_path, data)
    sound(again)
    assert outcome(again) == outcome(calm)


def test_two_instances_and_a_standby_of_each_singleton_trade_the_same(
    calm: Report, data: list[str], tmp_path: Path
) -> None:
    scaled = play(tmp_path, data, "--scale", "all=2", "--scale", "trade_executor=2", "--scale", "learning_engine=2")
    sound(scaled)
    assert outcome(scaled) == outcome(calm)


def test_a_kill_of_each_service_at_each_point_around_its_commits_changes_nothing(
    calm: Report, data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, setting in SETTINGS.items():
        monkeypatch.setenv(name, setting)
    crashes = {service: tuple(f"{service}:{point}:{nth(service)}" for point in POINTS) for service in CONSUMERS}
    bare = Plan(desk=Desk("killed", tmp_path / "killed"), timeframe="5m", speed=None, crashes=crashes)
    watcher = Restarts()
    plan = with_data(bare, data, "5m", market.HISTORY)
    killed = run_plan(plan, load_settings(), forget=False, quiet=True, meddle=watcher)
    sound(killed)
    assert outcome(killed) == outcome(calm)
    assert watcher.of == {f"{service}-0": len(POINTS) for service in CONSUMERS}


def test_bars_are_played_to_the_number_asked_for(data: list[str], tmp_path: Path) -> None:
    report = play(tmp_path, data, "--bars", "30")
    assert not report["complete"]
    assert report["candles"]["played"] == report["candles"]["stored"] == 2 * 30
    assert report["signals"] == 2 * 30
    assert faults(report) == []


def nth(service: str) -> int:
    """At which pass of a point it dies; the learning engine commits only once a trade."""
    return 1 if service == "learning_engine" else 3


def outcome(report: Report) -> Report:
    """What no scale and no kill may change."""
    names = ("trades", "ledger", "decisions", "debates", "refusals", "orders", "exits", "stops", "signals")
    return {name: report[name] for name in names}


@dataclass
class Restarts:
    """How often each service had to be started again."""

    of: dict[str, int] = field(default_factory=dict)

    async def __call__(self, run: Run, step: Report) -> None:
        del step
        self.of = {child.name: child.restarts for child in run.services.children if child.restarts}
