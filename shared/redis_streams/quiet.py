"""Whether every message has been handled: one snapshot over all groups and partitions."""

from dataclasses import dataclass
from functools import cache

from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import GROUPS, streams_of
from shared.redis_streams.outbox import unpublished
from shared.redis_streams.scripts import WAITING


@dataclass(frozen=True, slots=True)
class Quiet:
    """`waiting` maps "<group> <stream key>" to what is pending, plus 1 where there is more unread.

    Equal fingerprints mean that nothing was added in between.
    """

    quiet: bool
    waiting: dict[str, int]
    fingerprint: bytes = b""


@cache
def _read_keys(partition: int) -> tuple[tuple[str, ...], tuple[str | int, ...]]:
    """The keys of a partition that any group reads, and the script's arguments for them."""
    readers: dict[str, list[str]] = {}
    for group in GROUPS:
        for key in streams_of(group, partition):
            readers.setdefault(key, []).append(group)
    arguments: list[str | int] = []
    for groups in readers.values():
        arguments += (len(groups), *groups)
    return tuple(readers), tuple(arguments)


async def is_quiet(bus: Bus, database: Database | None = None) -> Quiet:
    """Nothing pending and nothing unread by any group of the topology, and nothing in the database's outbox.

    On one Redis a single script looks; on a cluster each partition is looked at twice, and nothing may have
    been added between the two rounds.
    """
    if database is not None and (count := await unpublished(database)):
        return Quiet(False, {"outbox": count})
    if not bus.clustered:
        fingerprint, waiting = await _look(bus, range(bus.partitions))
        return Quiet(not waiting, waiting, fingerprint)
    first = [await _look(bus, [partition]) for partition in range(bus.partitions)]
    again = [await _look(bus, [partition]) for partition in range(bus.partitions)]
    waiting = {name: count for _, found in again for name, count in found.items()}
    return Quiet(first == again and not waiting, waiting, b" ".join(fingerprint for fingerprint, _ in again))


async def _look(bus: Bus, partitions: "range | list[int]") -> tuple[bytes, dict[str, int]]:
    keys: list[str] = []
    arguments: list[str | int] = []
    for partition in partitions:
        partition_keys, partition_arguments = _read_keys(partition)
        keys += partition_keys
        arguments += partition_arguments
    fingerprint, rows = await bus.call(WAITING, keys, *arguments)
    return fingerprint, {f"{group.decode()} {key.decode()}": pending + unread for key, group, pending, unread in rows}
