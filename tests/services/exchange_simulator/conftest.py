from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from services.exchange_simulator.app import serving
from services.exchange_simulator.assembly import assemble
from tests.services.exchange_simulator.rig import Rig, Start, settings_for, write_candles


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts simulators that end with the test: ``await start(data=[...], speed=..., ...)``."""
    async with AsyncExitStack() as stack:

        async def started(data: list[str] | None = None, **changes: object) -> Rig:
            if data is None and "market" not in changes:
                data = [f"BTC/USD={write_candles(tmp_path / 'btc.csv')}"]
            simulator = assemble(settings_for(tmp_path / "venue.db", data or (), **changes))
            port = await stack.enter_async_context(serving(simulator, 0))
            rig = Rig(port, simulator, await stack.enter_async_context(aiohttp.ClientSession()))

            async def close_clients() -> None:
                for client in rig.clients:
                    await client.close()

            stack.push_async_callback(close_clients)
            return rig

        yield started


@pytest.fixture
async def rig(start: Start) -> Rig:
    """BTC/USD in lock-step: four bars of one minute, no spread."""
    return await start()
