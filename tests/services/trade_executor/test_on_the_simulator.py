"""The executor's own process, with ccxt, on the exchange simulator: the same books on both sides, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.redis_streams.bus import Bus
from tests.services.trade_executor.rig import PARTITIONS, Rig, write_bars

FAULTS = (
    "reply_lost",
    "refuse_429",
    "service_unavailable",
    "drop_socket",
    "duplicate_event",
    "late_event",
    "partial_fill",
)
FLAT = ("100", "100.5", "99.5", "100")
BARS = [FLAT, FLAT, ("100", "104", "99.9", "103"), ("103", "103.5", "97", "98"), *[FLAT] * 40]


@pytest.fixture
async def rig(tmp_path: Path, redis_url: str, database_url: str, database: Database) -> AsyncIterator[Rig]:
    bus = await Bus.connect(redis_url, PARTITIONS)
    await bus.ensure_groups()
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO system_config (id) VALUES (1) ON CONFLICT DO NOTHING"))
        await connection.execute(text("DELETE FROM assets"))
        await connection.execute(
            text("""INSERT INTO assets
                    (symbol, base, quote, name, is_active, price_tick, lot_step, min_quantity, min_cost)
                    VALUES ('BTC/USD', 'BTC', 'USD', 'Bitcoin', true, 0.1, 0.00000001, 0.0001, 0.5)""")
        )
    running = Rig(tmp_path, redis_url, database_url, database, bus)
    await running.start_venue(write_bars(tmp_path / "bars.csv", BARS))
    yield running
    await running.stop()


async def buy(rig: Rig) -> None:
    """At the open of the first bar."""
    await rig.advance()
    await rig.end_instant("99.9", "100.1")
    await rig.decide("BUY")
    await rig.settle()
    step = await rig.advance()
    assert step["phase"] == "matched"


async def test_trade_from_verdict_to_exit(rig: Rig) -> None:
    await rig.start_executor()
    await buy(rig)
    (trade,) = await rig.rows("SELECT * FROM trades")
    (stop,) = await rig.rows("SELECT * FROM orders WHERE purpose = 'stop'")
    assert (trade["status"], stop["state"], stop["quantity"]) == ("open", "open", trade["held"])
    await rig.require_agreement()
    await rig.advance()
    await rig.end_instant("99.9", "100.1")
    await rig.want_exit()
    await rig.settle()
    await rig.advance()
    (trade,) = await rig.rows("SELECT * FROM trades")
    assert (trade["status"], trade["exit_reason"], trade["held"]) == ("closed", "council", 0)
    await rig.require_agreement()


async def test_stop_rests_at_the_venue_and_closes_the_trade(rig: Rig) -> None:
    await rig.start_executor()
    await buy(rig)
    while (await rig.advance())["phase"] != "done" and not rig.step["executions"]:
        pass
    (trade,) = await rig.rows("SELECT * FROM trades")
    assert (trade["status"], trade["exit_reason"]) == ("closed", "stop")
    await rig.require_agreement()


@pytest.mark.parametrize("point", ["before_database", "before_redis", "after_redis"])
async def test_killed_executor_comes_back_to_the_same_books(rig: Rig, point: str) -> None:
    await rig.start_executor(crash_at=f"trade_executor:{point}:4")
    supervised = asyncio.create_task(rig.restarted("one"))
    await buy(rig)
    await supervised
    await rig.advance()
    await rig.end_instant("99.9", "100.1")
    await rig.want_exit()
    await rig.settle()
    await rig.advance()
    (trade,) = await rig.rows("SELECT * FROM trades")
    assert (trade["status"], trade["exit_reason"]) == ("closed", "council")
    await rig.require_agreement()


async def test_faults_of_the_venue_change_nothing_in_the_end(rig: Rig) -> None:
    await rig.start_executor()
    await rig.advance()
    for done, kind in enumerate(FAULTS):
        await rig.venue("POST", "/sim/faults", {"kind": kind, "count": 1})
        await rig.end_instant("99.9", "100.1")
        await rig.decide("BUY")
        await rig.settle()
        await rig.until("open", 1)
        await rig.require_agreement()
        await rig.venue("POST", "/sim/faults", {"kind": kind, "count": 1})
        await rig.want_exit()
        await rig.settle()
        await rig.until("closed", done + 1)
        await rig.require_agreement()
