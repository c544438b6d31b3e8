"""Trimming and the outbox relay: in every process, active in the one that holds the lease."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

import structlog

from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.lease import Lease, Leases
from shared.redis_streams.outbox import forget, relay
from shared.redis_streams.trim import trim

log = structlog.get_logger()

TTL = timedelta(seconds=10)
TRIM_EVERY = 2.0
FORGET_EVERY = 600.0


class Maintenance:
    """The chores of the bus. Two at once would do no harm, only the work twice."""

    def __init__(self, bus: Bus, database: Database | None, instance: str, max_length: int) -> None:
        self._bus = bus
        self._database = database
        self._max_length = max_length
        self._leases = Leases(bus, "maintenance", instance, TTL)
        self._lease: Lease | None = None
        self._next_trim = 0.0
        self._next_forget = time.monotonic() + FORGET_EVERY
        self._unknown: dict[str, tuple[str, ...]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Connections that are lost end it, to be started again."""
        pause = 0.05 if self._bus.clustered and self._database else 1.0
        renewed = 0.0
        await self._bus.require_partitions()
        while not stop.is_set():
            if time.monotonic() - renewed > TTL.total_seconds() / 3:
                renewed = time.monotonic()
                await self._hold()
            if self._lease is not None:
                await self._work()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
        if self._lease is not None:
            await self._leases.release(self._lease)

    async def _hold(self) -> None:
        if self._lease is None or not await self._leases.renew(self._lease):
            self._lease = await self._leases.acquire("chores")

    async def _work(self) -> None:
        now = time.monotonic()
        if self._database is not None:
            await relay(self._bus, self._database)
            if now >= self._next_forget:
                self._next_forget = now + FORGET_EVERY
                await forget(self._database)
        if now >= self._next_trim:
            self._next_trim = now + TRIM_EVERY
            await self._trim()

    async def _trim(self) -> None:
        trimmed = await trim(self._bus, self._max_length)
        if trimmed.unknown != self._unknown:
            self._unknown = trimmed.unknown
            log.warning("groups that the topology does not know", streams=self._unknown)


async def maintain(bus: Bus, database: Database | None, instance: str, max_length: int, stop: asyncio.Event) -> None:
    """Do the chores until `stop`."""
    await Maintenance(bus, database, instance, max_length).run(stop)
