"""Point 7: trimming never loses an unread entry."""

from dataclasses import dataclass, field

from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import GROUPS, retry_key, trimmed_key
from shared.redis_streams.lookups import TRIM
from shared.topology import STREAMS, stream_key

LEFT_IN_PEACE = 2_000
"""Entries a read stream keeps before it is trimmed to its safe point, to look at."""


@dataclass
class Trimmed:
    """Entries removed, and the groups the topology does not know, by stream key. These hold nothing back."""

    removed: int = 0
    unknown: dict[str, tuple[str, ...]] = field(default_factory=dict)


async def trim(bus: Bus, max_length: int, keep: int = LEFT_IN_PEACE) -> Trimmed:
    """Trim every stream to its safe point, and those without readers to `max_length` entries a partition."""
    result = Trimmed()
    for partition in range(bus.partitions):
        for stream in STREAMS:
            left = keep if stream.groups else max_length
            await _trim_one(bus, partition, stream_key(stream.name, partition), left, stream.groups, result)
        for group in GROUPS:
            await _trim_one(bus, partition, retry_key(group, partition), keep, (group,), result)
    return result


async def _trim_one(bus: Bus, partition: int, key: str, left: int, groups: tuple[str, ...], result: Trimmed) -> None:
    removed, *unknown = await bus.call(TRIM, [trimmed_key(partition), key], left, *groups)
    result.removed += removed
    if unknown:
        result.unknown[key] = tuple(sorted(name.decode() for name in unknown))
