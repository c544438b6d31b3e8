"""The newest alerts, from their stream."""

from shared.redis_streams.bus import Bus
from shared.schemas.system import AlertRaised
from shared.topology import BY_MESSAGE, partition_of, stream_key

NEWEST = 3


async def newest_alerts(bus: Bus, count: int = NEWEST) -> list[AlertRaised]:
    """The last alerts, newest first."""
    key = stream_key(BY_MESSAGE[AlertRaised].name, partition_of("system", bus.partitions))
    rows = await bus.execute("XREVRANGE", key, "+", "-", "COUNT", count)
    return [AlertRaised.model_validate_json(_body(fields)) for _, fields in rows]


def _body(fields: list[bytes]) -> bytes:
    return dict(zip(fields[::2], fields[1::2], strict=True))[b"b"]
