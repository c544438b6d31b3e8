"""Leases with epochs: one active consumer a partition, and a stale one can do no harm."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import lease_key, members_key
from shared.redis_streams.scripts import ACQUIRE, HEARTBEAT, RELEASE, RENEW

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act for a group in a partition (or as its leader) while nobody has a later epoch."""

    key: str
    epoch: int


class Leases:
    """The leases one instance of a group asks for. The same name restarted takes its own at once."""

    def __init__(self, bus: Bus, group: str, instance: str, ttl: timedelta) -> None:
        self._bus = bus
        self._group = group
        self._instance = instance
        self._ttl_ms = int(ttl.total_seconds() * 1000)
        self._epochs: dict[str, int] = {}

    async def acquire(self, partition: int | str) -> Lease | None:
        """None while another instance holds it."""
        key = lease_key(self._group, partition)
        epoch, ended = await self._bus.call(ACQUIRE, [key], self._instance, self._ttl_ms)
        if ended and ended != self._epochs.get(key):
            # a process of this name died, or lives: the latter would go on for ever
            log.info("took over a lease from this name", lease=key, instance=self._instance, epoch=epoch)
        if not epoch:
            return None
        self._epochs[key] = epoch
        return Lease(key, epoch)

    async def renew(self, lease: Lease) -> bool:
        """False where somebody else has taken it since."""
        return bool(await self._bus.call(RENEW, [lease.key], lease.epoch, self._ttl_ms))

    async def release(self, lease: Lease) -> None:
        """Let another instance have it at once."""
        await self._bus.call(RELEASE, [lease.key], lease.epoch)

    async def share(self) -> set[int]:
        """This instance's fair share of the partitions, by everybody's name; also says that it is alive."""
        alive = await self._bus.call(HEARTBEAT, [members_key(self._group)], self._instance, self._ttl_ms)
        names = sorted(name.decode() for name in alive)
        place = names.index(self._instance)
        return {p for p in range(self._bus.partitions) if p % len(names) == place}

    async def leave(self) -> None:
        """Say that this instance is gone."""
        await self._bus.execute("ZREM", members_key(self._group), self._instance)
