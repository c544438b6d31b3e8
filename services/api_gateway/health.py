"""How the whole desk is, put together from what every process says, the database and Redis."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.api_gateway.adapters import Sources
from services.api_gateway.views import Health, InstanceHealth, Lag, Part, ServiceHealth
from shared.heartbeat import Heartbeat, heartbeats
from shared.redis_streams.overview import Overview
from shared.reports.venue import venue_trouble
from shared.topology import STREAMS

_NAMED = {name for stream in STREAMS for name in (*stream.groups, *stream.publishers)}
SERVICES = tuple(sorted((_NAMED | {"api_gateway"}) - {"cli"}))
"""Every service of the topology, and this one."""

NEEDS_CARE = 1_000
"""Entries behind from which a group is degraded."""

FINE = Part(ok=True, detail="answers")


async def health(sources: Sources) -> Health:
    """Never raises for what is away: that is the answer."""
    database, (redis, said, overview) = await asyncio.gather(_database(sources), _redis(sources))
    services = {name: service_health(name, said, sources.clock.now()) for name in SERVICES}
    groups = {} if overview is None else lags(overview)
    dead_letters = 0 if overview is None else sum(stream.dead for stream in overview.streams.values())
    venue = venue_health(said, sources.clock.now())
    return Health(
        status=overall((database, redis), venue, services.values(), groups.values(), dead_letters),
        time=sources.clock.now(),
        database=database,
        redis=redis,
        venue=venue,
        services=services,
        groups=groups,
        dead_letters=dead_letters,
    )


async def _database(sources: Sources) -> Part:
    try:
        async with sources.snapshot() as connection:
            await connection.execute(text("select 1"))
    except (SQLAlchemyError, OSError) as error:
        return Part(ok=False, detail=_in_words(error))
    return FINE


async def _redis(sources: Sources) -> tuple[Part, Sequence[Heartbeat], Overview | None]:
    try:
        return FINE, await heartbeats(sources.bus), await sources.overview()
    except (RedisError, OSError) as error:
        return Part(ok=False, detail=_in_words(error)), (), None


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer'}"[:300]


def service_health(name: str, said: Sequence[Heartbeat], now: datetime) -> ServiceHealth:
    """The best of its instances: one that works is enough."""
    own = [beat for beat in said if beat.service == name]
    alive = {beat.status for beat in own if beat.is_fresh(now)}
    status = next((status for status in ("ok", "degraded", "starting") if status in alive), "down")
    return ServiceHealth(status=status, instances=tuple(_instance(beat, now) for beat in own))


def _instance(beat: Heartbeat, now: datetime) -> InstanceHealth:
    status = beat.status if beat.is_fresh(now) else "gone"
    ago = round((now - beat.time).total_seconds(), 1)
    return InstanceHealth(
        instance=beat.instance, status=status, seconds_ago=ago, port=beat.port, detail=dict(beat.detail)
    )


def venue_health(said: Sequence[Heartbeat], now: datetime) -> Part:
    """What the best process that listens to the venue says of it, as a sentence with the cause."""
    trouble = venue_trouble(said, now)
    return FINE if trouble is None else Part(ok=False, detail=trouble[:1000])


def lags(overview: Overview) -> dict[str, Lag]:
    """What each group is behind, over all its streams."""
    found: dict[str, Lag] = {}
    for stream in overview.streams.values():
        for group, view in stream.groups.items():
            before = found.get(group, Lag(pending=0, lag=0))
            found[group] = Lag(pending=before.pending + view.pending, lag=before.lag + view.lag)
    return found


def overall(
    parts: Sequence[Part], venue: Part, services: Iterable[ServiceHealth], groups: Iterable[Lag], dead_letters: int
) -> str:
    """down where one of `parts` does not answer, degraded with anything else amiss."""
    if not all(part.ok for part in parts):
        return "down"
    behind = any(lag.pending + lag.lag >= NEEDS_CARE for lag in groups)
    ill = any(service.status != "ok" for service in services)
    return "degraded" if dead_letters or behind or ill or not venue.ok else "ok"
