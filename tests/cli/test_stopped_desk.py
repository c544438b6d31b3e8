"""An operator's hand on a desk that does not run: it is said so, and kept for the next start."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert

from cli.access import opened
from cli.desk import Desk, migrate, servers
from shared.config import load_settings
from shared.ids import derived_id
from shared.models import Trade
from shared.seed import seed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATA_DIR with one stopped desk that holds XRP/USD, started for SYMBOLS XRP/USD."""
    root = tmp_path_factory.mktemp("desks")
    desk = Desk("demo", root / "demo")
    with desk.locked(), servers(desk) as found:
        migrate(found.database_url)
        desk.remember("demo", {"SYMBOLS": "XRP/USD", **found.urls})
        asyncio.run(_with_a_trade(found.urls))
    return root


async def _with_a_trade(urls: dict[str, str]) -> None:
    settings = load_settings(**{name.lower(): url for name, url in urls.items()})
    async with opened(settings) as desk, desk.database.transaction() as connection:
        await desk.bus.ensure_groups()
        await seed(connection)
        await connection.execute(insert(Trade).values(TRADE))


TRADE = {
    "id": derived_id("trade", "one"),
    "account": "desk",
    "symbol": "XRP/USD",
    "timeframe": "5m",
    "decision_id": derived_id("decision", "one"),
    "status": "open",
    "order_id": "one",
    "decided_at": datetime(2026, 1, 1, tzinfo=UTC),
    "quantity": Decimal(10),
    "held": Decimal(10),
    "score": 0.5,
    "contributions": {},
    "votes": [],
}


def parley(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("close", "xrp/usd"), "The desk does not run. XRP/USD will be sold at its next start."),
        (("pause",), "The desk does not run. It is paused: started again, it enters nothing"),
        (("resume",), "The desk does not run. Entries are allowed from its next start on."),
    ],
)
def test_what_is_asked_of_a_stopped_desk_is_kept_for_its_start(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = parley(folder, *arguments)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_the_exit_waits_on_the_stream_for_the_executor(folder: Path) -> None:
    assert parley(folder, "close", "--all").returncode == 0
    streams = json.loads(parley(folder, "streams", "--json").stdout)["streams"]
    assert streams["exits:requested"]["messages"] >= 1
    assert streams["exits:requested"]["groups"]["trade_executor"]["lag"] >= 1


@pytest.mark.parametrize("command", ["signals", "trades"])
def test_a_symbol_that_is_not_traded_is_named(folder: Path, command: str) -> None:
    done = parley(folder, command, "--symbol", "foo")
    assert done.returncode == 2
    assert "FOO is not traded by this desk; it trades XRP/USD." in done.stderr


def test_a_traded_symbol_is_found_however_it_is_typed(folder: Path) -> None:
    assert "XRP/USD" in parley(folder, "trades", "--symbol", "xrp/usd", "--json").stdout
    assert parley(folder, "signals", "--symbol", "xrp/usd", "--json").stdout == "[]\n"


def test_a_playback_that_has_ended_takes_no_orders(folder: Path) -> None:
    desk = Desk("demo", folder / "demo")
    kept = desk.remembered()
    desk.remember("playback", {name: value for name, value in kept.items() if name != "DESK_KIND"})
    done = parley(folder, "close", "--all")
    desk.remember("demo", {name: value for name, value in kept.items() if name != "DESK_KIND"})
    assert done.returncode == 2
    assert "every playback begins anew" in done.stderr
