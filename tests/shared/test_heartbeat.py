"""Processes say in Redis how they are."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.clock import WallClock
from shared.heartbeat import KEY, Heartbeat, beat, heartbeats
from shared.redis_streams.bus import Bus


async def well() -> Mapping[str, Any]:
    return {"status": "ok", "lag": 3}


async def test_process_is_listed_while_it_runs_and_signs_off(redis_url: str) -> None:
    bus, stop = await Bus.connect(redis_url, 1), asyncio.Event()
    beating = asyncio.create_task(beat(bus, "council", "one", 4000, well, stop))
    said: list[Heartbeat] = []
    while not said:
        said = await heartbeats(bus)
    (word,) = said
    assert (word.service, word.instance, word.status, word.port) == ("council", "one", "ok", 4000)
    assert word.detail == {"lag": 3}
    assert word.is_fresh(WallClock().now())
    stop.set()
    await beating
    assert await bus.execute("HLEN", KEY) == 0
    await bus.close()


async def test_a_process_that_is_long_gone_is_taken_off_the_list(redis_url: str) -> None:
    bus, stop = await Bus.connect(redis_url, 1), asyncio.Event()
    for name, ago in (("yesterday", timedelta(days=2)), ("lately", timedelta(hours=1))):
        word = {"status": "ok", "time": (WallClock().now() - ago).isoformat(), "port": 1, "detail": {}}
        await bus.execute("HSET", KEY, f"council/{name}", json.dumps(word))
    stop.set()
    await beat(bus, "council", "one", 4000, well, stop)
    assert [word.instance for word in await heartbeats(bus)] == ["lately"]
    await bus.close()
