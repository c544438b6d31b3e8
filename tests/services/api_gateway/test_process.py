"""The API as a process."""

import asyncio

import httpx

from shared.heartbeat import heartbeats
from shared.redis_streams.bus import Bus
from tests.services.process import start, until


async def test_process_serves_until_it_is_told_to_stop(database_url: str, bus: Bus, redis_url: str) -> None:
    api = await start("api_gateway", redis_url, database_url, API_PORT="0")

    async def has_spoken() -> bool:
        return bool(await heartbeats(bus))

    await until(has_spoken)
    port = (await heartbeats(bus))[0].detail["api_port"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        health = (await client.get("/health")).json()
        assert health["services"]["api_gateway"]["status"] == "ok"
        assert health["status"] == "degraded"
        assert (await client.get("/openapi.json")).status_code == 200
    api.terminate()
    assert await asyncio.wait_for(api.wait(), 30) == 0
