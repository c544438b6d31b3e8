"""The consumer of a group: shares the partitions out by leases, runs a lane for each it holds."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

import structlog

from shared.db import Database
from shared.redis_streams import metrics
from shared.redis_streams.batch import Desk, Spans
from shared.redis_streams.bus import Bus
from shared.redis_streams.failures import FROM_REDIS, LeaseLost, is_outside
from shared.redis_streams.handlers import handlers_of
from shared.redis_streams.lane import AttemptFailed, ConsumerOptions, Lane, pause_after
from shared.redis_streams.lease import Lease, Leases
from shared.redis_streams.recovery import refresh
from shared.topology import SINGLETONS

log = structlog.get_logger()


@dataclass
class _Trouble:
    """How often a partition failed in a row, and when to try it again."""

    failures: int = 0
    not_before: float = 0.0


class Consumer:
    """One instance of a group. `handlers` has an on_<message> method for each message it wants.

    `partitions` maps those it holds to the epochs of their leases.
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        instance: str,
        handlers: object,
        database: Database | None,
        *,
        options: ConsumerOptions | None = None,
        spans: Spans | None = None,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        self._bus = bus
        self._instance = instance
        self.group = group
        self._options = options or ConsumerOptions()
        self._desk = Desk(bus, group, handlers_of(group, handlers), database, self._options.durable, spans, on_commit)
        self._database = database
        self._leases = Leases(bus, group, instance, self._options.lease_ttl)
        self._leader: Lease | None = None
        self._leader_until = 0.0
        self._one_at_a_time = asyncio.Lock() if group in SINGLETONS else None
        self._asked = False
        self._lanes: dict[int, tuple[Lane, asyncio.Task[None]]] = {}
        self._troubles: dict[int, _Trouble] = {}

    @property
    def partitions(self) -> dict[int, int]:
        """Partition to lease epoch."""
        return {partition: lane.lease.epoch for partition, (lane, _) in sorted(self._lanes.items())}

    @property
    def started(self) -> bool:
        """Whether the leases have been asked for; a standby holds none of them."""
        return self._asked

    @property
    def is_leader(self) -> bool:
        """Whether this instance is a singleton's active one; true where there is no such thing.

        Without Redis it stays so until its lease is over, when another instance may have taken it.
        """
        return self._one_at_a_time is None or (self._leader is not None and time.monotonic() < self._leader_until)

    @property
    def idle_seconds(self) -> float | None:
        """Since the last committed batch; None before the first."""
        last = self._desk.last_message_at[0]
        return time.monotonic() - last if last else None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, then finish the batches in hand. Raises InvariantBroken and ConfigError."""
        renew_every = self._options.lease_ttl.total_seconds() / 3
        trouble = _Trouble()
        try:
            while not stop.is_set():
                try:
                    await self._keep_leases()
                    self._asked, trouble.failures = True, 0
                    wait = renew_every
                except FROM_REDIS as error:
                    if not is_outside(error):
                        raise
                    wait = self._paused(trouble, error)
                await self._until_something_ends(stop, wait)
        finally:
            await self._finish()

    async def _keep_leases(self) -> None:
        await self._bus.require_partitions()
        wanted = await self._share()
        for partition in list(self._lanes):
            lane, _ = self._lanes[partition]
            if partition not in wanted or not await self._leases.renew(lane.lease):
                lane.leaving = True
        now = time.monotonic()
        for partition in sorted(wanted - self._lanes.keys()):
            if now >= self._trouble(partition).not_before:
                await self._start(partition)

    async def _share(self) -> set[int]:
        if self._one_at_a_time is None:
            return await self._leases.share()
        asked = time.monotonic()  # Redis counts from a later moment
        if self._leader is None or not await self._leases.renew(self._leader):
            self._leader = None
            self._leader = await self._leases.acquire("leader")
        self._leader_until = asked + self._options.lease_ttl.total_seconds()
        return set(range(self._bus.partitions)) if self._leader else set()

    async def _start(self, partition: int) -> None:
        lease = await self._leases.acquire(partition)
        if lease is None:
            return
        turn: AbstractAsyncContextManager[object] = self._one_at_a_time or nullcontext()
        lane = Lane(self._desk, self._options, self._instance, partition, lease, turn)
        self._lanes[partition] = (lane, asyncio.create_task(self._run_lane(lane), name=f"{self.group}:{partition}"))
        log.info("holding a partition", group=self.group, partition=partition, epoch=lease.epoch)

    async def _run_lane(self, lane: Lane) -> None:
        if self._database is not None:
            await refresh(self._bus, self._database, self.group, lane.partition)
        await lane.run()

    async def _until_something_ends(self, stop: asyncio.Event, seconds: float) -> None:
        due = [trouble.not_before for trouble in self._troubles.values() if trouble.not_before > time.monotonic()]
        if due:
            seconds = max(0.0, min(seconds, min(due) - time.monotonic()))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *self._tasks()}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await self._reap()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for _, task in self._lanes.values()]

    async def _reap(self) -> None:
        for partition, (lane, task) in list(self._lanes.items()):
            if not task.done():
                continue
            del self._lanes[partition]
            error = task.exception()
            if lane.progressed:
                self._troubles.pop(partition, None)
            if error is None:
                await self._leases.release(lane.lease)
            elif is_outside(error):
                self._paused(self._trouble(partition), error)
            else:
                raise error

    def _trouble(self, partition: int) -> _Trouble:
        return self._troubles.setdefault(partition, _Trouble())

    def _paused(self, trouble: _Trouble, error: BaseException) -> float:
        trouble.failures += 1
        seconds = pause_after(trouble.failures)
        trouble.not_before = time.monotonic() + seconds
        metrics.RETRIES.labels(self.group, type(error).__name__).inc()
        if not isinstance(error, AttemptFailed | LeaseLost):
            log.warning("pausing", group=self.group, seconds=seconds, error=f"{type(error).__name__}: {error}")
        return seconds

    async def _finish(self) -> None:
        """Let every lane commit what it has in hand, then give the leases back."""
        for lane, _ in self._lanes.values():
            lane.leaving = True
        errors = await asyncio.gather(*self._tasks(), return_exceptions=True)
        leader, self._leader = self._leader, None
        try:
            for lane, _ in self._lanes.values():
                await self._leases.release(lane.lease)
            if leader is not None:
                await self._leases.release(leader)
            await self._leases.leave()
        except FROM_REDIS as error:
            if not is_outside(error):
                raise
        self._lanes.clear()
        for failed in errors:
            if isinstance(failed, BaseException) and not is_outside(failed):
                raise failed
