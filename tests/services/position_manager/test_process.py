"""The service as a process: killed between its two commits, it says everything once."""

import asyncio
import signal
from decimal import Decimal

import pytest

from shared.db import Database
from shared.models import Stop
from shared.redis_streams.bus import Bus
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.source import Source
from shared.topology import partition_of, stream_key
from tests.services.position_manager.desk import BTC, Desk, at, candle
from tests.services.process import start, until


@pytest.mark.parametrize("point", ["before_database", "before_redis", "after_redis"])
async def test_killed_around_its_commits_it_moves_each_stop_once(
    database: Database, database_url: str, redis_url: str, point: str
) -> None:
    desk = Desk(database)
    await desk.opens_account()
    await desk.buys()
    bus = await Bus.connect(redis_url, 2)
    await bus.ensure_groups()
    source = Source(bus, "market_data")
    for bar in (candle(0, "99", "116"), candle(1, "107", "118"), candle(2, "109", "131")):
        await source.publish_unseen(bar)

    async def has_handled_everything() -> bool:
        # other groups of the topology have nobody who reads
        return not [name for name in (await is_quiet(bus)).waiting if name.startswith("position_manager")]

    settings = {"BATCH_SIZE": "1", "TIMEFRAME": "5m"}
    doomed = await start(
        "position_manager", redis_url, database_url, **settings, PARLEY_CRASH_AT=f"position_manager:{point}:1"
    )
    assert await asyncio.wait_for(doomed.wait(), 60) == -signal.SIGKILL
    heir = await start("position_manager", redis_url, database_url, **settings)
    await until(has_handled_everything)
    heir.terminate()
    assert await heir.wait() == 0
    partition = partition_of(BTC, 2)
    assert await bus.execute("XLEN", stream_key("stops:moved", partition)) == 2
    assert await bus.execute("XLEN", stream_key("exits:requested", partition)) == 1
    assert await desk.rows(Stop.version, Stop.price, Stop.effective_from) == [(3, Decimal(108), at(2))]
    await bus.close()
