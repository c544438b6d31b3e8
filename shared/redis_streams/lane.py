"""One partition in one group's hands: recover, read, handle, commit, until told to leave."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from redis.exceptions import ResponseError

from shared.errors import ConfigError, InvariantBroken, Retryable, Unprocessable
from shared.redis_streams import metrics
from shared.redis_streams.batch import Desk
from shared.redis_streams.bus import Reply
from shared.redis_streams.commit import GroupMissing
from shared.redis_streams.entries import Entry, entries_of, entries_read, in_order
from shared.redis_streams.failures import is_outside
from shared.redis_streams.keys import attempts_key, streams_of
from shared.redis_streams.lease import Lease
from shared.redis_streams.scripts import TAKE_PENDING

log = structlog.get_logger()

_RECOVERED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How a consumer reads, and how patient it is. `block` bounds how long an idle one takes to stop."""

    batch_size: int = 200
    max_attempts: int = 5
    lease_ttl: timedelta = timedelta(seconds=3)
    block: timedelta = timedelta(milliseconds=400)
    durable: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= 5000:
            raise ConfigError(f"BATCH_SIZE {self.batch_size}: choose 1 to 5000")


class AttemptFailed(Retryable):
    """A message failed and has attempts left."""


@dataclass
class Lane:
    """Consumes one partition while its lease lasts."""

    desk: Desk
    options: ConsumerOptions
    instance: str
    partition: int
    lease: Lease
    turn: AbstractAsyncContextManager[object]
    leaving: bool = False
    progressed: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Until `leaving`. Raises what ends it: LeaseLost, anything from outside, InvariantBroken."""
        await self.desk.bus.ensure_groups_of(self.desk.group, self.partition)
        await self._recover()
        while not self.leaving:
            entries = await self._read()
            size = self.options.batch_size
            for start in range(0, len(entries), size):
                await self._settle(entries[start : start + size])

    async def _read(self) -> list[Entry]:
        keys = streams_of(self.desk.group, self.partition)
        block = int(self.options.block.total_seconds() * 1000)
        head = ("XREADGROUP", "GROUP", self.desk.group, self.instance, "COUNT", self.options.batch_size)
        reply = await self._ask(*head, "BLOCK", block, "STREAMS", *keys, *(">" for _ in keys))
        return entries_read(reply)

    async def _ask(self, *command: str | int) -> Reply:
        try:
            return await self.desk.bus.execute(*command)
        except ResponseError as error:
            if str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise GroupMissing(str(error)) from None
            if is_outside(error):
                raise
            raise InvariantBroken(f"Redis refused to read for {self.desk.group}: {error}") from error

    async def _recover(self) -> None:
        """Finish what was delivered and not acknowledged, by whomever, one at a time: one of them may be poison."""
        while (entries := await self._take_pending()) is not None:
            log.info("recovering", group=self.desk.group, partition=self.partition, messages=len(entries))
            for entry in entries:
                await self._settle([entry])
        # nothing is pending now, so nobody has attempts to count
        await self.desk.bus.execute("DEL", attempts_key(self.desk.group, self.partition))

    async def _take_pending(self) -> list[Entry] | None:
        """The oldest of each stream; None where nothing is pending. All of them may have been trimmed."""
        taken: list[Entry] = []
        pending = False
        for key in streams_of(self.desk.group, self.partition):
            arguments = (self.desk.group, self.instance, _RECOVERED_AT_ONCE)
            rows = await self.desk.bus.call(TAKE_PENDING, [key], *arguments)
            pending = pending or bool(rows)
            taken += entries_of(key, [row for row in rows if row[1] is not None])
            self._report_lost(key, [row[0].decode() for row in rows if row[1] is None])
        return in_order(taken) if pending else None

    def _report_lost(self, key: str, ids: list[str]) -> None:
        if ids:
            metrics.LOST.labels(self.desk.group).inc(len(ids))
            log.error("entries were trimmed while pending", group=self.desk.group, stream=key, ids=ids)

    async def _settle(self, entries: list[Entry]) -> None:
        try:
            async with self.turn:
                await self.desk.settle(self.partition, self.lease, entries)
            self.progressed = True
        except Exception as error:  # the one consume loop: nothing else may end it
            if isinstance(error, InvariantBroken | ConfigError) or is_outside(error):
                raise
            if len(entries) == 1:
                await self._blame(entries[0], error)
            else:
                for entry in entries:
                    await self._settle([entry])

    async def _blame(self, entry: Entry, error: Exception) -> None:
        attempts, field = 1, f"{entry.key}|{entry.entry_id.decode()}"
        counted = not isinstance(error, Unprocessable)
        key = attempts_key(self.desk.group, self.partition)
        if counted:
            attempts = await self.desk.bus.execute("HINCRBY", key, field, 1)
        what = {"group": self.desk.group, "stream": entry.key, "entry": entry.entry_id.decode(), "attempts": attempts}
        if counted and attempts < self.options.max_attempts:
            log.warning("a message failed", **what, exc_info=error)
            raise AttemptFailed(f"{type(error).__name__}: {error}") from error
        log.error("a message is buried", **what, exc_info=error)
        await self.desk.bury(self.partition, self.lease, entry, f"{type(error).__name__}: {error}", attempts)
        self.progressed = True


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0.05 doubling up to 2."""
    return float(min(2.0, 0.05 * 2 ** min(failures - 1, 10)))
