"""The bus's own Redis keys. Braces keep a partition's keys in one slot of a cluster."""

from functools import cache

from shared.topology import STREAMS, read_by, stream_key

GROUPS = tuple(sorted({group for stream in STREAMS for group in stream.groups}))
"""Every group of the topology."""

PARTITIONS_KEY = "parley:partitions"
"""The number of partitions this desk was started with."""


def lease_key(group: str, partition: int | str) -> str:
    """Who may commit for the group in this partition, and its epoch."""
    return f"lease:{group}:{{{partition}}}"


def members_key(group: str) -> str:
    """The instances of the group that are alive."""
    return f"members:{{{group}}}"


def mark_key(group: str, partition: int) -> str:
    """When the group's last database transaction was committed, as Redis knows it."""
    return f"mark:{group}:{{{partition}}}"


def attempts_key(group: str, partition: int) -> str:
    """How often each message of the group failed."""
    return f"attempts:{group}:{{{partition}}}"


def cursors_key(source: str, partition: int) -> str:
    """The newest fact each of a source's cursors has published."""
    return f"cursors:{source}:{{{partition}}}"


def dead_key(group: str, partition: int) -> str:
    """The group's dead letters."""
    return f"dead:{group}:{{{partition}}}"


def retry_stream(group: str) -> str:
    """The stream of dead letters given back to the group, and to no other."""
    return f"retry:{group}"


def retry_key(group: str, partition: int) -> str:
    """Its key in a partition."""
    return stream_key(retry_stream(group), partition)


def trimmed_key(partition: int) -> str:
    """How many entries were trimmed from each stream of the partition."""
    return f"trimmed:{{{partition}}}"


@cache
def streams_of(group: str, partition: int) -> tuple[str, ...]:
    """Everything the group reads in a partition: its streams by rank, then what it was given back."""
    return (*(stream_key(stream.name, partition) for stream in read_by(group)), retry_key(group, partition))
