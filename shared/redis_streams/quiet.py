"""Whether every message has been handled: one snapshot over all groups and partitions."""

from dataclasses import dataclass

from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import GROUPS, retry_stream, trimmed_key
from shared.redis_streams.lookups import WAITING_IN
from shared.redis_streams.outbox import unpublished
from shared.redis_streams.scripts import Script
from shared.topology import STREAMS


@dataclass(frozen=True, slots=True)
class Quiet:
    """`waiting` maps "<group> <stream key>" to what is pending, plus 1 where there is more unread.

    Equal fingerprints mean that nothing was added in between.
    """

    quiet: bool
    waiting: dict[str, int]
    fingerprint: bytes = b""


def _script() -> Script:
    readers = [(stream.name, stream.groups) for stream in STREAMS if stream.groups]
    readers += [(retry_stream(group), (group,)) for group in GROUPS]
    rows = (f"{{'{name}', {{{', '.join(repr(group) for group in groups)}}}}}" for name, groups in readers)
    return Script(f"local readers = {{{', '.join(rows)}}}\n{WAITING_IN}")


_WAITING = _script()
_ALL = 1_000_000


async def is_quiet(bus: Bus, database: Database | None = None, *, enough: int = _ALL) -> Quiet:
    """Nothing pending and nothing unread by any group of the topology, and nothing in the database's outbox.

    On one Redis a single script looks; on a cluster each partition is looked at twice, and nothing may have
    been added between the two rounds. Looking ends with the `enough`th that waits; there is no fingerprint then.
    """
    if database is not None and (count := await unpublished(database)):
        return Quiet(False, {"outbox": count})
    if not bus.clustered:
        fingerprint, waiting = await _look(bus, enough, 0, *range(bus.partitions))
        return Quiet(not waiting, waiting, fingerprint)
    first = [await _look(bus, enough, partition, partition) for partition in range(bus.partitions)]
    again = [await _look(bus, enough, partition, partition) for partition in range(bus.partitions)]
    waiting = {name: count for _, found in again for name, count in found.items()}
    return Quiet(first == again and not waiting, waiting, b" ".join(fingerprint for fingerprint, _ in again))


async def _look(bus: Bus, enough: int, slot_of: int, *partitions: int) -> tuple[bytes, dict[str, int]]:
    fingerprint, rows = await bus.call(_WAITING, [trimmed_key(slot_of)], enough, *partitions)
    return fingerprint, {f"{group.decode()} {key.decode()}": pending + unread for key, group, pending, unread in rows}
