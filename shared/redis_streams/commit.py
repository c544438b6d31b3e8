"""Point 2: acknowledge a batch and publish what it led to, in one script that fails whole."""

from collections.abc import Sequence

from redis.exceptions import ResponseError

from shared.errors import InvariantBroken, Retryable
from shared.redis_streams.alerts import log_alerts
from shared.redis_streams.bus import Bus
from shared.redis_streams.entries import Settled
from shared.redis_streams.failures import LeaseLost, is_outside
from shared.redis_streams.keys import dead_key, mark_key
from shared.redis_streams.lease import Lease
from shared.redis_streams.scripts import COMMIT

REMEMBERED = 24 * 3600
"""Seconds for which the id of an output with effects is known to Redis."""


class GroupMissing(Retryable):
    """Redis lost the group: create it again and read from its first entry."""


async def commit(
    bus: Bus, group: str, partition: int, lease: Lease, batch: Sequence[Settled], mark: int | None
) -> None:
    """Acknowledge every entry of the batch and add its outputs and burials.

    Raises LeaseLost where another instance has taken over, GroupMissing where Redis lost the group,
    InvariantBroken where a destination is no stream or an output's id was published with other content.
    """
    inputs: dict[str, list[bytes]] = {}
    destinations: dict[str, int] = {}
    outputs: list[str | bytes | int] = []
    for settled in batch:
        inputs.setdefault(settled.entry.key, []).append(settled.entry.entry_id)
        for output in settled.outputs:
            place = destinations.setdefault(output.stream_key, len(destinations) + 1)
            fields = output.fields()
            outputs += (place, str(output.message_id) if settled.once else "", len(fields), *fields)
        if settled.burial:
            place = destinations.setdefault(dead_key(group, partition), len(destinations) + 1)
            outputs += (place, "", len(settled.burial), *settled.burial)
    keys = [lease.key, mark_key(group, partition), *inputs, *destinations]
    arguments: list[str | bytes | int] = [lease.epoch, group, mark or "", REMEMBERED, len(inputs), len(destinations)]
    for ids in inputs.values():
        arguments += (len(ids), *ids)
    try:
        reply = await bus.call(COMMIT, keys, *arguments, *outputs)
    except ResponseError as error:
        if is_outside(error):
            raise
        raise InvariantBroken(f"Redis refused a commit of {group} in partition {partition}: {error}") from error
    _check(reply, group, partition)
    for settled in batch:
        log_alerts(settled.outputs)


def _check(reply: Sequence[bytes], group: str, partition: int) -> None:
    verdict, detail = reply[0].decode(), reply[-1].decode()
    match verdict:
        case "ok":
            return
        case "stale" | "not_pending":
            raise LeaseLost(f"{group} in partition {partition}: {verdict} {detail}")
        case "nogroup":
            raise GroupMissing(f"Redis lost group {group} of {detail}")
        case "wrongtype":
            raise InvariantBroken(f"{detail} is no stream; rename or delete that key")
        case _:
            raise InvariantBroken(f"{detail} was published before with other content")
