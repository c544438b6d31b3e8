"""What has been saved is there, whatever dies."""

import asyncio
import os
import signal
from pathlib import Path

from services.market_data.adapters.store import Store
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.migrations import upgrade
from tests.builders import candle


async def test_a_saved_candle_survives_the_death_of_postgres(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        url = server.url()
        await asyncio.to_thread(upgrade, url)
        database = Database(url)
        for minute in range(3):
            await Store(database).save([candle(minute=5 * minute)])
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        await database.close()
    with EmbeddedPostgres(tmp_path) as server:
        assert server.query("select count(*) from candles", "parley") == "3"
