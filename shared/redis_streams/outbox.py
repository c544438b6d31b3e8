"""Point 8: what no commit script can reach is written with the effects, and relayed."""

from sqlalchemy import func, select, text, update

from shared.db import Database
from shared.models import Outbox
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import Outgoing, decode
from shared.redis_streams.source import publish_unseen
from shared.schemas.base import Message
from shared.topology import BY_MESSAGE, MESSAGES, partition_of, stream_key

_AT_ONCE = 500


async def relay(bus: Bus, database: Database) -> int:
    """Publish what waits, in the order it was written, once by id. Gives how many rows that were."""
    async with database.transaction() as connection:
        rows = (
            await connection.execute(
                select(Outbox.id, Outbox.kind, Outbox.body)
                .where(Outbox.published_at.is_(None))
                .order_by(Outbox.id)
                .limit(_AT_ONCE)
            )
        ).all()
    for row in rows:
        await publish_unseen(bus, outgoing_of(row.kind, row.body.encode(), bus.partitions))
    if rows:
        async with database.transaction() as connection:
            ids = [row.id for row in rows]
            await connection.execute(update(Outbox).where(Outbox.id.in_(ids)).values(published_at=func.now()))
    return len(rows)


async def unpublished(database: Database) -> int:
    """Outputs that no stream has yet."""
    async with database.transaction() as connection:
        count = await connection.scalar(select(func.count()).select_from(Outbox).where(Outbox.published_at.is_(None)))
    return int(count or 0)


async def forget(database: Database) -> None:
    """Drop what no recovery asks for any more."""
    async with database.transaction(durable=False) as connection:
        await connection.execute(text("DELETE FROM outbox WHERE published_at < now() - interval '1 day'"))
        await connection.execute(text("DELETE FROM handled WHERE handled_at < now() - interval '30 days'"))


def outgoing_of(kind: str, body: bytes, partitions: int) -> Outgoing:
    """A stored message as it will stand in its stream, byte for byte."""
    message_type: type[Message] = MESSAGES[kind]
    message = decode(message_type, body)
    partition = partition_of(message.key, partitions)
    key = stream_key(BY_MESSAGE[message_type].name, partition)
    return Outgoing(key, partition, message.message_id, kind, body)
