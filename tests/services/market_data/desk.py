"""A simulator and market_data as real processes, and what a test asks of them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from services.market_data.main import build
from shared.clock import WallClock
from shared.config import load_settings
from shared.db import Database
from shared.errors import Retryable
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source
from shared.schemas.base import Timeframe
from shared.service import Context, Loop, Service
from shared.timeframes import to_microseconds
from shared.topology import partition_of, stream_key

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
    rows: list[tuple[float, ...]] = []
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


async def keep_running(loop: Loop, stop: asyncio.Event) -> None:
    """As the runner of services does: again, where only the world outside failed."""
    while not stop.is_set():
        try:
            await loop(stop)
        except (Retryable, RedisError, SQLAlchemyError):
            await asyncio.sleep(0.1)


@dataclass
class Inside:
    """A market_data within this process, which starts at once; only a process of its own can be killed."""

    service: Service
    stopping: asyncio.Event
    loops: list["asyncio.Task[None]"]

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.gather(*self.loops)

    def health(self) -> Mapping[str, Any]:
        assert self.service.health
        return self.service.health()


@dataclass
class Desk:
    """One simulated venue, one Redis, one database, any number of market_data processes."""

    port: int
    http: aiohttp.ClientSession
    bus: Bus
    source: Source
    environment: dict[str, str]
    logs: Path
    simulator: Process
    services: list[Process] = field(default_factory=list)
    inside: list[Inside] = field(default_factory=list)

    async def sim(self, call: str, method: str = "POST", **body: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/sim/{call}"
        async with self.http.request(method, url, json=body or None) as reply:
            assert reply.status == 200, await reply.text()
            return dict(await reply.json())

    async def start(self, **changes: Any) -> Inside:
        """A market_data in this process; returns before it is ready."""
        settings = load_settings(**{name.lower(): value for name, value in self.environment.items()}, **changes)
        database = Database(self.environment["DATABASE_URL"])
        stopping = asyncio.Event()
        context = Context("market_data", settings, self.bus, database, self.source, "inside", WallClock(), stopping)
        service = await build(context)
        loops = [asyncio.create_task(keep_running(loop, stopping)) for loop in service.loops]
        self.inside.append(Inside(service, stopping, loops))
        return self.inside[-1]

    async def another_venue(self, arguments: Sequence[str]) -> bytes:
        """A second simulator; its first line."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.exchange_simulator", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        self.services.append(Process(process))
        assert process.stdout
        return await asyncio.wait_for(process.stdout.readline(), 30)

    async def start_process(self, **environment: str) -> Process:
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
            return bool(subscribers.get("ticker", 0) >= instances * symbols)

        await until(enough)

    async def step(self, wait: bool = True) -> dict[str, Any]:
        """The venue's next bar; with `wait`, until market_data has ended the instant."""
        answer = await self.sim("advance")
        if wait and answer["closed"]:
            await self.ended("1m", answer["clock"])
        return answer

    async def ended(self, timeframe: Timeframe, clock: str) -> None:
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
        """What was published for a key, in order."""
        return await messages(self.bus, stream, key)

    async def candles(self, symbol: str, kind: str = "CandleClosed") -> list[tuple[str, str]]:
        """(timeframe, open time) of what was published for a symbol, in order."""
        found = await self.messages("market:candles", symbol)
        return [(body["timeframe"], body["open_time"]) for body in found if body["kind"] == kind]


async def messages(bus: Bus, stream: str, key: str) -> list[dict[str, Any]]:
    """The bodies on the partition of a key, that symbol's or those of no symbol, in order."""
    entries = await bus.execute("XRANGE", stream_key(stream, partition_of(key, bus.partitions)), "-", "+")
    bodies = [json.loads(dict(zip(fields[::2], fields[1::2], strict=True))[b"b"]) for _, fields in entries]
    return [body for body in bodies if body.get("symbol", key) == key and ("symbol" in body or "/" not in key)]


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
        desk = Desk(port, http, bus, Source(bus, "market_data"), environment, folder, Process(simulator))
        try:
            yield desk
        finally:
            for inside in desk.inside:
                await inside.stop()
            for service in desk.services:
                await service.kill()
            await desk.simulator.kill()
            await bus.close()
            log.close()
