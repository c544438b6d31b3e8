"""What the bus looks like from outside: lengths, lags, dead letters, leases."""

import time
from dataclasses import dataclass, field

from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import GROUPS, dead_key, lease_key, streams_of, trimmed_key
from shared.redis_streams.lookups import LAG, OVERVIEW
from shared.topology import STREAMS, stream_key


@dataclass
class GroupView:
    """Entries delivered and not acknowledged, and entries not delivered."""

    pending: int = 0
    lag: int = 0


@dataclass
class StreamView:
    """One stream over all partitions. `messages` were ever added, `length` are still there."""

    messages: int = 0
    length: int = 0
    dead: int = 0
    groups: dict[str, GroupView] = field(default_factory=dict)


@dataclass
class LeaseView:
    """Who holds a partition; `owner` is empty where nobody does."""

    owner: str
    epoch: int


@dataclass
class Overview:
    """Streams by name, leases by group and partition."""

    streams: dict[str, StreamView]
    leases: dict[str, dict[int, LeaseView]]


async def streams_overview(bus: Bus) -> Overview:
    """Everything at once, for the command line and the report. On Redis 6.2 a lag counts to 10,000."""
    streams = {stream.name: await _view(bus, stream.name, stream.groups) for stream in STREAMS}
    for group in GROUPS:
        await _add_dead(bus, group, streams)
    leases = {group: await _leases(bus, group) for group in GROUPS}
    return Overview(streams, leases)


async def group_lag(bus: Bus, group: str) -> GroupView:
    """What one group still has to handle, over all its streams."""
    total = GroupView()
    for partition in range(bus.partitions):
        pending, lag = await bus.call(LAG, streams_of(group, partition), group)
        total.pending += pending
        total.lag += lag
    return total


async def _view(bus: Bus, stream: str, groups: tuple[str, ...]) -> StreamView:
    view = StreamView(groups={group: GroupView() for group in groups})
    for partition in range(bus.partitions):
        keys = [stream_key(stream, partition), trimmed_key(partition)]
        length, trimmed, *rows = await bus.call(OVERVIEW, keys, *groups)
        view.length += length
        view.messages += length + trimmed
        for group, (pending, lag) in zip(groups, rows, strict=True):
            view.groups[group].pending += pending
            view.groups[group].lag += lag
    return view


async def _add_dead(bus: Bus, group: str, streams: dict[str, StreamView]) -> None:
    for partition in range(bus.partitions):
        rows = await bus.execute("XRANGE", dead_key(group, partition), "-", "+")
        for _, fields in _rows(rows):
            stream = dict(zip(fields[::2], fields[1::2], strict=True)).get(b"stream", b"").decode("utf-8", "replace")
            if stream in streams:
                streams[stream].dead += 1


async def _leases(bus: Bus, group: str) -> dict[int, LeaseView]:
    found: dict[int, LeaseView] = {}
    for partition in range(bus.partitions):
        owner, until, epoch = await bus.execute("HMGET", lease_key(group, partition), "owner", "until", "epoch")
        if epoch is not None:
            alive = int(float(until)) > time.time() * 1000
            found[partition] = LeaseView(owner.decode() if alive else "", int(epoch))
    return found


def _rows(rows: object) -> list[tuple[bytes, list[bytes]]]:
    return [(row[0], row[1]) for row in rows] if isinstance(rows, list) else []
