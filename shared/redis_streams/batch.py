"""What happens to a batch: decode, handle, one database transaction, one Redis script. All of it or nothing."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from shared.db import Database
from shared.errors import Unprocessable
from shared.redis_streams import metrics
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import MAX_BODY, Outgoing, decode, encode, type_in
from shared.redis_streams.commit import commit
from shared.redis_streams.crash import crash_point
from shared.redis_streams.entries import Entry, Settled, from_json, kind_and_body, to_json
from shared.redis_streams.handlers import Handler
from shared.redis_streams.lease import Lease
from shared.redis_streams.transaction import AlreadyHandled, BatchTransaction, Transaction
from shared.schemas.base import Message


class Spans(Protocol):
    """Makes a span of each handled message, child of the one its entry names."""

    def handling(self, group: str, kind: str, trace: str) -> AbstractAsyncContextManager[str]:
        """Gives the W3C traceparent for the outputs."""
        ...


class Opened(NamedTuple):
    """An entry with its message, or with why it has none. No handler: it is acknowledged without effect."""

    entry: Entry
    kind: str
    message: Message | None = None
    handler: Handler | None = None
    trace: str = ""
    error: str = ""


class _Opening:
    """Opens each entry when its turn comes, while it is still in the processor's cache: a sixth of the whole cost.

    A transaction asks for the ids of all of them; then they are opened at once.
    """

    def __init__(self, open_: Callable[[Entry], Opened], entries: Sequence[Entry]) -> None:
        self._open = open_
        self._entries = entries
        self._opened: list[Opened] | None = None

    def __iter__(self) -> Iterator[Opened]:
        for place, entry in enumerate(self._entries):
            yield self._open(entry) if self._opened is None else self._opened[place]

    def ids(self) -> Iterator[UUID]:
        """Of every message that could be read. Nothing happens before the first is asked for."""
        if self._opened is None:
            self._opened = [self._open(entry) for entry in self._entries]
        yield from (item.message.message_id for item in self._opened if item.message is not None)


@dataclass(frozen=True)
class Desk:
    """What all partitions of one consumer work with."""

    bus: Bus
    group: str
    handlers: Mapping[type[Message], Handler]
    database: Database | None
    durable: bool = True
    spans: Spans | None = None
    on_commit: Callable[[], None] | None = None
    last_message_at: list[float] = field(default_factory=lambda: [0.0])

    async def settle(self, partition: int, lease: Lease, entries: Sequence[Entry]) -> None:
        """Handle the entries in order and commit them together; on any failure nothing has happened."""
        began = time.perf_counter()
        opening = _Opening(self._open, entries)
        async with BatchTransaction(self.database, self.group, opening.ids(), durable=self.durable) as transaction:
            settled = [await self._handle(item, transaction, partition) for item in opening]
            mark = await self._commit_effects(transaction)
        if mark is not None:
            crash_point(self.group, "before_redis")
        await commit(self.bus, self.group, partition, lease, settled, mark)
        crash_point(self.group, "after_redis")
        self.last_message_at[0] = time.monotonic()
        metrics.count_batch(self.group, settled, time.perf_counter() - began)
        if self.on_commit is not None:
            self.on_commit()

    async def bury(self, partition: int, lease: Lease, entry: Entry, error: str, attempts: int) -> None:
        """Move one entry to the group's dead letters."""
        opened = self._open(entry)
        settled = Settled(entry, opened.kind, "buried", burial=_burial(self.group, entry, error, attempts))
        await commit(self.bus, self.group, partition, lease, [settled], None)
        metrics.count_batch(self.group, [settled], 0.0)

    def _open(self, entry: Entry) -> Opened:
        try:
            kind, body, trace = kind_and_body(entry)
            message_type = type_in(entry.stream, kind)
            handler = self.handlers.get(message_type)
            if handler is None:
                return Opened(entry, message_type.__name__)
            return Opened(entry, message_type.__name__, decode(message_type, body), handler, trace.decode())
        except (Unprocessable, UnicodeDecodeError) as error:
            return Opened(entry, "unknown", error=str(error))

    async def _handle(self, item: Opened, batch: BatchTransaction, partition: int) -> Settled:
        if item.error:
            return Settled(item.entry, item.kind, "buried", burial=_burial(self.group, item.entry, item.error, 1))
        if item.message is None or item.handler is None:
            return Settled(item.entry, item.kind, "ignored")
        transaction = Transaction(batch, item.message)
        try:
            if batch.begun and item.message.message_id in batch.stored:
                raise AlreadyHandled(batch.stored[item.message.message_id])
            outputs = await self._outputs(item.message, item.handler, transaction, item)
            here = outputs
            if self.bus.clustered:
                here = await self._reachable(outputs, partition, transaction, batch)
        except AlreadyHandled as done:
            stored = [o for o in from_json(done.outputs) if o.partition == partition or not self.bus.clustered]
            return Settled(item.entry, item.kind, "repeated", stored, once=True)
        if transaction.used:
            batch.remember(item.message.message_id, to_json(partition, outputs))
        return Settled(item.entry, item.kind, "handled", here, once=transaction.used)

    async def _outputs(
        self, message: Message, handler: Handler, transaction: Transaction, item: Opened
    ) -> list[Outgoing]:
        partitions = self.bus.partitions
        if self.spans is None:
            return [encode(output, self.group, partitions) for output in await handler(message, transaction)]
        async with self.spans.handling(self.group, item.kind, item.trace) as trace:
            return [encode(output, self.group, partitions, trace) for output in await handler(message, transaction)]

    async def _reachable(
        self, outputs: list[Outgoing], partition: int, transaction: Transaction, batch: BatchTransaction
    ) -> list[Outgoing]:
        """On a cluster the script writes its own slot only: the rest goes through the outbox."""
        elsewhere = [output for output in outputs if output.partition != partition]
        if elsewhere:
            await transaction.connection()
            await batch.write_outbox(elsewhere)
        return [output for output in outputs if output.partition == partition]

    async def _commit_effects(self, transaction: BatchTransaction) -> int | None:
        """The moment of the commit in microseconds, by the database; None where it was not used."""
        if not transaction.begun:
            return None
        handled_at = await transaction.write_handled()
        crash_point(self.group, "before_database")
        await transaction.commit()
        return 0 if handled_at is None else _microseconds(handled_at)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _burial(group: str, entry: Entry, error: str, attempts: int) -> list[str | bytes]:
    named = dict(zip(entry.fields[::2], entry.fields[1::2], strict=False))
    body = named.get(b"b", repr(entry.fields).encode())[:MAX_BODY]
    return [
        *("group", group, "k", named.get(b"k", b"")[:64], "b", body, "t", named.get(b"t", b"")[:128]),
        *("stream", entry.stream, "entry", entry.entry_id, "error", error[:2000]),
        *("attempts", str(attempts), "time", datetime.now(UTC).isoformat()),
    ]
