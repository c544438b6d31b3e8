"""Seeding fills what is missing and never overwrites what users changed."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import select, text, update

from shared.db import Database
from shared.models import Asset, Strategy, SystemConfig, Weight
from shared.seed import seed

ROOT = Path(__file__).resolve().parents[2]


async def test_seeds_thirty_assets_five_strategies_ten_weights_and_the_switches(database: Database) -> None:
    async with database.transaction() as connection:
        assert await seed(connection) == 30 + 5 + 10 + 1
        weights = (await connection.execute(select(Weight.scope, Weight.weight))).all()
        switches = (await connection.execute(select(SystemConfig.system_status, SystemConfig.is_trading_active))).one()
    for scope in ("strategies", "members"):
        assert abs(sum(weight for found, weight in weights if found == scope) - 1) < 1e-12
    assert tuple(switches) == ("ACTIVE", True)


async def test_seeding_again_adds_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await seed(connection)
        assert await seed(connection) == 0


async def test_what_users_changed_stays(database: Database) -> None:
    async with database.transaction() as connection:
        await seed(connection)
        await connection.execute(update(Strategy).where(Strategy.name == "swing").values(is_active=False))
        await connection.execute(update(SystemConfig).values(system_status="PAUSED"))
        await connection.execute(update(Asset).where(Asset.symbol == "BTC/USD").values(price_tick="0.1"))
        await seed(connection)
        swing = await connection.execute(select(Strategy.is_active).where(Strategy.name == "swing"))
        status = await connection.execute(select(SystemConfig.system_status))
        tick = await connection.execute(select(Asset.price_tick).where(Asset.symbol == "BTC/USD"))
        assert (swing.scalar_one(), status.scalar_one(), str(tick.scalar_one())) == (False, "PAUSED", "0.1")


async def test_a_deleted_row_comes_back(database: Database) -> None:
    async with database.transaction() as connection:
        await seed(connection)
        await connection.execute(text("delete from assets where symbol = 'SOL/USD'"))
        assert await seed(connection) == 1


def test_the_script_seeds_the_database_of_the_settings(database_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.seed_strategies"]
    environment = {"DATABASE_URL": database_url, "PATH": "", "PYTHONPATH": str(ROOT)}
    first, second = (
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    assert (first, second) == ("46 rows added\n", "0 rows added\n")
