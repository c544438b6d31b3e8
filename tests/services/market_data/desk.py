"""A simulator and market_data as real processes, and what a test asks of them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source
from shared.schemas.base import Timeframe
from shared.topology import partition_of, stream_key
from shared.timeframes import to_microseconds

ROOT = Path(__file__).resolve().parents[3]
PARTITIONS = 2


def write_candles(path: Path, rows: Sequence[tuple[float, ...]], skip: Sequence[int] = (), minutes: int = 1) -> Path:
    """A CSV of bars from 2022-01-01 00:00 (a Saturday) on; `skip` are indices that are left out."""
    start = 1_640_995_200
    lines = [",".join(map(str, (start + i * 60 * minutes, *row))) for i, row in enumerate(rows) if i not in skip]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    return path


def wave(count: int, first: float = 100.0) -> list[tuple[float, ...]]:
    """Bars that rise and fall, each different."""
    rows = []
    for i in range(count):
        base = first + (i % 20) - (i % 7) * 0.5
        rows.append((base, base + 2, base - 1.5, base + 0.5, 1 + i % 9))
    return rows


@dataclass
class Process:
    """One process of ours, in a session of its own."""

    process: asyncio.subprocess.Process

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@dataclass
class Desk:
    """One simulated venue, one Redis, one database, any number of market_data processes."""

    port: int
    http: aiohttp.ClientSession
    bus: Bus
    source: Source
    environment: dict[str, str]
    logs: Path
    services: list[Process] = field(default_factory=list)

    async def sim(self, call: str, method: str = "POST", **body: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/sim/{call}"
        async with self.http.request(method, url, json=body or None) as reply:
            assert reply.status == 200, await reply.text()
            return dict(await reply.json())

    async def start(self, **environment: str) -> Process:
        """A market_data process; returns before it is ready."""
        name = f"market_data-{len(self.services)}"
        with (self.logs / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.market_data.main",
                env={**self.environment, "INSTANCE": name, **environment},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        self.services.append(Process(process))
        return self.services[-1]

    async def subscribed(self, instances: int = 1) -> None:
        """Until that many market_data processes hear the venue's tickers of every symbol."""
        symbols = len(self.environment["SYMBOLS"].split(","))

        async def enough() -> bool:
            subscribers = (await self.sim("state", "GET"))["subscribers"]
            return subscribers.get("ticker", 0) >= instances * symbols

        await until(enough)

    async def step(self, wait: bool = True) -> dict[str, Any]:
        """The venue's next bar; with `wait`, until market_data has ended the instant."""
        answer = await self.sim("advance")
        if wait and answer["closed"]:
            await self.ended("1m", answer["clock"])
        return answer

    async def ended(self, timeframe: Timeframe, clock: str) -> None:
        from datetime import datetime

        target = to_microseconds(datetime.fromisoformat(clock))

        async def there() -> bool:
            cursor = await self.source.cursor(f"BarsClosed:{timeframe}", "instants")
            return cursor is not None and cursor >= target

        await until(there)

    async def play(self, bars: int = 10**9) -> None:
        """Up to so many steps, or to the end of the data."""
        for _ in range(bars):
            if (await self.step()).get("done"):
                return

    async def messages(self, stream: str, key: str) -> list[dict[str, Any]]:
        """The bodies on the partition of a key, that key's or the instants' only, in order."""
        entries = await self.bus.execute("XRANGE", stream_key(stream, partition_of(key, PARTITIONS)), "-", "+")
        bodies = [json.loads(dict(zip(fields[::2], fields[1::2], strict=True))[b"b"]) for _, fields in entries]
        return [body for body in bodies if body.get("symbol", "instants") == key]

    async def candles(self, symbol: str, kind: str = "CandleClosed") -> list[tuple[str, str]]:
        """(timeframe, open time) of what was published for a symbol, in order."""
        found = await self.messages("market:candles", symbol)
        return [(body["timeframe"], body["open_time"]) for body in found if body["kind"] == kind]


async def until(true: Any, seconds: float = 30) -> None:
    """Until the coroutine function returns True; AssertionError after so many seconds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await true():
        assert asyncio.get_running_loop().time() < deadline, f"waited {seconds} s in vain"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running_desk(
    folder: Path, redis_url: str, database_url: str, symbols: Sequence[str], venue: Sequence[str], speed: str = "0"
) -> AsyncIterator[Desk]:
    """A venue started with these arguments; market_data is started by the test."""
    command = [sys.executable, "-m", "services.exchange_simulator", "--port", "0", "--state", str(folder / "venue.db")]
    log = (folder / "venue.log").open("wb")
    simulator = await asyncio.create_subprocess_exec(
        *command, *venue, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log
    )
    assert simulator.stdout
    port = json.loads(await asyncio.wait_for(simulator.stdout.readline(), 30))["port"]
    environment = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "SYMBOLS": ",".join(symbols),
        "TIMEFRAME": "5m",
        "PARTITIONS": str(PARTITIONS),
        "VENUE_URL": f"http://127.0.0.1:{port}",
        "PLAYBACK_SPEED": speed,
        "TRADING_MODE": "demo",
    }
    bus = await Bus.connect(redis_url, PARTITIONS)
    async with aiohttp.ClientSession() as http:
        desk = Desk(port, http, bus, Source(bus, "market_data"), environment, folder)
        try:
            yield desk
        finally:
            for service in desk.services:
                await service.kill()
            await Process(simulator).kill()
            await bus.close()
            log.close()
