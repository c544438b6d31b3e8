"""Dead letters: what a group could not handle, why, and the way back to that group alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Unprocessable
from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import GROUPS, dead_key, retry_key
from shared.redis_streams.lookups import REQUEUE


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`id` is "<group>:<partition>:<entry>", what `requeue` takes."""

    id: str
    group: str
    stream: str
    entry: str
    kind: str
    body: str
    error: str
    attempts: int
    time: str


async def dead_letters(bus: Bus, group: str | None = None, at_most: int = 1000) -> list[DeadLetter]:
    """Those of one group or of all, oldest first within a partition."""
    found: list[DeadLetter] = []
    for name in GROUPS if group is None else (group,):
        for partition in range(bus.partitions):
            rows = await bus.execute("XRANGE", dead_key(name, partition), "-", "+", "COUNT", at_most - len(found))
            found += [_letter(name, partition, entry_id, _named(fields)) for entry_id, fields in _pairs(rows)]
            if len(found) >= at_most:
                return found
    return found


async def requeue(bus: Bus, letter_id: str, *, venue_time: datetime | None = None, force: bool = False) -> None:
    """Give a dead letter back to its group. Unprocessable where there is none, or its message has expired.

    `venue_time` is the venue's clock now; an expired trading message would only be denied as stale.
    """
    group, partition, entry = _parse(letter_id)
    rows = _pairs(await bus.execute("XRANGE", dead_key(group, partition), entry, entry))
    for _, fields in rows:
        expires_at = _expiry(_named(fields).get("b", ""))
        if not force and venue_time is not None and expires_at is not None and expires_at <= venue_time:
            raise Unprocessable(f"{letter_id} expired at {expires_at.isoformat()}; requeue it with force all the same")
    if not await bus.call(REQUEUE, [dead_key(group, partition), retry_key(group, partition)], entry):
        raise Unprocessable(f"there is no dead letter {letter_id}")


def _parse(letter_id: str) -> tuple[str, int, str]:
    parts = letter_id.split(":")
    if len(parts) != 3 or parts[0] not in GROUPS or not parts[1].isdigit():
        raise Unprocessable(f"{letter_id!r} is no id of a dead letter; they look like council:3:1700000000000-0")
    return parts[0], int(parts[1]), parts[2]


def _expiry(body: str) -> datetime | None:
    try:
        expires_at = json.loads(body).get("expires_at")
        return None if expires_at is None else datetime.fromisoformat(expires_at)
    except (ValueError, AttributeError, TypeError):
        return None


def _pairs(rows: object) -> list[tuple[bytes, list[bytes]]]:
    return [(row[0], row[1]) for row in rows] if isinstance(rows, list) else []


def _named(fields: list[bytes]) -> dict[str, str]:
    texts = [value.decode("utf-8", "replace") for value in fields]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _letter(group: str, partition: int, entry_id: bytes, fields: Mapping[str, str]) -> DeadLetter:
    return DeadLetter(
        id=f"{group}:{partition}:{entry_id.decode()}",
        group=group,
        stream=fields["stream"],
        entry=fields["entry"],
        kind=fields["k"],
        body=fields["b"],
        error=fields["error"],
        attempts=int(fields["attempts"]),
        time=fields["time"],
    )
