"""Point 4: facts that no input caused are published only if newer than their cursor, or unseen."""

from collections.abc import Iterable, Sequence
from itertools import compress, groupby
from typing import NamedTuple

from redis.exceptions import ResponseError

from shared.errors import InvariantBroken, Retryable
from shared.redis_streams.alerts import log_alerts
from shared.redis_streams.bus import Bus, Reply
from shared.redis_streams.codec import Outgoing, encode
from shared.redis_streams.failures import is_outside
from shared.redis_streams.keys import cursors_key
from shared.redis_streams.scripts import PUBLISH_NEWER, PUBLISH_UNSEEN, Script
from shared.schemas.base import Message
from shared.topology import partition_of

REMEMBERED = 7 * 24 * 3600
"""Seconds for which a published id is known."""

_LARGEST = 2**53
# Redis scripts compare numbers as doubles, exact up to here.


class Newer(NamedTuple):
    """A fact and its place in its cursor's order, such as a bar's close in microseconds."""

    message: Message
    cursor_key: str
    cursor: int


class _Item(NamedTuple):
    outgoing: Outgoing
    field: str
    cursor: int


class Source:
    """Publishes what a service learnt from outside. One per service, named like it."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._name = name

    async def publish_newer(self, message: Message, *, cursor_key: str, cursor: int) -> bool:
        """False where a message with this or a later cursor was published for the same key."""
        return (await self.publish_newer_many([Newer(message, cursor_key, cursor)]))[0]

    async def publish_newer_many(self, items: Iterable[Newer]) -> list[bool]:
        """The same for several, in order; one round trip on a single Redis.

        Raises Retryable while Redis is nearly full, InvariantBroken where the topology has no such arrow.
        """
        prepared = [self._prepare(item) for item in items]
        await self._bus.require_partitions()
        await self._bus.require_memory()
        published: list[bool] = []
        for _, run in groupby(prepared, key=lambda item: item.outgoing.partition if self._bus.clustered else 0):
            published += await self._publish(list(run))
        return published

    async def publish_unseen(self, message: Message) -> bool:
        """False where this id was published before; InvariantBroken where that had other content."""
        outgoing = encode(message, self._name, self._bus.partitions)
        await self._bus.require_partitions()
        await self._bus.require_memory()
        return await publish_unseen(self._bus, outgoing)

    async def cursor(self, cursor_key: str, key: str) -> int | None:
        """How far this source has published for a message key."""
        partition = partition_of(key, self._bus.partitions)
        stored = await self._bus.execute("HGET", cursors_key(self._name, partition), f"{cursor_key}|{key}")
        return None if stored is None else int(stored)

    def _prepare(self, item: Newer) -> _Item:
        if abs(item.cursor) >= _LARGEST:
            raise InvariantBroken(f"cursor {item.cursor} of {item.cursor_key} is beyond 2^53; use microseconds")
        outgoing = encode(item.message, self._name, self._bus.partitions)
        return _Item(outgoing, f"{item.cursor_key}|{item.message.key}", item.cursor)

    async def _publish(self, items: Sequence[_Item]) -> list[bool]:
        keys: list[str] = []
        arguments: list[str | bytes | int] = []
        for outgoing, field, cursor in items:
            fields = outgoing.fields()
            keys += (cursors_key(self._name, outgoing.partition), outgoing.stream_key)
            arguments += (field, cursor, len(fields), *fields)
        published = [bool(new) for new in await _call(self._bus, PUBLISH_NEWER, keys, *arguments)]
        log_alerts(compress((item.outgoing for item in items), published))
        return published


async def publish_unseen(bus: Bus, outgoing: Outgoing, remembered: int = REMEMBERED) -> bool:
    """Publish once by id. False where the id was seen, InvariantBroken where it had other content."""
    arguments = (str(outgoing.message_id), remembered, *outgoing.fields())
    new = await _call(bus, PUBLISH_UNSEEN, [outgoing.stream_key], *arguments)
    if new < 0:
        raise InvariantBroken(f"{outgoing.kind} {outgoing.message_id} was published before with other content")
    if new:
        log_alerts([outgoing])
    return bool(new)


async def _call(bus: Bus, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Reply:
    try:
        return await bus.call(script, keys, *arguments)
    except ResponseError as error:
        if is_outside(error):
            raise Retryable(f"Redis takes nothing now, sources pause: {error}") from error
        raise InvariantBroken(f"Redis refused to publish: {error}") from error
