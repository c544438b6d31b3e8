"""Reads every entry of a desk's streams, from a moment at which nothing was under way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.errors import ConfigError
from shared.recording.entries import Recorded, in_order, recorded
from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import trimmed_key
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.scripts import Script
from shared.topology import STREAMS, stream_key

PATIENCE = 30.0
"""Wall seconds in which a desk that trades must have come to rest once."""

AT_ONCE = 1_000
_LAST_IDS = Script(
    """
-- KEYS streams of one partition -> the id of the newest entry of each, 0-0 where there is none
local found = {}
for place, key in ipairs(KEYS) do
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  found[place] = newest and newest[1] or '0-0'
end
return found
"""
)


@dataclass
class Tail:
    """Where reading stands, by stream key."""

    bus: Bus
    streams: Sequence[str]
    positions: dict[str, bytes] = field(default_factory=dict)

    def keys(self, partition: int) -> list[str]:
        """The streams' keys of one partition."""
        return [stream_key(stream, partition) for stream in self.streams]

    async def to_the_end(self) -> None:
        """Leave out what stands in the streams now."""
        for partition in range(self.bus.partitions):
            keys = self.keys(partition)
            self.positions |= zip(keys, await self.bus.call(_LAST_IDS, keys), strict=True)

    async def read(self) -> list[Recorded]:
        """What was added since, in the order of its publication as far as it was there to read. Empty: nothing."""
        found: list[Recorded] = []
        for partition in range(self.bus.partitions):
            keys = self.keys(partition)
            last = [self.positions.get(key, b"0-0") for key in keys]
            for key, rows in await self.bus.execute("XREAD", "COUNT", AT_ONCE, "STREAMS", *keys, *last) or ():
                name = key.decode()
                self.positions[name] = rows[-1][0]
                found += [recorded(name.rpartition(":")[0], partition, entry_id, fields) for entry_id, fields in rows]
        return in_order(found)


async def require_whole(bus: Bus, streams: Collection[str]) -> None:
    """ConfigError where something was trimmed: what is gone can't be recorded."""
    for partition in range(bus.partitions):
        counts = await bus.execute("HGETALL", trimmed_key(partition))
        gone = {
            key.decode().rpartition(":")[0] for key, count in zip(counts[::2], counts[1::2], strict=True) if int(count)
        }
        if lost := sorted(gone & set(streams)):
            raise ConfigError(
                f"--from-start: the beginning of {', '.join(lost)} has been trimmed already. Record from now on "
                "(without --from-start), or replay the past with `parley replay --from-archive`."
            )


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection that sees the database as it is now, however long it reads."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        await connection.execute(text("select 1"))
        yield connection


@asynccontextmanager
async def at_rest(
    bus: Bus, database: Database, tail: Tail, patience: float = PATIENCE
) -> AsyncIterator[AsyncConnection]:
    """The database, and the streams' ends, of one moment at which every message had been handled.

    ConfigError where there was no such moment for `patience` seconds.
    """
    deadline = monotonic() + patience
    while True:
        before = await is_quiet(bus, database, enough=1)
        if before.quiet:
            async with snapshot(database) as connection:
                await tail.to_the_end()
                after = await is_quiet(bus, database, enough=1)
                if after.quiet and after.fingerprint == before.fingerprint:
                    yield connection
                    return
        if monotonic() > deadline:
            raise ConfigError(
                f"the desk did not come to rest within {patience:.0f} s, so that there is no moment to begin at"
                f" (waiting: {', '.join(before.waiting) or 'new messages'}). Try again when it is less busy."
            )
        await asyncio.sleep(0.002)


async def follow(
    tail: Tail,
    take: Callable[[Sequence[Recorded]], None],
    until: Callable[[], bool],
    pause: Callable[[float], Awaitable[None]],
) -> None:
    """Take what is published until told to stop."""
    while not until():
        entries = await tail.read()
        take(entries)
        if not entries:
            await pause(0.1)


async def finish(tail: Tail, take: Callable[[Sequence[Recorded]], None], patience: float) -> bool:
    """Take what is still under way. Whether the desk came to rest: then the recording ends with everything done."""
    deadline = monotonic() + patience
    while monotonic() < deadline:
        before = await is_quiet(tail.bus, enough=1)
        entries = await tail.read()
        take(entries)
        if before.quiet and not entries and (await is_quiet(tail.bus, enough=1)).fingerprint == before.fingerprint:
            return True
        await asyncio.sleep(0.01)
    return False


def named(text_: str) -> tuple[str, ...]:
    """The streams of `--streams`; ConfigError names one that does not exist."""
    known = tuple(stream.name for stream in STREAMS)
    if text_ == "all":
        return known
    asked = [part.strip() for part in text_.split(",") if part.strip()]
    if unknown := [name for name in asked if name not in known]:
        raise ConfigError(f"--streams {', '.join(unknown)}: no such stream; there are {', '.join(known)}, or all")
    if not asked:
        raise ConfigError(f"--streams: name at least one of {', '.join(known)}, or all")
    return tuple(name for name in known if name in asked)
