"""Point 5: a Redis that lost its last seconds is told again what the database knows."""

from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Integer, func, select

from shared.db import Database
from shared.errors import Retryable
from shared.models import Handled
from shared.redis_streams.bus import Bus
from shared.redis_streams.commit import REMEMBERED
from shared.redis_streams.entries import from_json
from shared.redis_streams.keys import mark_key
from shared.redis_streams.source import publish_unseen

log = structlog.get_logger()

WINDOW = timedelta(minutes=1)
"""How much of a group's newest work is looked at; Redis, synced every second, loses about two."""


async def republish_handled(bus: Bus, database: Database, group: str, since: datetime, partition: int) -> int:
    """Publish the outputs of what the group handled in a partition after `since`, but for those that Redis knows.

    Gives how many were missing.
    """
    rows = (
        select(Handled.outputs)
        .where(Handled.group_name == group, Handled.handled_at > since)
        .where(Handled.outputs["partition"].astext.cast(Integer) == partition)
        .order_by(Handled.handled_at)
    )
    async with database.transaction() as connection:
        stored = (await connection.scalars(rows)).all()
    missing = 0
    for outputs in stored:
        for outgoing in from_json(outputs):
            if outgoing.partition == partition or not bus.clustered:
                missing += await publish_unseen(bus, outgoing, REMEMBERED)
    return missing


async def refresh(bus: Bus, database: Database, group: str, partition: int) -> None:
    """Bring Redis up to the database before a lease is used. Costs two short queries where nothing was lost."""
    mark = await bus.execute("GET", mark_key(group, partition))
    try:
        async with database.transaction() as connection:
            newest = await connection.scalar(select(func.max(Handled.handled_at)).where(Handled.group_name == group))
    except OSError as error:
        raise Retryable(f"the database is not there: {error}") from None
    if newest is None:
        return
    since = newest - WINDOW if mark is None else max(newest - WINDOW, _moment(int(mark)))
    missing = await republish_handled(bus, database, group, since, partition) if since < newest else 0
    if missing:
        log.warning("Redis had lost outputs; they are published again", group=group, messages=missing)


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
