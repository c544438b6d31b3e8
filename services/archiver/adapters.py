"""Batches of entries into the archive: one statement, one transaction, then one acknowledgement."""

import time
from collections.abc import Sequence
from typing import Any

from services.archiver.core import Kept, kept
from shared.db import Database
from shared.errors import Retryable, Unprocessable
from shared.redis_streams import metrics
from shared.redis_streams.batch import Desk
from shared.redis_streams.bus import Bus
from shared.redis_streams.commit import commit
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.crash import crash_point
from shared.redis_streams.entries import Entry, Settled
from shared.redis_streams.lane import ConsumerOptions
from shared.redis_streams.lease import Lease

_KEEP = f"""
    INSERT INTO events ({", ".join(Kept._fields)})
    SELECT time, message_id, stream, partition, entry, kind, causation_id, key, body::jsonb, trace
    FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::uuid[],
                $8::text[], $9::text[], $10::text[]) AS given ({", ".join(Kept._fields)})
    ON CONFLICT DO NOTHING
"""


async def keep(database: Database, events: Sequence[Kept]) -> None:
    """Insert what is not there. On the disk when this returns; Retryable while the database is away."""
    columns: tuple[list[Any], ...] = tuple(map(list, zip(*events, strict=True)))
    try:
        async with database.transaction() as connection:
            await connection.exec_driver_sql(_KEEP, columns)
    except OSError as error:
        raise Retryable(f"the database is not there: {error}") from None


class Archive(Desk):
    """Settles a batch as a whole: nothing is handled one by one, and nothing is answered."""

    async def settle(self, partition: int, lease: Lease, entries: Sequence[Entry]) -> None:
        """Keep the entries, then acknowledge them: a crash in between has them kept again, which changes nothing."""
        began = time.perf_counter()
        events, settled, wrong = self._events(partition, entries)
        if events and self.database is not None:
            crash_point(self.group, "before_database")
            await keep(self.database, events)
            crash_point(self.group, "before_redis")
        if settled:
            await commit(self.bus, self.group, partition, lease, settled, None)
            crash_point(self.group, "after_redis")
        for entry, why in wrong:
            await self.bury(partition, lease, entry, why, 1)
        self.last_message_at[0] = time.monotonic()
        metrics.count_batch(self.group, settled, time.perf_counter() - began)

    def _events(
        self, partition: int, entries: Sequence[Entry]
    ) -> tuple[list[Kept], list[Settled], list[tuple[Entry, str]]]:
        events: list[Kept] = []
        settled: list[Settled] = []
        wrong: list[tuple[Entry, str]] = []
        for entry in entries:
            try:
                event = kept(entry, partition)
            except Unprocessable as error:
                wrong.append((entry, str(error)))
            else:
                events.append(event)
                settled.append(Settled(entry, event.kind, "handled"))
        return events, settled, wrong


class Archivist(Consumer):
    """A consumer that shares partitions out like any other, with an Archive at each."""

    def __init__(self, bus: Bus, name: str, instance: str, database: Database, options: ConsumerOptions) -> None:
        super().__init__(bus, name, instance, object(), database, options=options)
        self._desk = Archive(bus, name, {}, database)
