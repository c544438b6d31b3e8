"""Every process says in Redis every two seconds how it is, so that one place can show the whole desk."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.redis_streams.bus import Bus
from shared.redis_streams.failures import FROM_REDIS, is_outside

KEY = "parley:health"
"""A hash: "<service>/<instance>" to JSON {status, time, port, detail}."""

EVERY = timedelta(seconds=2)
FRESH = timedelta(seconds=10)
"""An older word means that the process is gone, or hangs."""
REMEMBERED = timedelta(days=1)
"""After that it is taken off the list."""

Report = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last word of one process. `port` is that of its own /health, `detail` what it says there."""

    service: str
    instance: str
    status: str
    time: datetime
    port: int
    detail: Mapping[str, Any]

    def is_fresh(self, now: datetime) -> bool:
        """Whether the process can be taken to be alive."""
        return now - self.time < FRESH


async def beat(bus: Bus, service: str, instance: str, port: int, report: Report, stop: asyncio.Event) -> None:
    """Until `stop`; then take the name off the list, as the process ended on purpose."""
    field = f"{service}/{instance}"
    await _forget_gone(bus)
    while not stop.is_set():
        await bus.execute("HSET", KEY, field, await _word(port, report))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY.total_seconds())
    await _sign_off(bus, field)


async def _forget_gone(bus: Bus) -> None:
    """A process that was killed signs nothing off, and one without a set name comes back under another."""
    now = datetime.now(UTC)
    for word in await heartbeats(bus):
        if now - word.time > REMEMBERED:
            await bus.execute("HDEL", KEY, f"{word.service}/{word.instance}")


async def _word(port: int, report: Report) -> str:
    detail = dict(await report())
    status = detail.pop("status")
    word = {"status": status, "time": datetime.now(UTC).isoformat(), "port": port, "detail": detail}
    return json.dumps(word, default=str)


async def _sign_off(bus: Bus, field: str) -> None:
    try:
        await bus.execute("HDEL", KEY, field)
    except FROM_REDIS as error:
        if not is_outside(error):
            raise


async def heartbeats(bus: Bus) -> list[Heartbeat]:
    """The last word of every process, also of those that are gone, by service and instance."""
    reply = await bus.redis.hgetall(KEY)
    return sorted((_read(field, word) for field, word in reply.items()), key=lambda beat: (beat.service, beat.instance))


def _read(field: bytes, word: bytes) -> Heartbeat:
    service, _, instance = field.decode().partition("/")
    said = json.loads(word)
    time = datetime.fromisoformat(said["time"])
    return Heartbeat(service, instance, said["status"], time, said["port"], said["detail"])
